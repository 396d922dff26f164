//! What is stored → whether the site answers with it, asked of what serves.

use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::key::{Facts, InputKind, KeyPlan, Recalled};
use super::route::{RawQuery, RouteMatch, encoded_path};
use super::{Page, Route, Site, Source};
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

/// What a site does with what is stored. Of what a key does not tell, the most that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// Nobody gets a page any more for what it answered.
    None,
    /// Its page is made again, or is kept under another key.
    Remade,
    /// It is answered with.
    Served,
}

impl Site {
    /// What becomes of it: it is served where the request that the key tells of is this route's,
    /// has this key, and its answer this fingerprint.
    pub(crate) fn use_of(&self, stored: &StoredUnder<'_>) -> Use {
        let Some(route) = self.route_named(stored.route) else { return Use::Remade };
        let (Some(plan), Some(_)) = (&route.key, route.lifetime.ttl) else { return Use::Remade };
        let Some(mut recalled) = plan.recall(stored.key) else { return Use::Remade };
        if recalled.hides_language {
            let of_language = |language: &String| {
                recalled.language = Some(language.clone());
                self.use_of_any(stored, (route, plan), &recalled)
            };
            return self.languages.iter().map(of_language).max().unwrap_or(Use::Remade);
        }
        match &recalled.language {
            Some(language) if !self.languages.contains(language) => Use::Remade,
            _ => self.use_of_any(stored, (route, plan), &recalled),
        }
    }

    /// What becomes of it, whichever path it may be of.
    fn use_of_any(
        &self,
        stored: &StoredUnder<'_>,
        (route, plan): (&Route, &KeyPlan),
        recalled: &Recalled,
    ) -> Use {
        let of =
            |path: &str| self.use_for(stored, (route, plan), recalled, path).unwrap_or(Use::None);
        if let Some(path) = &recalled.path {
            return of(&utf8_percent_encode(path, CONTROLS).to_string());
        }
        let found = addresses(stored.path).map(|path| of(&path)).max().unwrap_or(Use::None);
        // Its address may be one that was not tried.
        let may_be = |page: &Page| !is_tried(stored.path) && page.may_have(stored.fingerprint);
        match &route.source {
            Source::Page(page) if found != Use::Served && may_be(page) => Use::Served,
            _ => found,
        }
    }

    /// What becomes of it if it was for `path`, which is as an address has it; nothing where such a
    /// request gets no page.
    fn use_for(
        &self,
        stored: &StoredUnder<'_>,
        (route, plan): (&Route, &KeyPlan),
        recalled: &Recalled,
        path: &str,
    ) -> Option<Use> {
        let Source::Page(page) = &route.source else { return None };
        let RouteMatch::Route(mut matched) = self.find(&route.method, path) else { return None };
        if self.route(matched.target)?.name != route.name {
            return Some(Use::Remade);
        }
        route.rules.path(&mut matched.params).ok()?;
        let raw = RawQuery::parse(&recalled.query).ok()?;
        // What the key does not show was sent all the same.
        let is_shown =
            |name: &str| !recalled.hides_query && plan.covers.has(InputKind::Query, name);
        let query = route.rules.query_where(&raw, is_shown).ok()?;
        let facts = Facts {
            path: &matched.path,
            params: &matched.params,
            query: &query,
            headers: recalled,
            language: recalled.language.as_deref(),
            body: None,
        };
        if recalled.is_whole && plan.build(&facts) != stored.key {
            return Some(Use::Remade);
        }
        let of = route.fingerprint(&facts);
        // Which file a query chose is not to be told from the digest of the query.
        let may_be = || !recalled.is_whole && page.may_have(stored.fingerprint);
        match of {
            Ok(of) if of == stored.fingerprint => Some(Use::Served),
            _ if may_be() => Some(Use::Served),
            Ok(_) => Some(Use::Remade),
            Err(_) => None,
        }
    }
}

/// Slashes of a path that may each have been one inside a segment; of more only the first.
const MAX_INNER: usize = 4;

/// The addresses that a path as text may have come from: of a slash in it, it is not known whether
/// it separated segments.
fn addresses(path: &str) -> impl Iterator<Item = String> {
    let encoded = encoded_path(path);
    let slashes: Vec<usize> = slashes(&encoded).take(MAX_INNER).collect();
    (0..1_u32 << slashes.len()).map(move |inner| {
        let mut address = encoded.clone();
        for (_, at) in slashes.iter().enumerate().rev().filter(|(nth, _)| inner >> nth & 1 == 1) {
            address.replace_range(at..=at, "%2F");
        }
        address
    })
}

/// Whether all addresses that a path may have come from are among [`addresses`].
fn is_tried(path: &str) -> bool {
    slashes(path).nth(MAX_INNER).is_none()
}

/// The slashes that may have been inside a segment.
fn slashes(path: &str) -> impl Iterator<Item = usize> {
    path.match_indices('/').skip(1).map(|(at, _)| at)
}
