//! Pauses: things that are done to a key at most once in a while, by this instance.

use std::time::Duration;

use quick_cache::sync::Cache as Map;

use crate::clock::Moment;

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

    /// It was done, or tried, now; says how often in a row that makes.
    pub(crate) fn begin(&self, key: &str, now: Moment) -> u32 {
        let forgotten = self.longest * 60;
        let last = self.turns.get(key).filter(|turn| now.since(turn.last) < forgotten);
        let times = last.map_or(0, |turn| turn.times).saturating_add(1);
        let grown = self.first.saturating_mul(1 << (times - 1).min(16));
        let next = now.after(grown.min(self.longest));
        self.turns.insert(key.into(), Turn { next, times, last: now });
        times
    }

    /// It is well again: no pause is left.
    pub(crate) fn end(&self, key: &str) {
        self.turns.remove(key);
    }
}
