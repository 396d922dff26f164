//! Answers → bytes: heads, framing (RFC 9112 §6, §7.1), and what the stream has not taken yet.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Buf as _, Bytes};
use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use hyper::body::Body as _;
use rustix::fs::sendfile;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::super::activity::Activity;
use super::super::answer::Answer;
use super::super::files::FilePart;
use super::super::ready::{has_body, push_line, push_number, push_status};
use super::head::After;

/// What a connection reads from and writes to.
pub(in crate::http) trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// The socket, where bytes go out as they are: the system can send files by itself then.
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Wire for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Wire for TlsStream<TcpStream> {}

/// How a body is told from what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By the length in the head: so many bytes are still to come.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Heads, and small bodies with them.
    pub(super) head: Vec<u8>,
    /// One body, shared with whoever holds it.
    pub(super) body: Bytes,
    /// What ends the body's chunk.
    pub(super) tail: &'static [u8],
    /// A part of a file, behind the head: only where there is [`Wire::tcp`].
    file: Option<FilePart>,
    /// Whether the stream may still hold some of it (TLS does).
    dirty: bool,
}

impl Unsent {
    /// Whether nothing waits here; the stream itself may still have to be flushed.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.takes_piece()
    }

    /// Whether a piece of a body can be taken: only a head may wait before it.
    pub(super) fn takes_piece(&self) -> bool {
        self.body.is_empty() && self.tail.is_empty() && self.file.is_none()
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Writes until all is written and flushed.
    pub(super) fn poll_flush<S: Wire>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut S,
        activity: &Activity,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            if let (Some(part), Some(tcp)) = (&mut self.file, stream.tcp()) {
                if self.head.is_empty() {
                    ready!(send_part(context, tcp, part, activity))?;
                    self.file = self.file.take().filter(|part| part.len() > 0);
                } else {
                    let count = ready!(send_before(context, tcp, &self.head, activity))?;
                    self.drop_front(count);
                }
                continue;
            }
            let parts =
                [IoSlice::new(&self.head), IoSlice::new(&self.body), IoSlice::new(self.tail)];
            let count = ready!(write(context, stream, &parts, activity))?;
            self.dirty = true;
            self.drop_front(count);
        }
        if self.dirty {
            let flushed = Pin::new(stream).poll_flush(context);
            activity.wrote(&flushed, 0);
            ready!(flushed)?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes `out`, and behind it what waits here; keeps what the stream does not take.
    pub(super) fn write_first<S: AsyncWrite + Unpin>(
        &mut self,
        out: &mut Vec<u8>,
        context: &mut Context<'_>,
        stream: &mut S,
        activity: &Activity,
    ) -> io::Result<()> {
        out.append(&mut self.head);
        let parts = [IoSlice::new(out), IoSlice::new(&self.body), IoSlice::new(self.tail)];
        let count = match write(context, stream, &parts, activity) {
            Poll::Ready(count) => count?,
            Poll::Pending => 0,
        };
        self.dirty |= count > 0;
        match out.get(count..) {
            Some(left) => self.head = left.to_vec(),
            None => self.drop_front(count - out.len()),
        }
        Ok(())
    }

    /// Takes a piece of a body; what waits here before it must be gone, but for a head.
    pub(super) fn push_piece(&mut self, piece: Bytes, framing: &mut Framing) -> io::Result<()> {
        match framing {
            Framing::Length(left) => {
                *left = left.checked_sub(piece.len() as u64).ok_or_else(other_length)?;
            }
            Framing::Chunked if piece.is_empty() => {}
            Framing::Chunked => {
                self.head.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                self.tail = b"\r\n";
            }
        }
        self.body = piece;
        Ok(())
    }

    /// Takes a part of a file, as [`Self::push_piece`] takes bytes.
    pub(super) fn push_file(&mut self, part: FilePart, framing: &mut Framing) -> io::Result<()> {
        // A file's length is known, so its answer is never in chunks.
        let Framing::Length(left) = framing else { return Err(other_length()) };
        *left = left.checked_sub(part.len()).ok_or_else(other_length)?;
        self.file = Some(part);
        Ok(())
    }

    /// Ends a body.
    pub(super) fn push_last(&mut self, framing: Framing) -> io::Result<()> {
        match framing {
            Framing::Length(0) => Ok(()),
            Framing::Length(_) => Err(other_length()),
            Framing::Chunked => {
                self.head.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
        }
    }

    fn drop_front(&mut self, count: usize) {
        if let Some(rest) = count.checked_sub(self.head.len()) {
            // An idle connection holds no buffer.
            self.head = Vec::new();
            let of_body = rest.min(self.body.len());
            self.body.advance(of_body);
            if self.body.is_empty() {
                self.body = Bytes::new();
            }
            self.tail = self.tail.get(rest - of_body..).unwrap_or_default();
        } else {
            self.head.drain(..count);
        }
    }
}

/// The connection has to end: what follows would be taken for a part of this body, or the other way
/// round.
fn other_length() -> io::Error {
    io::Error::other("a body was longer or shorter than its head says")
}

/// Writes what a file follows: the system sends both together.
fn send_before(
    context: &mut Context<'_>,
    tcp: &TcpStream,
    head: &[u8],
    activity: &Activity,
) -> Poll<io::Result<usize>> {
    let sent = poll_send(context, tcp, || send(tcp, head, SendFlags::MORE | SendFlags::NOSIGNAL));
    activity.wrote(&sent, if let Poll::Ready(Ok(count)) = sent { count } else { 0 });
    sent
}

/// Sends of a part of a file what the socket takes. A file that was cut short meanwhile ends the
/// connection: its length was promised.
fn send_part(
    context: &mut Context<'_>,
    tcp: &TcpStream,
    part: &mut FilePart,
    activity: &Activity,
) -> Poll<io::Result<()>> {
    let count = usize::try_from(part.len()).unwrap_or(usize::MAX);
    let (file, start) = (&part.file, &mut part.part.start);
    let sent = poll_send(context, tcp, || sendfile(tcp, file, Some(start), count));
    activity.wrote(&sent, if let Poll::Ready(Ok(count)) = sent { count } else { 0 });
    match ready!(sent)? {
        0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        _ => Poll::Ready(Ok(())),
    }
}

/// What `send` does, once the socket takes something.
fn poll_send(
    context: &mut Context<'_>,
    tcp: &TcpStream,
    mut send: impl FnMut() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(context))?;
        match tcp.try_io(Interest::WRITABLE, || Ok(send()?)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            sent => return Poll::Ready(sent),
        }
    }
}

fn write<S: AsyncWrite + Unpin>(
    context: &mut Context<'_>,
    stream: &mut S,
    parts: &[IoSlice<'_>; 3],
    activity: &Activity,
) -> Poll<io::Result<usize>> {
    let [head, body, tail] = parts;
    let written = if body.is_empty() && tail.is_empty() {
        // The kernel takes one piece with less ado than a list of one.
        Pin::new(stream).poll_write(context, head)
    } else if stream.is_write_vectored() {
        Pin::new(stream).poll_write_vectored(context, parts)
    } else {
        let first = parts.iter().find(|part| !part.is_empty()).unwrap_or(head);
        Pin::new(stream).poll_write(context, first)
    };
    activity.wrote(&written, if let Poll::Ready(Ok(count)) = written { count } else { 0 });
    match ready!(written) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(written),
    }
}

/// Appends the head of an answer, and says how its body is framed. `second` is wall time's, since
/// 1970.
pub(super) fn push_head(
    out: &mut Vec<u8>,
    answer: &Answer,
    is_head: bool,
    after: After,
    second: impl FnOnce() -> u64,
) -> Framing {
    let (ready, lines) = answer.head();
    match ready {
        Some((ready, part)) => ready.push(part, out),
        None => push_status(out, answer.status()),
    }
    for (name, value) in lines {
        let ours = *name == TRANSFER_ENCODING || (*name == CONNECTION && after == After::Close);
        if !ours {
            push_line(out, name.as_str(), value.as_bytes());
        }
    }
    push_moment(out, answer);
    let size = answer.body().size_hint().exact();
    let framing = match said_length(lines).or(size) {
        _ if is_head || !has_body(answer.status()) => Framing::Length(0),
        Some(length) => Framing::Length(length),
        None => Framing::Chunked,
    };
    match framing {
        // A ready head says it itself.
        _ if ready.is_some() || lines.contains_key(CONTENT_LENGTH) => {}
        _ if is_head || !has_body(answer.status()) => {}
        Framing::Length(length) => push_number(out, "content-length", length),
        Framing::Chunked => push_line(out, "transfer-encoding", b"chunked"),
    }
    push_end(out, after, (!lines.contains_key(DATE)).then(second));
    framing
}

/// Appends the lines of the moment.
fn push_moment(out: &mut Vec<u8>, answer: &Answer) {
    if let Some(age) = answer.facts.age() {
        push_number(out, "age", age);
    }
    let begin = out.len();
    out.extend_from_slice(b"cache-status: ");
    if answer.facts.push_cache_status(out) {
        out.extend_from_slice(b"\r\n");
    } else {
        out.truncate(begin);
    }
}

fn said_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Appends the last lines of a head, and the empty one.
fn push_end(out: &mut Vec<u8>, after: After, date: Option<u64>) {
    if after == After::Close {
        push_line(out, "connection", b"close");
    }
    if let Some(second) = date {
        push_date(out, second);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the `Date` line; the text is made once a second and thread.
fn push_date(out: &mut Vec<u8>, second: u64) {
    thread_local! {
        static TEXT: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    TEXT.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            *of = second;
            *text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        }
        push_line(out, "date", text.as_bytes());
    });
}
