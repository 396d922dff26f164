//! Lines on their way to a stream whose reader may stand still: a buffer with a bound, and a
//! thread that empties it.
//!
//! Who pushes copies bytes under a short lock and never waits for the stream. What does not fit is
//! dropped and counted, and the log says so once lines flow again.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

/// The bytes that may wait for a stream, beside those that are being written.
const MAX_WAITING: usize = 1024 * 1024;

/// How long the thread rests after it has written. Without the rest nearly every line of a busy
/// server would find it asleep, and waking it is a system call; longer, and the buffer would have
/// to be larger for the same number of lines a second.
const REST: Duration = Duration::from_millis(5);

/// What a pipe takes in one piece, however many write to it (`PIPE_BUF`): with `2>&1` two threads
/// write to the same one.
const WHOLE_IN_A_PIPE: usize = 4096;

/// Takes the lines of one stream.
#[derive(Debug)]
pub(super) struct LineWriter {
    state: Mutex<State>,
    /// Wakes the thread.
    arrived: Condvar,
    /// Wakes those who flush.
    written: Condvar,
    /// Lines that were dropped since the process began.
    dropped: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// Whole lines that wait.
    lines: Vec<u8>,
    thread: Thread,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    /// It looks at the lines again by itself; also while it is not started.
    Resting,
    /// It has to be woken.
    Asleep,
    Writing,
}

impl LineWriter {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State { lines: Vec::new(), thread: Thread::Resting }),
            arrived: Condvar::new(),
            written: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Takes whole lines, each with its end; all of them, or none where they do not fit.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.state.lock();
        if state.lines.len() + lines.len() > MAX_WAITING {
            drop(state);
            self.drop_lines(lines);
            return;
        }
        state.lines.extend_from_slice(lines);
        if state.thread == Thread::Asleep {
            state.thread = Thread::Resting;
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Lines that were dropped since the process began.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was pushed is written, `bound` at most.
    pub(super) fn flush(&self, bound: Duration) {
        let is_left =
            |state: &mut State| !state.lines.is_empty() || matches!(state.thread, Thread::Writing);
        let _timed_out = self.written.wait_while_for(&mut self.state.lock(), is_left, bound);
    }

    /// Starts the thread, which writes to `stream` as long as the process lives. `after_gap` is
    /// called with the number of lines that were dropped, when lines flow again.
    pub(super) fn start<S>(&'static self, stream: S, after_gap: fn(u64))
    where
        S: AsFd + Send + 'static,
    {
        let write = move |batch: &[u8]| write_to(&stream, batch);
        let thread = thread::Builder::new().name("log".to_owned());
        // On a system that gives no thread the server, which needs more of them, says so itself.
        let _started = thread.spawn(move || self.write_all(write, after_gap));
    }

    fn write_all(&self, write: impl Fn(&[u8]) -> Result<(), Errno>, after_gap: fn(u64)) -> ! {
        let mut batch = Vec::new();
        let (mut said, mut before) = (0, 0);
        loop {
            self.take(&mut batch);
            let dropped = self.dropped();
            if write(&batch).is_err() {
                self.drop_lines(&batch);
            } else if dropped > said && dropped == before {
                // While more are dropped in each round, saying so would only take room.
                after_gap(dropped - said);
                said = dropped;
            }
            before = self.dropped();
            batch.clear();
            self.state.lock().thread = Thread::Resting;
            self.written.notify_all();
            thread::sleep(REST);
        }
    }

    /// Swaps the lines that wait, as soon as there are any, with `batch`, which is empty.
    fn take(&self, batch: &mut Vec<u8>) {
        let mut state = self.state.lock();
        while state.lines.is_empty() {
            state.thread = Thread::Asleep;
            self.arrived.wait(&mut state);
        }
        std::mem::swap(&mut state.lines, batch);
        state.thread = Thread::Writing;
    }

    fn drop_lines(&self, lines: &[u8]) {
        let count = lines.split(|byte| *byte == b'\n').count() - 1;
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Writes whole lines: to a file at once, to a pipe or socket in pieces that no other writer's fall
/// between, where the lines are not longer.
fn write_to(stream: &impl AsFd, lines: &[u8]) -> Result<(), Errno> {
    let is_file = fstat(stream)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    let mut rest = lines;
    while !rest.is_empty() {
        let length = if is_file { rest.len() } else { piece(rest) };
        let (mut piece, after) = rest.split_at(length);
        while !piece.is_empty() {
            match rustix::io::write(stream, piece) {
                // The stream was set not to block by someone who shares it.
                Ok(0) | Err(Errno::AGAIN) => thread::sleep(REST),
                Ok(count) => piece = piece.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(why) => return Err(why),
            }
        }
        rest = after;
    }
    Ok(())
}

/// The length of as many of the first lines as a pipe takes in one piece; of one line at least.
fn piece(lines: &[u8]) -> usize {
    if lines.len() <= WHOLE_IN_A_PIPE {
        return lines.len();
    }
    let (near, far) = lines.split_at(WHOLE_IN_A_PIPE);
    let end = |part: &[u8]| part.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let last = near.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
    last.or_else(|| end(far).map(|at| near.len() + at)).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests;
