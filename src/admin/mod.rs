//! The admin listener: requests about the site → keys, purges, status, metrics, and the page.
//!
//! [`filter`] is all of it: a filter for each resource, which matches the whole path and never a
//! part of it, and before them the guards. `app` runs it beside the site.

mod explain;
mod guard;
mod keys;
mod metrics;
mod page;
mod reply;
mod request;
mod session;
mod status;

use std::future::ready;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter as _, Reply as _};

use self::guard::Guard;
use self::request::{at, first_of, get, post_json, posted, resource, with};
use self::status::reload;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig};
use crate::http::live::Live;
use crate::inspect::PurgeRequest;
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
}

/// Answers the requests of a listener that is bound to `bound`.
///
/// Liveness and readiness are for anybody. All else is only for the listener's own pages and for
/// programs, and all but the login and the pages' own files only for who knows the token.
pub(crate) fn filter(parts: Parts, bound: SocketAddr) -> BoxedFilter<(Response,)> {
    let guard = Guard::new(&parts.server, bound, &parts.clock);
    let state = Arc::new(State { parts, guard });
    let for_token = first_of([
        get(&state, "/api/keys", keys::list),
        keys::key(&state),
        post_json(&state, "/api/purge", PurgeRequest::HELP, keys::purge),
        get(&state, "/api/status", |state, _| ready(Ok(reply::json(&state.status())))),
        resource(at("/api/reload"), posted("application/json").and(with(&state)).then(reload)),
        get(&state, "/api/explain", explain::explain),
        post_json(&state, "/api/plan", "`text` is the file as it would be saved", explain::plan),
        get(&state, "/metrics", |state, _| ready(Ok(metrics::text(&state.parts)))),
        page::pages(&state),
    ]);
    let guarded = first_of([
        page::open_pages(&state),
        guard::only(&state, Guard::check_token).and(for_token).boxed(),
    ]);
    let guarded = guard::only(&state, Guard::check_origin).and(guarded).boxed();
    let alive = get(&state, "/healthz", |_, _| ready(Ok("alive\n".into_response())));
    let takes_requests = get(&state, "/readyz", |state, _| ready(status::ready(&state)));
    first_of([alive, takes_requests, guarded])
        .recover(reply::refusal)
        .unify()
        .with(warp::reply::with::headers(reply::safe_headers()))
        .map(warp::Reply::into_response)
        .boxed()
}
