//! One try: look, build, make sure that nothing moved meanwhile, swap. What the log says about it:
//! each fact once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tracing::{error, info, warn};

use super::open::SILENCE;
use super::{Built, Outcome, ReloadState, ReloadStatus, Reloader};
use crate::diagnostic::render::counts;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::source::file::{Disk, Inputs, Trust};
use crate::units::grouped;
use crate::watch::{WatchFailure, Watches};

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

impl Reloader {
    /// Reads and swaps without waiting for a save to be over; how it went, and how long it took.
    /// Nothing where the process stops.
    pub(super) async fn reload_at_once(
        &mut self,
        seen: Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
    ) -> Option<(Outcome, Duration)> {
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
        &mut self,
        inputs: &Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
        trust: Trust,
    ) -> Option<Arc<Inputs>> {
        if let Some(watches) = watches {
            self.opened.refresh(watches, self.clock.now());
        }
        let (inputs, watches) = (Arc::clone(inputs), watches.map(Arc::clone));
        let (mut open, before) = (self.opened.paths(), Arc::clone(&self.attempted));
        let now = self.clock.wall();
        let look = move || {
            let again = |open: &BTreeSet<_>| inputs.again(now, trust, (open.clone(), &before));
            let (mut seen, mut is_unwatched) = (again(&open), false);
            for turn in 1..MAX_LOOKS {
                let anew = watches.as_ref().is_some_and(|watches| watches.set(&seen.directories));
                let known = open.len();
                // Some were open already, and are inputs only now.
                open.extend(watches.iter().flat_map(|watches| watches.open().into_keys()));
                if seen.is_exhausted() {
                    thread::sleep(EXHAUSTED_PAUSE * turn);
                } else if !anew && open.len() == known {
                    break;
                }
                is_unwatched |= anew;
                seen = again(&open);
            }
            seen.is_unwatched = is_unwatched;
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
        &mut self,
        seen: Arc<Inputs>,
        watches: Option<&Arc<Watches>>,
    ) -> Option<Made> {
        let began = self.clock.now();
        let mut disk =
            Disk::new(&self.root, self.clock.wall()).knowing(Arc::clone(&seen), Trust::All);
        let maker = Arc::clone(&self.build);
        let job = move || (maker.build(&mut disk), disk.into_inputs());
        let (built, from) = match self.tasks.spawn_blocking(job).await {
            Ok((built, inputs)) => (built, Arc::new(inputs)),
            // What it had noted is lost with it: the files are what they are now.
            Err(failed) if failed.is_panic() => {
                let attempted = Arc::clone(&self.attempted);
                let now = self.look(&attempted, watches, Trust::Nothing).await?;
                (Built::Bad(our_bug()), now)
            }
            Err(_) => return None,
        };
        let now = self.look(&from, watches, Trust::Metadata).await?;
        Some(Made { built, seen, from, now, took: self.clock.now().since(began) })
    }

    /// Swaps, or notes why not.
    pub(super) async fn finish(&mut self, made: Made) -> (Outcome, Duration) {
        let began = self.clock.now();
        // Where something moved and waiting was over, the next look has to see a difference.
        let from = if made.is_steady() { made.now } else { made.from };
        let before = std::mem::replace(&mut self.attempted, from);
        // An empty page may be a good one; an empty main file is an error, which says so.
        let emptied = self.attempted.emptied(&before).into_iter();
        for file in emptied.filter(|file| *file != self.main_file).take(MAX_SAID) {
            warn!(file, "this file is empty now");
        }
        let outcome = match made.built {
            Built::Bad(report) => self.refuse(report),
            Built::Good { apply, warnings } => match self.tasks.spawn_blocking(apply).await {
                Ok(changes) => self.applied(changes, warnings),
                Err(failed) if failed.is_panic() => self.refuse(our_bug()),
                Err(_) => Outcome::Stopping,
            },
        };
        (outcome, made.took + self.clock.now().since(began))
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

    /// Notes and says what keeps edits from being seen, where that is news: also the files that
    /// are `written` for so long.
    pub(super) fn watched(&mut self, seen: &Inputs, watches: &Watches, written: Option<&str>) {
        // Network disks, each kind once: there is nothing to mend.
        for (kind, file) in &seen.networks {
            if !self.said.networks.insert(kind) {
                continue;
            }
            info!(
                file,
                "files are on a network disk ({kind}), which does not tell of all edits: they are \
                 looked for, and found within 4 seconds"
            );
        }
        let stale = seen.unlinked.iter().map(|path| stale_mount(path));
        let now = self.clock.now();
        let long = seen.open.iter().filter(|(_, real)| self.opened.is_long(real, now));
        let long = long.map(|(path, _)| path.as_str()).chain(written).map(still_written);
        let polled = watches.failures().into_iter().map(|failure| polled(&failure));
        let now: Report = stale.chain(polled).chain(long).collect();
        let status = self.handle.status();
        if status.watching != now {
            fresh(&now, &status.watching).for_each(tell);
            self.status.send_modify(|status| Arc::make_mut(status).watching = now);
        }
    }

    /// Says how a reload went, which took so long.
    pub(super) fn say(&mut self, outcome: &Outcome, took: Duration) {
        let status = self.handle.status();
        match outcome {
            Outcome::Applied { changes } => {
                let old = std::mem::replace(&mut self.said.warnings, status.warnings.clone());
                tell_all(fresh(&status.warnings, &old).collect());
                let ms = took.as_millis();
                info!(generation = status.generation, "reloaded in {ms} ms: {changes}");
            }
            Outcome::Refused(report) => {
                let report = report.clone().sorted();
                tell_all(report.iter().collect());
                error!("{}", footer(&report, status.loaded_at));
            }
            Outcome::Unchanged | Outcome::Stopping => {}
        }
    }
}

/// The panic itself is in the log.
fn our_bug() -> Report {
    let message = "larder itself failed while it read these files; its log says how".to_owned();
    let help = Some("this is a bug in larder, not in the files; please report it");
    Report::from_iter([unplaced(Code::LoadFailed, message, help)])
}

/// Diagnostics of one reload that are written out; the status has them all.
const MAX_SAID: usize = 50;

/// What was said before and is not said again.
#[derive(Debug, Default)]
pub(super) struct Said {
    warnings: Report,
    networks: BTreeSet<&'static str>,
}

/// Says to who asked for a reload that there was nothing to do.
pub(super) fn unchanged(outcome: &Outcome) {
    if matches!(outcome, Outcome::Refused(_)) {
        error!("asked to reload: the files are as bad as they were");
    } else {
        info!("asked to reload: the files are what they were");
    }
}

/// Says all of one reload, as far as it is written out: what keeps an edit out first.
fn tell_all(mut found: Vec<&Diagnostic>) {
    found.sort_by_key(|diagnostic| !diagnostic.is_error());
    found.iter().take(MAX_SAID).copied().for_each(tell);
    if let Some(more) = found.len().checked_sub(MAX_SAID).filter(|more| *more > 0) {
        warn!("and {} more: `larder check` shows them", grouped(more as u64));
    }
}

fn tell(diagnostic: &Diagnostic) {
    let code = diagnostic.code.as_str();
    if diagnostic.is_error() {
        error!(code, "{diagnostic}");
    } else {
        warn!(code, "{diagnostic}");
    }
}

/// What is in `now` and was not in `old`.
fn fresh<'r>(now: &'r Report, old: &'r Report) -> impl Iterator<Item = &'r Diagnostic> {
    now.iter().filter(|warning| !old.iter().any(|known| known == *warning))
}

/// A mounted file that no directory holds any more: its next save will not be seen either.
fn stale_mount(file: &str) -> Diagnostic {
    let message = format!(
        "`{file}` was replaced outside of this container, whose mount still shows the old one"
    );
    let help = Some("mount the directory that holds it, not the file alone");
    unplaced(Code::MountStale, message, help)
}

/// A file that is not taken, because it never stands still.
fn still_written(file: &str) -> Diagnostic {
    let message = format!(
        "`{file}` is still being written after {} seconds: what is served is made from what it was \
         before",
        SILENCE.as_secs()
    );
    let help = Some("it is taken once it is closed: write it beside, and rename it into place");
    unplaced(Code::SaveUnfinished, message, help)
}

fn polled(failure: &WatchFailure) -> Diagnostic {
    unplaced(Code::WatchPolled, failure.to_string(), failure.help())
}

/// What is wrong with no line of a file.
pub(super) fn unplaced(code: Code, message: String, help: Option<&str>) -> Diagnostic {
    Diagnostic { code, message, labels: Vec::new(), help: help.map(str::to_owned), is_mild: false }
}

/// `2 errors, 1 warning; still serving what was loaded at 14:03:22`
fn footer(report: &Report, loaded_at: Option<SystemTime>) -> String {
    let served = match loaded_at.and_then(|at| jiff::Timestamp::try_from(at).ok()) {
        // UTC, as log lines have them.
        Some(time) => format!("still serving what was loaded at {}", time.strftime("%H:%M:%S")),
        None => "nothing was loaded yet".to_owned(),
    };
    format!("{}; {served}", counts(report))
}
