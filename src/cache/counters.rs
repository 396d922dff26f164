//! What the cache has done since the start, for metrics, read by the admin part.

use super::trouble::Trouble;
use crate::measure::{Counter, Timings};

/// Counts since the start; each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Renders begun.
    pub renders: Counter,
    /// Renders that failed, of those.
    pub render_failures: Counter,
    /// Pages that went on as they were, since what they read elsewhere was the same again.
    pub renewals: Counter,
    /// Renders of a stale entry's successor, of those.
    pub refreshes: Counter,
    /// Answers that waited for another request's render or look-up.
    pub collapsed: Counter,
    /// Fresh answers from memory: near cache or memory store.
    pub memory_hits: Counter,
    /// Answers that Redis had.
    pub store_hits: Counter,
    /// Stale answers, while a new one was being made or because none could be.
    pub stale_served: Counter,
    /// Entries written to the store.
    pub stored: Counter,
    /// Entries that were not written, being over `max_entry`.
    pub too_large: Counter,
    /// Entries that were not written, being new above `max_new_keys`.
    pub kept_out: Counter,
    /// Values under our keys that were no record of ours.
    pub flawed: Counter,
    /// Invalidations that Redis sent.
    pub invalidations: Counter,
    /// Times that the near cache was emptied because changes were no longer told.
    pub tracking_lost: Counter,
    /// How long renders took, those that failed too.
    pub render_time: Timings,
    /// How long calls of the store took that came to an end, those that failed too.
    pub store_time: Timings,
    store_errors: [Counter; Trouble::ALL.len()],
}

impl Counters {
    /// How often the store failed, by kind.
    pub fn store_errors(&self) -> impl Iterator<Item = (Trouble, u64)> + '_ {
        Trouble::ALL
            .map(|(kind, _)| kind)
            .into_iter()
            .zip(self.store_errors.iter().map(Counter::get))
    }

    pub(crate) fn store_error(&self, kind: Trouble) {
        self.store_errors[kind as usize].inc();
    }
}
