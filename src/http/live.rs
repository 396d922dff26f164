//! The version of the site that is served now, with what its routes always send.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;

use super::cors::Cors;
use super::counts::{Answers, RouteCounts, Series};
use super::encoding::compressible;
use super::files::{Dir, Kept};
use super::headers::{add_missing, vary_by};
use super::ready::next_serial;
use super::renders::RouteRenders;
use super::sources::Sources;
use crate::config::ErrorStatus;
use crate::site::dir::SiteDir;
use crate::site::template::TextTemplate;
use crate::site::{ErrorPage, HeaderLine, Middle, Page, Route, Site, Source};

/// One version of a site, ready to be served; a request holds it from start to end.
#[derive(Debug)]
pub(crate) struct Served {
    /// The site.
    pub(crate) site: Arc<Site>,
    /// By the router's target.
    routes: Vec<Arc<PreparedRoute>>,
    /// Lines of the defaults that answers have which are no route's.
    pub(super) default_lines: DefaultLines,
    /// The error pages.
    errors: HashMap<ErrorStatus, Arc<PreparedError>>,
    /// Its OpenAPI document, made when it is first asked for.
    openapi: OnceLock<Bytes>,
}

/// Header lines that whatever the site answers has.
pub(super) type DefaultLines = Arc<[(HeaderName, HeaderValue)]>;

/// A route with what it always sends, ready to be sent.
#[derive(Debug)]
pub(crate) struct PreparedRoute {
    /// No other version of any route has this number.
    pub(super) serial: u64,
    pub(super) name: Arc<str>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Lines of the defaults that its errors have.
    pub(super) default_lines: DefaultLines,
    /// `Cache-Control` of a stale answer, where a fresh one's has a `max-age` of larder's own.
    pub(super) stale_control: Option<HeaderValue>,
    /// How long its pages are kept; nothing where they are not.
    pub(super) ttl: Option<Duration>,
    /// Who may read its answers from another origin.
    pub(super) cors: Option<Cors>,
    pub(super) source: PreparedSource,
    /// What it answered since the start, and where that is told.
    pub(super) counts: Arc<RouteCounts>,
    pub(super) series: Arc<Series>,
    pub(super) renders: Arc<RouteRenders>,
}

/// What a route sends, with what is kept for sending it.
#[derive(Debug)]
pub(super) enum PreparedSource {
    /// Made by a render.
    Page(Arc<Page>),
    /// A file, with its coded forms.
    File(Arc<Kept>),
    /// A directory, with what is kept of its files.
    Dir(Box<(SiteDir, Dir)>),
    /// Another address.
    Redirect(TextTemplate),
}

/// An error page of the site.
#[derive(Debug, Default)]
pub(super) struct PreparedError {
    pub(super) renders: Arc<RouteRenders>,
    /// Its own lines; nothing for one of the defaults that it must not have.
    pub(super) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// By status and language, where it reads nothing else of the request.
    made: Mutex<BTreeMap<(u16, Option<String>), Bytes>>,
}

impl PreparedError {
    fn new(page: &ErrorPage, before: Option<&Self>) -> Self {
        let line = |(name, value): &(String, Option<String>)| {
            let value =
                value.as_ref().map(|value| HeaderValue::from_str(value)).transpose().ok()?;
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        };
        let renders = before.map(|before| Arc::clone(&before.renders)).unwrap_or_default();
        let headers = page.headers.iter().filter_map(line).collect();
        Self { renders, headers, made: Mutex::default() }
    }

    /// The page for a status in a language, where it was made before.
    pub(super) fn made(&self, status: u16, language: Option<&str>) -> Option<Bytes> {
        self.made.lock().get(&(status, language.map(str::to_owned))).cloned()
    }

    /// Keeps a page that is the same for everyone, or for all of a language.
    pub(super) fn keep(&self, status: u16, language: Option<&str>, page: Bytes) {
        self.made.lock().insert((status, language.map(str::to_owned)), page);
    }

    /// The lines of an answer with it, which has those that larder gives it already.
    pub(super) fn add_lines(&self, headers: &mut HeaderMap, defaults: &DefaultLines) {
        let own = self.headers.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        own.clone()
            .filter(|(name, _)| *name != VARY)
            .for_each(|(name, _)| _ = headers.remove(name));
        let is_removed = |name: &HeaderName| {
            self.headers.iter().any(|(known, value)| known == name && value.is_none())
        };
        add_missing(headers, own);
        add_missing(headers, lines(defaults).filter(|(name, _)| !is_removed(name)));
    }
}

impl Served {
    /// Prepares a site. Goes on counting and measuring where `before` did for a route of the same
    /// name, and keeps what it kept of the files of directories that are still served.
    fn new(site: Arc<Site>, before: Option<&Self>, series: &Arc<Series>) -> Self {
        let old = before.map(|before| (before.site.routes.as_slice(), before.routes.as_slice()));
        let (old_routes, prepared) = old.unwrap_or_default();
        let middle = Middle::of(old_routes, &site.routes, Arc::ptr_eq);
        let known: HashMap<&str, usize> =
            middle.old.clone().map(|at| (&*old_routes[at].name, at)).collect();
        let dirs: Vec<&Dir> = prepared.iter().filter_map(|route| route.dir()).collect();
        let default_lines: DefaultLines = defaults(&site.default_headers).into();
        let has_same_lines = before.is_some_and(|before| before.default_lines == default_lines);
        let prepare = |(at, route): (usize, &Arc<Route>)| {
            let before = middle.in_old(at).or_else(|| known.get(&*route.name).copied());
            match before.map(|at| (&old_routes[at], &prepared[at])) {
                Some((same, prepared)) if has_same_lines && Arc::ptr_eq(same, route) => {
                    Arc::clone(prepared)
                }
                before => {
                    let before = before.map(|(_, prepared)| &**prepared);
                    Arc::new(PreparedRoute::new(route, before, &dirs, (&default_lines, series)))
                }
            }
        };
        let routes = site.routes.iter().enumerate().map(prepare).collect();
        let error = |(status, page): (ErrorStatus, &Arc<ErrorPage>)| {
            let before = before.and_then(|before| before.errors.get(&status));
            (status, Arc::new(PreparedError::new(page, before.map(|before| &**before))))
        };
        let errors = site.error_pages().map(error).collect();
        Self { site, routes, default_lines, errors, openapi: OnceLock::new() }
    }

    pub(super) fn openapi(&self) -> Bytes {
        self.openapi.get_or_init(|| Bytes::from(self.site.openapi().to_string())).clone()
    }

    /// The route that the router means by `target`: its own numbers are always known.
    pub(crate) fn route(&self, target: u32) -> Option<(&Arc<Route>, &Arc<PreparedRoute>)> {
        self.site.route(target).zip(self.routes.get(target as usize))
    }

    pub(super) fn error(&self, page: ErrorStatus) -> Option<&Arc<PreparedError>> {
        self.errors.get(&page)
    }
}

impl PreparedRoute {
    /// `shared` are the site's own default lines: most routes have the same.
    fn new(
        route: &Route,
        before: Option<&Self>,
        dirs: &[&Dir],
        (shared, series): (&DefaultLines, &Arc<Series>),
    ) -> Self {
        let source = match &route.source {
            Source::Page(page) => PreparedSource::Page(Arc::clone(page)),
            Source::File(file) => PreparedSource::File(Arc::new(Kept::new(
                file.bytes.clone(),
                &route.content_type,
                file.modified,
            ))),
            Source::Dir(dir) => {
                let kept = dirs.iter().find(|kept| kept.is_of(dir));
                let kept = kept.map_or_else(|| Dir::of(dir), |kept| Dir::clone(kept));
                PreparedSource::Dir(Box::new((dir.clone(), kept)))
            }
            Source::Redirect(to) => PreparedSource::Redirect(to.clone()),
        };
        let cors = route.cors.as_ref().map(Cors::from);
        let default_lines = defaults(&route.headers);
        let is_shared = *default_lines == **shared;
        Self {
            serial: next_serial(),
            name: Arc::clone(&route.name),
            // The config was checked: what is no status there is none of a route.
            status: StatusCode::from_u16(route.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: headers(route, cors.as_ref()),
            default_lines: if is_shared { Arc::clone(shared) } else { default_lines.into() },
            stale_control: stale_control(route),
            ttl: route.lifetime.ttl,
            cors,
            source,
            counts: before
                .map(|before| Arc::clone(&before.counts))
                .or_else(|| series.of(&route.name))
                .unwrap_or_default(),
            series: Arc::clone(series),
            renders: before.map(|before| Arc::clone(&before.renders)).unwrap_or_default(),
        }
    }

    /// The language that an answer says it is in, where the route's own headers do not.
    pub(super) fn language_said<'l>(&self, language: Option<&'l str>) -> Option<&'l str> {
        language.filter(|_| !self.headers.contains_key(CONTENT_LANGUAGE))
    }

    pub(crate) fn dir(&self) -> Option<&Dir> {
        match &self.source {
            PreparedSource::Dir(dir) => Some(&dir.1),
            PreparedSource::Page(_) | PreparedSource::File(_) | PreparedSource::Redirect(_) => None,
        }
    }
}

/// Those of the lines that the defaults name.
fn defaults(headers: &[HeaderLine]) -> Vec<(HeaderName, HeaderValue)> {
    let line = |line: &HeaderLine| {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(&line.value).ok()?))
    };
    headers.iter().filter(|line| line.is_default).filter_map(line).collect()
}

/// The lines as pairs of references.
pub(super) fn lines(all: &DefaultLines) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    all.iter().map(|(name, value)| (name, value))
}

/// What `Cache-Control` says of a stale answer, where that of a fresh one has a `max-age` that no
/// header of the file gave it.
fn stale_control(route: &Route) -> Option<HeaderValue> {
    let is_own = route.headers.iter().all(|line| line.name != CACHE_CONTROL.as_str());
    let is_private = route.cache_control.starts_with("private");
    let line = if is_private { "private, no-cache" } else { "no-cache" };
    let has_age = is_own && route.cache_control.contains("max-age");
    has_age.then(|| HeaderValue::from_static(line))
}

/// The lines that a route's answers always have.
fn headers(route: &Route, cors: Option<&Cors>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: &str| {
        // The config was checked; a value that still is none is left out, never sent broken.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if !matches!(route.source, Source::Redirect(_) | Source::Dir(_)) {
        put(CONTENT_TYPE, &route.content_type);
    }
    put(CACHE_CONTROL, &route.cache_control);
    for line in route.headers.iter().filter(|line| line.name != VARY.as_str()) {
        if let Ok(name) = HeaderName::from_bytes(line.name.as_bytes()) {
            put(name, &line.value);
        }
    }
    let codes = matches!(route.source, Source::Page(_)) && compressible(&route.content_type);
    let own = route.headers.iter().filter(|line| line.name == VARY.as_str());
    let names = route.vary.iter().map(String::as_str);
    let names = names.chain(codes.then_some("accept-encoding"));
    let names = names.chain(cors.and_then(Cors::varies));
    for names in names.chain(own.map(|line| line.value.as_str())) {
        vary_by(&mut headers, names);
    }
    headers
}

/// The version that is served now; a reload swaps it in one step.
#[derive(Debug)]
pub struct Live {
    served: ArcSwap<Served>,
    /// How many requests no route was for.
    unmatched: AtomicU64,
    /// What was answered since the start.
    answers: Arc<Answers>,
    series: Arc<Series>,
    sources: Arc<Sources>,
}

impl Live {
    /// Serves `site`.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let series = Arc::default();
        let served = ArcSwap::from_pointee(Served::new(site, None, &series));
        let (answers, sources) = (Arc::default(), Arc::default());
        Self { served, unmatched: AtomicU64::new(0), answers, series, sources }
    }

    /// The version now; what holds it keeps it whole, whatever is swapped meanwhile.
    pub(crate) fn load(&self) -> Guard<Arc<Served>> {
        self.served.load()
    }

    /// The site now.
    pub(crate) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.served.load().site)
    }

    /// From now on serves `site`.
    pub(crate) fn swap(&self, site: Arc<Site>) {
        let served = Served::new(site, Some(&self.served.load()), &self.series);
        self.served.store(Arc::new(served));
    }

    /// What asks the servers that its pages read from.
    pub(crate) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// How many requests no route was for, since the start.
    pub(crate) fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// What was answered since the start, by status and outcome.
    pub(crate) fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// What each route answered since the start.
    pub(crate) fn series(&self) -> &Series {
        &self.series
    }

    pub(super) fn count_unmatched(&self) {
        self.unmatched.fetch_add(1, Ordering::Relaxed);
    }
}
