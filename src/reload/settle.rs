//! Whether a save is over. A file in the middle of a save is empty, or ends early, or is missing,
//! and each of those can be a good file: so what decides is that nobody holds it open, that it has
//! been quiet, and that two looks in a row found the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Outcome, Reloader};
use crate::source::file::{Doubt, Inputs, Trust};
use crate::watch::{Hint, Watch};

/// How long a save may take, all waiting together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a file other than the main one may be missing before it counts as deleted.
const GONE_PATIENCE: Duration = Duration::from_millis(500);
/// How long a file may be the beginning of what it was where no event tells that it was closed.
const CUT_OFF_PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks after an event, which came when the file was closed or renamed.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Between two looks where only the poll tells: longer than a writer's pause.
const LOOK_AGAIN_POLL: Duration = Duration::from_millis(300);

/// How the waiting ended.
pub(super) enum Settled {
    /// There is something to build.
    Changed,
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
        let gap = if hint == Hint::Event { LOOK_AGAIN } else { LOOK_AGAIN_POLL };
        let watches = watch.watches();
        let mut last = first;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Settled::Stopping,
                Some(reply) = self.requests.recv() => return Settled::Asked(reply),
                () = tokio::time::sleep(gap) => *waited += gap,
            }
            let Some(seen) = self.look(&last, Some(&watches), Trust::Metadata).await else {
                return Settled::Stopping;
            };
            let agree = seen.digest() == last.digest();
            if agree && !self.is_in_doubt(watch, hint, &seen, *waited) || *waited >= PATIENCE {
                watch.forget_writing();
                if seen.digest() == self.attempted.digest() {
                    self.attempted = seen;
                    return Settled::Same;
                }
                return Settled::Changed;
            }
            last = seen;
        }
    }

    fn is_in_doubt(&self, watch: &Watch, hint: Hint, seen: &Inputs, waited: Duration) -> bool {
        let patience = |(path, doubt): (String, Doubt)| match doubt {
            Doubt::Emptied => PATIENCE,
            Doubt::Gone if path == self.main_file => PATIENCE,
            Doubt::Gone => GONE_PATIENCE,
            Doubt::CutOff if hint == Hint::Poll => CUT_OFF_PATIENCE,
            // It was closed like this: its last lines were deleted.
            Doubt::CutOff => Duration::ZERO,
        };
        watch.is_writing()
            || seen.doubts(&self.attempted).into_iter().map(patience).any(|most| waited < most)
    }
}
