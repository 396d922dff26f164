//! `/api/keys`, `/api/purge`, `/api/reload`: listing, deleting, loading anew.

use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;

use super::entries::{row, whole};
use super::fields::Fields;
use super::guard::is_read;
use super::{Inner, reply};
use crate::cache::{Inspection, Listing, Purge, StoreError};
use crate::diagnostic::{nearest, render};
use crate::http::body::Body;
use crate::http::carry::WholeRequest;
use crate::reload::Outcome;
use crate::site::Site;

/// How many keys a page has where nothing is said, and at most.
pub(super) const LIMIT: usize = 100;
const LIMIT_AT_MOST: usize = 1000;
/// How many keys one call looks at.
pub(super) const EXAMINE_LIMIT: usize = 10_000;

/// What `POST /api/purge` takes: exactly one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    keys: Option<Vec<String>>,
    route: Option<String>,
    #[serde(rename = "match")]
    glob: Option<String>,
    uses: Option<String>,
    all: Option<bool>,
}

impl Inner {
    /// `GET /api/keys`.
    pub(super) async fn keys(&self, request: &WholeRequest) -> Response<Body> {
        let query = Fields::parse(request.uri().query().unwrap_or_default());
        let limit = match query.text("limit").map(|text| text.parse::<usize>()) {
            None => LIMIT,
            Some(Ok(limit)) if (1..=LIMIT_AT_MOST).contains(&limit) => limit,
            Some(_) => {
                let detail = format!("`limit` is a number from 1 to {LIMIT_AT_MOST}");
                return reply::problem(StatusCode::BAD_REQUEST, detail);
            }
        };
        let listing = Listing {
            match_glob: query.text("match"),
            route: query.text("route"),
            cursor: query.text("cursor"),
            limit,
            examine_limit: EXAMINE_LIMIT,
        };
        let site = self.parts.live.site();
        match self.parts.cache.list(listing).await {
            Ok(page) => {
                let rows: Vec<_> = page.keys.iter().map(|info| row(info, &site)).collect();
                reply::json(&json!({ "keys": rows, "cursor": page.cursor }))
            }
            Err(why) => reply::store_down(&why),
        }
    }

    /// `GET` and `DELETE /api/keys/{key}`; the key is all that follows, decoded once.
    pub(super) async fn one_key(&self, method: &Method, encoded: &str) -> Response<Body> {
        let key: Vec<u8> = percent_decode_str(encoded).collect();
        if key.is_empty() {
            return reply::problem(StatusCode::NOT_FOUND, "there is no key in the address");
        }
        if is_read(method) {
            return match self.inspect(&key).await {
                Ok(Some(found)) => whole(&found, &self.parts.live.site()),
                Ok(None) => absent(),
                Err(why) => reply::store_down(&why),
            };
        }
        if *method != Method::DELETE {
            return reply::not_allowed("GET, HEAD, DELETE");
        }
        match self.delete(vec![key]).await {
            Ok(0) => absent(),
            Ok(deleted) => reply::json(&json!({ "deleted": deleted })),
            Err(why) => reply::store_down(&why),
        }
    }

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

    /// `POST /api/purge`.
    pub(super) async fn purge(&self, request: &WholeRequest) -> Response<Body> {
        let body = whole_body(request).await;
        let wanted: Wanted = match serde_json::from_slice(&body) {
            Ok(wanted) => wanted,
            Err(why) => return reply::problem(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()),
        };
        let site = self.parts.live.site();
        let named = wanted.route.clone();
        let what = match purge_of(wanted, &site) {
            Ok(what) => what,
            Err((status, detail)) => return reply::problem(status, detail),
        };
        match self.parts.cache.purge(what).await {
            // A route that is gone may have left entries; a name that never was is a slip.
            Ok(0) if named.as_deref().is_some_and(|name| site.route_named(name).is_none()) => {
                let name = named.unwrap_or_default();
                reply::problem(StatusCode::NOT_FOUND, unknown_route(&name, &site))
            }
            Ok(deleted) => reply::json(&json!({ "deleted": deleted })),
            Err(why) => reply::store_down(&why),
        }
    }

    /// `POST /api/reload`.
    pub(super) async fn reload(&self) -> Response<Body> {
        match self.parts.reload.reload_now().await {
            Outcome::Applied { .. } | Outcome::Unchanged => reply::json(&self.status()),
            Outcome::Refused(report) => {
                let mut problem = self.status();
                if let Some(members) = problem.as_object_mut() {
                    members.insert("title".into(), "The files are bad".into());
                    members.insert("status".into(), 422.into());
                    let detail = "what was served before still is";
                    members.insert("detail".into(), detail.into());
                    members.insert("diagnostics".into(), render::json(&report));
                }
                reply::json_with(StatusCode::UNPROCESSABLE_ENTITY, &problem)
            }
            Outcome::Stopping => {
                reply::problem(StatusCode::SERVICE_UNAVAILABLE, "the process is stopping")
            }
        }
    }
}

/// A request's body, which the edge has read already.
pub(super) async fn whole_body(request: &WholeRequest) -> bytes::Bytes {
    match request.body().clone().collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    }
}

fn purge_of(wanted: Wanted, site: &Site) -> Result<Purge, (StatusCode, String)> {
    let Wanted { keys, route, glob, uses, all } = wanted;
    match (keys, route, glob, uses, all) {
        (Some(keys), None, None, None, None) => Ok(Purge::Keys(keys)),
        (None, Some(route), None, None, None) => Ok(Purge::Routes(vec![route])),
        (None, None, Some(glob), None, None) => Ok(Purge::Glob(glob)),
        (None, None, None, Some(uses), None) => {
            let routes = site.routes_using(&uses);
            if routes.is_empty() {
                return Err((StatusCode::NOT_FOUND, format!("no route uses `{uses}`")));
            }
            Ok(Purge::Routes(routes))
        }
        (None, None, None, None, Some(true)) => Ok(Purge::All),
        _ => {
            let detail = "say exactly one of `keys`, `route`, `match`, `uses`, and `all: true`";
            Err((StatusCode::UNPROCESSABLE_ENTITY, detail.to_owned()))
        }
    }
}

fn unknown_route(name: &str, site: &Site) -> String {
    let near = nearest(name, site.routes.iter().map(|route| &*route.name));
    match near {
        Some(near) => format!("there is no route `{name}`; did you mean `{near}`?"),
        None => format!("there is no route `{name}`"),
    }
}

fn absent() -> Response<Body> {
    reply::problem(StatusCode::NOT_FOUND, "nothing is stored under this key")
}
