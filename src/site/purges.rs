//! A request that changed something → the pages that are old by it.

use std::sync::Arc;

use super::key::{Facts, Headers, InputKind, KeyPlan};
use super::route::{AddressForm, Params, Query, RouteMatch, address_segment};
use super::{Route, Site};

/// What is to be purged of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purged {
    /// The route's name.
    pub(crate) route: Arc<str>,
    /// The namespace of its keys.
    pub(crate) namespace: String,
    /// Which of its pages.
    pub(crate) pages: PurgedPages,
}

/// Which pages of a route are old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PurgedPages {
    /// All.
    All,
    /// The one under this key.
    Key(String),
    /// Those at this path, whatever else their keys tell apart.
    Path(String),
}

/// What a key may hold that no path tells.
const BESIDE_THE_PATH: [InputKind; 4] =
    [InputKind::Query, InputKind::Headers, InputKind::Cookies, InputKind::Language];

/// Those of a request that says nothing: what a key by the path alone does not ask for.
struct NoHeaders;

impl Headers for NoHeaders {
    fn line(&self, _name: &str, _nth: usize) -> Option<&[u8]> {
        None
    }

    fn names(&self) -> Vec<std::borrow::Cow<'_, str>> {
        Vec::new()
    }
}

impl Site {
    /// What a successful request to `route` with these parameters purges.
    pub(crate) fn purged_by(&self, route: &Route, params: &Params<'_>) -> Vec<Purged> {
        let named = route.purges.iter().filter_map(|name| self.route_named(&name.value));
        let purged = named.filter_map(|named| {
            let plan = named.key.as_ref()?;
            let (route, namespace) = (Arc::clone(&named.name), plan.namespace().to_owned());
            Some(Purged { route, namespace, pages: self.pages_of(named, plan, params)? })
        });
        purged.collect()
    }

    /// The pages of a route for these parameters, where its path has no others; nothing where
    /// another route takes their path.
    fn pages_of(&self, named: &Route, plan: &KeyPlan, params: &Params<'_>) -> Option<PurgedPages> {
        let has_others =
            named.pattern.params().iter().any(|param| params.get(&param.name).is_none());
        if has_others {
            return Some(PurgedPages::All);
        }
        let segment = |text: &str| address_segment(text, AddressForm::Url).unwrap_or_default();
        let address = named.pattern.written(segment, |param| {
            let value = params.get(&param.name).unwrap_or_default();
            if !named.pattern.is_rest(&param.name) {
                return segment(value);
            }
            value.split('/').map(segment).collect::<Vec<_>>().join("/")
        });
        let RouteMatch::Route(mut matched) = self.find(&named.method, &address) else {
            return None;
        };
        if self.route(matched.target)?.name != named.name {
            return None;
        }
        named.rules.path(&mut matched.params).ok()?;
        if BESIDE_THE_PATH.into_iter().any(|kind| plan.covers.any(kind)) {
            return Some(PurgedPages::Path(matched.path.text().to_owned()));
        }
        let (path, params, query) = (&matched.path, &matched.params, &Query::default());
        let facts = Facts { path, params, query, headers: &NoHeaders, language: None, body: None };
        Some(PurgedPages::Key(plan.build(&facts)))
    }
}
