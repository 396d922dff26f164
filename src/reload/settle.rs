//! Whether a save is over. A file in the middle of a save is empty, or ends early, or is missing,
//! and each of those can be a good file: so what decides is that nobody holds it open (`open`),
//! that it has been quiet, and that two looks in a row found the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::open::SILENCE;
use super::{Outcome, Reloader};
use crate::source::file::{Doubt, Inputs, Trust};
use crate::watch::{Hint, Watch, Watches};

/// How long an empty file is waited for, and the main one that is missing. Shorter, and a file that
/// is emptied and written anew a moment later is called wrong. Longer, and one that is meant to be
/// empty is live that much later.
const PATIENCE: Duration = Duration::from_secs(2);
/// All waiting for two looks that agree, where one save follows the other and what was built was
/// never of one moment.
pub(super) const LONGEST: Duration = PATIENCE.saturating_mul(3);
/// How long a file other than the main one may be missing before it counts as deleted; how long who
/// asks for a reload waits for the end of a save; and how long everything has to stand still where
/// a directory was not watched before, so that who writes in it is not known. Shorter, and an
/// editor that deletes and writes anew is called wrong. Longer, and a deleted file, or an answer to
/// who asked, is late by more than the second that is promised.
const MOMENT: Duration = Duration::from_millis(500);

/// How long to wait for two looks that agree where every save is seen to end: somebody saves all
/// the time, and each save is whole. After twice as long one look is enough. Shorter, and a
/// checkout is built halfway. Longer, and what is saved without a pause is not live in a second.
const RESTLESS_PATIENCE: Duration = Duration::from_millis(400);
/// Between two looks then. Longer, and two looks seldom fit between two saves; shorter only costs.
const RESTLESS_GAP: Duration = Duration::from_millis(5);
/// Between the saves of two files that belong together. Shorter, and saving all of an editor's
/// files logs errors that the next file mends. Longer, and every error is shown that much later.
const BETWEEN_FILES: Duration = Duration::from_millis(200);

/// How long the same has to be found before it is believed.
struct Pace {
    /// Between two looks.
    gap: Duration,
    still: Duration,
}

/// After an event: it came when the file was closed or renamed, so this is only for the next file.
/// Shorter, and one edit of several files is several reloads. Longer, and every edit is later.
const AFTER_EVENT: Pace = Pace { gap: Duration::from_millis(25), still: Duration::from_millis(25) };
/// Where only the poll tells, whose writers are never seen to close: about as long as between two
/// polls, and short enough for the 4 s that are promised in all. The gap alone decides how soon a
/// change in the middle of it is found.
const AFTER_POLL: Pace =
    Pace { gap: Duration::from_millis(250), still: Duration::from_millis(1750) };

/// The waiting for an edit to be over, from the first glimpse of it.
pub(super) struct Wait {
    /// Whether an event told of it, or the poll found it.
    hint: Hint,
    /// How long it has taken.
    pub(super) time: Duration,
    /// What looks odd, and since when in every look: a file that is emptied by each of many saves
    /// is not an empty file.
    odd: BTreeMap<(String, Doubt), Duration>,
}

impl Wait {
    /// That begins now.
    pub(super) fn after(hint: Hint) -> Self {
        Self { hint, time: Duration::ZERO, odd: BTreeMap::new() }
    }

    /// Notes who tells of what was `seen`. Where an event comes after the poll was first, it tells
    /// more: whether the file was closed.
    pub(super) fn hear(&mut self, watch: &Watch, seen: &Inputs) {
        // Some files send none: that another one did says nothing of when those are closed.
        if !seen.networks.is_empty() || !watch.watches().failures().is_empty() {
            self.hint = Hint::Poll;
        } else if watch.has_event() {
            self.hint = Hint::Event;
        }
    }

    fn pace(&self) -> Pace {
        if self.hint == Hint::Event { AFTER_EVENT } else { AFTER_POLL }
    }

    /// Whether one save follows the other, each of which is seen to end.
    pub(super) fn is_restless(&self) -> bool {
        self.hint == Hint::Event && self.time >= RESTLESS_PATIENCE
    }
}

/// How the waiting ended.
pub(super) enum Settled {
    /// There is something to build: this was found last.
    Changed(Arc<Inputs>),
    /// Somebody asked for a reload at once.
    Asked(oneshot::Sender<Outcome>),
    /// There is nothing to do: it was only a touch, the old bytes are back, or the process stops.
    Nothing,
}

impl Reloader {
    /// Waits until the save that `first` caught a glimpse of is over.
    pub(super) async fn settle(
        &mut self,
        watch: &Watch,
        first: Arc<Inputs>,
        wait: &mut Wait,
    ) -> Settled {
        let watches = watch.watches();
        let mut is_unwatched = first.is_unwatched;
        self.is_odd(&first, wait);
        let (mut last, mut still) = (first, Duration::ZERO);
        loop {
            let gap = match (wait.is_restless(), last.is_half) {
                (_, true) => AFTER_POLL.gap,
                (true, _) => RESTLESS_GAP,
                _ => wait.pace().gap,
            };
            let began = self.clock.now();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Settled::Nothing,
                Some(reply) = self.requests.recv() => return Settled::Asked(reply),
                () = tokio::time::sleep(gap) => {}
            }
            let Some(seen) = self.look(&last, Some(&watches), Trust::Metadata).await else {
                return Settled::Nothing;
            };
            // At least the gap: a test's clock may stand still, and patience has to end.
            let took = self.clock.now().since(began).max(gap);
            wait.time += took;
            still = if seen.digest() == last.digest() { still + took } else { Duration::ZERO };
            is_unwatched |= seen.is_unwatched;
            wait.hear(watch, &seen);
            let still_for = wait.pace().still;
            let needed = if is_unwatched { still_for.max(MOMENT) } else { still_for };
            if wait.time >= SILENCE {
                self.watched(&seen, &watches, seen.changed_since(&last));
            }
            let is_odd = self.is_odd(&seen, wait);
            let is_whole = wait.hint == Hint::Event && wait.time >= RESTLESS_PATIENCE * 2;
            // Who began to write while it was looked has written half of it.
            let opened = || watches.open().keys().any(|path| !seen.known_open.contains(path));
            if (still >= needed || is_whole) && !is_odd && !seen.is_half && !opened() {
                if seen.digest() == self.attempted.digest() {
                    self.attempted = seen;
                    return Settled::Nothing;
                }
                return Settled::Changed(seen);
            }
            last = seen;
        }
    }

    /// What is there once no file is in the middle of a save any more, for one who asked and is not
    /// to wait for long: in place, a file is empty between two calls of an editor.
    pub(super) async fn written(
        &mut self,
        watch: &Watch,
        mut seen: Arc<Inputs>,
    ) -> Option<Arc<Inputs>> {
        let watches = watch.watches();
        let mut waited = Duration::ZERO;
        while waited < MOMENT
            && !(watches.open().is_empty() && seen.doubts(&self.attempted).is_empty())
        {
            tokio::time::sleep(AFTER_EVENT.gap).await;
            waited += AFTER_EVENT.gap;
            seen = self.look(&seen, Some(&watches), Trust::Metadata).await?;
        }
        Some(seen)
    }

    /// Files that belong together are saved one after the other, by `save all` or a checkout: so
    /// before the first of them is called bad, the next gets the time to come. What came, if any.
    pub(super) async fn more_to_come(
        &mut self,
        seen: &Arc<Inputs>,
        watches: &Arc<Watches>,
        wait: &mut Wait,
    ) -> Option<Arc<Inputs>> {
        tokio::time::sleep(BETWEEN_FILES).await;
        wait.time += BETWEEN_FILES;
        let more = self.look(seen, Some(watches), Trust::Metadata).await?;
        (more.digest() != seen.digest()).then_some(more)
    }

    /// Whether something looks as if a save were under way, and not for so long that it is meant.
    pub(super) fn is_odd(&self, seen: &Inputs, wait: &mut Wait) -> bool {
        let found = seen.doubts(&self.attempted).into_iter();
        let since = |doubt: &(String, Doubt)| wait.odd.get(doubt).copied().unwrap_or(wait.time);
        wait.odd = found.map(|doubt| (doubt.clone(), since(&doubt))).collect();
        let mut odd = wait.odd.iter();
        odd.any(|(doubt, since)| wait.time.saturating_sub(*since) < self.patience(doubt))
    }

    /// How long what looks odd is believed to be half of a save.
    fn patience(&self, (path, doubt): &(String, Doubt)) -> Duration {
        match doubt {
            Doubt::Gone if *path != self.main_file => MOMENT,
            Doubt::Gone | Doubt::Empty => PATIENCE,
        }
    }
}
