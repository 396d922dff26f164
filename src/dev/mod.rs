//! `larder dev`: the site as it is served, with live reload on the way out.
//!
//! [`DevHandler`] stands around the site's own handler. Only pages that a browser goes to are
//! touched, and only after the cache: they get one script tag and are not kept by anybody. All else
//! (fetches, programs, what is stored) is byte for byte what `larder serve` gives. The script
//! (`live.js`) keeps a WebSocket to `socket`, which is told by `hub` what every reload came to.
//! Both are warp filters (`own`).

mod guard;
mod hub;
mod inject;
mod known;
mod lines;
mod missing;
mod navigation;
mod own;
mod policy;
mod socket;
mod unloaded;
mod version;
mod view;

use std::fmt;
use std::sync::Arc;

use http::Method;
use http::header::{CACHE_CONTROL, HeaderValue};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::lines::{LineForm, Lines};

use self::hub::Hub;
use self::inject::Tag;
use self::navigation::{is_navigation, is_subresource};
use self::socket::Sockets;
use crate::cache::Cache;
use crate::config::{CacheStatusDetail, ServerConfig};
use crate::http::access::Exchange;
use crate::http::answer::{Answer, Responding};
use crate::http::edge::{Handle, Unread};
use crate::http::filter::WarpHandler;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::http::problem::Form;
use crate::http::request::{OwnedRequest, RequestView, Without};
use crate::reload::ReloadHandle;
use crate::site::Site;

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
pub(crate) struct Parts {
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
pub(crate) struct DevHandler {
    site: SiteHandler,
    /// What is under [`OWN`].
    own: WarpHandler,
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
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { live, cache, reload, stop, tasks, mut server, lines } = parts;
        server.cache_status = CacheStatusDetail::Full;
        let site = SiteHandler::new(Arc::clone(&live), cache.clone(), &server);
        let hub = Arc::new(Hub::new(Arc::clone(&live), reload.clone(), server.docs.clone()));
        tasks.spawn(Arc::clone(&hub).run(stop.clone()));
        let sockets = Sockets::new(Arc::clone(&hub), stop, tasks);
        let guard = guard::Guard::new(&server);
        let policies = policy::Policies::new(server.tls.is_some());
        let known = known::Known::default();
        let dev = Arc::new(Dev { live, cache, reload, hub, guard, lines, known, policies });
        let own = WarpHandler::new(own::filter(&dev, sockets));
        Self { site, own, dev }
    }
}

impl fmt::Debug for DevHandler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DevHandler")
    }
}

impl Handle for DevHandler {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        if is_navigation(request.headers) {
            let (this, request) = (self.clone(), request.into_owned());
            return Responding::begin(async move { this.page(&request).await });
        }
        if self.dev.is_unloaded() {
            return unloaded::problem(Form::wanted(request.headers)).into();
        }
        let responding = self.ask(request);
        if is_subresource(request.headers) { responding.map(revalidate) } else { responding }
    }

    fn takes_whole(&self, request: &RequestView<'_>) -> bool {
        request.path.starts_with(OWN)
    }

    fn respond_to_whole(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        self.own.respond_to_whole(request, unread)
    }

    fn observes(&self) -> bool {
        true
    }

    fn sent(&self, exchange: &Exchange<'_>) {
        if self.site.observes() {
            self.site.sent(exchange);
        }
        if !exchange.asked.path.starts_with(OWN) {
            self.dev.lines.tell(exchange);
        }
    }
}

impl DevHandler {
    /// The site's answer, with the reason for a miss noted beside it.
    fn ask(&self, request: &RequestView<'_>) -> Responding {
        let dev = Arc::clone(&self.dev);
        self.site.respond(request).map(move |answer| {
            dev.known.explain(&mut answer.facts, dev.cache.clock().now());
        })
    }

    /// A page that a browser goes to: whole, plain, and with the script.
    async fn page(&self, request: &OwnedRequest) -> Answer {
        let request = request.view();
        // Before the page is made: an edit meanwhile makes one reload too many, never one too few.
        let stamp = self.dev.hub.stamp(&request).await;
        let host = guard::host_of(request.headers);
        let is_near = self.dev.guard.admits(&host, request.peer).is_ok();
        let at = request.target().into_owned();
        let tag = Tag { stamp, at, nonce: None, is_quiet: self.dev.is_unloaded() };
        let answer = if !tag.is_quiet {
            let site = self.dev.live.site();
            let mut answer = self.plain_page(&request).await;
            if is_near {
                explain(&site, &request, &mut answer);
            }
            answer
        } else if is_near {
            unloaded::page(&self.dev.reload.status()).into()
        } else {
            unloaded::problem(Form::Html).into()
        };
        if is_near { self.dev.with_script(answer, tag, &host).await } else { answer }
    }

    /// The page itself: an answer of 304 or 206 would bring back one without the script, and one
    /// that is coded could not be added to. HEAD is answered as GET, so that its length is right;
    /// its body is taken away later.
    async fn plain_page(&self, request: &RequestView<'_>) -> Answer {
        let hidden = [
            "accept-encoding",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "range",
        ];
        let headers = Without { headers: request.headers, hidden: &hidden };
        let is_read = request.is_read();
        let method = if is_read { &Method::GET } else { request.method };
        self.ask(&RequestView { method, headers: &headers, ..*request }).answer().await
    }
}

/// Puts a page for who works on the site in place of one that only says that there is none: no
/// route was found, or a render failed.
fn explain(site: &Site, request: &RequestView<'_>, answer: &mut Answer) {
    if let Some(missing) = missing::of(site, request, answer) {
        return view::put_in_place(answer, missing.html());
    }
    if !answer.status().is_server_error() {
        return;
    }
    let route = answer.facts.route_name().and_then(|name| site.route_named(name));
    if let Some((route, why)) = route.zip(answer.facts.failed.clone()) {
        let page = view::failed(route, answer.status(), &why);
        view::put_in_place(answer, page);
    }
}

impl Dev {
    /// Whether no good site was ever loaded.
    fn is_unloaded(&self) -> bool {
        self.hub.is_unloaded()
    }

    async fn with_script(&self, mut answer: Answer, mut tag: Tag, host: &str) -> Answer {
        let page = answer.response_mut();
        if inject::takes_script(page) {
            tag.nonce = self.policies.admit(page.headers_mut(), host);
            inject::into(page, &tag).await;
        }
        answer
    }
}

/// What a page loads is asked for again each time, whatever its `max_age`: else a reload would
/// show the old script, and the new stylesheet only to who empties the browser's cache. Fetches
/// see the lines as they are.
fn revalidate(answer: &mut Answer) {
    let headers = answer.response_mut().headers_mut();
    if let Some(line) = headers.get_mut(CACHE_CONTROL) {
        *line = HeaderValue::from_static("no-cache");
    }
}
