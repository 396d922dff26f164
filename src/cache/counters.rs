//! What the cache has done since the start, for metrics: plain atomics, read by the admin part.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::trouble::Trouble;

/// Counts since the start; each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Renders begun.
    pub renders: Count,
    /// Renders that failed, of those.
    pub render_failures: Count,
    /// Renders of a stale entry's successor, of those.
    pub refreshes: Count,
    /// Answers that waited for another request's render or look-up.
    pub collapsed: Count,
    /// Fresh answers from memory: near cache or memory store.
    pub memory_hits: Count,
    /// Answers that Redis had.
    pub store_hits: Count,
    /// Stale answers, while a new one was being made or because none could be.
    pub stale_served: Count,
    /// Entries written to the store.
    pub stored: Count,
    /// Entries that were not written, being over `max_entry`.
    pub too_large: Count,
    /// Entries that were not written, being new above `max_new_keys`.
    pub kept_out: Count,
    /// Values under our keys that were no record of ours.
    pub flawed: Count,
    /// Invalidations that Redis sent.
    pub invalidations: Count,
    /// Times that the near cache was emptied because changes were no longer told.
    pub tracking_lost: Count,
    /// How long renders took, those that failed too.
    pub render_time: Timings,
    store_errors: [Count; Trouble::ALL.len()],
}

impl Counters {
    /// How often the store failed, by kind.
    pub fn store_errors(&self) -> impl Iterator<Item = (Trouble, u64)> + '_ {
        Trouble::ALL.map(|(kind, _)| kind).into_iter().zip(self.store_errors.iter().map(Count::get))
    }

    pub(crate) fn store_error(&self, kind: Trouble) {
        self.store_errors[kind as usize].add();
    }
}

/// How long something took, in steps of about three.
#[derive(Debug, Default)]
pub struct Timings {
    buckets: [AtomicU64; BOUNDS_SECONDS.len()],
    micros: AtomicU64,
}

/// The upper bounds of the steps, in seconds; the last one has none.
const BOUNDS_SECONDS: [f64; 11] =
    [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, f64::MAX];

/// What [`Timings`] held at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Of all, in seconds.
    pub sum: f64,
    /// How many there were.
    pub count: u64,
    /// Each step's upper bound in seconds, and how many were in that step.
    pub buckets: Vec<(f64, u64)>,
}

impl Timings {
    /// What was counted so far.
    pub fn read(&self) -> Histogram {
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = BOUNDS_SECONDS.into_iter().zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        Histogram { sum, count, buckets }
    }

    pub(crate) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        // The last bound is above any number, so that this is the place of a step.
        let step = BOUNDS_SECONDS.partition_point(|bound| *bound < seconds);
        self.buckets[step].fetch_add(1, Ordering::Relaxed);
    }
}

/// One count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
