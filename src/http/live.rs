//! The version of the site that is served now, with the header lines that its routes always send.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use arc_swap::{ArcSwap, Guard};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};

use super::cors::Cors;
use super::counts::RouteCounts;
use super::files::{Dir, Kept};
use super::headers::vary_by;
use super::hit::next_serial;
use super::media::compressible;
use crate::site::{Route, Site, Source};

/// One version of a site, ready to be served; a request holds it from start to end.
#[derive(Debug)]
pub struct Served {
    /// The site.
    pub site: Arc<Site>,
    /// By the router's target: what each route always sends.
    lines: Vec<RouteLines>,
    /// Its OpenAPI document, made when it is first asked for.
    openapi: OnceLock<Bytes>,
}

/// What a route always sends.
#[derive(Debug)]
pub(super) struct RouteLines {
    /// No other version of any route has this number.
    pub(super) serial: u64,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Who may read its answers from another origin.
    pub(super) cors: Option<Cors>,
    /// The file that it serves, with its coded forms.
    pub(super) file: Option<Kept>,
    /// The directory that it serves, with what is kept of its files.
    pub(super) dir: Option<Dir>,
    /// What it answered since the start.
    pub(super) counts: Arc<RouteCounts>,
}

impl Served {
    /// Prepares a site.
    #[must_use]
    pub fn new(site: Arc<Site>) -> Self {
        let lines = site.routes.iter().map(|route| RouteLines::new(route)).collect();
        Self { site, lines, openapi: OnceLock::new() }
    }

    /// Goes on counting where `before` counted for a route of the same name, and keeps what it kept
    /// of the files of directories that are still served.
    fn following(mut self, before: &Self) -> Self {
        let warm: Vec<&Dir> = before.lines.iter().filter_map(|lines| lines.dir.as_ref()).collect();
        for dir in self.lines.iter_mut().filter_map(|lines| lines.dir.as_mut()) {
            if let Some(same) = warm.iter().find(|warm| warm.root() == dir.root()) {
                *dir = Dir::clone(same);
            }
        }
        let counted: HashMap<&str, &Arc<RouteCounts>> = before.counted().collect();
        for (route, lines) in self.site.routes.iter().zip(&mut self.lines) {
            if let Some(counts) = counted.get(&*route.name) {
                lines.counts = Arc::clone(counts);
            }
        }
        self
    }

    /// Each route's name, and what it answered.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &RouteCounts)> {
        self.counted().map(|(name, counts)| (name, &**counts))
    }

    fn counted(&self) -> impl Iterator<Item = (&str, &Arc<RouteCounts>)> {
        let names = self.site.routes.iter().map(|route| &*route.name);
        names.zip(self.lines.iter().map(|lines| &lines.counts))
    }

    pub(super) fn openapi(&self) -> Bytes {
        self.openapi.get_or_init(|| Bytes::from(self.site.openapi().to_string())).clone()
    }

    pub(super) fn lines(&self, target: u32) -> Option<&RouteLines> {
        self.lines.get(target as usize)
    }
}

impl RouteLines {
    /// Lets the page that asked read the answer, where the route says so.
    pub(super) fn allow_origin(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if let Some(cors) = &self.cors {
            cors.apply(request, answer);
        }
    }

    fn new(route: &Route) -> Self {
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
        for names in names.chain(own.map(|(_, value)| value.as_str())) {
            vary_by(&mut headers, names);
        }
        let status = StatusCode::from_u16(route.status).unwrap_or_default();
        let file = match &route.source {
            Source::File(file) => {
                Some(Kept::new(file.bytes.clone(), &route.content_type, file.modified))
            }
            Source::Page(_) | Source::Dir(_) | Source::Redirect(_) => None,
        };
        let dir = match &route.source {
            Source::Dir(dir) => Some(Dir::at(dir.root.clone())),
            Source::Page(_) | Source::File(_) | Source::Redirect(_) => None,
        };
        let cors = route.cors.as_ref().map(Cors::from);
        let serial = next_serial();
        Self { serial, status, headers, cors, file, dir, counts: Arc::default() }
    }
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
        let served = ArcSwap::from_pointee(Served::new(site));
        Self { served, unmatched: AtomicU64::new(0) }
    }

    /// The version now; what holds it keeps it whole, whatever is swapped meanwhile.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Served>> {
        self.served.load()
    }

    /// The site now.
    #[must_use]
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.served.load().site)
    }

    /// From now on serves `site`.
    pub fn swap(&self, site: Arc<Site>) {
        let served = Served::new(site).following(&self.served.load());
        self.served.store(Arc::new(served));
    }

    /// How many requests no route was for, since the start.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    pub(super) fn count_unmatched(&self) {
        self.unmatched.fetch_add(1, Ordering::Relaxed);
    }
}
