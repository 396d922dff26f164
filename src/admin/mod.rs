//! The admin listener: requests about the site → keys, purges, status, metrics, and the page.
//!
//! [`filter`] is all of it: a filter for each resource, which matches the whole path and never a
//! part of it, and before them the guards. `app` runs it beside the site.

mod explain;
mod fields;
mod guard;
mod keys;
mod metrics;
mod page;
mod reply;
mod request;
mod session;
mod status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::guard::Guard;
use self::metrics::Metrics;
use self::request::first_of;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig};
use crate::http::live::Live;
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
#[derive(Debug)]
struct State {
    parts: Parts,
    guard: Guard,
    metrics: Metrics,
}

/// Answers the requests of a listener that is bound to `bound`.
///
/// Liveness and readiness are for anybody. All else is only for the listener's own pages and for
/// programs, and all but the login and the pages' own files only for who knows the token.
pub(crate) fn filter(parts: Parts, bound: SocketAddr) -> BoxedFilter<(Response,)> {
    let guard = Guard::new(&parts.server, bound, &parts.clock);
    let metrics = Metrics::new(&parts);
    let state = Arc::new(State { parts, guard, metrics });
    let for_token = first_of([
        keys::keys(&state),
        keys::key(&state),
        keys::purge(&state),
        status::status(&state),
        status::reload(&state),
        explain::explain(&state),
        explain::plan(&state),
        metrics::metrics(&state),
        page::pages(&state),
    ]);
    let guarded = first_of([page::open_pages(&state), guard::token(&state).and(for_token).boxed()]);
    let guarded = guard::own_origin(&state).and(guarded).boxed();
    first_of([status::healthz(), status::readyz(&state), guarded])
        .recover(reply::refusal)
        .unify()
        .with(warp::reply::with::headers(reply::safe_headers()))
        .map(warp::Reply::into_response)
        .boxed()
}
