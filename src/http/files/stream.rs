//! A body out of pieces: bytes, and parts of files read in chunks off the reactor's threads.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::http::body::Body;

/// A part of a body.
pub(super) enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// This part of this file.
    File(Arc<File>, Range<u64>),
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, part) => part.end.saturating_sub(part.start),
        }
    }
}

/// The pieces, one behind the other, as a body of known length.
pub(super) fn pieces(pieces: VecDeque<Piece>) -> Body {
    let left = pieces.iter().map(Piece::len).sum();
    Body::stream(Pieces { rest: pieces, left, reading: None })
}

/// How much of a file is read at a time: a client that reads slowly holds one such chunk.
const CHUNK: u64 = 128 * 1024;

struct Pieces {
    rest: VecDeque<Piece>,
    /// Bytes not yet given.
    left: u64,
    /// The chunk that is being read.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                let chunk = read.map_err(io::Error::other).flatten();
                return Poll::Ready(Some(chunk.map(|chunk| self.give(chunk))));
            }
            match self.rest.pop_front() {
                None => return Poll::Ready(None),
                Some(piece) if piece.len() == 0 => {}
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(self.give(bytes)))),
                Some(Piece::File(file, part)) => {
                    let end = part.end.min(part.start.saturating_add(CHUNK));
                    if end < part.end {
                        self.rest.push_front(Piece::File(Arc::clone(&file), end..part.end));
                    }
                    let read = move || read(&file, part.start..end);
                    self.reading = Some(tokio::task::spawn_blocking(read));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Pieces {
    fn give(&mut self, chunk: Bytes) -> Frame<Bytes> {
        self.left = self.left.saturating_sub(chunk.len() as u64);
        Frame::data(chunk)
    }
}

/// Reads exactly this part. A file that was cut short meanwhile breaks the answer off: its length
/// was promised.
fn read(file: &File, part: Range<u64>) -> io::Result<Bytes> {
    let len = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
    let mut chunk = vec![0; len];
    file.read_exact_at(&mut chunk, part.start)?;
    Ok(chunk.into())
}
