//! What the cache has done since the start, for metrics: plain atomics, read by the admin part.

use std::sync::atomic::{AtomicU64, Ordering};

use super::store::Trouble;

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
    store_errors: [Count; Trouble::ALL.len()],
}

impl Counters {
    /// How often the store failed, by kind.
    pub fn store_errors(&self) -> impl Iterator<Item = (Trouble, u64)> + '_ {
        Trouble::ALL.into_iter().zip(self.store_errors.iter().map(Count::get))
    }

    pub(crate) fn store_error(&self, kind: Trouble) {
        if let Some(count) = self.store_errors.get(kind.index()) {
            count.add();
        }
    }
}

/// One count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
