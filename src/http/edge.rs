//! From hyper's request to the handler's answer: the head is checked, the body read within bounds,
//! a panic caught.
//!
//! [`Handle`] is the boundary. Its `quick` answers what is in memory, before warp sees anything;
//! its `slow` does the rest. One `Edge` serves one connection.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::access::Seen;
use super::body::{Body, BodyError};
use super::carry::WholeRequest;
use super::head::{self, Refusal};
use super::headers::Fields;
use super::hit::{Asking, Hit};
use super::listener::Limits;
use super::problem::{Form, Problem};
use super::pulse::{InFlight, Pulse};
use crate::clock::Moment;
use crate::site::key::Headers;

/// Answers requests whose heads are sound. Clones are cheap and the same.
pub trait Handle: Clone + Send + Sync + 'static {
    /// The answer, where it is in memory: never waits. Asked for requests without a body only.
    fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>>;

    /// An answer in memory as bytes, for what nearly every request is: the fastest way of all.
    /// Nothing where `quick` or `slow` has to look. Not asked where [`Handle::observes`].
    fn hit<F: Fields + Headers>(&self, _asking: &Asking<'_, F>) -> Option<Hit> {
        None
    }

    /// The answer. [`Peer`] is in the request's extensions. Dropped when the client leaves: work
    /// that others wait for belongs to a task of its own.
    fn slow(&self, request: WholeRequest) -> impl Future<Output = Response<Body>> + Send;

    /// Whether [`Handle::sent`] wants to be told: asked before each request, which is copied only
    /// then.
    fn observes(&self) -> bool {
        false
    }

    /// An answer was handed over whole, or its client is gone. Must not wait.
    fn sent(&self, _seen: &Seen) {}
}

/// The address of the client, as the socket says: in the extensions of what [`Handle::slow`] gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What hyper calls for the requests of one connection.
#[derive(Debug)]
pub(super) struct Edge<H> {
    handler: H,
    peer: SocketAddr,
    limits: Arc<Limits>,
    pulse: Arc<Pulse>,
}

/// An answer that is being made.
pub(super) type Answering<H> = Pin<Box<dyn Future<Output = Response<Tracked<H>>> + Send>>;

type Answer<H> = Result<Response<Tracked<H>>, Infallible>;

impl<H: Handle> Edge<H> {
    pub(super) fn new(
        handler: H,
        peer: SocketAddr,
        limits: Arc<Limits>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self { handler, peer, limits, pulse }
    }
}

impl<H: Handle> hyper::service::Service<Request<Incoming>> for Edge<H> {
    type Response = Response<Tracked<H>>;
    type Error = Infallible;
    type Future = Either<Ready<Answer<H>>, Pin<Box<dyn Future<Output = Answer<H>> + Send>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let sending = self.begin(&request);
        let refusal = head::check(&mut request).err().or_else(|| self.two_lengths(&request));
        let at_once = match refusal {
            Some(refusal) => Some(refuse(refusal, Form::wanted(request.headers()))),
            None if !request.body().is_end_stream() => None,
            None if request.uri().path() == "*" => Some(asterisk()),
            None => self.quick(&request),
        };
        if let Some(answer) = at_once {
            return Either::Left(ready(Ok(sending.track(answer))));
        }
        let (handler, peer, limits) = (self.handler.clone(), self.peer, Arc::clone(&self.limits));
        Either::Right(Box::pin(async move {
            Ok(sending.track(slow(handler, peer, &limits, request).await))
        }))
    }
}

impl<H: Handle> Edge<H> {
    /// An answer in memory as bytes.
    pub(super) fn hit<F: Fields + Headers>(&self, asking: &Asking<'_, F>) -> Option<Hit> {
        if self.handler.observes() {
            return None;
        }
        // `slow` meets the same panic, and answers 500.
        catch_unwind(AssertUnwindSafe(|| self.handler.hit(asking))).ok()?
    }

    /// The answer to a request whose head is sound and which has no body.
    pub(super) fn answer(
        &self,
        request: WholeRequest,
    ) -> Either<Response<Tracked<H>>, Answering<H>> {
        let sending = self.begin(&request);
        if let Some(answer) = self.quick(&request) {
            return Either::Left(sending.track(answer));
        }
        let (handler, peer) = (self.handler.clone(), self.peer);
        let answering = async move { sending.track(whole(handler, peer, request).await) };
        Either::Right(Box::pin(answering))
    }

    fn begin<B>(&self, request: &Request<B>) -> Sending<H> {
        Sending {
            in_flight: self.pulse.begin(),
            note: self.note(request),
            is_head: *request.method() == Method::HEAD,
            is_http2: request.version() == Version::HTTP_2,
        }
    }

    fn note<B>(&self, request: &Request<B>) -> Option<Box<Note<H>>> {
        self.handler.observes().then(|| {
            let seen = Seen::begin(request, self.peer.ip());
            Box::new(Note { handler: self.handler.clone(), begun: self.pulse.now(), seen })
        })
    }

    fn two_lengths(&self, request: &Request<Incoming>) -> Option<Refusal> {
        if !request.headers().contains_key(http::header::TRANSFER_ENCODING) {
            return None;
        }
        let both = self.pulse.with_tail(|tail| head::names_both_lengths(tail, request));
        both.then_some(Refusal::TwoLengths)
    }

    fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        catch_unwind(AssertUnwindSafe(|| self.handler.quick(request)))
            .unwrap_or_else(|panic| Some(panicked(panic.as_ref(), Form::wanted(request.headers()))))
    }
}

async fn slow<H: Handle>(
    handler: H,
    peer: SocketAddr,
    limits: &Limits,
    request: Request<Incoming>,
) -> Response<Body> {
    let form = Form::wanted(request.headers());
    let (parts, incoming) = request.into_parts();
    let body = match read_body(incoming, &parts.headers, limits).await {
        Ok(body) => body,
        Err(refusal) => return refuse(refusal, form),
    };
    whole(handler, peer, Request::from_parts(parts, Full::new(body))).await
}

async fn whole<H: Handle>(
    handler: H,
    peer: SocketAddr,
    mut request: WholeRequest,
) -> Response<Body> {
    let form = Form::wanted(request.headers());
    request.extensions_mut().insert(Peer(peer));
    let answer = AssertUnwindSafe(handler.slow(request)).catch_unwind().await;
    answer.unwrap_or_else(|panic| panicked(panic.as_ref(), form))
}

/// Reads a body whole, within its bounds, so that no handler is ever held by a slow client.
async fn read_body(
    incoming: Incoming,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<Bytes, Refusal> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    if incoming.size_hint().lower() > limits.body as u64 {
        // Who waits for a 100 has sent nothing that would have to be read away.
        if !headers.contains_key(EXPECT) {
            discard(incoming).await;
        }
        return Err(Refusal::LargeBody);
    }
    let reading = Limited::new(incoming, limits.body).collect();
    match timeout(limits.body_time, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::LargeBody),
        Ok(Err(_broken)) => Err(Refusal::BrokenBody),
        Err(_elapsed) => Err(Refusal::SlowBody),
    }
}

/// Reads away some of a body that is refused: a connection closed with unread bytes is reset, and
/// the reset can overtake the answer.
async fn discard(mut incoming: Incoming) {
    let mut left = DISCARD;
    let reading = async {
        while let Some(Ok(frame)) = incoming.frame().await {
            let count = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(count) else { return };
            left = rest;
        }
    };
    let _bounded = timeout(DISCARD_TIME, reading).await;
}

/// Bytes of a refused body that are read away, and for how long.
const DISCARD: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

fn refuse(refusal: Refusal, form: Form) -> Response<Body> {
    let mut answer = Problem::new(refusal.status()).detail(refusal.detail()).answer(form);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// `OPTIONS *` asks about the server as a whole.
fn asterisk() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    answer
}

fn panicked(panic: &(dyn Any + Send), form: Form) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without a message"), "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).answer(form)
}

/// A request whose answer is on its way.
#[derive(Debug)]
struct Sending<H: Handle> {
    in_flight: InFlight,
    note: Option<Box<Note<H>>>,
    is_head: bool,
    is_http2: bool,
}

/// What is remembered of a request for [`Handle::sent`].
struct Note<H> {
    handler: H,
    begun: Moment,
    seen: Seen,
}

impl<H> fmt::Debug for Note<H> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.fmt(out)
    }
}

impl<H: Handle> Sending<H> {
    fn track(mut self, mut answer: Response<Body>) -> Response<Tracked<H>> {
        if self.is_head {
            take_body(&mut answer);
        }
        if self.is_http2 {
            answer.headers_mut().remove(CONNECTION); // RFC 9113 §8.2.2
        }
        if let Some(note) = &mut self.note {
            note.seen.answered(&answer);
        }
        answer.map(|body| Tracked { body, sending: self })
    }
}

/// An answer to HEAD: the length stays, the bytes go. hyper would send them with HTTP/2.
fn take_body(answer: &mut Response<Body>) {
    let body = std::mem::replace(answer.body_mut(), Body::empty());
    let len = body.size_hint().exact().filter(|len| *len > 0);
    if let Some(len) = len.filter(|_| !answer.headers().contains_key(CONTENT_LENGTH)) {
        answer.headers_mut().insert(CONTENT_LENGTH, len.into());
    }
}

impl<H: Handle> Drop for Sending<H> {
    fn drop(&mut self) {
        if let Some(note) = &mut self.note {
            note.seen.took = self.in_flight.now().since(note.begun);
            note.handler.sent(&note.seen);
        }
    }
}

/// A body whose end, or loss, ends its request.
#[derive(Debug)]
pub(super) struct Tracked<H: Handle> {
    body: Body,
    sending: Sending<H>,
}

impl<H: Handle> Tracked<H> {
    /// Whether it is of an answer to HEAD.
    pub(super) fn is_head(&self) -> bool {
        self.sending.is_head
    }
}

impl<H: Handle> HttpBody for Tracked<H> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Some(note) = &mut self.sending.note
            && let Poll::Ready(Some(Ok(frame))) = &polled
        {
            note.seen.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
