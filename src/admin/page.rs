//! The page for people: plain forms that work without a script, which only keeps it live.
//!
//! Everything that changes something is a POST with the form's own token, besides the guards that
//! every request meets; each is answered by a redirect, so that a reload sends nothing twice.

mod view;

use std::sync::Arc;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter as _, Reply};

pub(super) use self::view::login_page;

use self::view::{COLUMNS, Column, ListPage, key_page, list_page};
use super::State;
use super::keys::{EXAMINE_LIMIT, LIMIT};
use super::reply::{self, Refusal};
use super::request::{
    Answer, Fields, at, body, checked, first_of, get, methods, posted, resource, with,
};
use crate::cache::{KeyInfo, Listing, Purge, StoreError};
use crate::inspect::{EntryPage, list_entries, percent_encoded};

/// How many keys one step of a deletion takes, and how many steps there are at most.
const STEP: usize = 1000;
const MAX_STEPS: usize = 100_000;

/// What the page is asked to show.
struct KeyFilter {
    /// As typed.
    text: Option<String>,
    route: Option<String>,
    cursor: Option<String>,
    /// By which column the keys are sorted.
    sort: &'static Column,
}

impl KeyFilter {
    fn of(fields: &Fields) -> Self {
        Self {
            text: fields.first("q"),
            route: fields.first("route"),
            cursor: fields.first("cursor"),
            sort: Column::named(&fields.first("sort").unwrap_or_default()),
        }
    }

    /// A glob as it is; any other text is looked for anywhere in the key.
    fn glob(&self) -> Option<String> {
        let text = self.text.as_deref()?;
        if text.contains(['*', '?', '[']) {
            return Some(text.to_owned());
        }
        Some(format!("*{}*", text.replace('\\', "\\\\")))
    }

    fn listing(&self, limit: usize, cursor: Option<String>) -> Listing {
        let (match_glob, route) = (self.glob(), self.route.clone());
        Listing { match_glob, route, cursor, limit, examine_limit: EXAMINE_LIMIT }
    }

    /// The page's address with this filter.
    fn address(&self, more: &[(&str, &str)]) -> String {
        let own = [("q", &self.text), ("route", &self.route)];
        let own = own.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let sort = Some(("sort", self.sort.name)).filter(|(_, name)| *name != COLUMNS[0].name);
        let named = |name: &str| more.iter().any(|(other, _)| *other == name);
        let pairs = own.chain(sort).filter(|(name, _)| !named(name)).chain(more.iter().copied());
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={}", percent_encoded(value.as_bytes())))
            .collect();
        if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
    }
}

/// What is for who has not logged in too: the login, and the pages' own files.
pub(super) fn open_pages(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let home = methods("GET, HEAD").map(|| Ok(reply::see_other("/")));
    first_of([
        resource(at("/login"), home.or(form(state).then(log_in)).unify()),
        asset("/admin.css", "text/css; charset=utf-8", include_str!("page/admin.css")),
        asset("/admin.js", "text/javascript; charset=utf-8", include_str!("page/admin.js")),
        asset("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ])
}

fn asset(path: &'static str, kind: &'static str, text: &'static str) -> BoxedFilter<(Response,)> {
    resource(at(path), methods("GET, HEAD").map(move || Ok(reply::typed(kind, text))))
}

/// The list of keys, a key by itself, and what their forms do.
pub(super) fn pages(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let log_out = |state: Arc<State>, _fields, headers: HeaderMap| {
        let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(with_cookie(&state.guard.sessions.close(cookies)))
    };
    let log_out = form(state).and(warp::header::headers_cloned()).map(log_out);
    first_of([
        get(state, "/", list),
        get(state, "/key", key),
        resource(at("/logout"), log_out),
        resource(at("/delete"), form(state).then(delete)),
    ])
}

async fn list(state: Arc<State>, query: Fields) -> Answer {
    let filter = KeyFilter::of(&query);
    let listing = filter.listing(LIMIT, filter.cursor.clone());
    let site = state.parts.live.site();
    let (page, trouble) = match list_entries(&site, &state.parts.cache, listing).await {
        Ok(page) => (page, None),
        Err(why) => (EntryPage::default(), Some(why.to_string())),
    };
    let EntryPage { mut keys, cursor } = page;
    keys.sort_by(|one, two| (filter.sort.compare)(one, two).then_with(|| one.key.cmp(&two.key)));
    // Where the store does not answer, `trouble` says so.
    let about = state.parts.cache.about().await.unwrap_or_default();
    let deleted = query.first("deleted").and_then(|count| count.parse().ok());
    let page = ListPage { filter: &filter, keys: &keys, cursor, trouble, deleted, about };
    Ok(reply::html(list_page(&state, &site, &page)))
}

async fn key(state: Arc<State>, query: Fields) -> Answer {
    // `name` is for keys that are no text: a key as an address has it, so that it is encoded twice.
    let name = query.first("name").map(|name| percent_decode_str(&name).collect());
    let key = name.or(query.first("key").map(String::into_bytes)).unwrap_or_default();
    let found = state.parts.cache.inspect(&key).await;
    let status = match &found {
        Ok(Some(_)) => StatusCode::OK,
        Ok(None) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(reply::with_status(status, reply::html(key_page(&state, &key, found))))
}

/// What a form of the page sends: with the token that the page's own forms have.
fn form(state: &Arc<State>) -> BoxedFilter<(Arc<State>, Fields)> {
    let check = |state: Arc<State>, body: bytes::Bytes| {
        let fields = Fields::parse(&body);
        let token = fields.first("form").unwrap_or_default();
        checked(if state.guard.sessions.is_form_token(&token) {
            Ok((state, fields))
        } else {
            let detail = "the form is of another page, or of before a restart; load it again";
            Err(Refusal::new(StatusCode::FORBIDDEN, detail))
        })
    };
    let form = posted("application/x-www-form-urlencoded");
    form.and(with(state)).and(body()).and_then(check).untuple_one().boxed()
}

async fn log_in(state: Arc<State>, fields: Fields) -> Answer {
    if !state.guard.is_token(&fields.first("token").unwrap_or_default()) {
        return Err(state.guard.login(Some("That is not the token.")));
    }
    let Some(cookie) = state.guard.sessions.open() else {
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no randomness"));
    };
    Ok(with_cookie(&cookie))
}

fn with_cookie(line: &str) -> Response {
    warp::reply::with_header(reply::see_other("/"), SET_COOKIE, line).into_response()
}

async fn delete(state: Arc<State>, fields: Fields) -> Answer {
    let filter = KeyFilter::of(&fields);
    let deleted = if fields.first("what").as_deref() == Some("filter") {
        state.delete_filtered(&filter).await?
    } else {
        // A form sends text only, so that a key is in it as an address has it.
        let keys = fields.all("key").map(|name| percent_decode_str(name).collect());
        state.delete(keys.collect()).await?
    };
    Ok(reply::see_other(&filter.address(&[("deleted", &deleted.to_string())])))
}

impl State {
    /// Deletes all that a filter shows, on all its pages.
    async fn delete_filtered(&self, filter: &KeyFilter) -> Result<u64, StoreError> {
        let cache = &self.parts.cache;
        match (filter.glob(), filter.route.clone()) {
            (None, None) => return cache.purge(Purge::All).await,
            (Some(glob), None) => return cache.purge(Purge::Glob(glob)).await,
            (None, Some(route)) => return cache.purge(Purge::Routes(vec![route])).await,
            (Some(_), Some(_)) => {}
        }
        let (mut cursor, mut deleted) = (None, 0);
        for _ in 0..MAX_STEPS {
            let page = cache.list(filter.listing(STEP, cursor)).await?;
            let keys = page.keys.into_iter().map(key_bytes).collect();
            deleted += self.delete(keys).await?;
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(deleted)
    }
}

fn key_bytes(info: KeyInfo) -> Vec<u8> {
    info.bytes.unwrap_or_else(|| info.key.into_bytes())
}
