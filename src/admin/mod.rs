//! The admin listener: requests about the site → keys, purges, status, metrics, and the page.
//!
//! [`Admin`] is what the listener calls. Every request goes through the `guard`; what passes is
//! matched by its whole path, never by a part of it. `app` makes one and runs it beside the site.

mod api;
mod entries;
mod explain;
mod fields;
mod guard;
mod metrics;
mod page;
mod reply;
mod session;
mod status;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use self::guard::{Guard, Refused, is_read};
use self::metrics::Metrics;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{CacheConfig, ServerConfig};
use crate::http::body::Body;
use crate::http::carry::WholeRequest;
use crate::http::edge::Handle;
use crate::http::live::Live;
use crate::reload::ReloadHandle;

/// What the admin listener shows and changes.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The site that is served.
    pub live: Arc<Live>,
    /// What it is answered from.
    pub cache: Cache,
    /// How it is loaded anew.
    pub reload: ReloadHandle,
    /// Tells the time.
    pub clock: Clock,
    /// Where the site itself is served.
    pub site: std::net::SocketAddr,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
    /// The directory of the site and the main file's name in it, for `plan`.
    pub files: (std::path::PathBuf, String),
    /// The `server` section that the process was started with, as typed.
    pub server: ServerConfig,
    /// The `cache` section that the process was started with, as typed.
    pub typed_cache: CacheConfig,
    /// The store that is used, which the command line may have said.
    pub store: crate::config::Secret,
}

/// Answers the admin listener's requests. Clones are the same.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    parts: Parts,
    guard: Guard,
    metrics: Metrics,
}

impl Admin {
    /// The handler of a listener that is bound to `bound`.
    #[must_use]
    pub fn new(parts: Parts, bound: SocketAddr) -> Self {
        let guard = Guard::new(&parts.server, bound);
        let metrics = Metrics::new(&parts);
        Self(Arc::new(Inner { parts, guard, metrics }))
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Admin").field("guard", &self.0.guard).finish_non_exhaustive()
    }
}

impl Handle for Admin {
    fn quick<B>(&self, _request: &Request<B>) -> Option<Response<Body>> {
        None
    }

    async fn slow(&self, request: WholeRequest) -> Response<Body> {
        reply::guarded(self.0.answer(&request).await)
    }
}

impl Inner {
    async fn answer(&self, request: &WholeRequest) -> Response<Body> {
        let path = request.uri().path();
        match path {
            "/healthz" => return self.only_read(request, |_| reply::typed(TEXT, "alive\n")),
            "/readyz" => return self.only_read(request, Self::ready),
            _ => {}
        }
        if let Err(why) = self.guard.check_origin(request.method(), request.headers()) {
            return reply::refused(why);
        }
        let open = matches!(path, "/login" | page::STYLE | page::SCRIPT | page::ICON);
        if !open && let Err(why) = self.guard.check_token(request.headers()) {
            return self.without_token(request, why);
        }
        if path.starts_with("/api/") {
            return self.api(request).await;
        }
        match path {
            "/metrics" => self.only_read(request, |inner| {
                reply::typed(metrics::CONTENT_TYPE, inner.metrics.text())
            }),
            _ => self.page(request).await,
        }
    }

    /// Who has no token is shown the login where the page was asked for.
    fn without_token(&self, request: &WholeRequest, why: Refused) -> Response<Body> {
        if request.uri().path() == "/" && is_read(request.method()) {
            return page::login(self, None);
        }
        reply::refused(why)
    }

    fn ready(&self) -> Response<Body> {
        if self.parts.stop.is_cancelled() {
            return reply::problem(StatusCode::SERVICE_UNAVAILABLE, "the process is stopping");
        }
        reply::typed(TEXT, "ready\n")
    }

    fn only_read(
        &self,
        request: &WholeRequest,
        answer: impl FnOnce(&Self) -> Response<Body>,
    ) -> Response<Body> {
        if is_read(request.method()) { answer(self) } else { reply::not_allowed("GET, HEAD") }
    }

    async fn api(&self, request: &WholeRequest) -> Response<Body> {
        let (method, path) = (request.method(), request.uri().path());
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        if let Some(key) = target.strip_prefix("/api/keys/") {
            return self.one_key(method, key).await;
        }
        let (read, allow) = match path {
            "/api/keys" | "/api/status" | "/api/explain" => (true, "GET, HEAD"),
            "/api/purge" | "/api/reload" | "/api/plan" => (false, "POST"),
            _ => return reply::problem(StatusCode::NOT_FOUND, "there is no such address"),
        };
        if read != is_read(method) || (!read && *method != Method::POST) {
            return reply::not_allowed(allow);
        }
        if !read && let Err(why) = guard::check_json(request.headers()) {
            return reply::refused(why);
        }
        match path {
            "/api/keys" => self.keys(request).await,
            "/api/status" => reply::json(&self.status()),
            "/api/explain" => self.explain(request).await,
            "/api/purge" => self.purge(request).await,
            "/api/plan" => self.plan(request).await,
            _ => self.reload().await,
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
