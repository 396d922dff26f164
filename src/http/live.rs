//! The version of the site that is served now, with what its routes always send.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};

use super::cors::Cors;
use super::counts::RouteCounts;
use super::encoding::compressible;
use super::files::{Dir, Kept};
use super::headers::vary_by;
use super::ready::next_serial;
use super::renders::RouteRenders;
use crate::config::ErrorStatus;
use crate::site::dir::SiteDir;
use crate::site::template::TextTemplate;
use crate::site::{Page, Route, Site, Source};

/// One version of a site, ready to be served; a request holds it from start to end.
#[derive(Debug)]
pub(crate) struct Served {
    /// The site.
    pub(crate) site: Arc<Site>,
    /// By the router's target.
    routes: Vec<Arc<PreparedRoute>>,
    /// The error pages.
    errors: HashMap<ErrorStatus, Arc<PreparedError>>,
    /// Its OpenAPI document, made when it is first asked for.
    openapi: OnceLock<Bytes>,
}

/// A route with what it always sends, ready to be sent.
#[derive(Debug)]
pub(crate) struct PreparedRoute {
    /// No other version of any route has this number.
    pub(super) serial: u64,
    pub(super) name: Arc<str>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// How long its pages are kept; nothing where they are not.
    pub(super) ttl: Option<Duration>,
    /// Who may read its answers from another origin.
    pub(super) cors: Option<Cors>,
    pub(super) source: PreparedSource,
    /// What it answered since the start.
    pub(super) counts: Arc<RouteCounts>,
    pub(super) renders: Arc<RouteRenders>,
}

/// What a route sends, with what is kept for sending it.
#[derive(Debug)]
pub(super) enum PreparedSource {
    /// Made by a render.
    Page(Arc<Page>),
    /// A file, with its coded forms.
    File(Box<Kept>),
    /// A directory, with what is kept of its files.
    Dir(Box<(SiteDir, Dir)>),
    /// Another address.
    Redirect(TextTemplate),
}

/// An error page of the site.
#[derive(Debug, Default)]
pub(super) struct PreparedError {
    pub(super) renders: Arc<RouteRenders>,
    /// By status, where it reads nothing of the request.
    made: Mutex<BTreeMap<u16, Bytes>>,
}

impl PreparedError {
    /// The page for a status, where it was made before.
    pub(super) fn made(&self, status: u16) -> Option<Bytes> {
        self.lock().get(&status).cloned()
    }

    /// Keeps a page that is the same for everyone.
    pub(super) fn keep(&self, status: u16, page: Bytes) {
        self.lock().insert(status, page);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Bytes>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Served {
    /// Prepares a site. Goes on counting and measuring where `before` did for a route of the same
    /// name, and keeps what it kept of the files of directories that are still served.
    fn new(site: Arc<Site>, before: Option<&Self>) -> Self {
        let known: HashMap<&str, &PreparedRoute> = before
            .into_iter()
            .flat_map(|before| before.routes.iter().map(|route| (&*route.name, &**route)))
            .collect();
        let dirs: Vec<&Dir> = known.values().filter_map(|route| route.dir()).collect();
        let prepare = |route: &Arc<Route>| {
            let before = known.get(&*route.name).copied();
            Arc::new(PreparedRoute::new(route, before, &dirs))
        };
        let routes = site.routes.iter().map(prepare).collect();
        let error = |status: ErrorStatus| {
            let before = before.and_then(|before| before.errors.get(&status));
            let renders = before.map(|page| Arc::clone(&page.renders)).unwrap_or_default();
            (status, Arc::new(PreparedError { renders, made: Mutex::default() }))
        };
        let errors = site.error_pages().map(error).collect();
        Self { site, routes, errors, openapi: OnceLock::new() }
    }

    /// Each route's name, and what it answered.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, &RouteCounts)> {
        self.routes.iter().map(|route| (&*route.name, &*route.counts))
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
    fn new(route: &Route, before: Option<&Self>, dirs: &[&Dir]) -> Self {
        let source = match &route.source {
            Source::Page(page) => PreparedSource::Page(Arc::clone(page)),
            Source::File(file) => PreparedSource::File(Box::new(Kept::new(
                file.bytes.clone(),
                &route.content_type,
                file.modified,
            ))),
            Source::Dir(dir) => {
                let kept = dirs.iter().find(|kept| *kept.root == dir.root);
                let kept = kept.map_or_else(|| Dir::at(dir.root.clone()), |kept| Dir::clone(kept));
                PreparedSource::Dir(Box::new((dir.clone(), kept)))
            }
            Source::Redirect(to) => PreparedSource::Redirect(to.clone()),
        };
        let cors = route.cors.as_ref().map(Cors::from);
        Self {
            serial: next_serial(),
            name: Arc::clone(&route.name),
            // The config was checked: what is no status there is none of a route.
            status: StatusCode::from_u16(route.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: headers(route, cors.as_ref()),
            ttl: route.lifetime.ttl,
            cors,
            source,
            counts: before.map(|before| Arc::clone(&before.counts)).unwrap_or_default(),
            renders: before.map(|before| Arc::clone(&before.renders)).unwrap_or_default(),
        }
    }

    pub(crate) fn dir(&self) -> Option<&Dir> {
        match &self.source {
            PreparedSource::Dir(dir) => Some(&dir.1),
            PreparedSource::Page(_) | PreparedSource::File(_) | PreparedSource::Redirect(_) => None,
        }
    }
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
    for (name, value) in route.headers.iter().filter(|(name, _)| name != VARY.as_str()) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            put(name, value);
        }
    }
    let codes = matches!(route.source, Source::Page(_)) && compressible(&route.content_type);
    let own = route.headers.iter().filter(|(name, _)| name == VARY.as_str());
    let names = route.vary.iter().map(String::as_str);
    let names = names.chain(codes.then_some("accept-encoding"));
    let names = names.chain(cors.and_then(Cors::varies));
    for names in names.chain(own.map(|(_, value)| value.as_str())) {
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
}

impl Live {
    /// Serves `site`.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let served = ArcSwap::from_pointee(Served::new(site, None));
        Self { served, unmatched: AtomicU64::new(0) }
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
        let served = Served::new(site, Some(&self.served.load()));
        self.served.store(Arc::new(served));
    }

    /// How many requests no route was for, since the start.
    pub(crate) fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    pub(super) fn count_unmatched(&self) {
        self.unmatched.fetch_add(1, Ordering::Relaxed);
    }
}
