//! A body out of pieces: bytes, and parts of files.
//!
//! A part of a file is given to whoever can send it without reading it (`h1`, by `sendfile`), and
//! to all others in chunks. What the system has in memory is taken where the request is; what a
//! disk has to be waited for is read off the reactor's threads, and so is everything on a
//! network's disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;

/// A part of a body.
pub(super) enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// This part of a file.
    File(FilePart),
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(part) => part.len(),
        }
    }
}

/// A part of an open file.
#[derive(Clone, Debug)]
pub(in crate::http) struct FilePart {
    pub(in crate::http) file: Arc<File>,
    /// From which byte to which.
    pub(in crate::http) part: Range<u64>,
    /// Whether the disk is this machine's own: only then it may be asked where requests are
    /// answered.
    pub(super) is_local: bool,
}

/// How much of a file is read at a time: a client that reads slowly holds one such chunk.
const CHUNK: usize = 128 * 1024;

/// How much of a file is sent at a time without being read.
const BLOCK: usize = 1024 * 1024;

impl FilePart {
    pub(in crate::http) fn len(&self) -> u64 {
        self.part.end.saturating_sub(self.part.start)
    }

    /// Takes up to `bytes` from its beginning.
    fn take_first(&mut self, bytes: usize) -> Self {
        let middle = self.part.start.saturating_add(bytes as u64).min(self.part.end);
        let first = Self { part: self.part.start..middle, ..self.clone() };
        self.part.start = middle;
        first
    }

    /// Whether the system has it in memory, as its last byte says: what was read last is there.
    fn is_in_memory(&self) -> bool {
        let Some(last) = self.part.end.checked_sub(1).filter(|_| self.is_local) else {
            return false;
        };
        match preadv2(&self.file, &mut [IoSliceMut::new(&mut [0])], last, ReadWriteFlags::NOWAIT) {
            Ok(count) => count == 1,
            // A file system that cannot say: those that are in memory wholly are among them.
            Err(error) => error == Errno::OPNOTSUPP,
        }
    }

    /// Its bytes, where no disk has to be waited for.
    fn read_from_memory(&self) -> Option<Bytes> {
        let mut chunk = Chunk::of(self.len());
        let slice = &mut [IoSliceMut::new(&mut chunk.0)];
        match preadv2(&self.file, slice, self.part.start, ReadWriteFlags::NOWAIT) {
            Ok(count) => (count as u64 == self.len()).then(|| chunk.into()),
            Err(Errno::OPNOTSUPP) => self.read().ok(),
            Err(_) => None,
        }
    }

    /// Its bytes. A file that was cut short meanwhile breaks the answer off: its length was
    /// promised.
    fn read(&self) -> io::Result<Bytes> {
        let mut chunk = Chunk::of(self.len());
        self.file.read_exact_at(&mut chunk.0, self.part.start)?;
        Ok(chunk.into())
    }
}

/// Bytes of a file that are read. Whole ones are used again: fresh memory of that size costs more
/// than what is read into it.
struct Chunk(Vec<u8>);

static UNUSED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// So many are kept for use.
const MAX_UNUSED: usize = 16;

impl Chunk {
    fn of(len: u64) -> Self {
        let len = usize::try_from(len).unwrap_or(CHUNK).min(CHUNK);
        let used = || UNUSED.lock().pop();
        let unused = if len == CHUNK { used() } else { None };
        Self(unused.unwrap_or_else(|| vec![0; len]))
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        Self::from_owner(chunk)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut unused = UNUSED.lock();
        if self.0.len() == CHUNK && unused.len() < MAX_UNUSED {
            unused.push(std::mem::take(&mut self.0));
        }
    }
}

/// The pieces of a body of known length, one behind the other.
pub(in crate::http) struct Pieces {
    rest: VecDeque<Piece>,
    /// Bytes not yet given.
    left: u64,
    /// The chunk that is being read.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Pieces {
    pub(super) fn new(pieces: VecDeque<Piece>) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        Self { rest: pieces, left, reading: None }
    }

    /// What comes next, where that is a part of a file and can be sent without waiting for a disk.
    pub(in crate::http) fn next_part(&mut self) -> Option<FilePart> {
        while self.rest.front().is_some_and(|piece| piece.len() == 0) {
            self.rest.pop_front();
        }
        let Some(Piece::File(front)) = self.rest.front_mut() else { return None };
        let mut rest = front.clone();
        let part = rest.take_first(BLOCK);
        if self.reading.is_some() || !part.is_in_memory() {
            return None;
        }
        *front = rest;
        self.left = self.left.saturating_sub(part.len());
        Some(part)
    }

    fn give(&mut self, chunk: Bytes) -> Frame<Bytes> {
        self.left = self.left.saturating_sub(chunk.len() as u64);
        Frame::data(chunk)
    }
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
                Some(Piece::File(mut rest)) => {
                    let part = rest.take_first(CHUNK);
                    self.rest.push_front(Piece::File(rest));
                    if let Some(chunk) = part.is_local.then(|| part.read_from_memory()).flatten() {
                        return Poll::Ready(Some(Ok(self.give(chunk))));
                    }
                    self.reading = Some(tokio::task::spawn_blocking(move || part.read()));
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
