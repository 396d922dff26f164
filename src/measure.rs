//! What is counted and timed while the process runs: numbers that only grow, read when somebody
//! asks for metrics. Nothing here waits, and nothing asks for the time.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The upper bounds of the steps of [`Timings`]; what takes longer is in one step more.
pub(crate) const STEPS: [Duration; 11] = [
    Duration::from_micros(100),
    Duration::from_micros(300),
    Duration::from_millis(1),
    Duration::from_millis(3),
    Duration::from_millis(10),
    Duration::from_millis(30),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

/// How long something took, in steps of about three.
#[derive(Debug, Default)]
pub struct Timings {
    /// How many took as long as each of [`STEPS`] at most and longer than the step before; the last
    /// longer than all.
    counts: [AtomicU64; STEPS.len() + 1],
    micros: AtomicU64,
}

impl Timings {
    /// One more, which took so long.
    pub fn add(&self, took: Duration) {
        let step = STEPS.iter().position(|bound| took <= *bound).unwrap_or(STEPS.len());
        self.counts[step].fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// What was added until now.
    pub(crate) fn get(&self) -> Taken {
        let micros = self.micros.load(Relaxed);
        let counts = array::from_fn(|step| self.counts[step].load(Relaxed));
        Taken { counts, seconds: Duration::from_micros(micros).as_secs_f64() }
    }
}

/// What [`Timings`] came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// As many as took as long as each of [`STEPS`], and as many as took longer.
    pub(crate) counts: [u64; STEPS.len() + 1],
    /// All together, in seconds.
    pub(crate) seconds: f64,
}

/// Lines of counters; a power of two.
const LINES: usize = 16;

/// `N` counters that all threads add to at once: each thread adds in a line of its own, so that no
/// core waits for another one's. Threads beyond [`LINES`] share lines.
#[derive(Debug)]
pub(crate) struct Spread<const N: usize>(Box<[Line<N>; LINES]>);

/// What no other thread's counters share a cache line with, also where two are fetched together.
#[repr(align(128))]
#[derive(Debug)]
struct Line<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Spread<N> {
    fn default() -> Self {
        let line = |_| Line(array::from_fn(|_| AtomicU64::default()));
        Self(Box::new(array::from_fn(line)))
    }
}

impl<const N: usize> Spread<N> {
    /// Adds one to a counter; a number that is none's adds nothing.
    pub(crate) fn inc(&self, counter: usize) {
        if let Some(counter) = self.0[line() % LINES].0.get(counter) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// What a counter came to.
    pub(crate) fn get(&self, counter: usize) -> u64 {
        let counters = self.0.iter().filter_map(|line| line.0.get(counter));
        counters.map(|counter| counter.load(Relaxed)).sum()
    }
}

/// The number of this thread.
fn line() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    LINE.with(|line| {
        if line.get() == usize::MAX {
            line.set(NEXT.fetch_add(1, Relaxed) % LINES);
        }
        line.get()
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_time_is_in_the_step_that_ends_with_it_or_after_it() {
        let timings = Timings::default();
        for micros in [0, 100, 101, 2_000_000, 60_000_000] {
            timings.add(Duration::from_micros(micros));
        }
        let taken = timings.get();
        assert_eq!(taken.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
        assert!((taken.seconds - 62.000_201).abs() < 1e-9);
    }

    #[test]
    fn what_many_threads_add_is_all_there() {
        let spread = Spread::<3>::default();
        thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| (0..1000).for_each(|_| spread.inc(1)));
            }
        });
        assert_eq!([0, 1, 2, 3].map(|counter| spread.get(counter)), [0, 40_000, 0, 0]);
    }
}
