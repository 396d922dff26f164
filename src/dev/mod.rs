//! `larder dev`: the site as it is served, with live reload on the way out.
//!
//! [`DevHandler`] stands around the site's own handler. Only pages that a browser goes to are
//! touched, and only after the cache: they get one script tag and are not kept by anybody. All else
//! (fetches, programs, what is stored) is byte for byte what `larder serve` gives. The script
//! (`live.js`) keeps a WebSocket to `socket`, which is told by `hub` what every reload came to.

mod guard;
mod hub;
mod inject;
mod known;
mod lines;
mod missing;
mod navigation;
mod policy;
mod socket;
mod unloaded;
mod version;
mod view;

use std::fmt;
use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::lines::{LineForm, Lines};

use self::hub::Hub;
use self::inject::Tag;
use self::navigation::{is_navigation, is_subresource};
use self::socket::Sockets;
use crate::cache::Cache;
use crate::config::{CacheStatusDetail, ServerConfig};
use crate::http::access::{Seen, Trace};
use crate::http::body::Body;
use crate::http::carry::WholeRequest;
use crate::http::edge::{Handle, Peer};
use crate::http::handler::{Notes, SiteHandler};
use crate::http::live::Live;
use crate::http::problem::{Form, Problem};
use crate::reload::ReloadHandle;
use crate::site::{ErrorFacts, Site};

/// What is larder's own on the main listener; no route may be there.
const OWN: &str = "/_larder/";
/// Where the script is.
const SCRIPT: &str = "/_larder/live.js";
/// Where its socket is.
const SOCKET: &str = "/_larder/live";
/// Before a status: the site's own page for that error, which the 404 page of `dev` stands over.
const ERROR_PAGE: &str = "/_larder/error/";

/// What the handler is made of.
#[derive(Debug)]
pub struct Parts {
    /// The site that is served.
    pub live: Arc<Live>,
    /// Its cache.
    pub cache: Cache,
    /// What is known of the last reload.
    pub reload: ReloadHandle,
    /// Ends the sockets.
    pub stop: CancellationToken,
    /// Where tasks are spawned.
    pub tasks: TaskTracker,
    /// The `server` section that is in force.
    pub server: ServerConfig,
    /// How each request is told.
    pub lines: Lines,
}

/// Serves the site that is live, for who works on it. Clones are the same.
#[derive(Clone)]
pub struct DevHandler {
    site: SiteHandler,
    sockets: Sockets,
    dev: Arc<Dev>,
}

/// What all requests share.
struct Dev {
    live: Arc<Live>,
    cache: Cache,
    reload: ReloadHandle,
    hub: Arc<Hub>,
    guard: guard::Guard,
    lines: Lines,
    known: known::Known,
    policies: policy::Policies,
}

impl DevHandler {
    /// A handler that answers as [`SiteHandler`] does; follows the reloads from now on.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { live, cache, reload, stop, tasks, mut server, lines } = parts;
        server.cache_status = CacheStatusDetail::Full;
        let site = SiteHandler::with_notes(Arc::clone(&live), cache.clone(), &server, Notes::Trace);
        let hub = Arc::new(Hub::new(Arc::clone(&live), reload.clone(), server.docs.clone()));
        tasks.spawn(Arc::clone(&hub).run(stop.clone()));
        let sockets = Sockets::new(Arc::clone(&hub), stop, tasks);
        let guard = guard::Guard::new(&server);
        let policies = policy::Policies::new(server.tls.is_some());
        let known = known::Known::default();
        let dev = Dev { live, cache, reload, hub, guard, lines, known, policies };
        Self { site, sockets, dev: Arc::new(dev) }
    }
}

impl fmt::Debug for DevHandler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DevHandler")
    }
}

impl Handle for DevHandler {
    fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let is_own = request.uri().path().starts_with(OWN);
        if is_own || is_navigation(request.headers()) || self.dev.is_unloaded() {
            return None;
        }
        let answer = self.site.quick(request)?;
        Some(revalidated(request.headers(), answer))
    }

    async fn slow(&self, request: WholeRequest) -> Response<Body> {
        if request.uri().path().starts_with(OWN) {
            return self.own(request).await;
        }
        if is_navigation(request.headers()) {
            return self.page(request).await;
        }
        if self.dev.is_unloaded() {
            return unloaded::problem(Form::wanted(request.headers()));
        }
        let headers = request.headers().clone();
        revalidated(&headers, self.ask(request).await)
    }

    fn observes(&self) -> bool {
        true
    }

    fn sent(&self, seen: &Seen) {
        if self.site.observes() {
            self.site.sent(seen);
        }
        if !seen.target.starts_with(OWN) {
            self.dev.lines.tell(seen);
        }
    }
}

impl DevHandler {
    /// The site's answer, with the reason for a miss noted beside it.
    async fn ask(&self, request: WholeRequest) -> Response<Body> {
        if let Some(answer) = self.site.quick(&request) {
            return answer;
        }
        let lookup = self.dev.known.look(&self.dev.live.site(), &self.dev.cache, &request).await;
        let mut answer = self.site.slow(request).await;
        if let Some(trace) = answer.extensions_mut().get_mut::<Trace>() {
            self.dev.known.explain(trace, lookup, self.dev.cache.clock().now());
        }
        answer
    }

    /// A page that a browser goes to: whole, plain, and with the script.
    async fn page(&self, request: WholeRequest) -> Response<Body> {
        // Before the page is made: an edit meanwhile makes one reload too many, never one too few.
        let stamp = self.dev.hub.stamp(&request).await;
        let request = plain(request);
        let visit = Visit::of(&request);
        let is_near = self.dev.guard.admits(&visit.host, visit.peer).is_ok();
        let mut tag = Tag { stamp, at: visit.target.clone(), nonce: None, is_quiet: false };
        let answer = if self.dev.is_unloaded() {
            tag.is_quiet = true;
            if is_near {
                unloaded::page(&self.dev.reload.status())
            } else {
                unloaded::problem(Form::Html)
            }
        } else {
            let site = self.dev.live.site();
            let answer = self.ask(request).await;
            if is_near { explained(&site, &visit, answer) } else { answer }
        };
        if !is_near {
            return answer;
        }
        self.dev.with_script(answer, tag, &visit.host).await
    }

    /// What is under `/_larder/`: the socket, its script, the site's own pages for errors.
    async fn own(&self, request: WholeRequest) -> Response<Body> {
        let visit = Visit::of(&request);
        if let Err(why) = self.dev.guard.admits(&visit.host, visit.peer) {
            return problem(StatusCode::FORBIDDEN, why);
        }
        match request.uri().path() {
            SOCKET => match guard::check_origin(request.headers(), &visit.host) {
                Ok(()) => self.sockets.open(request).await,
                Err(why) => problem(StatusCode::FORBIDDEN, why),
            },
            SCRIPT => script(),
            path => match path.strip_prefix(ERROR_PAGE).and_then(|text| text.parse().ok()) {
                Some(status) => self.error_page(status, &request, &visit).await,
                None => problem(StatusCode::NOT_FOUND, "there is no such address"),
            },
        }
    }

    /// The site's own page for an error, as visitors get it.
    async fn error_page(
        &self,
        status: u16,
        request: &WholeRequest,
        visit: &Visit,
    ) -> Response<Body> {
        let stamp = self.dev.hub.stamp(request).await;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
        let site = self.dev.live.site();
        let path = request.uri().query().unwrap_or("/");
        let answer = own_error_page(&site, status, path);
        let tag = Tag { stamp, at: visit.target.clone(), nonce: None, is_quiet: false };
        self.dev.with_script(answer, tag, &visit.host).await
    }
}

/// An answer with a page for who works on the site in place of one that only says that there is
/// none: no route was found, or a render failed.
fn explained(site: &Site, visit: &Visit, answer: Response<Body>) -> Response<Body> {
    if let Some(missing) = missing::of(site, &visit.method, &visit.target, &answer) {
        return view::instead_of(&answer, &missing.html());
    }
    let failed = answer.extensions().get().and_then(|trace: &Trace| {
        let route = site.route_named(&trace.route)?;
        Some((route, trace.failed.clone()?))
    });
    match failed {
        Some((route, why)) if answer.status().is_server_error() => {
            view::instead_of(&answer, &view::failed(route, answer.status(), &why))
        }
        _ => answer,
    }
}

/// The site's own page for an error; larder's where it has none.
fn own_error_page(site: &Site, status: StatusCode, path: &str) -> Response<Body> {
    let shown = Problem::new(status).detail("there is no such page");
    let facts = ErrorFacts {
        status: status.as_u16(),
        title: shown.title(),
        detail: shown.detail_text(),
        path,
    };
    let mut answer = shown.answer(Form::Html);
    if let Ok(Some((body, kind))) = site.error_page(facts)
        && let Ok(kind) = HeaderValue::from_str(kind)
    {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        *answer.body_mut() = Body::full(body);
    }
    answer
}

impl Dev {
    /// Whether no good site was ever loaded.
    fn is_unloaded(&self) -> bool {
        self.hub.is_unloaded()
    }

    async fn with_script(
        &self,
        mut answer: Response<Body>,
        mut tag: Tag,
        host: &str,
    ) -> Response<Body> {
        if !inject::takes_script(&answer) {
            return answer;
        }
        tag.nonce = self.policies.admit(answer.headers_mut(), host);
        inject::into(answer, &tag).await
    }
}

/// Who asks for what.
struct Visit {
    method: Method,
    /// Path and query.
    target: String,
    host: String,
    peer: Option<Peer>,
}

impl Visit {
    fn of(request: &WholeRequest) -> Self {
        Self {
            method: request.method().clone(),
            target: target_of(request),
            host: guard::host_of(request),
            peer: request.extensions().get().copied(),
        }
    }
}

fn target_of<B>(request: &Request<B>) -> String {
    request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned()
}

/// The request for the page itself: an answer of 304 or 206 would bring back one without the
/// script, and one that is coded could not be added to. HEAD is answered as GET, so that its
/// length is right; its body is taken away later.
fn plain(mut request: WholeRequest) -> WholeRequest {
    let headers = request.headers_mut();
    for name in ["accept-encoding", "if-match", "if-unmodified-since", "if-range", "range"] {
        headers.remove(name);
    }
    headers.remove(IF_NONE_MATCH);
    headers.remove(IF_MODIFIED_SINCE);
    if *request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    request
}

/// What a page loads is asked for again each time, whatever its `max_age`: else a reload would
/// show the old script, and the new stylesheet only to who empties the browser's cache. Fetches
/// see the lines as they are.
fn revalidated(asked: &HeaderMap, mut answer: Response<Body>) -> Response<Body> {
    const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
    let headers = answer.headers_mut();
    if is_subresource(asked) && headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, NO_CACHE);
    }
    answer
}

fn script() -> Response<Body> {
    let mut answer = Response::new(Body::from(include_str!("live.js")));
    for (name, value) in [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    Problem::new(status).detail(detail).answer(Form::Json)
}
