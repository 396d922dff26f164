//! Which inputs are open for writing, and for how long: the beginning of a file is mostly a good
//! file, so none is taken before it is closed, or has been still for long.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Moment;
use crate::watch::Watches;

/// How long a file is waited for in silence; one that is open and not written to for so long is
/// taken. Shorter, and a pause of a slow copy is taken for its end. Longer, and nobody is told why
/// an edit is not live.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// The inputs that are open for writing, by their real paths.
#[derive(Debug, Default)]
pub(super) struct Opened(BTreeMap<PathBuf, Writing>);

/// A file that is being written.
#[derive(Clone, Copy, Debug)]
struct Writing {
    since: Moment,
    /// Events of writing so far, and when there was another one.
    writes: u64,
    last: Moment,
}

impl Opened {
    /// Takes over what is open `now`; what has been still for too long counts as closed.
    pub(super) fn refresh(&mut self, watches: &Watches, now: Moment) {
        let mut open = watches.open();
        let before = std::mem::take(&mut self.0);
        open.retain(|path, writes| {
            let is_still = before
                .get(path)
                .is_some_and(|it| it.writes == *writes && now.since(it.last) >= SILENCE);
            if is_still {
                watches.forget_open(path);
            }
            !is_still
        });
        let known = |path: &Path| before.get(path).copied();
        let writings = open.into_iter().map(|(path, writes)| {
            let was = known(&path).unwrap_or(Writing { since: now, writes: 0, last: now });
            let last = if was.writes == writes { was.last } else { now };
            (path, Writing { since: was.since, writes, last })
        });
        self.0 = writings.collect();
    }

    /// What is open.
    pub(super) fn paths(&self) -> BTreeSet<PathBuf> {
        self.0.keys().cloned().collect()
    }

    /// Whether a file has been open for longer than is waited in silence.
    pub(super) fn is_long(&self, path: &Path, now: Moment) -> bool {
        self.0.get(path).is_some_and(|it| now.since(it.since) >= SILENCE)
    }
}
