//! An answer, whoever sends it: status, header lines, body, and what is known of how it came about.
//!
//! What most answers say is ready bytes beside the entry that they come from (`ready`); what is of
//! the moment (age, `Cache-Status`) is written by whoever sends: `h1` as bytes,
//! [`Answer::take_lines`] in hyper's types.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::http::header::{
    AGE, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
};
use ::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use futures_util::future::Either;
use hyper::body::Body as _;

use super::body::Body;
use super::conditional::{Validators, Verdict, evaluate};
use super::counts::{Answers, Did};
use super::encoding::{Accepted, Coding, Effort, Variants, worth_coding};
use super::headers::{add_missing, joined, vary_by};
use super::live::PreparedRoute;
use super::ready::{EntryExtras, Part, ReadyHead, body_for};
use super::request::RequestView;
use crate::cache::{Entry, Lacked, Outcome, Why};
use crate::config::CacheStatusDetail;

/// The answer to one request.
#[derive(Debug)]
pub struct Answer {
    /// Status, header lines and body. Where `ready` is there, the status is its, and the lines
    /// here come beside its own.
    pub(super) response: Response<Body>,
    ready: Option<(Arc<ReadyHead>, Part)>,
    /// How it came about.
    pub(crate) facts: Facts,
}

/// How an answer came about: what is counted, logged and said in `Cache-Status`.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The route that answered; nothing where none is for the address.
    pub(crate) route: Option<Arc<PreparedRoute>>,
    /// What the cache did; nothing for what has no `Cache-Status`.
    pub(crate) outcome: Option<Outcome>,
    /// How much of that the client is told.
    pub(crate) shown: CacheStatusDetail,
    /// The key; nothing for what is never stored.
    pub(crate) key: Option<String>,
    /// Why there is only an error, for who works on the site.
    pub(crate) failed: Option<Arc<str>>,
    /// Why nothing usable was stored, where somebody looked.
    pub(crate) lacked: Option<&'static str>,
}

/// What a handler gives: the answer, or what it will be. What is pending is dropped when the client
/// leaves: work that others wait for belongs to a task of its own. What is ready is boxed, since it
/// is handed on many times.
pub struct Responding(pub(super) Either<Box<Answer>, Pending>);

/// An answer that takes longer.
pub(super) type Pending = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        Self { response, ready: None, facts: Facts::default() }
    }
}

impl From<Box<Answer>> for Responding {
    fn from(answer: Box<Answer>) -> Self {
        Self(Either::Left(answer))
    }
}

impl From<Answer> for Responding {
    fn from(answer: Answer) -> Self {
        Box::new(answer).into()
    }
}

impl From<Response<Body>> for Responding {
    fn from(response: Response<Body>) -> Self {
        Answer::from(response).into()
    }
}

impl Responding {
    /// Begins with `answering` here and now: what needs no waiting is ready.
    ///
    /// Whoever polls the rest does so at once: the first poll's waker wakes nobody.
    pub fn begin(answering: impl Future<Output = Answer> + Send + 'static) -> Self {
        let mut answering = Box::pin(answering);
        match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.into(),
            Poll::Pending => Self(Either::Right(answering)),
        }
    }

    /// The answer.
    pub async fn answer(self) -> Answer {
        match self.0 {
            Either::Left(answer) => *answer,
            Either::Right(answering) => answering.await,
        }
    }

    /// The same, changed when it is there.
    pub(crate) fn map(self, change: impl FnOnce(&mut Answer) + Send + 'static) -> Self {
        match self.0 {
            Either::Left(mut answer) => {
                change(&mut answer);
                Self(Either::Left(answer))
            }
            Either::Right(answering) => Self(Either::Right(Box::pin(async move {
                let mut answer = answering.await;
                change(&mut answer);
                answer
            }))),
        }
    }
}

impl fmt::Debug for Responding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Either::Left(answer) => answer.fmt(out),
            Either::Right(_) => out.write_str("pending"),
        }
    }
}

impl Answer {
    /// An answer from an entry, in the language that it is in, as far as the request's conditions
    /// allow it.
    /// Nothing where one of them fails, which is a 412.
    pub(super) fn of_entry(
        entry: &Entry,
        coded: &Coded<'_>,
        route: &Arc<PreparedRoute>,
        request: &RequestView<'_>,
        (from, language): (Origin, Option<&str>),
        facts: Facts,
    ) -> Option<Box<Self>> {
        let made = || ReadyHead::new(entry, route, coded, language);
        let head = match from {
            Origin::Kept => {
                EntryExtras::of(entry).map(|extras| extras.head(entry, route, coded, made))
            }
            Origin::Passing => None,
        };
        let head = head.unwrap_or_else(|| Arc::new(made()));
        let body = coded.body(entry);
        let status = head.status(Part::Whole);
        // Conditions count only for what would be a 2xx (RFC 9110 §13.2.1).
        let verdict = if status.is_success() {
            let validators = Validators { etag: head.etag(), last_modified: None };
            evaluate(request.method, request.headers, validators)
        } else {
            Verdict::Proceed
        };
        let (part, body) = match verdict {
            Verdict::Proceed => (Part::Whole, body_for(status, body)),
            Verdict::NotModified => (Part::NotModified, Bytes::new()),
            Verdict::PreconditionFailed => return None,
        };
        Some(Box::new(Self::of_head(head, part, Body::full(body), facts)))
    }

    /// An answer with a head that is ready.
    pub(super) fn of_head(head: Arc<ReadyHead>, part: Part, body: Body, facts: Facts) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = head.status(part);
        Self { response, ready: Some((head, part)), facts }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// What is sent behind the head.
    pub(super) fn body(&self) -> &Body {
        self.response.body()
    }

    pub(super) fn into_body(self) -> (Body, Facts) {
        (self.response.into_body(), self.facts)
    }

    /// The ready head, if there is one, and the lines beside it, or all lines.
    pub(super) fn head(&self) -> (Option<(&ReadyHead, Part)>, &HeaderMap) {
        (self.ready.as_ref().map(|(head, part)| (&**head, *part)), self.response.headers())
    }

    /// Takes the body away from an answer to HEAD; the length that it would have had stays.
    pub(super) fn without_body(&mut self) {
        let body = std::mem::take(self.response.body_mut());
        let len = body.size_hint().exact().filter(|len| *len > 0 && self.ready.is_none());
        if let Some(len) = len.filter(|_| !self.response.headers().contains_key(CONTENT_LENGTH)) {
            self.response.headers_mut().insert(CONTENT_LENGTH, len.into());
        }
    }

    /// Adds a line, or replaces one that was added before. None that ready heads have.
    pub(super) fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.response.headers_mut().insert(name, value);
    }

    /// Says that the answer depends on these fields of the request.
    pub(super) fn vary_by(&mut self, names: &str) {
        // A ready head has the whole line already.
        if self.ready.is_none() {
            vary_by(self.response.headers_mut(), names);
        }
    }

    /// The same with all its lines in hyper's type, for whoever changes some of them.
    pub(crate) fn response_mut(&mut self) -> &mut Response<Body> {
        if let Some((head, part)) = self.ready.take() {
            let beside = std::mem::replace(self.response.headers_mut(), head.fields(part).clone());
            self.response.headers_mut().extend(beside);
        }
        &mut self.response
    }

    /// Takes all header lines in hyper's type, with those of the moment.
    pub(super) fn take_lines(&mut self) -> HeaderMap {
        let mut lines = std::mem::take(self.response_mut().headers_mut());
        if let Some(age) = self.facts.age() {
            lines.insert(AGE, HeaderValue::from(age));
        }
        // Most have room in it.
        let mut value = Vec::with_capacity(64);
        if self.facts.push_cache_status(&mut value)
            && let Ok(value) = HeaderValue::from_bytes(&value)
        {
            lines.insert(CACHE_STATUS, value);
        }
        lines
    }
}

impl Default for Facts {
    /// Of an answer that nothing is known of, and that has no `Cache-Status`.
    fn default() -> Self {
        let (route, outcome, key, failed, lacked) = <_>::default();
        Self { route, outcome, shown: CacheStatusDetail::Off, key, failed, lacked }
    }
}

impl Facts {
    /// Of an answer that the cache had no part in.
    pub(super) fn bypass(shown: CacheStatusDetail) -> Self {
        let outcome = Outcome::forwarded(Why::Bypass, Lacked::Nothing);
        Self { outcome: Some(outcome), shown, ..Self::default() }
    }

    /// Counts the answer: for the site, where there is one, and for its route.
    pub(super) fn count(&self, status: StatusCode, answers: Option<&Answers>) {
        let did = self.did();
        if let Some(answers) = answers {
            answers.add(status, did);
        }
        if let Some(route) = &self.route
            && (self.failed.is_some() || self.outcome.is_some())
        {
            route.counts.add(did, &route.name, &route.series);
        }
    }

    /// What the cache did.
    pub(super) fn did(&self) -> Did {
        match (&self.failed, &self.outcome) {
            (Some(_), _) => Did::Error,
            (None, Some(outcome)) => Did::of(outcome),
            (None, None) => Did::Bypass,
        }
    }

    /// The `Age` line's value, in seconds. None beside a `max-age` of larder's own: it begins when
    /// the answer is sent, whatever the age of the copy here.
    pub(super) fn age(&self) -> Option<u64> {
        let outcome = self.outcome.as_ref()?;
        let begins_now = self.route.as_ref().is_some_and(|route| route.stale_control.is_some());
        outcome.age_seconds().filter(|_| !begins_now || outcome.is_stale())
    }

    /// Appends the value of the `Cache-Status` line (RFC 9211); says whether there is one.
    pub(super) fn push_cache_status(&self, out: &mut Vec<u8>) -> bool {
        let Some(outcome) = self.outcome.filter(|_| self.shown != CacheStatusDetail::Off) else {
            return false;
        };
        let key = self.key.as_deref().filter(|_| self.shown == CacheStatusDetail::Full);
        outcome.push_cache_status(key, out);
        true
    }

    /// How long what was stored for this answer is kept; nothing where it was not stored.
    pub(crate) fn kept_for(&self) -> Option<Duration> {
        match self.outcome? {
            Outcome::Forwarded { stored: true, .. } => self.route.as_ref()?.ttl,
            Outcome::Forwarded { .. } | Outcome::Hit { .. } => None,
        }
    }

    /// The name of the route that answered.
    pub(crate) fn route_name(&self) -> Option<&Arc<str>> {
        Some(&self.route.as_ref()?.name)
    }
}

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Whether an entry is likely to be answered from again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is kept: what is made of it is kept beside it.
    Kept,
    /// It was made for one answer.
    Passing,
}

/// The form in which an entry's body is sent: nothing for as it is.
pub(super) struct Coded<'a>(pub(super) Option<(Coding, Cow<'a, Bytes>)>);

impl<'a> Coded<'a> {
    /// The form that the client likes best; nothing where it is still to be made.
    pub(super) fn ready(entry: &'a Entry, request: &RequestView<'_>) -> Option<Self> {
        let Some(coding) = wanted(entry, request, Effort::Thorough) else {
            return Some(Self(None));
        };
        let coded = EntryExtras::of(entry)?.variants().ready(coding)?;
        Some(Self(coded.map(|bytes| (coding, Cow::Borrowed(bytes)))))
    }

    /// The same, made now where it is not there: thoroughly, once, for an entry that is kept;
    /// cheaply for one that is not, or that was made just now and somebody waits for.
    pub(super) async fn made(entry: &'a Entry, request: &RequestView<'_>, effort: Effort) -> Self {
        let Some(coding) = wanted(entry, request, effort) else { return Self(None) };
        let bytes = match effort {
            Effort::Thorough => match EntryExtras::of(entry) {
                Some(extras) => {
                    let made = extras.variants().get(coding, &entry.body).await;
                    extras.count(entry);
                    made.map(Cow::Borrowed)
                }
                None => None,
            },
            Effort::Quick => Variants::once(coding, &entry.body).await.map(Cow::Owned),
        };
        Self(bytes.map(|bytes| (coding, bytes)))
    }

    /// Whether these bytes are kept beside the entry, so that the next answer has the same: those
    /// that were made quickly for one answer have another length than those made later.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self.0, Some((_, Cow::Owned(_))))
    }

    /// The bytes that are sent of `entry` in this form.
    pub(super) fn body<'s>(&'s self, entry: &'s Entry) -> &'s Bytes {
        self.0.as_ref().map_or(&entry.body, |(_, bytes)| bytes)
    }

    /// Their entity tag.
    pub(super) fn tag<'s>(&self, entry: &'s Entry) -> Cow<'s, str> {
        match &self.0 {
            Some((coding, _)) => Cow::Owned(coding.tag(&entry.etag)),
            None => Cow::Borrowed(&*entry.etag),
        }
    }
}

/// The coding that the client likes best. One that it holds already, as its `If-None-Match` says,
/// is as good as any that it takes: then nothing has to be sent.
fn wanted(entry: &Entry, request: &RequestView<'_>, effort: Effort) -> Option<Coding> {
    let field = joined(request.headers, "accept-encoding")?;
    let worth = worth_coding(&entry.content_type, entry.body.len());
    // Without a weight nobody refuses the body as it is: most small answers need no closer look.
    if !worth && !field.contains('=') {
        return None;
    }
    let accepted = Accepted::read(&field);
    let held = joined(request.headers, "if-none-match").and_then(|tags| {
        Coding::ALL
            .into_iter()
            .find(|coding| accepted.takes(*coding) && tags.contains(&coding.tag(&entry.etag)))
    });
    held.or_else(|| accepted.choose(worth, effort))
}

/// A route's own lines beside those that the answer has: `Vary` stays one line.
pub(super) fn with_own_lines(mut answer: Response<Body>, route: &PreparedRoute) -> Response<Body> {
    if answer.status() == StatusCode::OK && route.status != StatusCode::OK {
        *answer.status_mut() = route.status;
    }
    // A 304 says nothing of the content that it does not send (RFC 9110 §15.4.5).
    let has_content = answer.status() != StatusCode::NOT_MODIFIED;
    let lines = route.headers.iter().filter(|(name, _)| has_content || *name != CONTENT_TYPE);
    add_missing(answer.headers_mut(), lines);
    answer
}

/// A route's own lines around a body in a language, where it has one.
pub(super) fn with_body(
    route: &PreparedRoute,
    status: StatusCode,
    body: Bytes,
    language: Option<&str>,
) -> Response<Body> {
    let mut answer = Response::new(Body::full(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = route.headers.clone();
    if let Some(language) = route.language_said(language) {
        put(&mut answer, CONTENT_LANGUAGE, language);
    }
    answer
}

/// A status and nothing else.
pub(super) fn bare(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::default());
    *answer.status_mut() = status;
    answer
}

/// Sets a line; a value that no line can hold leaves it out.
pub(super) fn put(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
