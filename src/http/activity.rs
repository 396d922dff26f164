//! What a connection is doing and since when; and the stream that notes it.
//!
//! hyper has one clock for head and keep-alive and none for bodies and writes. These are a few
//! atomics that reads, writes and answers touch, and that a connection's watch looks at now and
//! then: no timer is reset for a request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::MAX_HEAD;
use super::listener::Limits;
use super::turn::Turn;
use crate::clock::{Clock, Moment};

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) clock: Clock,
    /// HTTP/2 frames that are no request come at any time: there a read begins no head.
    pub(super) protocol: Protocol,
    /// Requests whose answers are not yet handed over whole.
    in_flight: AtomicU32,
    /// Those of them that wait for their client to send more of a body.
    awaiting: AtomicU32,
    /// When the first byte of the next head came, in microseconds; 0 for not yet. A head that
    /// began while an answer was under way counts as idle.
    head_since: AtomicU64,
    /// Requests so far: by it the watch sees whether there were any since it last looked, and no
    /// request has to ask for the time.
    requests: AtomicU64,
    /// Bytes of answers written. What a client sends is no progress: a body has its own bound. Nor
    /// are the frames with which HTTP/2 answers frames.
    written: AtomicU64,
    /// Whether the last write found the client's window full: an answer of one piece leaves
    /// hyper's hands long before it leaves this machine.
    full: AtomicBool,
    /// HTTP/2 only.
    pub(super) turn: Turn,
    /// The last bytes read, for what hyper hides; HTTP/1 only.
    tail: Mutex<Vec<u8>>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 and 1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What the watch of a connection remembers between two looks: a count, and since when it stands.
///
/// What grows while a connection gets on: requests, and bytes of answers. One count, busy or not: a
/// client that is now one and now the other, and does neither, gets nowhere.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<((u64, u64), Moment)>);

/// How a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After the answer that is under way: nothing has been asked for too long, or all end.
    InOrder,
    /// At once: a head or an answer does not get on, or all are cut.
    Now,
}

impl Activity {
    pub(super) fn new(clock: Clock, protocol: Protocol) -> Arc<Self> {
        Arc::new(Self {
            clock,
            protocol,
            in_flight: AtomicU32::new(0),
            awaiting: AtomicU32::new(0),
            head_since: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            written: AtomicU64::new(0),
            full: AtomicBool::new(false),
            turn: Turn::default(),
            tail: Mutex::default(),
        })
    }

    /// A request has begun; it is done when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// A head has begun, and its end is not there.
    pub(super) fn head_begins(&self) {
        if self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.clock.now().as_micros().max(1), Relaxed);
        }
    }

    /// A request was answered at once. Only the connection itself counts: no two add together.
    pub(super) fn answered(&self) {
        self.requests.store(self.requests.load(Relaxed).wrapping_add(1), Relaxed);
        self.head_since.store(0, Relaxed);
    }

    /// Notes how a write, or a flush, went, and how many bytes of answers were taken by it.
    pub(super) fn wrote<T>(&self, result: &Poll<T>, of_answers: usize) {
        let written = self.written.load(Relaxed).wrapping_add(of_answers as u64);
        self.written.store(written, Relaxed);
        self.full.store(result.is_pending(), Relaxed);
    }

    /// Whether an answer is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0 || self.full.load(Relaxed)
    }

    /// A request waits for its body until what is returned is dropped.
    pub(super) fn awaits_body(self: &Arc<Self>) -> Awaiting {
        self.awaiting.fetch_add(1, Relaxed);
        Awaiting(Arc::clone(self))
    }

    /// Whether all that is under way waits for the client.
    pub(super) fn is_up_to_client(&self) -> bool {
        self.in_flight.load(Relaxed) <= self.awaiting.load(Relaxed) && !self.full.load(Relaxed)
    }

    /// Gives the last bytes read to `look`.
    pub(super) fn with_tail<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.tail.lock())
    }

    /// After how long the watch is to look again; `watched` is its own memory of what it saw.
    ///
    /// It looks at least once in [`Limits::head`], so that an idle connection is closed at most so
    /// much later than [`Limits::idle`] says.
    ///
    /// # Errors
    /// Where the connection is to end.
    pub(super) fn look(&self, limits: &Limits, watched: &mut Watched) -> Result<Duration, Ending> {
        let now = self.clock.now();
        let busy = self.is_busy();
        let head_since = self.head_since.load(Relaxed);
        if !busy && head_since != 0 {
            watched.0 = None;
            return rest(now, Moment::from_micros(head_since), limits.head).ok_or(Ending::Now);
        }
        let count = (self.requests.load(Relaxed), self.written.load(Relaxed));
        let since = match watched.0 {
            Some((before, since)) if before == count => since,
            _ => now,
        };
        watched.0 = Some((count, since));
        let (bound, ending) =
            if busy { (limits.stall, Ending::Now) } else { (limits.idle, Ending::InOrder) };
        // Never longer than a head may take: the next one may begin meanwhile.
        rest(now, since, bound).map(|rest| rest.min(limits.head)).ok_or(ending)
    }

    fn has_read(&self, bytes: &[u8]) {
        if self.protocol == Protocol::Http2 {
            return;
        }
        // A head that came whole is on its way to the handler: nothing to be timed.
        let whole = bytes.ends_with(b"\r\n\r\n");
        if self.in_flight.load(Relaxed) == 0 && !whole {
            self.head_begins();
        }
        let mut tail = self.tail.lock();
        if tail.ends_with(b"\r\n\r\n") {
            // No head has begun: nothing of it is needed any more. An idle connection stays small.
            tail.clear();
            tail.shrink_to(SMALL_TAIL);
        }
        // As much as may be the beginning of one head, however much comes now.
        let excess = tail.len().saturating_sub(MAX_HEAD);
        tail.drain(..excess);
        tail.extend_from_slice(bytes);
    }
}

/// What a connection keeps for its tail between requests, in bytes.
const SMALL_TAIL: usize = 2 * 1024;

/// What is left of `bound` since `since`; nothing once it has passed.
fn rest(now: Moment, since: Moment, bound: Duration) -> Option<Duration> {
    bound.checked_sub(now.since(since)).filter(|rest| !rest.is_zero())
}

/// A request being answered.
pub(super) struct InFlight(pub(super) Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A request whose body has not come whole.
#[derive(Debug)]
pub(super) struct Awaiting(Arc<Activity>);

impl Drop for Awaiting {
    fn drop(&mut self) {
        self.0.awaiting.fetch_sub(1, Relaxed);
    }
}

/// A stream that notes what it moves, and begins with bytes that were read before.
pub(super) struct Noted<S> {
    stream: S,
    first: Bytes,
    activity: Arc<Activity>,
    /// What was written in this turn, and goes out at its end; HTTP/2 only.
    gathered: Vec<u8>,
    /// The frames that are written; HTTP/2 only.
    frames: Frames,
}

/// How many bytes are gathered in a turn.
const GATHERED: usize = 16 * 1024;
/// How many of them a connection keeps room for between its turns.
const SMALL_GATHERED: usize = 2 * 1024;

impl<S> Noted<S> {
    pub(super) fn new(stream: S, first: Bytes, activity: Arc<Activity>) -> Self {
        Self { stream, first, activity, gathered: Vec::new(), frames: Frames::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.first.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let count = self.first.len().min(buffer.remaining());
            buffer.put_slice(self.first.get(..count).unwrap_or_default());
            self.first.advance(count);
            if self.first.is_empty() {
                self.first = Bytes::new();
            }
        }
        self.activity.has_read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Noted<S> {
    /// Keeps what is written for the end of the turn; nothing where it is to be written now, behind
    /// what was kept.
    fn gather<'b>(
        &mut self,
        length: usize,
        parts: impl Iterator<Item = &'b [u8]>,
    ) -> Option<usize> {
        let has_room = self.gathered.len() + length <= GATHERED;
        if !(has_room && self.activity.turn.gathers()) {
            return None;
        }
        parts.for_each(|part| self.gathered.extend_from_slice(part));
        self.activity.turn.gathered();
        Some(length)
    }

    /// Writes what was gathered.
    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let bytes = std::mem::take(&mut self.gathered);
            let result = Pin::new(&mut self.stream).poll_write(context, &bytes);
            let result = self.wrote(result, std::iter::once(&*bytes));
            self.gathered = bytes;
            let count = std::task::ready!(result)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.drain(..count);
        }
        self.gathered.shrink_to(SMALL_GATHERED);
        Poll::Ready(Ok(()))
    }

    fn wrote<'b>(
        &mut self,
        result: Poll<io::Result<usize>>,
        parts: impl Iterator<Item = &'b [u8]>,
    ) -> Poll<io::Result<usize>> {
        let of_answers = match (&result, self.activity.protocol) {
            (Poll::Ready(Ok(count)), Protocol::Http2) => self.of_answers(*count, parts),
            (Poll::Ready(Ok(count)), Protocol::Http1) => *count,
            _ => 0,
        };
        self.activity.wrote(&result, of_answers);
        result
    }

    /// How many of the `written` first bytes of `parts` belong to answers.
    fn of_answers<'b>(&mut self, written: usize, parts: impl Iterator<Item = &'b [u8]>) -> usize {
        let (mut left, mut count) = (written, 0);
        for part in parts {
            let part = part.get(..left).unwrap_or(part);
            count += self.frames.of_answers(part);
            left -= part.len();
        }
        count
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(length) = self.gather(bytes.len(), std::iter::once(bytes)) {
            return Poll::Ready(Ok(length));
        }
        std::task::ready!(self.poll_gathered(context))?;
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(result, std::iter::once(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        if let Some(length) = self.gather(length, parts.iter().map(|part| &**part)) {
            return Poll::Ready(Ok(length));
        }
        std::task::ready!(self.poll_gathered(context))?;
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(result, parts.iter().map(|part| &**part))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.turn.gathers() && !self.gathered.is_empty() {
            self.activity.turn.gathered();
            return Poll::Ready(Ok(()));
        }
        std::task::ready!(self.poll_gathered(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_gathered(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

// A PING must be answered, so a client can have bytes written for ever and take no answer: what is
// written says only then that an answer gets on when it is told from the rest (RFC 9113 §4.1, §6).

/// The length of a frame's own head: length, type, flags, stream.
const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// Where in the stream of frames the bytes are.
#[derive(Debug, Default)]
struct Frames {
    /// The head of the next frame, as far as it has come.
    head: [u8; FRAME_HEAD],
    /// How many bytes of it have come.
    have: usize,
    /// Bytes of the current frame's payload that are still to come.
    left: usize,
    /// Whether that frame is a part of an answer.
    counts: bool,
}

impl Frames {
    /// Takes the next bytes; how many of them are payloads of frames that answers are made of.
    fn of_answers(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while !bytes.is_empty() {
            let taken = if self.left > 0 { self.left.min(bytes.len()) } else { self.head(bytes) };
            if self.left > 0 {
                self.left -= taken;
                count += if self.counts { taken } else { 0 };
            } else if self.have == FRAME_HEAD {
                self.begin();
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        count
    }

    /// Takes what belongs to the head of a frame; how many bytes that is.
    fn head(&mut self, bytes: &[u8]) -> usize {
        let room = self.head.get_mut(self.have..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.have += taken;
        taken
    }

    /// The head is whole: its payload comes.
    fn begin(&mut self) {
        let [one, two, three, kind, ..] = self.head;
        self.left = usize::try_from(u32::from_be_bytes([0, one, two, three])).unwrap_or(0);
        self.counts = matches!(kind, DATA | HEADERS | CONTINUATION);
        self.have = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        frame.resize(FRAME_HEAD + payload, DATA);
        frame
    }

    #[test]
    fn only_what_answers_are_made_of_counts_wherever_the_bytes_are_cut() {
        const PING: u8 = 6;
        let bytes = [(4, 0), (PING, 8), (HEADERS, 30), (DATA, 1000), (PING, 8), (CONTINUATION, 5)]
            .into_iter()
            .flat_map(|(kind, payload)| frame(kind, payload))
            .collect::<Vec<_>>();
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            let count: usize = bytes.chunks(size).map(|part| frames.of_answers(part)).sum();
            assert_eq!(count, 1035, "in parts of {size}");
        }
    }
}
