//! `larder dev`: the site as it is served, with live reload on the way out.
//!
//! [`DevHandler`] stands around the site's own handler. Only pages that a browser goes to are
//! touched, and only after the cache: they get one script tag and are not kept by anybody. All else
//! (fetches, programs, what is stored) is byte for byte what `larder serve` gives. The script
//! (`live.js`) keeps a WebSocket to `socket`, which follows the reloads and tells what each came to
//! for its page. Both are answered by a warp filter (`own`).

mod guard;
mod inject;
mod lines;
mod missing;
mod own;
mod policy;
mod socket;
mod version;
mod view;

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::lines::LineForm;

use self::guard::{is_navigation, is_subresource};
use self::inject::Tag;
use self::socket::Sockets;
use self::version::Versions;
use crate::cache::Cache;
use crate::config::{CacheStatusDetail, ServerConfig};
use crate::http::access::Exchange;
use crate::http::answer::{Answer, Responding};
use crate::http::body::Body;
use crate::http::counts::Answers;
use crate::http::edge::{Handle, Unread};
use crate::http::filter::WarpHandler;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::http::problem::{Form, Problem};
use crate::http::request::{OwnedRequest, RequestView, Without};
use crate::reload::ReloadHandle;
use crate::site::Site;
use crate::site::route::RouteMatch;

/// What is larder's own on the main listener; no route may be there.
const OWN: &str = "/_larder/";
/// Where the script is.
const SCRIPT: &str = "/_larder/live.js";
/// Where its socket is.
const SOCKET: &str = "/_larder/live";
/// Before a status: the site's own page for that error, which the 404 page of `dev` stands over.
const ERROR_PAGE: &str = "/_larder/error/";

/// Serves the site that is live, for who works on it. Clones are the same.
#[derive(Clone)]
pub(crate) struct DevHandler {
    /// What is under [`OWN`].
    own: WarpHandler,
    dev: Arc<Dev>,
}

/// What all requests share.
struct Dev {
    versions: Arc<Versions>,
    cache: Cache,
    sockets: Sockets,
    guard: guard::Guard,
    lines: LineForm,
    known: lines::Known,
    policies: policy::Policies,
    /// What stands before every address.
    base: String,
}

impl DevHandler {
    /// A handler that answers as [`SiteHandler`] does with the `server` section that is in force.
    /// `stop` ends its sockets, which `tasks` waits for; `lines` is how each request is told, and
    /// `invited` are the hosts by which other machines see what this one does.
    pub(crate) fn new(
        live: Arc<Live>,
        cache: Cache,
        reload: ReloadHandle,
        (stop, tasks): (CancellationToken, TaskTracker),
        mut server: ServerConfig,
        (lines, invited): (LineForm, Vec<String>),
    ) -> Self {
        server.cache_status = CacheStatusDetail::Full;
        let base = server.base().to_owned();
        let site = SiteHandler::new(Arc::clone(&live), cache.clone(), &server);
        let versions = Arc::new(Versions { live, reload, site });
        let sockets = Sockets::new(Arc::clone(&versions), stop, tasks);
        let guard = guard::Guard::new(server.admin_hosts, invited);
        let policies =
            policy::Policies { is_secure: server.tls.is_some(), ..policy::Policies::default() };
        let known = lines::Known::default();
        let dev = Arc::new(Dev { versions, cache, sockets, guard, lines, known, policies, base });
        let own = WarpHandler::new(own::filter(&dev));
        Self { own, dev }
    }
}

impl Handle for DevHandler {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        self.respond_to_whole(request, Unread::default())
    }

    fn base(&self) -> &str {
        &self.dev.base
    }

    fn takes_whole(&self, request: &RequestView<'_>) -> bool {
        request.path.starts_with(OWN) || self.dev.versions.site.takes_whole(request)
    }

    fn respond_to_whole(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        if request.path.starts_with(OWN) {
            return self.own.respond_to_whole(request, unread);
        }
        if is_navigation(request.headers) {
            let (this, request) = (self.clone(), request.into_owned());
            return Responding::begin(async move { this.page(&request, unread).await });
        }
        if self.dev.versions.is_unloaded() {
            return nothing_yet(Form::wanted(request.headers)).into();
        }
        let responding = self.ask(request, unread);
        if is_subresource(request.headers) { responding.map(revalidate) } else { responding }
    }

    fn finish(&self, answer: &mut Answer) {
        self.dev.versions.site.finish(answer);
    }

    fn answers(&self) -> Option<Arc<Answers>> {
        self.dev.versions.site.answers()
    }

    fn observes(&self) -> bool {
        true
    }

    fn sent(&self, exchange: &Exchange<'_>) {
        if self.dev.versions.site.observes() {
            self.dev.versions.site.sent(exchange);
        }
        if !exchange.asked.path.starts_with(OWN) {
            self.dev.lines.tell(exchange, self.dev.cache.clock().wall());
        }
    }
}

impl DevHandler {
    /// The site's answer, with the reason for a miss noted beside it.
    fn ask(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        let (dev, site) = (Arc::clone(&self.dev), &self.dev.versions.site);
        let responding = if site.takes_whole(request) {
            site.respond_to_whole(request, unread)
        } else {
            site.respond(request)
        };
        responding.map(move |answer| {
            dev.known.explain(&mut answer.facts, dev.cache.clock().now());
        })
    }

    /// A page that a browser goes to: whole, plain, and with the script.
    async fn page(&self, request: &OwnedRequest, unread: Unread) -> Answer {
        let request = request.view();
        // Before the page is made: an edit meanwhile makes one reload too many, never one too few.
        let tag = self.dev.tag(request.target().into_owned(), request.is_read()).await;
        let host = guard::host_of(request.headers);
        let is_near = self.dev.guard.admits(&host, request.peer).is_ok();
        if !is_near {
            self.dev.guard.tell_refused(request.headers, request.peer);
        }
        let versions = &self.dev.versions;
        let answer = if !tag.is_quiet {
            let site = versions.live.site();
            let mut answer = self.plain_page(&request, unread).await;
            if is_near {
                explain(&site, &request, &mut answer);
            }
            answer
        } else if is_near {
            view::unloaded(&versions.reload.status().state).into()
        } else {
            nothing_yet(Form::Html).into()
        };
        if is_near { self.dev.with_script(answer, tag, &host).await } else { answer }
    }

    /// The page itself: an answer of 304 or 206 would bring back one without the script, and one
    /// that is coded could not be added to. HEAD is answered as GET, so that its length is right;
    /// its body is taken away later.
    async fn plain_page(&self, request: &RequestView<'_>, unread: Unread) -> Answer {
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
        self.ask(&RequestView { method, headers: &headers, ..*request }, unread).answer().await
    }
}

/// Puts a page for who works on the site in place of one that only says that there is none: no
/// route was found, or a render failed.
fn explain(site: &Site, request: &RequestView<'_>, answer: &mut Answer) {
    if answer.status() == StatusCode::NOT_FOUND
        && matches!(site.find(request.method.as_str(), request.path), RouteMatch::NotFound)
    {
        return view::put_in_place(answer, missing::page(site, request.path));
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

/// What every address answers who sees no page while no good site was ever loaded.
fn nothing_yet(form: Form) -> Response<Body> {
    let detail = "the site's files are wrong, and no good ones were loaded yet";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail).answer(form)
}

impl Dev {
    /// What the page for a request of `at` (path and query) is made from now; one that is no GET
    /// or HEAD is not to be sent again.
    async fn tag(&self, at: String, is_read: bool) -> Tag {
        let (site, is_quiet) = (self.versions.of_all(), self.versions.is_unloaded());
        let page = if is_read { Some(self.versions.of(&at).await) } else { None };
        Tag { site, page, at, nonce: None, is_quiet }
    }

    async fn with_script(&self, mut answer: Answer, mut tag: Tag, host: &str) -> Answer {
        let page = answer.response_mut();
        if inject::takes_script(page) {
            tag.nonce = self.policies.admit(page.headers_mut(), &format!("{host}{}", self.base));
            inject::into(page, &tag, &self.base).await;
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
