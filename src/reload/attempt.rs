//! One try: look, build, make sure that nothing moved meanwhile, swap.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::error;

use super::say::unplaced;
use super::{Built, Outcome, ReloadState, ReloadStatus, Reloader};
use crate::diagnostic::{Code, Report};
use crate::source::file::{Disk, Inputs, Trust};
use crate::watch::Watches;

/// Builds thrown away, where a reload is wanted at once, because an input changed meanwhile.
const MAX_REBUILDS: usize = 3;
/// Looks in a row while there are directories that were not watched before they were looked at,
/// and while there is no file descriptor left.
const MAX_LOOKS: u32 = 5;
/// How long to wait for a file descriptor, the first time; each further time as much longer.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A build that is not applied yet.
pub(super) struct Made {
    pub(super) built: Built,
    /// What was seen before it was begun.
    seen: Arc<Inputs>,
    /// What it was made from.
    from: Arc<Inputs>,
    /// What the same questions were answered afterwards.
    pub(super) now: Arc<Inputs>,
    pub(super) took: Duration,
}

impl Made {
    /// Whether it was made from one state of the files: no input changed while they were read.
    pub(super) fn is_steady(&self) -> bool {
        self.from.digest() == self.now.digest() && !self.from.is_exhausted()
    }

    /// Whether it was made from what one look found, though something changed since.
    pub(super) fn is_of_one_look(&self) -> bool {
        self.from.is_as_it_was(&self.seen, &self.now) && !self.from.is_exhausted()
    }
}

/// A try that is over.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

impl Reloader {
    /// Reads and swaps without waiting for a save to be over. Nothing where the process stops.
    pub(super) async fn reload_at_once(
        &mut self,
        seen: Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
    ) -> Option<Done> {
        let mut made = self.make(seen, watches).await?;
        for _ in 0..MAX_REBUILDS {
            if made.is_steady() {
                break;
            }
            made = self.make(Arc::clone(&made.now), watches).await?;
        }
        Some(self.finish(made).await)
    }

    /// Asks the questions of `inputs` again, on a thread that may block, with their directories
    /// watched before the answers are taken. Nothing where the process stops.
    pub(super) async fn look(
        &self,
        inputs: &Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
        trust: Trust,
    ) -> Option<Arc<Inputs>> {
        let (inputs, watches) = (Arc::clone(inputs), watches.map(Arc::clone));
        let now = self.clock.wall();
        let look = move || {
            let mut seen = inputs.again(now, trust);
            for turn in 1..MAX_LOOKS {
                let anew = watches.as_ref().is_some_and(|watches| watches.set(&seen.directories));
                if seen.is_exhausted() {
                    thread::sleep(EXHAUSTED_PAUSE * turn);
                } else if !anew {
                    break;
                }
                seen = inputs.again(now, trust);
            }
            seen
        };
        match self.tasks.spawn_blocking(look).await {
            Ok(seen) => Some(Arc::new(seen)),
            Err(failed) => {
                if failed.is_panic() {
                    error!("larder itself failed while it looked for edits; this is a bug");
                }
                None
            }
        }
    }

    /// Builds from what was `seen`, and from the disk what was not asked before; then looks again
    /// at all that the build asked for.
    pub(super) async fn make(
        &self,
        seen: Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
    ) -> Option<Made> {
        let began = self.clock.now();
        let mut disk = Disk::new(&self.root, self.clock.wall()).as_it_was(Arc::clone(&seen));
        let maker = Arc::clone(&self.build);
        let job = move || (maker.build(&mut disk), disk.into_inputs());
        let (built, from) = match self.tasks.spawn_blocking(job).await {
            Ok((built, inputs)) => (built, Arc::new(inputs)),
            // What it had noted is lost with it: the files are what they are now.
            Err(failed) if failed.is_panic() => {
                let now = self.look(&self.attempted, watches, Trust::Nothing).await?;
                (Built::Bad(our_bug()), now)
            }
            Err(_) => return None,
        };
        let now = self.look(&from, watches, Trust::Metadata).await?;
        Some(Made { built, seen, from, now, took: self.clock.now().since(began) })
    }

    /// Swaps, or notes why not.
    pub(super) async fn finish(&mut self, made: Made) -> Done {
        let began = self.clock.now();
        // Where something moved and waiting was over, the next look has to see a difference.
        self.attempted = if made.is_steady() { made.now } else { made.from };
        let outcome = match made.built {
            Built::Bad(report) => self.refuse(report),
            Built::Good { apply, warnings } => match self.tasks.spawn_blocking(apply).await {
                Ok(changes) => self.applied(changes, warnings),
                Err(failed) if failed.is_panic() => self.refuse(our_bug()),
                Err(_) => Outcome::Stopping,
            },
        };
        let took = made.took + self.clock.now().since(began);
        Done { outcome, took }
    }

    fn applied(&mut self, changes: String, warnings: Report) -> Outcome {
        let before = Arc::clone(&self.status.borrow());
        let status = ReloadStatus {
            generation: before.generation + 1,
            loaded_at: Some(self.clock.wall()),
            digest: self.attempted.digest(),
            state: ReloadState::Current,
            last_change: changes.clone(),
            warnings,
            watching: before.watching.clone(),
        };
        self.status.send_replace(Arc::new(status));
        Outcome::Applied { changes }
    }

    fn refuse(&mut self, report: Report) -> Outcome {
        self.status.send_modify(|status| {
            Arc::make_mut(status).state = ReloadState::Stale(report.clone());
        });
        Outcome::Refused(report)
    }
}

/// The panic itself is in the log.
fn our_bug() -> Report {
    let message = "larder itself failed while it read these files; its log says how".to_owned();
    let help = Some("this is a bug in larder, not in the files; please report it");
    Report::from_iter([unplaced(Code::LoadFailed, message, help)])
}
