//! The page for people: plain forms that work without a script, which only keeps it live.
//!
//! Everything that changes something is a POST with the form's own token, besides the guards that
//! every request meets; each is answered by a redirect, so that a reload sends nothing twice.

mod sort;
mod view;

use std::net::IpAddr;
use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter as _, Reply};

pub(super) use self::view::{login_page, refusal_page, store_trouble};

use self::sort::Sort;
use self::view::{key_page, list_page};
use super::State;
use super::entries::{list_entries, percent_encoded};
use super::guard::{Guard, only, peer};
use super::keys::{EXAMINE_LIMIT, LIMIT, own_namespaces};
use super::reply::{self, Refusal};
use super::request::{
    Answer, Fields, at, body, checked, first_of, methods, posted, raw_query, resource, short_body,
    with,
};
use super::session::Asker;
use crate::cache::{KeyInfo, Listing, Purge, StoreError};
use crate::site::Site;

/// The type of what the page's forms send.
const FORM: &str = "application/x-www-form-urlencoded";

/// How many keys one step of a deletion takes, and how many steps there are at most.
const STEP: usize = 1000;
const MAX_STEPS: usize = 100_000;

/// What the page is asked to show.
struct KeyFilter {
    /// As typed.
    text: Option<String>,
    route: Option<String>,
    cursor: Option<String>,
    sort: Sort,
    /// How many keys the form before this page deleted.
    deleted: Option<u64>,
}

impl KeyFilter {
    fn of(fields: &Fields) -> Self {
        Self {
            text: fields.first("q"),
            route: fields.first("route"),
            cursor: fields.first("cursor"),
            sort: Sort::named(&fields.first("sort").unwrap_or_default()),
            deleted: fields.first("deleted").and_then(|count| count.parse().ok()),
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

    fn listing(&self, site: &Site, limit: usize, cursor: Option<String>) -> Listing {
        let (match_glob, route) = (self.glob(), self.route.clone());
        let (namespaces, examine_limit) = (own_namespaces(site), EXAMINE_LIMIT);
        Listing { match_glob, route, namespaces, cursor, limit, examine_limit }
    }

    /// The page's address with this filter.
    fn address(&self, more: &[(&str, &str)]) -> String {
        let own = [("q", &self.text), ("route", &self.route)];
        let own = own.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let sort = self.sort.name();
        let sort = Some(("sort", &*sort)).filter(|_| self.sort != Sort::default());
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
    let may_try = posted(FORM).and(only(state, Guard::check_tries));
    let fields = may_try.and(with(state)).and(peer()).and(short_body());
    let log_in = fields.map(|state: Arc<State>, peer, body: bytes::Bytes| {
        log_in(&state, peer, &Fields::parse(&body))
    });
    first_of([
        resource(at("/login"), home.or(log_in).unify()),
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
    let log_out = |state: Arc<State>, visitor: Visitor, _fields| {
        Ok(with_cookie(&state.guard.sessions.close(visitor.asker)))
    };
    first_of([
        page(state, "/", list),
        page(state, "/key", key),
        resource(at("/logout"), form(state).map(log_out)),
        resource(at("/delete"), form(state).then(delete)),
    ])
}

/// Whom a page is made for.
struct Visitor {
    asker: Asker,
    /// What the page's forms send back.
    form: String,
}

fn visitor(state: &Arc<State>) -> BoxedFilter<(Visitor,)> {
    let visitor = |state: Arc<State>, headers: HeaderMap| {
        let asker = state.guard.asker(&headers);
        let form = state.guard.sessions.form_token(asker);
        Visitor { asker, form: form.map_or_else(String::new, |form| form.to_string()) }
    };
    with(state).and(warp::header::headers_cloned()).map(visitor).boxed()
}

/// Answers GET and HEAD at a path with a page.
fn page<F>(
    state: &Arc<State>,
    path: &'static str,
    answer: fn(Arc<State>, Visitor, Fields) -> F,
) -> BoxedFilter<(Response,)>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let query = raw_query().map(|query: String| Fields::parse(query.as_bytes()));
    let asked = methods("GET, HEAD").and(with(state)).and(visitor(state)).and(query);
    resource(at(path), asked.then(answer))
}

async fn list(state: Arc<State>, visitor: Visitor, query: Fields) -> Answer {
    let filter = KeyFilter::of(&query);
    let site = state.parts.live.site();
    let listing = filter.listing(&site, LIMIT, filter.cursor.clone());
    let listed = list_entries(&site, &state.parts.cache, listing).await;
    // Where the store does not answer, the list says so.
    let about = state.parts.cache.about().await.unwrap_or_default();
    Ok(reply::html(list_page(&state, &visitor, &filter, listed, &about)))
}

async fn key(state: Arc<State>, visitor: Visitor, query: Fields) -> Answer {
    // `name` is for keys that are no text: a key as an address has it, so that it is encoded twice.
    let name = query.first("name").map(|name| percent_decode_str(&name).collect());
    let key = name.or(query.first("key").map(String::into_bytes)).unwrap_or_default();
    let found = state.parts.cache.inspect(&key, own_namespaces(&state.parts.live.site())).await;
    let status = match &found {
        Ok(Some(_)) => StatusCode::OK,
        Ok(None) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(reply::with_status(status, reply::html(key_page(&state, &visitor, &key, found))))
}

/// What a form of the page sends: with the token that the forms have which are made for its sender.
fn form(state: &Arc<State>) -> BoxedFilter<(Arc<State>, Visitor, Fields)> {
    let check = |state: Arc<State>, visitor: Visitor, body: bytes::Bytes| {
        let fields = Fields::parse(&body);
        let token = fields.first("form").unwrap_or_default();
        checked(if state.guard.sessions.is_form_token(visitor.asker, &token) {
            Ok((state, visitor, fields))
        } else {
            let detail = "the form is of another page, or of before a restart; load it again";
            Err(Refusal::new(StatusCode::FORBIDDEN, detail))
        })
    };
    let form = posted(FORM).and(with(state)).and(visitor(state)).and(body());
    form.and_then(check).untuple_one().boxed()
}

/// The login needs no token of a form: who knows the admin token may as well send it.
fn log_in(state: &State, from: IpAddr, fields: &Fields) -> Answer {
    let token = fields.first("token").unwrap_or_default();
    state.guard.try_token(&token, from).map_err(|refusal| match refusal.status() {
        StatusCode::UNAUTHORIZED => Refusal::Login { wrong: Some("That is not the token.") },
        _ => refusal,
    })?;
    let Some(cookie) = state.guard.sessions.open() else {
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no randomness"));
    };
    Ok(with_cookie(&cookie))
}

fn with_cookie(line: &str) -> Response {
    warp::reply::with_header(reply::see_other("/"), SET_COOKIE, line).into_response()
}

async fn delete(state: Arc<State>, _visitor: Visitor, fields: Fields) -> Answer {
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
        let (cache, site) = (&self.parts.cache, self.parts.live.site());
        match (filter.glob(), filter.route.clone()) {
            (None, None) => return self.purge(Purge::All).await,
            (Some(glob), None) => return self.purge(Purge::Glob(glob)).await,
            (None, Some(route)) => return self.purge(Purge::Routes(vec![route])).await,
            (Some(_), Some(_)) => {}
        }
        let (mut cursor, mut deleted) = (None, 0);
        for _ in 0..MAX_STEPS {
            let page = cache.list(filter.listing(&site, STEP, cursor)).await?;
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
