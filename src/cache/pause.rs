//! Pauses: things that are done to a key at most once in a while, by this instance.

use std::time::Duration;

use quick_cache::sync::Cache as Map;

use crate::clock::Moment;
use crate::fingerprint::Fingerprint;

/// How many keys are remembered; one that had to leave is simply tried sooner.
const KEYS: usize = 4096;

/// When each key's turn comes again.
pub(crate) struct Pauses {
    turns: Map<Box<str>, Turn>,
    first: Duration,
    longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    next: Moment,
    /// How often in a row, by which the pause has grown.
    times: u32,
    last: Moment,
}

impl Pauses {
    /// Pauses of `first`, doubled each time in a row, up to `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { turns: Map::new(KEYS), first, longest }
    }

    /// Whether it is the key's turn.
    pub(crate) fn is_due(&self, key: &str, now: Moment) -> bool {
        self.turns.get(key).is_none_or(|turn| now >= turn.next)
    }

    /// It was done, or tried, now.
    pub(crate) fn begin(&self, key: &str, now: Moment) {
        let forgotten = self.longest * 60;
        let last = self.turns.get(key).filter(|turn| now.since(turn.last) < forgotten);
        let times = last.map_or(0, |turn| turn.times).saturating_add(1);
        let grown = self.first.saturating_mul(1 << (times - 1).min(16));
        let next = now.after(grown.min(self.longest));
        self.turns.insert(key.into(), Turn { next, times, last: now });
    }

    /// It is well again: no pause is left.
    pub(crate) fn end(&self, key: &str) {
        self.turns.remove(key);
    }
}

/// When each key's record of another version was overwritten, and by which version of ours: edits
/// in a row are one site's, and each is stored.
pub(crate) struct Overwrites {
    last: Map<Box<str>, (Fingerprint, Moment)>,
    pause: Duration,
}

impl Overwrites {
    /// Overwrites that one version does at a key once in a `pause`.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { last: Map::new(KEYS), pause }
    }

    /// The overwriting failed: the record did not come back, it never went.
    pub(crate) fn forget(&self, key: &str) {
        self.last.remove(key);
    }

    /// Whether a record may be overwritten now; then it is.
    pub(crate) fn record_and_admit(&self, key: &str, by: &Fingerprint, now: Moment) -> bool {
        let last = self.last.get(key);
        let is_due = last.is_none_or(|(own, at)| own != *by || now.since(at) >= self.pause);
        if is_due {
            self.last.insert(key.into(), (*by, now));
        }
        is_due
    }
}
