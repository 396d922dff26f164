//! What each route answered, counted: one atomic addition a request.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::{Outcome, Why};

/// The answers of one route since the start, by what the cache did; survives reloads by its name.
#[derive(Debug, Default)]
pub(crate) struct RouteCounts([AtomicU64; NAMES.len()]);

const NAMES: [&str; 5] = ["hit", "stale", "miss", "bypass", "error"];

impl RouteCounts {
    /// The outcome of requests that no route is for.
    pub(crate) const UNMATCHED: &str = "unmatched";

    /// Counts an answer.
    pub(super) fn add(&self, outcome: &Outcome) {
        let place = match outcome {
            Outcome::Hit { ttl_seconds, .. } if *ttl_seconds >= 0 => 0,
            Outcome::Hit { .. } | Outcome::Forwarded { fwd_status: Some(_), .. } => 1,
            Outcome::Forwarded { why: Why::Bypass, .. } => 3,
            Outcome::Forwarded { .. } => 2,
        };
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer that could not be given.
    pub(super) fn add_error(&self) {
        self.0[4].fetch_add(1, Ordering::Relaxed);
    }

    /// Each outcome's name and count.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        NAMES.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}
