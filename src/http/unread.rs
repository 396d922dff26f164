//! The body of a request, which nobody has read yet: bounded in size and time, read whole or thrown
//! away.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};

use super::activity::{Activity, Awaiting};
use super::body::BodyError;
use super::head::Refusal;
use super::listener::Limits;

/// Bytes of a refused body that are read away, and for how long.
const DISCARD: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// A request's body, bounded in size and time; nothing where there is none. Where a bound is
/// passed, what is read is an error, and the request is refused whatever its handler makes of that.
#[derive(Default)]
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

type Incoming = Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send + Sync>>;

/// What became of a body, for who answers.
#[derive(Default)]
pub(super) struct BodyOutcome {
    refusal: OnceLock<Refusal>,
    /// What is left of a body that is too large.
    rest: Mutex<Option<Incoming>>,
}

/// Room for the bodies that are read, of all requests together: what clients send must not fill
/// the memory, however many they are.
#[derive(Debug)]
pub(super) struct BodyRoom(Arc<Semaphore>);

/// A body that was read, and its place in the room.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotRead {
    /// It passed a bound, or broke off.
    Refused(Refusal),
    /// There is no room for it beside the others.
    NoRoom,
}

/// How much room there is, and the pieces of it that are given out.
const ROOM: usize = 64 * 1024 * 1024;
const PIECE: usize = 1024;

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / PIECE)))
    }
}

impl BodyOutcome {
    /// The first bound that was passed.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.get().copied()
    }

    /// Reads away some of a body that is too large: a connection closed with unread bytes is reset,
    /// and the reset can overtake the answer.
    pub(super) async fn throw_some_away(&self) {
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

impl RequestBody {
    pub(super) fn new<B>(incoming: B, limits: &Limits, activity: Option<&Arc<Activity>>) -> Self
    where
        B: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + Sync + 'static,
    {
        if incoming.is_end_stream() {
            return Self::default();
        }
        Self {
            incoming: Some(Box::pin(incoming.map_err(Into::into))),
            left: limits.body,
            deadline: Some(Box::pin(sleep(limits.body_time))),
            outcome: Some(Arc::default()),
            activity: activity.map(Arc::clone),
            awaiting: None,
        }
    }

    /// What becomes of it; nothing where there is none.
    pub(super) fn outcome(&self) -> Option<&Arc<BodyOutcome>> {
        self.outcome.as_ref()
    }

    /// Reads it and throws it away, so that the connection can go on.
    ///
    /// # Errors
    /// The bound that it passed.
    pub(super) async fn discard(&mut self) -> Result<(), Refusal> {
        while let Some(Ok(_)) = self.frame().await {}
        self.outcome.as_ref().and_then(|outcome| outcome.refusal()).map_or(Ok(()), Err)
    }

    /// Reads it.
    ///
    /// # Errors
    /// As [`NotRead`] lists them.
    pub(super) async fn whole(mut self, room: &BodyRoom) -> Result<Whole, NotRead> {
        let (mut bytes, mut place) = (Vec::new(), None::<OwnedSemaphorePermit>);
        while let Some(frame) = self.frame().await {
            let Ok(frame) = frame else { break };
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            let held = place.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let wanted = bytes.len().div_ceil(PIECE).saturating_sub(held);
            let wanted = u32::try_from(wanted).map_err(|_huge| NotRead::NoRoom)?;
            let more = Arc::clone(&room.0).try_acquire_many_owned(wanted);
            let more = more.map_err(|_full| NotRead::NoRoom)?;
            match &mut place {
                Some(place) => place.merge(more),
                None => place = Some(more),
            }
        }
        match self.outcome.as_ref().and_then(|outcome| outcome.refusal()) {
            Some(refusal) => Err(NotRead::Refused(refusal)),
            None => Ok(Whole { bytes: bytes.into(), _place: place }),
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
        let polled = incoming.as_mut().poll_frame(context);
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
                    ready!(deadline.as_mut().poll(context));
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

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { left, .. } = self;
        write!(out, "RequestBody({left} bytes left)")
    }
}
