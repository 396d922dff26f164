//! What is under `/_larder/`, as a warp filter: the socket, its script, the site's own pages for
//! errors. All of it is for browsers on this machine.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::ws::Ws;

use super::{Dev, ERROR_PAGE, SCRIPT, SOCKET, guard};
use crate::http::edge::Peer;
use crate::http::filter::into_reply;
use crate::http::problem::{Form, Problem};
use crate::http::request::OwnedRequest;

/// All of it; whatever else is asked for is not there.
pub(super) fn filter(dev: &Arc<Dev>) -> BoxedFilter<(Reply,)> {
    let dev = Arc::clone(dev);
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let upgrade = warp::ws().map(Some).or(warp::any().map(|| None)).unify();
    let head = warp::path::full().and(query).and(warp::header::headers_cloned());
    head.and(warp::ext::get::<Peer>())
        .and(upgrade)
        .then(move |path: FullPath, query: String, headers: HeaderMap, Peer(peer), upgrade| {
            let dev = Arc::clone(&dev);
            async move {
                let answer = answer(&dev, (path.as_str(), &query), &headers, peer, upgrade).await;
                answer.unwrap_or_else(|(status, why)| {
                    let mut problem = Problem::new(status).detail(why).answer(Form::Json);
                    let no_store = HeaderValue::from_static("no-store");
                    problem.headers_mut().insert(CACHE_CONTROL, no_store);
                    into_reply(problem)
                })
            }
        })
        .boxed()
}

/// The answer, or the status and the reason why there is none.
async fn answer(
    dev: &Dev,
    (path, query): (&str, &str),
    headers: &HeaderMap,
    peer: SocketAddr,
    upgrade: Option<Ws>,
) -> Result<Reply, (StatusCode, &'static str)> {
    let forbidden = |why| {
        dev.guard.tell_refused(headers, peer);
        (StatusCode::FORBIDDEN, why)
    };
    let host = guard::host_of(headers);
    dev.guard.admits(&host, peer).map_err(forbidden)?;
    match path {
        SOCKET => {
            dev.guard.check_origin(headers, &host).map_err(forbidden)?;
            let no_socket = (StatusCode::UPGRADE_REQUIRED, "this address is a WebSocket's");
            Ok(dev.sockets.open(upgrade.ok_or(no_socket)?, query))
        }
        SCRIPT => Ok(script()),
        path => {
            let status = path.strip_prefix(ERROR_PAGE).and_then(|text| text.parse().ok());
            let status = status
                .filter(|status: &StatusCode| status.is_client_error() || status.is_server_error())
                .ok_or((StatusCode::NOT_FOUND, "there is no such address"))?;
            // The query is the path that was not found.
            let missing = if query.is_empty() { "/" } else { query };
            let request = OwnedRequest::get(missing);
            let mut request = request.ok_or((StatusCode::BAD_REQUEST, "that is no path"))?;
            request.headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
            let tag = dev.tag(format!("{path}?{missing}"), true).await;
            let problem = Problem::new(status).detail("there is no such page");
            let page = dev.versions.site.problem(&request.view(), problem).answer().await;
            let mut answer = dev.with_script(page, tag, &host).await;
            Ok(into_reply(std::mem::take(answer.response_mut())))
        }
    }
}

fn script() -> Reply {
    let mut answer = Response::new(include_str!("live.js").into());
    for (name, value) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
