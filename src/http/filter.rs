//! Between larder's answers and warp's: a filter served behind a listener, and the site as a
//! filter.

use std::fmt;

use ::http::{Request, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use warp::filters::BoxedFilter;

use super::answer::{Answer, Responding};
use super::body::Body;
use super::edge::{Handle, Peer, Unread};
use super::request::RequestView;

/// Serves a warp filter. The client's address is in the request's extensions, as [`Peer`].
#[derive(Clone)]
pub struct WarpHandler(BoxedFilter<(warp::reply::Response,)>);

impl WarpHandler {
    /// Serves `filter`, which is to answer whatever comes.
    #[must_use]
    pub fn new(filter: BoxedFilter<(warp::reply::Response,)>) -> Self {
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

/// One of our answers as warp's: its bytes are there, which those of a directory's files are not.
pub(crate) fn into_reply(answer: Response<Body>) -> warp::reply::Response {
    let (parts, body) = answer.into_parts();
    let bytes = body.bytes().cloned();
    debug_assert!(bytes.is_some(), "a filter of ours answers with bytes");
    Response::from_parts(parts, bytes.unwrap_or_default().into())
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
