//! The page for people: plain forms that work without a script, which only keeps it live.
//!
//! Everything that changes something is a POST with the form's own token, besides the guards that
//! every request meets; each is answered by a redirect, so that a reload sends nothing twice.

mod view;

use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};

use self::view::{Shown, Sort, key_page, list_page, login_page};
use super::api::{EXAMINE_LIMIT, whole_body};
use super::fields::{Fields, decoded, encoded};
use super::guard::is_read;
use super::{Inner, reply};
use crate::cache::{KeyInfo, Listing, Purge, StoreError};
use crate::http::body::Body;
use crate::http::carry::WholeRequest;

/// Where the page's own files are.
pub(super) const STYLE: &str = "/admin.css";
pub(super) const SCRIPT: &str = "/admin.js";
pub(super) const ICON: &str = "/icon.svg";

/// How many keys the page shows at a time.
const LIMIT: usize = 100;
/// How many keys one step of a deletion takes, and how many steps there are at most.
const STEP: usize = 1000;
const STEPS_AT_MOST: usize = 100_000;

/// What the page is asked to show.
#[derive(Debug, Default)]
struct Filter {
    /// As typed.
    text: Option<String>,
    route: Option<String>,
    cursor: Option<String>,
    sort: Sort,
}

impl Filter {
    fn of(fields: &Fields) -> Self {
        Self {
            text: fields.text("q"),
            route: fields.text("route"),
            cursor: fields.text("cursor"),
            sort: Sort::named(fields.text("sort").as_deref().unwrap_or_default()),
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
        let sort = Some(("sort", self.sort.name())).filter(|_| self.sort != Sort::default());
        let named = |name: &str| more.iter().any(|(other, _)| *other == name);
        let pairs = own.chain(sort).filter(|(name, _)| !named(name)).chain(more.iter().copied());
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", encoded(value.as_bytes()))).collect();
        if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
    }
}

/// The login, with what was wrong about the last try.
pub(super) fn login(inner: &Inner, wrong: Option<&str>) -> Response<Body> {
    let mut answer = reply::html(login_page(inner.guard.sessions.form_token(), wrong));
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    answer
}

impl Inner {
    pub(super) async fn page(&self, request: &WholeRequest) -> Response<Body> {
        let (path, read) = (request.uri().path(), is_read(request.method()));
        let allow = match path {
            "/" | "/key" | STYLE | SCRIPT | ICON => "GET, HEAD",
            "/login" | "/logout" | "/delete" => "POST",
            _ => return reply::problem(StatusCode::NOT_FOUND, "there is no such address"),
        };
        if path == "/login" && read {
            return reply::see_other("/");
        }
        if (allow == "POST") == read || (!read && request.method() != http::Method::POST) {
            return reply::not_allowed(allow);
        }
        match path {
            STYLE => reply::typed("text/css; charset=utf-8", include_str!("page/admin.css")),
            SCRIPT => reply::typed("text/javascript; charset=utf-8", include_str!("page/admin.js")),
            ICON => reply::typed("image/svg+xml", include_str!("page/icon.svg")),
            "/" => self.list(request).await,
            "/key" => self.key(request).await,
            _ => self.form(request).await,
        }
    }

    async fn list(&self, request: &WholeRequest) -> Response<Body> {
        let fields = Fields::parse(request.uri().query().unwrap_or_default());
        let filter = Filter::of(&fields);
        let listing = filter.listing(LIMIT, filter.cursor.clone());
        let site = self.parts.live.site();
        let (page, trouble) = match self.parts.cache.list(listing).await {
            Ok(page) => (page, None),
            Err(why) => (crate::cache::Page::default(), Some(why.to_string())),
        };
        let mut keys = page.keys;
        filter.sort.apply(&mut keys);
        let about = self.parts.cache.about().await.unwrap_or_default();
        let said = fields.text("deleted").and_then(|count| count.parse::<u64>().ok());
        let shown = Shown { keys: &keys, next: page.cursor.as_deref(), trouble, said, about };
        reply::html(list_page(self, &site, &filter, &shown))
    }

    async fn key(&self, request: &WholeRequest) -> Response<Body> {
        let fields = Fields::parse(request.uri().query().unwrap_or_default());
        let key = fields.all("key").next().unwrap_or_default();
        let found = self.inspect(key).await;
        let (status, found, trouble) = match found {
            Ok(Some(found)) => (StatusCode::OK, Some(found), None),
            Ok(None) => (StatusCode::NOT_FOUND, None, None),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, None, Some(why.to_string())),
        };
        let site = self.parts.live.site();
        let mut answer = reply::html(key_page(self, &site, key, found.as_ref(), trouble));
        *answer.status_mut() = status;
        answer
    }

    /// What a form of the page sends.
    async fn form(&self, request: &WholeRequest) -> Response<Body> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "the page sends forms";
            return reply::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        }
        let body = whole_body(request).await;
        let fields = Fields::parse(std::str::from_utf8(&body).unwrap_or_default());
        let own = fields.text("form").unwrap_or_default();
        if !self.guard.sessions.is_form_token(&own) {
            let detail = "the form is of another page, or of before a restart; load it again";
            return reply::problem(StatusCode::FORBIDDEN, detail);
        }
        match request.uri().path() {
            "/login" => self.log_in(&fields),
            "/logout" => self.log_out(request),
            _ => self.deletion(&fields).await,
        }
    }

    fn log_in(&self, fields: &Fields) -> Response<Body> {
        if !self.guard.is_token(&fields.text("token").unwrap_or_default()) {
            return login(self, Some("That is not the token."));
        }
        match self.guard.sessions.open() {
            Some(cookie) => with_cookie(&cookie),
            None => reply::problem(StatusCode::INTERNAL_SERVER_ERROR, "no randomness"),
        }
    }

    fn log_out(&self, request: &WholeRequest) -> Response<Body> {
        let cookies = request.headers().get(COOKIE).and_then(|value| value.to_str().ok());
        with_cookie(&self.guard.sessions.close(cookies.unwrap_or_default()))
    }

    async fn deletion(&self, fields: &Fields) -> Response<Body> {
        let filter = Filter::of(fields);
        let deleted = match fields.text("what").as_deref() {
            Some("filter") => self.delete_filtered(&filter).await,
            // A form sends text only, so that a key is in it as an address has it.
            _ => self.delete(fields.all("key").map(decoded).collect()).await,
        };
        match deleted {
            Ok(deleted) => reply::see_other(&filter.address(&[("deleted", &deleted.to_string())])),
            Err(why) => reply::store_down(&why),
        }
    }

    /// Deletes all that a filter shows, on all its pages.
    async fn delete_filtered(&self, filter: &Filter) -> Result<u64, StoreError> {
        let cache = &self.parts.cache;
        match (filter.glob(), filter.route.clone()) {
            (None, None) => return cache.purge(Purge::All).await,
            (Some(glob), None) => return cache.purge(Purge::Glob(glob)).await,
            (None, Some(route)) => return cache.purge(Purge::Routes(vec![route])).await,
            (Some(_), Some(_)) => {}
        }
        let (mut cursor, mut deleted) = (None, 0);
        for _ in 0..STEPS_AT_MOST {
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

fn with_cookie(line: &str) -> Response<Body> {
    let mut answer = reply::see_other("/");
    if let Ok(line) = HeaderValue::from_str(line) {
        answer.headers_mut().insert(SET_COOKIE, line);
    }
    answer
}
