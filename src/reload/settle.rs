//! Whether a save is over. A file in the middle of a save is empty, or ends early, or is missing,
//! and each of those can be a good file: so what decides is that nobody holds it open, that it has
//! been quiet, and that two looks in a row found the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Outcome, Reloader};
use crate::source::file::{Doubt, Inputs, Trust};
use crate::watch::{Hint, Watch, Watches};

/// How long a file is waited for that is open, or empty, and the main one that is missing: a save
/// may take so long. Shorter, and half of a slow save is taken for the edit. Longer, and a file
/// that is meant to be empty is live that much later; with a poll's 2 s it has to be within 4 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// All waiting together, where one save follows the other. Shorter, and edits that belong together
/// are built halfway. Longer, and who saves without end sees nothing of it for that long.
pub(super) const LONGEST: Duration = PATIENCE.saturating_mul(3);
/// How long a file other than the main one may be missing before it counts as deleted; how long who
/// asks for a reload waits for the end of a save; and how long two looks that agree are tried for
/// once the patience is over. Shorter, and an editor that deletes and writes anew is called wrong.
/// Longer, and a deleted file, or an answer to who asked, is late by more than the second that is
/// promised.
const MOMENT: Duration = Duration::from_millis(500);
/// How long a file may be the beginning of what it was where no event tells that it was closed.
/// Shorter, and what a writer on a network disk has written before a pause is taken for all.
/// Longer, and deleting a file's last lines there is not live within 4 s, 2 s of them the poll's.
const CUT_OFF_PATIENCE: Duration = Duration::from_millis(1500);

/// How long to wait for two looks that agree where every save is seen to end: somebody saves all
/// the time, and each save is whole. After twice as long one look is enough. Shorter, and a
/// checkout is built halfway. Longer, and what is saved without a pause is not live in a second.
const RESTLESS_PATIENCE: Duration = Duration::from_millis(400);
/// Between two looks then. Longer, and two looks seldom fit between two saves; shorter only costs.
const RESTLESS_GAP: Duration = Duration::from_millis(5);
/// Between the saves of two files that belong together. Shorter, and saving all of an editor's
/// files logs errors that the next file mends. Longer, and every error is shown that much later.
const BETWEEN_FILES: Duration = Duration::from_millis(200);

/// How often the same has to be found before it is believed.
struct Pace {
    gap: Duration,
    agreements: u32,
}

/// After an event: it came when the file was closed or renamed, so this is only for the next file.
/// Shorter, and one edit of several files is several reloads. Longer, and every edit is later.
const AFTER_EVENT: Pace = Pace { gap: Duration::from_millis(25), agreements: 1 };
/// Where only the poll tells, whose writers are never seen to close: in all longer than their
/// pauses, and short enough for the 4 s that are promised. The gap alone decides how soon a change
/// in the middle of it is found.
const AFTER_POLL: Pace = Pace { gap: Duration::from_millis(250), agreements: 4 };

/// How the waiting ended.
pub(super) enum Settled {
    /// There is something to build: this was found last.
    Changed(Arc<Inputs>),
    /// It was only a touch, or the old bytes are back.
    Same,
    /// Somebody asked for a reload at once.
    Asked(oneshot::Sender<Outcome>),
    /// The process stops.
    Stopping,
}

impl Reloader {
    /// Waits until the save that `first` caught a glimpse of is over. `waited` is the time spent on
    /// it so far, and is added to.
    pub(super) async fn settle(
        &mut self,
        watch: &Watch,
        hint: Hint,
        first: Arc<Inputs>,
        waited: &mut Duration,
    ) -> Settled {
        let pace = if hint == Hint::Event { AFTER_EVENT } else { AFTER_POLL };
        let longest = *waited + PATIENCE * 2;
        let watches = watch.watches();
        let mut doubts = Doubts::default();
        doubts.add(self.doubts(hint, &first), *waited);
        let (mut last, mut agreed) = (first, 0);
        loop {
            let is_restless = hint == Hint::Event && *waited >= RESTLESS_PATIENCE;
            let gap = if is_restless { RESTLESS_GAP } else { pace.gap };
            let began = self.clock.now();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Settled::Stopping,
                Some(reply) = self.requests.recv() => return Settled::Asked(reply),
                () = tokio::time::sleep(gap) => {}
            }
            let Some(seen) = self.look(&last, Some(&watches), Trust::Metadata).await else {
                return Settled::Stopping;
            };
            // At least the gap: a test's clock may stand still, and patience has to end.
            *waited += self.clock.now().since(began).max(gap);
            agreed = if seen.digest() == last.digest() { agreed + 1 } else { 0 };
            doubts.add(self.doubts(hint, &seen), *waited);
            let is_still = agreed >= pace.agreements
                || hint == Hint::Event && *waited >= RESTLESS_PATIENCE * 2;
            let is_over = is_still && !watch.is_writing();
            // Nobody is waited for any longer; but what may be half of a file is none the better.
            let is_late = *waited >= PATIENCE && (agreed > 0 || *waited >= PATIENCE + MOMENT);
            if (is_over || is_late) && !doubts.are_young(*waited) || *waited >= longest {
                watch.forget_writing();
                if seen.digest() == self.attempted.digest() {
                    self.attempted = seen;
                    return Settled::Same;
                }
                return Settled::Changed(seen);
            }
            last = seen;
        }
    }

    /// What is there once no file is in the middle of a save any more, for one who asked and is not
    /// to wait for long: in place, a file is empty between two calls of an editor.
    pub(super) async fn written(
        &self,
        watch: &Watch,
        mut seen: Arc<Inputs>,
    ) -> Option<Arc<Inputs>> {
        let watches = watch.watches();
        let is_half = |(_, doubt): &(String, Doubt)| *doubt != Doubt::CutOff;
        let mut waited = Duration::ZERO;
        while waited < MOMENT
            && (watch.is_writing() || seen.doubts(&self.attempted).iter().any(is_half))
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
        &self,
        seen: &Arc<Inputs>,
        watches: &Arc<Watches>,
        waited: &mut Duration,
    ) -> Option<Arc<Inputs>> {
        tokio::time::sleep(BETWEEN_FILES).await;
        *waited += BETWEEN_FILES;
        let more = self.look(seen, Some(watches), Trust::Metadata).await?;
        (more.digest() != seen.digest()).then_some(more)
    }

    /// What looks as if a save were under way, and how long that is believed.
    fn doubts(&self, hint: Hint, seen: &Inputs) -> Vec<(String, Doubt, Duration)> {
        let patience = |(path, doubt): (String, Doubt)| {
            let patience = match doubt {
                Doubt::Emptied => PATIENCE,
                Doubt::Gone if path == self.main_file => PATIENCE,
                Doubt::Gone => MOMENT,
                Doubt::CutOff if hint == Hint::Poll => CUT_OFF_PATIENCE,
                // It was closed like this: its last lines were deleted.
                Doubt::CutOff => Duration::ZERO,
            };
            (path, doubt, patience)
        };
        seen.doubts(&self.attempted).into_iter().map(patience).collect()
    }
}

/// What looks odd, since when in every look, by the time waited, and how long that is believed: a
/// file that is emptied by each of many saves is not an empty file.
#[derive(Debug, Default)]
struct Doubts(BTreeMap<(String, Doubt), (Duration, Duration)>);

impl Doubts {
    /// Takes in what a look found when so long was `waited`.
    fn add(&mut self, found: Vec<(String, Doubt, Duration)>, waited: Duration) {
        let before = std::mem::take(&mut self.0);
        for (path, doubt, patience) in found {
            let key = (path, doubt);
            let since = before.get(&key).map_or(waited, |(since, _)| *since);
            self.0.insert(key, (since, patience));
        }
    }

    /// Whether one has not been there for as long as it is believed.
    fn are_young(&self, waited: Duration) -> bool {
        self.0.values().any(|(since, patience)| waited.saturating_sub(*since) < *patience)
    }
}
