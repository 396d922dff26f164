//! Between larder's answers and warp's: a filter served behind a listener, and the site as a
//! filter.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::net::SocketAddr;

use ::http::{Request, Response, Version};
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt as _};
use http_body_util::{BodyStream, StreamBody};
use hyper::body::Frame;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Reply as _};

use super::answer::{Answer, Responding};
use super::body::{Body, BodyError};
use super::edge::{Handle, Peer, Unread};
use super::handler::SiteHandler;
use super::listener::Limits;
use super::request::{OwnedRequest, RequestView};
use super::unread::RequestBody;

/// Serves a warp filter. The client's address is in the request's extensions, as [`Peer`].
#[derive(Clone)]
pub struct WarpHandler(BoxedFilter<(Reply,)>);

impl WarpHandler {
    /// Serves `filter`, which is to answer whatever comes.
    #[must_use]
    pub fn new(filter: BoxedFilter<(Reply,)>) -> Self {
        Self(filter)
    }
}

impl fmt::Debug for WarpHandler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WarpHandler")
    }
}

impl Handle for WarpHandler {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        self.respond_to_whole(request, Unread::default())
    }

    fn takes_whole(&self, _request: &RequestView<'_>) -> bool {
        true
    }

    fn respond_to_whole(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        let mut whole = head(request).map(|()| unread.body);
        whole.extensions_mut().extend(unread.extensions);
        let service = TowerToHyperService::new(warp::service(self.0.clone()));
        let answering = service.call(whole);
        Responding::begin(async move {
            match answering.await {
                Ok(response) => Answer::from(response.map(Body::stream)),
                Err(never) => match never {},
            }
        })
    }
}

/// One of our answers as warp's.
pub(crate) fn into_reply(response: Response<Body>) -> Reply {
    let (parts, body) = response.into_parts();
    let body = match body.bytes() {
        Some(bytes) => bytes.clone().into(),
        None => warp::reply::stream(pieces(body)).into_response().into_body(),
    };
    Response::from_parts(parts, body)
}

/// The data of a body that comes in parts.
fn pieces(body: Body) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Sync {
    BodyStream::new(body)
        .filter_map(|frame| ready(frame.map(|frame| frame.into_data().ok()).transpose()))
}

/// The site as a filter: it answers where a route of the site is for the path, by whatever method,
/// and rejects where none is.
pub(crate) fn of_site(site: SiteHandler) -> BoxedFilter<(Reply,)> {
    site.own_filter().or(of_routes(site)).unify().boxed()
}

/// The site's answer to whatever comes, which is its own 404 where no route is for the path.
pub(crate) fn of_site_for_all(site: SiteHandler) -> BoxedFilter<(Reply,)> {
    let missing = site.clone();
    let missing = move |request| answered(missing.clone(), request, RequestBody::default());
    of_routes(site).or(request().then(missing)).unify().boxed()
}

/// The routes alone. The body is taken only where one of them answers: what is rejected, another
/// filter may want to read.
fn of_routes(site: SiteHandler) -> BoxedFilter<(Reply,)> {
    let known = site.clone();
    let of_route = move |request: OwnedRequest| {
        let has_route = known.has_route(&request.view().below(known.base()));
        ready(if has_route { Ok(request) } else { Err(warp::reject::not_found()) })
    };
    let body = warp::body::stream().map(body_of);
    let answer = move |request, body| answered(site.clone(), request, body);
    request().and_then(of_route).and(body).then(answer).boxed()
}

fn body_of<P: Buf>(
    stream: impl Stream<Item = Result<P, warp::Error>> + Send + Sync + 'static,
) -> RequestBody {
    let frame = |mut piece: P| Frame::data(piece.copy_to_bytes(piece.remaining()));
    let frames = stream.map(move |piece| piece.map(frame));
    RequestBody::new(StreamBody::new(frames), &Limits::default(), None)
}

async fn answered(site: SiteHandler, request: OwnedRequest, body: RequestBody) -> Reply {
    let mut answer = site.respond_by_route(&request.view().below(site.base()), body).answer().await;
    let lines = answer.take_lines();
    let response = std::mem::take(answer.response_mut());
    let mut reply = into_reply(response);
    *reply.headers_mut() = lines;
    reply
}

/// The head of a request that warp read.
fn request() -> impl Filter<Extract = (OwnedRequest,), Error = Infallible> + Clone {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::filters::addr::remote())
        .map(|method, path: FullPath, query, headers, peer: Option<SocketAddr>| OwnedRequest {
            method,
            path: path.as_str().to_owned(),
            query,
            version: Version::HTTP_11,
            headers,
            // Without one there is no socket: a test asks.
            peer: peer.unwrap_or_else(|| ([127, 0, 0, 1], 0).into()),
        })
}

fn head(request: &RequestView<'_>) -> Request<()> {
    let owned = request.into_owned();
    let mut head = Request::new(());
    *head.method_mut() = owned.method;
    *head.version_mut() = owned.version;
    // A target that got so far is one that hyper can hold.
    *head.uri_mut() = request.target().parse().unwrap_or_default();
    *head.headers_mut() = owned.headers;
    head.extensions_mut().insert(Peer(request.peer));
    head
}
