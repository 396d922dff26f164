//! What is under `/_larder/`, as warp filters: the socket, its script, the site's own pages for
//! errors. All of it is for browsers on this machine.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::inject::Tag;
use super::socket::Sockets;
use super::{Dev, ERROR_PAGE, SCRIPT, SOCKET, guard};
use crate::http::body::Body;
use crate::http::edge::Peer;
use crate::http::filter::into_reply;
use crate::http::problem::{Form, Problem};
use crate::site::{ErrorFacts, ErrorJob, LONGEST_RENDER, Site};

/// All of it; whatever else is asked for is not there.
pub(super) fn filter(dev: &Arc<Dev>, sockets: Sockets) -> BoxedFilter<(Reply,)> {
    let inner = socket(sockets)
        .or(script())
        .unify()
        .or(error_page(Arc::clone(dev)))
        .unify()
        .or(warp::any().map(|| problem(StatusCode::NOT_FOUND, "there is no such address")))
        .unify();
    let unreadable = (StatusCode::BAD_REQUEST, "the request could not be read");
    near(Arc::clone(dev)).untuple_one().and(inner).recover(recovery(unreadable)).unify().boxed()
}

/// Why a request is refused.
#[derive(Debug)]
struct Refused(&'static str);

impl warp::reject::Reject for Refused {}

/// Passes browsers on this machine.
fn near(dev: Arc<Dev>) -> impl Filter<Extract = ((),), Error = Rejection> + Clone {
    warp::ext::get::<Peer>().and(warp::header::headers_cloned()).and_then(
        move |Peer(peer): Peer, headers: HeaderMap| {
            let near = dev.guard.admits(&guard::host_of(&headers), peer);
            ready(near.map_err(|why| warp::reject::custom(Refused(why))))
        },
    )
}

fn exactly(path: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::path::full()
        .and_then(move |full: FullPath| {
            let is_it = full.as_str() == path;
            ready(if is_it { Ok(()) } else { Err(warp::reject::not_found()) })
        })
        .untuple_one()
}

fn socket(sockets: Sockets) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let own_page = warp::header::headers_cloned()
        .and_then(|headers: HeaderMap| {
            let own = guard::check_origin(&headers, &guard::host_of(&headers));
            ready(own.map_err(|why| warp::reject::custom(Refused(why))))
        })
        .untuple_one();
    let no_socket = (StatusCode::UPGRADE_REQUIRED, "this address is a WebSocket's");
    exactly(SOCKET).and(own_page.and(sockets.filter()).recover(recovery(no_socket)).unify())
}

fn script() -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    exactly(SCRIPT).map(|| {
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
    })
}

/// The site's own page for an error, as visitors get it; the query is the path that was not found.
fn error_page(dev: Arc<Dev>) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
    let status = warp::path::full().and_then(|full: FullPath| {
        let status = full.as_str().strip_prefix(ERROR_PAGE).and_then(|text| text.parse().ok());
        let status = status
            .filter(|status: &StatusCode| status.is_client_error() || status.is_server_error());
        ready(status.ok_or_else(warp::reject::not_found))
    });
    let path = warp::query::raw().or(warp::any().map(|| "/".to_owned())).unify();
    status.and(path).and(warp::path::full()).and(warp::header::headers_cloned()).then(
        move |status: StatusCode, path: String, full: FullPath, headers: HeaderMap| {
            let dev = Arc::clone(&dev);
            async move {
                let at = format!("{}?{path}", full.as_str());
                let page = own_error_page(&dev.live.site(), status, &path);
                let stamp = dev.hub.stamp_of(&at).await;
                let tag = Tag { stamp, at, nonce: None, is_quiet: false };
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                let mut answer = dev.with_script(page.into(), tag, host.unwrap_or_default()).await;
                into_reply(std::mem::take(answer.response_mut()))
            }
        },
    )
}

/// The site's own page for an error; larder's where it has none.
fn own_error_page(site: &Arc<Site>, status: StatusCode, path: &str) -> Response<Body> {
    let shown = Problem::new(status).detail("there is no such page");
    let facts = ErrorFacts {
        status: status.as_u16(),
        title: shown.title(),
        detail: shown.detail_text(),
        path,
    };
    let mut answer = shown.answer(Form::Html);
    if let Some(job) = ErrorJob::new(site, facts)
        && let Ok(body) = job.run(LONGEST_RENDER)
        && let Ok(kind) = HeaderValue::from_str(job.content_type())
    {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        *answer.body_mut() = Body::full(body);
    }
    answer
}

/// Why a request was refused, or what is said where it did not fit.
fn recovery(
    otherwise: (StatusCode, &'static str),
) -> impl Fn(Rejection) -> Ready<Result<Reply, Infallible>> + Clone {
    move |rejection| {
        let refused = rejection.find().map(|Refused(why)| (StatusCode::FORBIDDEN, *why));
        let (status, why) = refused.unwrap_or(otherwise);
        ready(Ok(problem(status, why)))
    }
}

fn problem(status: StatusCode, detail: &str) -> Reply {
    let mut answer = Problem::new(status).detail(detail).answer(Form::Json);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    into_reply(answer)
}
