//! An answer on its way: counted when it is handed over, told and timed when its body ends or is
//! lost.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{Response, StatusCode, Version};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::access::{Asked, Exchange};
use super::activity::InFlight;
use super::answer::{Answer, Facts};
use super::body::{Body, BodyError};
use super::counts::{Answers, Did};
use super::edge::{Edge, Handle};
use super::files::FilePart;
use super::request::RequestView;
use crate::clock::Moment;

/// A request whose answer is on its way.
pub(super) struct Sending {
    in_flight: InFlight,
    began: Moment,
    /// Whether the answer was there in the moment that it was asked for.
    is_at_once: bool,
    answers: Option<Arc<Answers>>,
    note: Option<Box<Note>>,
}

/// What is remembered of a request for [`Handle::sent`].
struct Note {
    handler: Arc<dyn Handle>,
    asked: Asked<'static>,
}

impl Sending {
    /// A request begins, whose answer `edge` is asked for.
    pub(super) fn new(edge: &Edge, request: &RequestView<'_>) -> Self {
        let note = edge.handler.observes().then(|| Note {
            handler: Arc::clone(&edge.handler),
            asked: Asked::of(request).into_owned(),
        });
        Self {
            in_flight: edge.activity.begin(),
            began: edge.activity.clock.now(),
            is_at_once: false,
            answers: edge.answers.clone(),
            note: note.map(Box::new),
        }
    }

    /// The answer is there already.
    pub(super) fn at_once(mut self) -> Self {
        self.is_at_once = true;
        self
    }

    /// The answer in hyper's types.
    pub(super) fn send(self, mut answer: Answer, version: Version) -> Response<SentBody> {
        let lines = answer.take_lines();
        let mut response = Response::new(SentBody::new(self, answer));
        *response.status_mut() = response.body().status;
        *response.headers_mut() = lines;
        if version == Version::HTTP_2 {
            response.headers_mut().remove(CONNECTION); // RFC 9113 §8.2.2
        }
        response
    }
}

/// A body whose end, or loss, ends its request.
pub(super) struct SentBody {
    body: Body,
    sending: Sending,
    status: StatusCode,
    facts: Facts,
    bytes: u64,
}

impl SentBody {
    /// A body that is sent from now on.
    pub(super) fn new(sending: Sending, answer: Answer) -> Self {
        let status = answer.status();
        let (body, facts) = answer.into_body();
        facts.count(status, sending.answers.as_deref());
        Self { body, sending, status, facts, bytes: 0 }
    }

    /// [`Body::next_part`].
    pub(super) fn next_part(&mut self) -> Option<FilePart> {
        let part = self.body.next_part()?;
        self.bytes += part.len();
        Some(part)
    }
}

impl Drop for SentBody {
    fn drop(&mut self) {
        let Sending { in_flight, began, is_at_once, answers, note } = &self.sending;
        // Nobody asks for the time for a hit.
        let is_hit = *is_at_once && self.facts.did() == Did::Hit;
        if is_hit && note.is_none() {
            return add_time(answers.as_deref(), None);
        }
        let took = in_flight.0.clock.now().since(*began);
        add_time(answers.as_deref(), (!is_hit).then_some(took));
        if let Some(note) = note {
            note.handler.sent(&Exchange {
                asked: &note.asked,
                status: self.status,
                bytes: self.bytes,
                took,
                facts: &self.facts,
            });
        }
    }
}

fn add_time(answers: Option<&Answers>, took: Option<Duration>) {
    if let Some(answers) = answers {
        answers.add_time(took);
    }
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
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
