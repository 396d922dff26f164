//! From a connection's requests to the handler's answers: heads are checked, bodies read or thrown
//! away within bounds, a panic caught, and what was sent is told to who observes.
//!
//! [`Handle`] is the boundary. One `Edge` serves one connection, whoever reads it: `h1` asks it
//! with what it parsed itself, hyper with its own types.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready as poll_ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::header::{ALLOW, CONNECTION, HeaderValue};
use http::{Extensions, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Sleep, sleep, timeout};

use super::access::{self, Asked, Exchange};
use super::activity::{Activity, Awaiting};
use super::answer::{Answer, Pending, Responding, bare};
use super::body::BodyError;
use super::counts::{Answers, Did};
use super::head::{self, Refusal};
use super::listener::Limits;
use super::problem::{Form, Problem};
use super::request::RequestView;
use super::sending::{Sending, SentBody};
use crate::clock::Moment;
use crate::panic::panic_text;

/// Answers requests whose heads are sound.
pub trait Handle: Send + Sync + 'static {
    /// The answer to a request, whose body, if it had one, was read and thrown away.
    fn respond(&self, request: &RequestView<'_>) -> Responding;

    /// Whether a request is given to [`Handle::respond_to_whole`], with its body and what else
    /// came with it.
    fn takes_whole(&self, _request: &RequestView<'_>) -> bool {
        false
    }

    /// The answer to a request with its body, which nobody has read yet.
    fn respond_to_whole(&self, request: &RequestView<'_>, _unread: Unread) -> Responding {
        self.respond(request)
    }

    /// Completes an answer that was made in place of its own: a refusal, or 500 after a panic.
    fn finish(&self, _answer: &mut Answer) {}

    /// Where answers are counted; nothing where they are not.
    fn answers(&self) -> Option<Arc<Answers>> {
        None
    }

    /// Whether [`Handle::sent`] wants to be told: asked before each request.
    fn observes(&self) -> bool {
        false
    }

    /// An answer was handed over whole, or its client is gone. Must not wait.
    fn sent(&self, _exchange: &Exchange<'_>) {}
}

/// The address of the client, as the socket says: in the extensions of what warp filters get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What comes with a request beside its head.
#[derive(Debug, Default)]
pub struct Unread {
    /// The body.
    pub(super) body: RequestBody,
    /// hyper's way to another protocol.
    pub(super) extensions: Extensions,
}

/// A request's body, bounded in size and time; nothing where there is none. Where a bound is
/// passed, what is read is an error, and the request is refused whatever its handler makes of that.
#[derive(Debug, Default)]
pub(super) struct RequestBody {
    incoming: Option<Incoming>,
    /// Bytes that may still come, and until when.
    left: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    outcome: Option<Arc<BodyOutcome>>,
    /// Where it is noted that it is waited for, and the note.
    activity: Option<Arc<Activity>>,
    awaiting: Option<Awaiting>,
}

/// What became of a body, for who answers.
#[derive(Debug, Default)]
struct BodyOutcome {
    refusal: OnceLock<Refusal>,
    /// What is left of a body that is too large.
    rest: Mutex<Option<Incoming>>,
}

/// What is asked for the requests of one connection.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) handler: Arc<dyn Handle>,
    /// [`Handle::answers`].
    pub(super) answers: Option<Arc<Answers>>,
    pub(super) peer: SocketAddr,
    pub(super) limits: Arc<Limits>,
    pub(super) activity: Arc<Activity>,
}

impl Edge {
    /// The answer to a request whose head is sound; `unread` is what hyper read of it beside.
    pub(super) fn respond(
        &self,
        request: &RequestView<'_>,
        unread: Unread,
    ) -> Either<Box<Answer>, Pending> {
        let outcome = unread.body.outcome.clone();
        let id = self.id_of(request);
        let respond = || {
            if self.handler.takes_whole(request) {
                return self.handler.respond_to_whole(request, unread);
            }
            self.handler.respond(request)
        };
        let is_head = *request.method == Method::HEAD;
        let answered = match catch_unwind(AssertUnwindSafe(respond)) {
            Ok(Responding(Either::Left(answer))) => Ok(answer),
            Ok(Responding(Either::Right(pending))) => {
                let (form, handler) = (Form::wanted(request.headers), Arc::clone(&self.handler));
                return Either::Right(Box::pin(async move {
                    let answered = AssertUnwindSafe(pending).catch_unwind().await;
                    if let Some(outcome) = &outcome {
                        outcome.throw_some_away().await;
                    }
                    let answered = answered.map(Box::new);
                    let body = outcome.as_deref();
                    *named(finished(answered, &*handler, body, is_head, || form), id)
                }));
            }
            Err(panic) => Err(panic),
        };
        let form = || Form::wanted(request.headers);
        let body = outcome.as_deref();
        Either::Left(named(finished(answered, &*self.handler, body, is_head, form), id))
    }

    /// Who logs requests calls them what their client calls them.
    fn id_of(&self, request: &RequestView<'_>) -> Option<HeaderValue> {
        let id = self.handler.observes().then(|| access::request_id(request.headers)).flatten();
        id.and_then(|id| HeaderValue::from_bytes(id).ok())
    }

    /// An answer in place of the handler's own.
    fn instead(&self, request: &RequestView<'_>, answer: Answer) -> Box<Answer> {
        let mut answer = Box::new(answer);
        self.handler.finish(&mut answer);
        named(answer, self.id_of(request))
    }

    /// A request has begun, whose answer is sent later than now.
    pub(super) fn begin(&self, request: &RequestView<'_>) -> Sending {
        Sending::new(self, request)
    }

    /// An answer was handed over in the moment that it was asked for; what was made for it took
    /// from `began`. Nobody asks for the time for a hit.
    pub(super) fn sent_at_once(
        &self,
        request: &RequestView<'_>,
        answer: &Answer,
        bytes: u64,
        began: Moment,
    ) {
        self.activity.answered();
        let (status, facts) = (answer.status(), &answer.facts);
        let is_hit = facts.did() == Did::Hit;
        let since = || self.activity.clock.now().since(began);
        let took = if is_hit { Duration::ZERO } else { since() };
        if let Some(answers) = self.answers.as_deref() {
            answers.add_time((!is_hit).then_some(took));
        }
        facts.count(status, self.answers.as_deref());
        if self.handler.observes() {
            let asked = &Asked::of(request);
            self.handler.sent(&Exchange { asked, status, bytes, took, facts });
        }
    }

    /// Whether the raw bytes of this request say what hyper hides: two lengths, or a fragment
    /// behind the path.
    fn hidden(&self, request: &Request<Incoming>) -> Option<Refusal> {
        if request.version() == Version::HTTP_2 {
            return None;
        }
        self.activity.with_tail(|tail| head::hidden(tail, request))
    }
}

/// The answer with the name that its client gave the request.
fn named(mut answer: Box<Answer>, id: Option<HeaderValue>) -> Box<Answer> {
    if let Some(id) = id {
        answer.insert(access::REQUEST_ID, id);
    }
    answer
}

/// The answer as it is sent: 500 in place of a panic, a refusal of the body in place of what its
/// handler made of that, and to HEAD no body.
fn finished(
    answered: std::thread::Result<Box<Answer>>,
    handler: &dyn Handle,
    body: Option<&BodyOutcome>,
    is_head: bool,
    form: impl Fn() -> Form,
) -> Box<Answer> {
    let mut is_own = true;
    let mut answer = answered.unwrap_or_else(|panic| {
        is_own = false;
        Box::new(panicked(&*panic, form()))
    });
    if let Some(refusal) = body.and_then(|body| body.refusal.get()) {
        is_own = false;
        *answer = refuse(*refusal, form());
    }
    if !is_own {
        handler.finish(&mut answer);
    }
    if is_head {
        answer.without_body();
    }
    answer
}

fn panicked(panic: &(dyn std::any::Any + Send), form: Form) -> Answer {
    tracing::error!(panic = panic_text(panic), "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).answer(form).into()
}

impl hyper::service::Service<Request<Incoming>> for Edge {
    type Response = Response<SentBody>;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Self::Response, Infallible>>,
        Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>,
    >;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let refusal = head::check(&mut request).err().or_else(|| self.hidden(&request));
        let (mut parts, incoming) = request.into_parts();
        let view = RequestView::of_parts(&parts, self.peer);
        let sending = self.begin(&view);
        if let Some(refusal) = refusal {
            let answer = self.instead(&view, refuse(refusal, Form::wanted(&parts.headers)));
            self.activity.turn.answered();
            return Either::Left(ready(Ok(sending.send(*answer, parts.version))));
        }
        let mut body = RequestBody::new(incoming, &self.limits, &self.activity);
        let version = parts.version;
        if !body.is_end_stream() && !self.handler.takes_whole(&view) {
            let edge = self.clone();
            return Either::Right(Box::pin(async move {
                // Nobody wants it: it is read and thrown away, so that the connection can go on.
                while let Some(Ok(_)) = body.frame().await {}
                if let Some(outcome) = &body.outcome {
                    outcome.throw_some_away().await;
                }
                let view = RequestView::of_parts(&parts, edge.peer);
                let answer = match edge.respond(&view, Unread { body, ..Unread::default() }) {
                    Either::Left(answer) => *answer,
                    Either::Right(answering) => answering.await,
                };
                Ok(sending.send(answer, version))
            }));
        }
        let unread = Unread { body, extensions: std::mem::take(&mut parts.extensions) };
        let view = RequestView::of_parts(&parts, self.peer);
        let responding = match view.path {
            "*" => Either::Left(self.instead(&view, asterisk())),
            _ => self.respond(&view, unread),
        };
        match responding {
            Either::Left(answer) => {
                self.activity.turn.answered();
                Either::Left(ready(Ok(sending.at_once().send(*answer, version))))
            }
            Either::Right(answering) => {
                Either::Right(Box::pin(async move { Ok(sending.send(answering.await, version)) }))
            }
        }
    }
}

impl BodyOutcome {
    /// Reads away some of a body that is too large: a connection closed with unread bytes is reset,
    /// and the reset can overtake the answer.
    async fn throw_some_away(&self) {
        let rest = self.rest.lock().take();
        let Some(mut incoming) = rest else { return };
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
}

/// Bytes of a refused body that are read away, and for how long.
const DISCARD: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The answer to a head or a body that is not taken; the connection ends with it.
pub(super) fn refuse(refusal: Refusal, form: Form) -> Answer {
    let mut answer =
        Answer::from(Problem::new(refusal.status()).detail(refusal.detail()).answer(form));
    answer.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// `OPTIONS *` asks about the server as a whole.
fn asterisk() -> Answer {
    let mut answer = Answer::from(bare(StatusCode::NO_CONTENT));
    answer.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    answer
}

impl RequestBody {
    fn new(incoming: Incoming, limits: &Limits, activity: &Arc<Activity>) -> Self {
        if incoming.is_end_stream() {
            return Self::default();
        }
        let deadline = Some(Box::pin(sleep(limits.body_time)));
        Self {
            incoming: Some(incoming),
            left: limits.body,
            deadline,
            outcome: Some(Arc::default()),
            activity: Some(Arc::clone(activity)),
            awaiting: None,
        }
    }

    /// Takes a piece within the bounds.
    fn within(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Refusal> {
        let count = frame.data_ref().map_or(0, Bytes::len);
        self.left = self.left.checked_sub(count).ok_or(Refusal::LargeBody)?;
        Ok(frame)
    }

    fn refuse(&mut self, refusal: Refusal) -> BodyError {
        if let Some(outcome) = &self.outcome {
            // The first reason counts.
            let _told_already = outcome.refusal.set(refusal);
            let rest = self.incoming.take().filter(|_| refusal == Refusal::LargeBody);
            *outcome.rest.lock() = rest;
        }
        refusal.detail().into()
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        // Who waits for a 100 is refused before it is told to go on.
        if incoming.size_hint().lower() > this.left as u64 {
            return Poll::Ready(Some(Err(this.refuse(Refusal::LargeBody))));
        }
        let polled = Pin::new(incoming).poll_frame(context);
        if polled.is_ready() {
            this.awaiting = None;
        } else if this.awaiting.is_none() {
            this.awaiting = this.activity.as_ref().map(Activity::awaits_body);
        }
        let polled = match polled {
            Poll::Ready(Some(frame)) => frame.map_err(|_broken| Refusal::BrokenBody),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                if let Some(deadline) = &mut this.deadline {
                    poll_ready!(deadline.as_mut().poll(context));
                }
                Err(Refusal::SlowBody)
            }
        };
        let within = polled.and_then(|frame| this.within(frame));
        Poll::Ready(Some(within.map_err(|refusal| this.refuse(refusal))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
