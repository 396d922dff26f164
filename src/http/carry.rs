//! Carries our own requests and answers through a warp filter whole.
//!
//! warp takes a request apart and boxes every body; both are needless for one catch-all filter. So
//! a request rides in the extensions of the one that warp sees, and an answer in those of the one
//! that warp gives back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::body::Body;

/// A request as the handler gets it: its body has been read already.
pub type WholeRequest = Request<Full<Bytes>>;

/// A value in a message's extensions, which must be `Clone`; it can be taken once.
pub struct Carried<T>(Arc<Mutex<Option<T>>>);

impl<T> Carried<T> {
    /// Packs `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    /// The value; nothing where it was taken before.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Carried<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Carried<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Carried")
    }
}

/// The request for `warp::service`: method, address, headers and extensions for warp's own filters,
/// the whole request as `Carried<WholeRequest>` for `warp::ext::get`.
#[must_use]
pub fn request_for_warp(request: WholeRequest) -> WholeRequest {
    let mut outer = request.clone();
    outer.extensions_mut().insert(Carried::new(request));
    outer
}

/// What a warp filter gives back for an answer of ours.
#[must_use]
pub fn answer_for_warp(answer: Response<Body>) -> warp::reply::Response {
    let mut outer = warp::reply::Response::new(Bytes::new().into());
    *outer.status_mut() = answer.status();
    outer.extensions_mut().insert(Carried::new(answer));
    outer
}

/// The answer out of what warp gave: the one that was carried, or warp's own (a rejection, say).
#[must_use]
pub fn answer_from_warp(mut outer: warp::reply::Response) -> Response<Body> {
    let carried = outer.extensions_mut().remove::<Carried<Response<Body>>>();
    carried.and_then(|carried| carried.take()).unwrap_or_else(|| outer.map(Body::stream))
}
