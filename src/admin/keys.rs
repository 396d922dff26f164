//! `/api/keys` and `/api/purge`: listing, showing and deleting what is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;

use super::State;
use super::entries::{EntryRow, list_entries};
use super::reply::{self, Refusal};
use super::request::{Answer, Fields, checked, methods, raw_query, resource, with};
use crate::cache::{Inspection, Listing, Namespaces, Purge, StoreError, loaded_route};
use crate::diagnostic::nearest;
use crate::glob::GLOB_AT_MOST;
use crate::site::Site;

/// How many keys a page has where nothing is said, and at most.
pub(super) const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
/// How many keys one call looks at.
pub(super) const EXAMINE_LIMIT: usize = 10_000;

/// `GET /api/keys`.
pub(super) async fn list(state: Arc<State>, query: Fields) -> Answer {
    let limit = match query.first("limit").map(|text| text.parse::<usize>()) {
        None => LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => {
            let detail = format!("`limit` is a number from 1 to {MAX_LIMIT}");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    let site = state.parts.live.site();
    let namespaces = match query.first("namespaces") {
        None => own_namespaces(&site),
        Some(all) if all == ALL_NAMESPACES => Namespaces::All,
        Some(_) => return Err(Refusal::fixed(StatusCode::BAD_REQUEST, NAMESPACES_HELP)),
    };
    let cursor = query.first("cursor");
    if cursor.as_ref().is_some_and(|cursor| !state.parts.cache.is_cursor(cursor)) {
        let detail = "`cursor` is what the page before gave, or left out for the first one";
        return Err(Refusal::fixed(StatusCode::BAD_REQUEST, detail));
    }
    let listing = Listing {
        match_glob: query.first("match").map(checked_glob).transpose()?,
        route: query.first("route"),
        namespaces,
        cursor,
        limit,
        examine_limit: EXAMINE_LIMIT,
    };
    Ok(reply::json(&list_entries(&site, &state.parts.cache, listing).await?))
}

/// What stands for all namespaces, be they of other sites.
pub(crate) const ALL_NAMESPACES: &str = "all";
const NAMESPACES_HELP: &str = "`namespaces` is `all`, or left out for the site's own";

/// The namespaces of a site.
pub(super) fn own_namespaces(site: &Site) -> Namespaces {
    Namespaces::Of(Arc::new(site.namespaces()))
}

/// A glob that is not too long to be matched.
fn checked_glob(glob: String) -> Result<String, Refusal> {
    if glob.len() <= GLOB_AT_MOST {
        return Ok(glob);
    }
    let detail = format!("a glob has at most {GLOB_AT_MOST} bytes");
    Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}

/// `GET` and `DELETE /api/keys/{key}`; the key is all that follows, decoded once.
pub(super) fn key(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let decode = |tail: Tail, query: String| {
        let mark = if query.is_empty() { "" } else { "?" };
        let key: Vec<u8> = percent_decode_str(&format!("{}{mark}{query}", tail.as_str())).collect();
        checked(if key.is_empty() { Err(NO_KEY) } else { Ok(key) })
    };
    let key = warp::path::tail().and(raw_query()).and_then(decode);
    let key = key.and(methods("GET, HEAD, DELETE")).and(warp::method()).and(with(state));
    let path = warp::path("api").and(warp::path("keys")).boxed();
    resource(path, key.then(show_or_delete))
}

const NO_KEY: Refusal = Refusal::fixed(StatusCode::NOT_FOUND, "there is no key in the address");
const ABSENT: Refusal = Refusal::fixed(StatusCode::NOT_FOUND, "nothing is stored under this key");

async fn show_or_delete(key: Vec<u8>, method: Method, state: Arc<State>) -> Answer {
    if method == Method::DELETE {
        return match state.delete(vec![key]).await? {
            0 => Err(ABSENT),
            deleted => Ok(reply::json(&json!({ "deleted": deleted }))),
        };
    }
    let site = state.parts.live.site();
    match state.parts.cache.inspect(&key, own_namespaces(&site)).await? {
        Some(found) => Ok(reply::json(&whole(found, &site))),
        None => Err(ABSENT),
    }
}

/// One entry with its body.
fn whole(found: Inspection, site: &Site) -> Value {
    let Inspection { info, entry, text, kind } = found;
    let fingerprint = info.fingerprint.map(|it| it.to_string());
    let mut whole = json!(EntryRow::new(info, site));
    whole["fingerprint"] = json!(fingerprint);
    if let Some(entry) = &entry {
        let headers = json!({ "content-type": &*entry.content_type, "etag": &*entry.etag });
        whole["headers"] = headers;
    }
    if let Some(kind) = kind {
        whole["type"] = kind.into();
        return whole;
    }
    let content = entry.as_ref().map_or(&text[..], |entry| &entry.body[..]);
    match std::str::from_utf8(content) {
        Ok(text) => whole["body"] = text.into(),
        Err(_no_text) => whole["body_base64"] = STANDARD.encode(content).into(),
    }
    whole
}

/// What to purge, as `POST /api/purge` takes it: an object with exactly one of these members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PurgeRequest {
    /// These keys, whole.
    Keys(Vec<String>),
    /// The entries of the route of this name.
    Route(String),
    /// The keys that a Redis glob matches.
    Match(String),
    /// The entries of the routes that use this data, template or file.
    Uses(String),
    /// Everything, where it says `true`.
    All(bool),
}

/// A purge as it is sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SentPurge {
    /// What is purged.
    #[serde(flatten)]
    pub(crate) what: PurgeRequest,
    /// [`ALL_NAMESPACES`], where it is not in those of the site alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespaces: Option<&'static str>,
}

impl<'de> Deserialize<'de> for SentPurge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut members = serde_json::Map::deserialize(from)?;
        let namespaces = match members.remove("namespaces") {
            None => None,
            Some(all) if all == ALL_NAMESPACES => Some(ALL_NAMESPACES),
            Some(_) => return Err(D::Error::custom(NAMESPACES_HELP)),
        };
        let what = serde_json::from_value(members.into()).map_err(D::Error::custom)?;
        Ok(Self { what, namespaces })
    }
}

/// What a purge has to be.
pub(super) const PURGE_HELP: &str =
    "say exactly one of `keys`, `route`, `match`, `uses`, and `all: true`";

/// `POST /api/purge`.
pub(super) async fn purge(state: Arc<State>, sent: SentPurge) -> Answer {
    let (site, mut named, mut values) = (state.parts.live.site(), None, 0);
    let own = || own_namespaces(&site);
    let namespaces = sent.namespaces.map_or_else(own, |_all| Namespaces::All);
    let what = match sent.what {
        PurgeRequest::Keys(keys) => Purge::Keys(keys.into_iter().map(String::into_bytes).collect()),
        PurgeRequest::Route(name) => Purge::Routes(vec![named.insert(name).clone()]),
        PurgeRequest::Match(glob) => Purge::Glob(checked_glob(glob)?),
        PurgeRequest::Uses(name) => match site.routes_using(&name) {
            none if none.is_empty() => return Err(unknown(format!("no route uses `{name}`"))),
            routes => {
                // The value first: what is made from then on is made from a new one.
                let value = Purge::Routes(vec![loaded_route(&name)]);
                values = state.parts.cache.purge(value, namespaces.clone()).await?;
                Purge::Routes(routes)
            }
        },
        PurgeRequest::All(true) => Purge::All,
        PurgeRequest::All(false) => {
            return Err(Refusal::fixed(StatusCode::UNPROCESSABLE_ENTITY, PURGE_HELP));
        }
    };
    let deleted = values + state.parts.cache.purge(what, namespaces).await?;
    // A route that is gone may have left entries; a name that never was is a slip.
    match named.filter(|name| deleted == 0 && site.route_named(name).is_none()) {
        Some(name) => Err(unknown(unknown_route(&name, &site))),
        None => Ok(reply::json(&json!({ "deleted": deleted }))),
    }
}

fn unknown(detail: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, detail)
}

fn unknown_route(name: &str, site: &Site) -> String {
    match nearest(name, site.routes.iter().map(|route| &*route.name)) {
        Some(near) => format!("there is no route `{name}`; did you mean `{near}`?"),
        None => format!("there is no route `{name}`"),
    }
}

impl State {
    /// Deletes what is in the site's own namespaces.
    pub(super) async fn purge(&self, what: Purge) -> Result<u64, StoreError> {
        let namespaces = own_namespaces(&self.parts.live.site());
        self.parts.cache.purge(what, namespaces).await
    }

    /// Deletes keys that need not be text, and says how many there were.
    pub(super) async fn delete(&self, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        self.purge(Purge::Keys(keys)).await
    }
}
