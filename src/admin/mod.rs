//! The admin listener: requests about the site → keys, purges, status, metrics, and the page.
//!
//! [`filter`] is all of it: a filter for each resource, which matches the whole path and never a
//! part of it, and before them the guards. `app` runs it beside the site.

mod entries;
mod explain;
mod guard;
mod keys;
mod metrics;
mod page;
mod plan;
mod reply;
mod request;
mod session;
mod sources;
mod status;
mod throttle;
mod warm;

use std::future::ready;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter as _, Reply as _};

pub(crate) use self::entries::{EntryPage, EntryRow};
pub(crate) use self::explain::Explained;
pub(crate) use self::keys::{ALL_NAMESPACES, PurgeRequest, SentPurge};
pub(crate) use self::plan::Plan;
pub(crate) use self::warm::{Addresses, Wanted, Warmed};

use self::guard::Guard;
use self::request::{at, first_of, get, methods, post_json, posted, resource, with};
use self::status::reload;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig};
use crate::http::live::Live;
use crate::http::problem::Form;
use crate::reload::ReloadHandle;

/// What the admin listener shows and changes.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The site that is served.
    pub live: Arc<Live>,
    /// What it is answered from.
    pub cache: Cache,
    /// How it is loaded anew.
    pub reload: ReloadHandle,
    /// Tells the time.
    pub clock: Clock,
    /// Where the site itself is served.
    pub site: SocketAddr,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
    /// The directory of the site and the main file's name in it, for `plan`.
    pub files: (PathBuf, String),
    /// The directory of files that stand in for servers.
    pub stub: Option<String>,
    /// The `server` section that the process was started with, as typed.
    pub server: ServerConfig,
    /// The `cache` section that the process was started with, as typed.
    pub typed_cache: CacheConfig,
    /// The store that is used, which the command line may have said.
    pub store: Secret,
}

/// What the resources share.
struct State {
    parts: Parts,
    guard: Guard,
    /// Plans are made one at a time: each compiles a whole site.
    plans: Arc<Semaphore>,
}

impl State {
    /// For a listener that is bound to `bound`.
    fn new(parts: Parts, bound: SocketAddr) -> Arc<Self> {
        let guard = Guard::new(&parts.server, bound, &parts.clock);
        Arc::new(Self { parts, guard, plans: Arc::new(Semaphore::new(1)) })
    }
}

/// Answers the requests of a listener that is bound to `bound`.
///
/// Liveness and readiness are for anybody. All else is only for the listener's own pages and for
/// programs, and all but the login and the pages' own files only for who knows the token.
///
/// Beside the answers is what has to go on for as long as they are given; it does not end.
pub(crate) fn filter(
    parts: Parts,
    bound: SocketAddr,
) -> (BoxedFilter<(Response,)>, impl Future<Output = ()>) {
    let state = State::new(parts, bound);
    let shared = Arc::clone(&state);
    let telling = async move { shared.guard.tell_of_tokens().await };
    let guarded = first_of([
        page::open_pages(&state),
        guard::only(&state, Guard::check_token).and(for_token(&state)).boxed(),
    ]);
    let guarded = guard::only(&state, Guard::check_origin).and(guarded).boxed();
    let alive = get(&state, "/healthz", |_, _| ready(Ok("alive\n".into_response())));
    let takes_requests = get(&state, "/readyz", |state, _| ready(status::ready(&state)));
    let answer = first_of([alive, takes_requests, guarded])
        .recover(reply::refusal)
        .unify()
        .with(warp::reply::with::headers(reply::safe_headers()))
        .map(warp::Reply::into_response);
    let asked = warp::path::full().and(warp::header::headers_cloned());
    let in_form = |path: FullPath, headers: HeaderMap, answer| {
        let is_page = guard::is_page(path.as_str()) && Form::wanted(&headers) == Form::Html;
        if is_page { reply::for_browsers(answer) } else { answer }
    };
    (asked.and(answer).map(in_form).boxed(), telling)
}

/// What is only for who knows the token.
fn for_token(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    first_of([
        get(state, "/api/keys", keys::list),
        keys::key(state),
        post_json(state, "/api/purge", keys::PURGE_HELP, keys::purge),
        post_json(state, "/api/warm", "`url` is a path of the site, with its query", warm::warm),
        get(state, "/api/addresses", warm::addresses),
        get(state, "/api/status", |state, _| ready(Ok(reply::json(&state.status())))),
        resource(at("/api/reload"), posted("application/json").and(with(state)).then(reload)),
        get(state, "/api/explain", explain::explain),
        post_json(state, "/api/plan", "`text` is the file as it would be saved", plan::plan),
        metrics(state),
        page::pages(state),
    ])
}

fn metrics(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let answer = |state: Arc<State>, headers: HeaderMap| Ok(metrics::answer(&state, &headers));
    let asked = methods("GET, HEAD").and(with(state)).and(warp::header::headers_cloned());
    resource(at("/metrics"), asked.map(answer))
}

/// The answer to a request of this process itself, which is as good as who knows the token.
pub(crate) async fn ask(parts: &Parts, request: Request<String>) -> (StatusCode, String) {
    let filter = for_token(&State::new(parts.clone(), parts.site));
    let Ok(answer) = TowerToHyperService::new(warp::service(filter)).call(request).await;
    let (head, body) = answer.into_parts();
    // A body that is there already cannot fail.
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    (head.status, String::from_utf8_lossy(&body).into_owned())
}
