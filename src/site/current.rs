//! What is stored → whether the site answers with it, asked of what serves.

use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::key::{Facts, KeyPlan, Recalled};
use super::route::{RawQuery, RouteMatch, encoded_path};
use super::{Route, Site, Source};
use crate::fingerprint::Fingerprint;

/// A stored response, without itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredUnder<'r> {
    /// The key.
    pub(crate) key: &'r str,
    /// The name of the route that rendered it.
    pub(crate) route: &'r str,
    /// The path that was asked for, as text.
    pub(crate) path: &'r str,
    /// What decided it.
    pub(crate) fingerprint: Fingerprint,
}

impl Site {
    /// Whether a request can be answered with it: the request that the key tells of is this
    /// route's, has this key, and its answer this fingerprint.
    pub(crate) fn answers_with(&self, stored: &StoredUnder<'_>) -> bool {
        let Some(route) = self.route_named(stored.route) else { return false };
        let (Some(plan), Some(_)) = (&route.key, route.lifetime.ttl) else { return false };
        let Some(mut recalled) = plan.recall(stored.key) else { return false };
        if recalled.hides_language {
            return self.languages.iter().any(|language| {
                recalled.language = Some(language.clone());
                self.is_of_any(stored, (route, plan), &recalled)
            });
        }
        let language = recalled.language.as_ref();
        language.is_none_or(|language| self.languages.contains(language))
            && self.is_of_any(stored, (route, plan), &recalled)
    }

    /// Whether it is the answer to a request for any path that it may be of.
    fn is_of_any(
        &self,
        stored: &StoredUnder<'_>,
        (route, plan): (&Route, &KeyPlan),
        recalled: &Recalled,
    ) -> bool {
        let is_of = |path: &str| self.is_of(stored, (route, plan), recalled, path).unwrap_or(false);
        match &recalled.path {
            Some(path) => is_of(&utf8_percent_encode(path, CONTROLS).to_string()),
            None => addresses(stored.path).any(|path| is_of(&path)),
        }
    }

    /// Whether it is the answer to a request for `path`, which is as an address has it.
    fn is_of(
        &self,
        stored: &StoredUnder<'_>,
        (route, plan): (&Route, &KeyPlan),
        recalled: &Recalled,
        path: &str,
    ) -> Option<bool> {
        let Source::Page(page) = &route.source else { return None };
        let RouteMatch::Route(mut matched) = self.find(&route.method, path) else { return None };
        if self.route(matched.target)?.name != route.name {
            return None;
        }
        route.rules.path(&mut matched.params).ok()?;
        let raw = RawQuery::parse(&recalled.query).ok()?;
        let query = route.rules.query(&raw).ok()?;
        let facts = Facts {
            path: &matched.path,
            params: &matched.params,
            query: &query,
            headers: recalled,
            language: recalled.language.as_deref(),
        };
        if recalled.is_whole && plan.build(&facts) != stored.key {
            return None;
        }
        let is_it = route.fingerprint(&facts).is_ok_and(|of| of == stored.fingerprint);
        // Which file a query chose is not to be told from the digest of the query.
        Some(is_it || !recalled.is_whole && page.may_have(stored.fingerprint))
    }
}

/// Slashes of a path that may each have been one inside a segment; of more only the first.
const MAX_INNER: usize = 4;

/// The addresses that a path as text may have come from: of a slash in it, it is not known whether
/// it separated segments.
fn addresses(path: &str) -> impl Iterator<Item = String> {
    let encoded = encoded_path(path);
    let slashes: Vec<usize> =
        encoded.match_indices('/').skip(1).take(MAX_INNER).map(|(at, _)| at).collect();
    (0..1_u32 << slashes.len()).map(move |inner| {
        let mut address = encoded.clone();
        for (_, at) in slashes.iter().enumerate().rev().filter(|(nth, _)| inner >> nth & 1 == 1) {
            address.replace_range(at..=at, "%2F");
        }
        address
    })
}
