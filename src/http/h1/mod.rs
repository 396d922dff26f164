//! HTTP/1.1 for plain requests: a connection's bytes in, answers out.
//!
//! hyper takes a fifth of what a hit costs: its types for request and answer, one by one, for an
//! answer whose bytes are there. So plain requests ([`head`]) are read and answered here; the first
//! request of another kind (a body, an upgrade, HTTP/1.0, anything doubtful) hands the connection
//! over to hyper for good. Answers come the same way for both: from [`Edge`].
//!
//! An answer that is there takes one read and one write, and no memory of its own: heads are parsed
//! where they were read, in a buffer that the thread's connections share, and answers are put
//! together in another. So an idle connection holds neither. Requests that come together are
//! answered together.

mod head;
mod write;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::Either;
use http::Method;
use http::header::{CONNECTION, HeaderMap};
use hyper::body::Body as _;
use tokio::io::ReadBuf;

use super::answer::{Answer, Pending};
use super::edge::{Edge, Unread};
use super::request::RequestView;
use super::sending::{Sending, SentBody};
use crate::clock::Moment;
use head::{After, Head, MAX_LINES};
pub(super) use write::Wire;
use write::{Framing, Unsent, push_head};

/// Bytes read at once. A head that is longer goes to hyper, which bounds it.
const READ: usize = 16 * 1024;

/// A body up to this many bytes is copied behind its head: that is less work for the kernel than a
/// second piece.
const COPIED: usize = 4 * 1024;

/// Answers put together before they are sent.
const OUT: usize = 64 * 1024;

/// Steps in one poll: a client that never lets the connection rest must not keep it from others.
const ROUNDS: usize = 32;

/// As many of them is a block of a file, which may be a megabyte.
const ROUNDS_OF_FILE: usize = 16;

/// A connection that speaks HTTP/1.1. A future that ends when the connection does, or is hyper's.
pub(super) struct Connection<S> {
    stream: S,
    edge: Edge,
    state: State,
    /// What was read and not answered yet.
    rest: Vec<u8>,
    /// Whether `rest` is to be looked at before more is read.
    untried: bool,
    /// Whether `rest` is the beginning of a head.
    partial: bool,
    unsent: Unsent,
    after: After,
    /// Whether the client has closed its half: it may still read.
    has_ended: bool,
}

enum State {
    /// Heads are read, and answered at once where that can be.
    Reading,
    /// A handler is at work.
    Answering(Pending, Box<(Sending, bool)>),
    /// An answer's body is on its way.
    Sending(Box<SentBody>, Framing),
    /// What follows is hyper's, once all is sent.
    Leaving,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is closed, or to be dropped.
    Closed,
    /// hyper goes on with [`Connection::into_parts`].
    Other,
}

/// What the connections of a thread share while they are polled.
#[derive(Default)]
struct Scratch {
    read: Vec<u8>,
    out: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<S: Wire> Connection<S> {
    /// A connection whose first bytes have been read.
    pub(super) fn new(stream: S, first: Bytes, edge: Edge) -> Self {
        Self {
            stream,
            edge,
            state: State::Reading,
            untried: !first.is_empty(),
            rest: first.into(),
            partial: false,
            unsent: Unsent::default(),
            after: After::Stay,
            has_ended: false,
        }
    }

    /// The connection is to end: now where it is idle, else after the answer under way.
    pub(super) fn finish(mut self: Pin<&mut Self>) {
        self.after = After::Close;
    }

    /// The stream, and what was read of it for hyper.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.rest.into())
    }

    fn go(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<End>> {
        let mut rounds = ROUNDS;
        while rounds > 0 {
            rounds -= 1;
            if let State::Sending(..) = self.state
                && self.unsent.takes_piece()
            {
                let polled = self.next_piece(context)?;
                if polled.is_pending() {
                    ready!(self.flush(context))?;
                    return Poll::Pending;
                }
                if self.unsent.has_file() {
                    rounds = rounds.saturating_sub(ROUNDS_OF_FILE);
                }
            }
            ready!(self.flush(context))?;
            match &mut self.state {
                State::Sending(..) => {}
                State::Answering(answering, _) => match answering.as_mut().poll(context) {
                    Poll::Ready(answer) => self.begin(answer),
                    Poll::Pending => ready!(self.watch_client(context, scratch))?,
                },
                State::Leaving => return Poll::Ready(Ok(End::Other)),
                State::Reading if self.after == After::Close => {
                    // A socket says the same when it is closed, which is next.
                    if self.stream.tcp().is_none() {
                        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
                    }
                    return Poll::Ready(Ok(End::Closed));
                }
                State::Reading => {
                    let filled = ready!(self.read(context, scratch))?;
                    if filled == 0 {
                        self.end();
                    } else if !self.is_partial_still(scratch, filled) {
                        self.answer_all(context, scratch, filled)?;
                    }
                }
            }
        }
        // Others have their turn, and the watch of this connection too.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// The client has ended its side and waits for nothing: so does this one, with what TLS says at
    /// the end.
    fn end(&mut self) {
        (self.state, self.after) = (State::Reading, After::Close);
        self.keep(&[]);
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unsent.poll_flush(context, &mut self.stream, &self.edge.activity)
    }

    /// Reads behind what is left from before; says how many bytes are there, none at the end.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Poll<io::Result<usize>> {
        let have = self.rest.len();
        scratch.read.resize(READ, 0);
        if let Some(front) = scratch.read.get_mut(..have) {
            front.copy_from_slice(&self.rest);
        }
        if std::mem::take(&mut self.untried) {
            return Poll::Ready(Ok(have));
        }
        let mut buffer = ReadBuf::new(scratch.read.get_mut(have..).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        Poll::Ready(Ok(if count == 0 { 0 } else { have + count }))
    }

    /// Whether a head whose beginning is known still has no end: then it is not parsed again. A
    /// head that comes byte by byte would cost its length squared.
    fn is_partial_still(&mut self, scratch: &Scratch, filled: usize) -> bool {
        let known = self.rest.len();
        if !self.partial || filled == READ {
            return false;
        }
        let near = scratch.read.get(known.saturating_sub(3)..filled).unwrap_or_default();
        let ends = near.windows(2).any(|two| two == b"\n\n")
            || near.windows(3).any(|three| three == b"\n\r\n");
        if !ends {
            self.rest.extend_from_slice(scratch.read.get(known..filled).unwrap_or_default());
        }
        !ends
    }

    /// Answers the requests in the first `filled` bytes, up to one that takes longer.
    fn answer_all(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut Scratch,
        filled: usize,
    ) -> io::Result<()> {
        let Scratch { read, out } = scratch;
        let mut bytes = read.get(..filled).unwrap_or_default();
        let now = self.edge.activity.clock.now();
        self.partial = false;
        out.clear();
        while !bytes.is_empty() {
            let mut slots = [const { MaybeUninit::uninit() }; MAX_LINES];
            let (plain, length) = match head::read(bytes, &mut slots) {
                Head::Plain(plain, length) => (plain, length),
                Head::Partial if bytes.len() < READ => {
                    self.edge.activity.head_begins();
                    self.partial = true;
                    break;
                }
                Head::Partial | Head::Other => {
                    self.state = State::Leaving;
                    break;
                }
            };
            if plain.after == After::Close {
                self.after = After::Close;
            }
            self.answer(&self.edge.seen(plain.view(self.edge.peer)), out, now);
            bytes = bytes.get(length..).unwrap_or_default();
            if self.after == After::Close {
                bytes = &[];
            }
            let is_busy = !matches!(self.state, State::Reading) || !self.unsent.body.is_empty();
            if is_busy || out.len() > OUT {
                break;
            }
        }
        self.keep(bytes);
        self.untried = !self.partial && !bytes.is_empty();
        if out.is_empty() {
            return Ok(());
        }
        if let State::Sending(..) = self.state {
            // It goes out with the beginning of the body.
            self.unsent.head.append(out);
            return Ok(());
        }
        self.unsent.write_first(out, context, &mut self.stream, &self.edge.activity)
    }

    /// Keeps what is not answered yet.
    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.rest = Vec::new();
            return;
        }
        self.rest.clear();
        self.rest.extend_from_slice(bytes);
    }

    /// Answers a request: into `out`, where its answer is there.
    fn answer(&mut self, request: &RequestView<'_>, out: &mut Vec<u8>, now: Moment) {
        let is_head = *request.method == Method::HEAD;
        let answer = match self.edge.respond(request, Unread::default()) {
            Either::Left(answer) => answer,
            Either::Right(answering) => {
                let sending = self.edge.begin(request);
                self.state = State::Answering(answering, Box::new((sending, is_head)));
                return;
            }
        };
        let framing = self.push_head(out, &answer, is_head, now);
        let Some(body) = answer.body().bytes() else {
            let sent = SentBody::new(self.edge.begin(request), *answer);
            self.state = State::Sending(Box::new(sent), framing);
            return;
        };
        self.edge.sent_at_once(request, &answer, body.len() as u64, now);
        if body.len() <= COPIED {
            out.extend_from_slice(body);
        } else {
            self.unsent.body = body.clone();
        }
    }

    /// The answer that was waited for is there: its head goes out with the beginning of its body.
    fn begin(&mut self, answer: Answer) {
        let State::Answering(_, sending) = std::mem::replace(&mut self.state, State::Reading)
        else {
            return;
        };
        let (sending, is_head) = *sending;
        let (mut out, now) =
            (std::mem::take(&mut self.unsent.head), self.edge.activity.clock.now());
        let framing = self.push_head(&mut out, &answer, is_head, now);
        self.unsent.head = out;
        let sent = SentBody::new(sending, answer);
        if framing != Framing::Length(0) {
            self.state = State::Sending(Box::new(sent), framing);
        }
        // What came behind the request is looked at when its turn comes.
        self.untried = !self.rest.is_empty();
    }

    fn push_head(
        &mut self,
        out: &mut Vec<u8>,
        answer: &Answer,
        is_head: bool,
        now: Moment,
    ) -> Framing {
        if closes(answer.head().1) {
            self.after = After::Close;
        }
        push_head(out, answer, is_head, self.after, || self.edge.activity.clock.second(now))
    }

    /// Takes the next piece of the body that is being sent.
    fn next_piece(&mut self, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        let State::Sending(body, framing) = &mut self.state else { return Ok(Poll::Ready(())) };
        if self.stream.tcp().is_some()
            && let Some(part) = body.next_part()
        {
            return self.unsent.push_file(part, framing).map(Poll::Ready);
        }
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            return Ok(Poll::Pending);
        };
        match frame {
            // A body that breaks off must not look whole.
            Some(Err(why)) => return Err(io::Error::other(why)),
            Some(Ok(frame)) => {
                self.unsent.push_piece(frame.into_data().unwrap_or_default(), framing)?;
            }
            None => {
                self.unsent.push_last(*framing)?;
                self.state = State::Reading;
            }
        }
        Ok(Poll::Ready(()))
    }

    /// While a handler is at work: notes what comes. A client that closes its half still waits for
    /// the answer; one that is gone resets the connection, or is found out when it is written to.
    fn watch_client(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && !self.has_ended {
            scratch.read.resize(READ, 0);
            let mut buffer = ReadBuf::new(&mut scratch.read);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            self.rest.extend_from_slice(buffer.filled());
            if buffer.filled().is_empty() {
                (self.has_ended, self.after) = (true, After::Close);
            }
        }
        Poll::Pending
    }
}

/// Nothing here is pinned in place: a handler's future is boxed.
impl<S> Unpin for Connection<S> {}

impl<S: Wire> Future for Connection<S> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let mut scratch = SCRATCH.take();
        let polled = self.go(context, &mut scratch);
        if scratch.out.capacity() > 2 * OUT {
            scratch.out = Vec::new();
        }
        SCRATCH.set(scratch);
        // A stream that is broken has nobody at its other end.
        polled.map(|end| end.unwrap_or(End::Closed))
    }
}

fn closes(headers: &HeaderMap) -> bool {
    headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests;
