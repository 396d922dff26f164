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
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::header::{ALLOW, CONNECTION, HeaderValue};
use http::{Extensions, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};

use super::access::{self, Asked, Exchange};
use super::activity::Activity;
use super::answer::{Answer, Pending, Responding, bare};
use super::counts::{Answers, Did};
use super::head::{self, Refusal};
use super::listener::Limits;
use super::problem::{Form, Problem};
use super::request::RequestView;
use super::sending::{Sending, SentBody};
use super::unread::{BodyOutcome, RequestBody};
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

    /// What is taken off the paths of requests that have it.
    fn base(&self) -> &str {
        Default::default()
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
    /// A request as its handler sees it.
    pub(super) fn seen<'r>(&self, request: RequestView<'r>) -> RequestView<'r> {
        request.below(self.handler.base())
    }

    /// The answer to a request whose head is sound; `unread` is what hyper read of it beside.
    pub(super) fn respond(
        &self,
        request: &RequestView<'_>,
        unread: Unread,
    ) -> Either<Box<Answer>, Pending> {
        let outcome = unread.body.outcome().cloned();
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
    if let Some(refusal) = body.and_then(BodyOutcome::refusal) {
        is_own = false;
        *answer = refuse(refusal, form());
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
        let view = self.seen(RequestView::of_parts(&parts, self.peer));
        let sending = self.begin(&view);
        if let Some(refusal) = refusal {
            let answer = self.instead(&view, refuse(refusal, Form::wanted(&parts.headers)));
            self.activity.turn.answered();
            return Either::Left(ready(Ok(sending.send(*answer, parts.version))));
        }
        let mut body = RequestBody::new(incoming, &self.limits, Some(&self.activity));
        let version = parts.version;
        if !body.is_end_stream() && !self.handler.takes_whole(&view) {
            let edge = self.clone();
            return Either::Right(Box::pin(async move {
                // Nobody wants it; a bound that it passed is in the outcome.
                let _in_the_outcome = body.discard().await;
                if let Some(outcome) = body.outcome() {
                    outcome.throw_some_away().await;
                }
                let view = edge.seen(RequestView::of_parts(&parts, edge.peer));
                let answer = match edge.respond(&view, Unread { body, ..Unread::default() }) {
                    Either::Left(answer) => *answer,
                    Either::Right(answering) => answering.await,
                };
                Ok(sending.send(answer, version))
            }));
        }
        let unread = Unread { body, extensions: std::mem::take(&mut parts.extensions) };
        let view = self.seen(RequestView::of_parts(&parts, self.peer));
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
