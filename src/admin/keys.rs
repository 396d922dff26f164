//! `/api/keys` and `/api/purge`: listing, showing and deleting what is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;

use super::State;
use super::fields::Fields;
use super::reply::{self, Refusal};
use super::request::{at, checked, methods, posted_json, query, raw_query, read, resource, with};
use crate::cache::{Inspection, Listing, Purge, StoreError};
use crate::inspect::{EntryRow, PurgeError, PurgeRequest, Purged, list_entries};
use crate::site::Site;

/// How many keys a page has where nothing is said, and at most.
pub(super) const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
/// How many keys one call looks at.
pub(super) const EXAMINE_LIMIT: usize = 10_000;

/// `GET /api/keys`.
pub(super) fn keys(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    resource(at("/api/keys"), read().and(with(state)).and(query()).then(list))
}

async fn list(state: Arc<State>, query: Fields) -> Result<Response, Refusal> {
    let limit = match query.first("limit").map(|text| text.parse::<usize>()) {
        None => LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => {
            let detail = format!("`limit` is a number from 1 to {MAX_LIMIT}");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    let listing = Listing {
        match_glob: query.first("match"),
        route: query.first("route"),
        cursor: query.first("cursor"),
        limit,
        examine_limit: EXAMINE_LIMIT,
    };
    let page = list_entries(&state.parts.live.site(), &state.parts.cache, listing).await?;
    Ok(reply::json(&page))
}

/// `GET` and `DELETE /api/keys/{key}`; the key is all that follows, decoded once.
pub(super) fn key(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let decode = |tail: Tail, query: Option<String>| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let key: Vec<u8> = percent_decode_str(&format!("{}{query}", tail.as_str())).collect();
        checked(if key.is_empty() { Err(NO_KEY) } else { Ok(key) })
    };
    let key = warp::path::tail().and(raw_query()).and_then(decode);
    let key = key.and(methods("GET, HEAD, DELETE")).and(warp::method()).and(with(state));
    let path = warp::path("api").and(warp::path("keys")).boxed();
    resource(path, key.then(show_or_delete))
}

const NO_KEY: Refusal = Refusal::fixed(StatusCode::NOT_FOUND, "there is no key in the address");
const ABSENT: Refusal = Refusal::fixed(StatusCode::NOT_FOUND, "nothing is stored under this key");

async fn show_or_delete(
    key: Vec<u8>,
    method: Method,
    state: Arc<State>,
) -> Result<Response, Refusal> {
    if method == Method::DELETE {
        return match state.delete(vec![key]).await? {
            0 => Err(ABSENT),
            deleted => Ok(reply::json(&Purged { deleted })),
        };
    }
    match state.inspect(&key).await? {
        Some(found) => Ok(reply::json(&WholeEntry::new(&found, &state.parts.live.site()))),
        None => Err(ABSENT),
    }
}

/// One entry with its body.
#[derive(Serialize)]
struct WholeEntry<'e> {
    #[serde(flatten)]
    row: EntryRow,
    fingerprint: Option<String>,
    /// Only of a record of larder.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'e str>,
    /// Instead of a body that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl<'e> WholeEntry<'e> {
    fn new(found: &'e Inspection, site: &Site) -> Self {
        let (content, headers) = match &found.entry {
            Some(entry) => {
                let headers = json!({ "content-type": &*entry.content_type, "etag": &*entry.etag });
                (&entry.body[..], Some(headers))
            }
            None => (&found.text[..], None),
        };
        let body = std::str::from_utf8(content).ok();
        Self {
            row: EntryRow::new(found.info.clone(), site),
            fingerprint: found.info.fingerprint.map(|it| it.to_string()),
            headers,
            body,
            body_base64: body.is_none().then(|| STANDARD.encode(content)),
        }
    }
}

/// `POST /api/purge`.
pub(super) fn purge(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    resource(at("/api/purge"), posted_json(PurgeRequest::HELP).and(with(state)).then(run_purge))
}

async fn run_purge(what: PurgeRequest, state: Arc<State>) -> Result<Response, Refusal> {
    match what.run(&state.parts.live.site(), &state.parts.cache).await {
        Ok(purged) => Ok(reply::json(&purged)),
        Err(PurgeError::Store(why)) => Err(why.into()),
        Err(why @ PurgeError::Unsaid) => {
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()))
        }
        Err(PurgeError::Unknown(why)) => Err(Refusal::new(StatusCode::NOT_FOUND, why)),
    }
}

impl State {
    /// One entry, by a key that need not be text.
    pub(super) async fn inspect(&self, key: &[u8]) -> Result<Option<Inspection>, StoreError> {
        match std::str::from_utf8(key) {
            Ok(key) => self.parts.cache.inspect(key).await,
            Err(_) => self.parts.cache.inspect_bytes(key).await,
        }
    }

    /// Deletes keys that need not be text, and says how many there were.
    pub(super) async fn delete(&self, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        let (mut text, mut foreign) = (Vec::new(), Vec::new());
        for key in keys {
            match String::from_utf8(key) {
                Ok(key) => text.push(key),
                Err(no_text) => foreign.push(no_text.into_bytes()),
            }
        }
        let mut deleted = 0;
        if !text.is_empty() {
            deleted += self.parts.cache.purge(Purge::Keys(text)).await?;
        }
        if !foreign.is_empty() {
            deleted += self.parts.cache.purge(Purge::Bytes(foreign)).await?;
        }
        Ok(deleted)
    }
}
