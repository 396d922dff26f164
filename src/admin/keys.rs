//! `/api/keys` and `/api/purge`: listing, showing and deleting what is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;

use super::State;
use super::reply::{self, Refusal};
use super::request::{Answer, Fields, checked, methods, raw_query, resource, with};
use crate::cache::{Inspection, Listing, Purge, StoreError};
use crate::inspect::{EntryRow, PurgeError, PurgeRequest, Purged, list_entries};
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
            deleted => Ok(reply::json(&Purged { deleted })),
        };
    }
    match state.parts.cache.inspect(&key).await? {
        Some(found) => Ok(reply::json(&whole(found, &state.parts.live.site()))),
        None => Err(ABSENT),
    }
}

/// One entry with its body.
fn whole(found: Inspection, site: &Site) -> Value {
    let Inspection { info, entry, text } = found;
    let fingerprint = info.fingerprint.map(|it| it.to_string());
    let mut whole = json!(EntryRow::new(info, site));
    whole["fingerprint"] = json!(fingerprint);
    if let Some(entry) = &entry {
        let headers = json!({ "content-type": &*entry.content_type, "etag": &*entry.etag });
        whole["headers"] = headers;
    }
    let content = entry.as_ref().map_or(&text[..], |entry| &entry.body[..]);
    match std::str::from_utf8(content) {
        Ok(text) => whole["body"] = text.into(),
        Err(_no_text) => whole["body_base64"] = STANDARD.encode(content).into(),
    }
    whole
}

/// `POST /api/purge`.
pub(super) async fn purge(state: Arc<State>, what: PurgeRequest) -> Answer {
    let purged = what.run(&state.parts.live.site(), &state.parts.cache).await;
    purged.map(|purged| reply::json(&purged)).map_err(|why| {
        let status = match why {
            PurgeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            PurgeError::Unsaid => StatusCode::UNPROCESSABLE_ENTITY,
            PurgeError::Unknown(_) => StatusCode::NOT_FOUND,
        };
        Refusal::new(status, why.to_string())
    })
}

impl State {
    /// Deletes keys that need not be text, and says how many there were.
    pub(super) async fn delete(&self, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        self.parts.cache.purge(Purge::Keys(keys)).await
    }
}
