//! Directories → hints that something in them may have changed.
//!
//! A hint is never more than that: `reload` looks at the content. So events may be lost, doubled or
//! late without harm, and what can't be watched by events is found by the poll, which is always on.
//! Raw `notify` events are folded into one small state, not queued: a thousand saves are one hint.

mod fold;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

use crate::source::file::Directories;
use fold::Fold;

/// How a [`Watch`] looks for changes.
#[derive(Clone, Copy, Debug)]
pub struct WatchOptions {
    /// Time between two polls; 2 s.
    pub poll: Duration,
    /// How long nothing may have happened before a save counts as over; 40 ms.
    pub quiet: Duration,
    /// No events at all, as on a disk that sends none.
    pub force_poll: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        let (poll, quiet) = (Duration::from_secs(2), Duration::from_millis(40));
        Self { poll, quiet, force_poll: false }
    }
}

/// Why it is time to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Something happened in a watched directory.
    Event,
    /// The time between two polls is over.
    Poll,
}

/// Quiet times that are waited through at most while something keeps happening.
const MAX_QUIETS: u32 = 10;

/// Watches directories until it is dropped.
#[derive(Debug)]
pub struct Watch {
    watches: Arc<Watches>,
    options: WatchOptions,
    poll: Interval,
}

/// What is watched.
#[derive(Debug)]
pub(crate) struct Watches {
    shared: Arc<Shared>,
    /// Held while watches are set, and never by the events' thread, which setting waits for.
    watched: Mutex<Watched>,
}

/// Between the events' thread and the loop.
#[derive(Debug, Default)]
struct Shared {
    fold: Mutex<Fold>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Watched {
    /// Nothing where there are no events.
    events: Option<RecommendedWatcher>,
    /// Events are not wanted.
    is_off: bool,
    /// Each watched directory, with what it was when the watch was set: a directory that was
    /// replaced has another identity, and the old watch is deaf.
    directories: BTreeMap<PathBuf, Option<Identity>>,
    /// Directories that are watched anew the next time.
    renew: BTreeSet<PathBuf>,
    /// Why some are not watched, each reason once.
    failures: Vec<WatchFailure>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Watch {
    /// Begins to watch, nothing as yet. Where the system gives no events, it goes on by the poll
    /// alone, and tries again whenever watches are set; [`Watches::failures`] says why.
    ///
    /// Must be called within a Tokio runtime.
    #[must_use]
    pub fn start(options: WatchOptions) -> Self {
        let shared = Arc::new(Shared::default());
        let mut watched = Watched { is_off: options.force_poll, ..Watched::default() };
        watched.listen(&shared);
        let mut poll = tokio::time::interval(options.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset();
        let watches = Arc::new(Watches { shared, watched: watched.into() });
        Self { watches, options, poll }
    }

    /// What is watched, to be changed from a thread that may block.
    pub(crate) fn watches(&self) -> Arc<Watches> {
        Arc::clone(&self.watches)
    }

    /// Waits until it is time to look.
    ///
    /// # Cancel safety
    /// No hint is lost.
    pub async fn next(&mut self) -> Hint {
        loop {
            if std::mem::take(&mut self.fold().is_due) {
                return Hint::Event;
            }
            tokio::select! {
                () = self.watches.shared.wake.notified() => {}
                _ = self.poll.tick() => return Hint::Poll,
            }
        }
    }

    /// Waits until nothing happens for the quiet time, at most ten times as long. What happened
    /// until then is not hinted at again: whoever waits here looks afterwards.
    ///
    /// # Cancel safety
    /// No hint is lost.
    pub async fn quiet(&mut self) {
        let limit = tokio::time::sleep(self.options.quiet * MAX_QUIETS);
        tokio::pin!(limit);
        loop {
            tokio::select! {
                () = &mut limit => break,
                () = tokio::time::sleep(self.options.quiet) => break,
                () = self.watches.shared.wake.notified() => {}
            }
        }
        self.fold().is_due = false;
    }

    fn fold(&self) -> MutexGuard<'_, Fold> {
        self.watches.shared.fold.lock()
    }

    /// Whether an event is waiting for [`Watch::next`].
    pub(crate) fn has_event(&self) -> bool {
        self.fold().is_due
    }
}

impl Watches {
    /// The inputs that were written to and not closed since, by their real paths, with how often
    /// they were written to.
    pub(crate) fn open(&self) -> BTreeMap<PathBuf, u64> {
        let fold = self.shared.fold.lock();
        let open = fold.writing.iter().filter(|(path, _)| fold.wanted.concern(path));
        open.map(|(path, writes)| (path.clone(), *writes)).collect()
    }

    /// Counts a file as closed until it is written to again: whoever holds it open may do so for
    /// days.
    pub(crate) fn forget_open(&self, path: &Path) {
        self.shared.fold.lock().writing.remove(path);
    }

    /// Watches these directories and no others; whether anything was watched anew, so that what
    /// happened in it just before may have gone unseen. May block on the disk.
    #[must_use = "what was watched anew has to be looked at once more"]
    pub(crate) fn set(&self, wanted: &Directories) -> bool {
        let mut watched = self.watched.lock();
        let lost = {
            let mut fold = self.shared.fold.lock();
            if fold.wanted != *wanted {
                fold.wanted = wanted.clone();
            }
            std::mem::take(&mut fold.lost)
        };
        watched.listen(&self.shared);
        let anew = watched.set(wanted, lost);
        // The closing of a file in a directory that was replaced is never told.
        let is_known = |path: &Path| path.parent().is_none_or(|parent| !anew.contains(parent));
        self.shared.fold.lock().writing.retain(|path, _| is_known(path));
        !anew.is_empty()
    }

    /// Why edits in some directories, or in all, are found by the poll and not told of by events;
    /// empty where all are told of. As of the last [`Watches::set`].
    pub(crate) fn failures(&self) -> Vec<WatchFailure> {
        self.watched.lock().failures.clone()
    }
}

impl Watched {
    /// Gets a watcher where there is none and one is wanted.
    fn listen(&mut self, shared: &Arc<Shared>) {
        if self.is_off || self.events.is_some() {
            return;
        }
        match events_into(shared) {
            Ok(events) => self.events = Some(events),
            Err(error) => self.failures = vec![WatchFailure::of_all(&error)],
        }
    }

    /// Watches what is wanted, and gives what was not watched before.
    fn set(&mut self, wanted: &Directories, lost: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut anew = BTreeSet::new();
        let Some(events) = &mut self.events else { return anew };
        self.failures.clear();
        let old = self.directories.keys().filter(|path| !wanted.contains(path)).cloned();
        for path in old.collect::<Vec<_>>() {
            self.directories.remove(&path);
            // It may be gone already, and its watch with it.
            let _ = events.unwatch(&path);
        }
        for path in wanted.iter() {
            let is = identity(path);
            let had = self.directories.get(path);
            let is_dead = lost.contains(path) || self.renew.contains(path);
            if is.is_none() || (had == Some(&is) && !is_dead) {
                continue;
            }
            if had.is_some() {
                let _ = events.unwatch(path);
            }
            self.directories.remove(path);
            match events.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    // Replaced in between: which of the two is watched is not known.
                    let sure = if identity(path) == is { is } else { None };
                    self.directories.insert(path.to_path_buf(), sure);
                    anew.insert(path.to_path_buf());
                }
                Err(error) => {
                    let failure = WatchFailure::of_one(path, &error);
                    let is_limit = matches!(failure, Some(WatchFailure::Limit(_)));
                    self.failures.extend(failure.filter(|_| self.failures.is_empty()));
                    if is_limit {
                        // Thousands more would be refused one by one, at every look.
                        break;
                    }
                }
            }
        }
        // notify drops the watch of a path when it sees that path removed, even if it is the new
        // directory's by then: so what was lost is renewed a second time, when that is over.
        self.renew = lost;
        anew
    }
}

fn events_into(shared: &Arc<Shared>) -> notify::Result<RecommendedWatcher> {
    let shared = Arc::clone(shared);
    notify::recommended_watcher(move |event| {
        if shared.fold.lock().take(event) {
            shared.wake.notify_one();
        }
    })
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Why directories are not watched by events. Each is found by the poll all the same. In words:
/// what is so, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WatchFailure {
    /// No watcher is to be had: the limit on inotify instances, or on open files.
    #[error(
        "the limit on inotify instances or open files is reached (a limit of the system, the disk \
         is not full): edits are found by looking, within 4 seconds"
    )]
    NoWatcher,
    /// No watcher is to be had, for another reason, in the system's words.
    #[error("files can't be watched ({0}): edits are found by looking, within 4 seconds")]
    NoEvents(String),
    /// The limit on watched directories is reached, at this one first.
    #[error(
        "the limit on watched directories is reached (the watch limit, the disk is not full): \
         edits in {} and in further directories are found by looking, within 4 seconds",
        .0.display()
    )]
    Limit(PathBuf),
    /// A directory cannot be watched, in the system's words.
    #[error(
        "{} can't be watched ({}): edits there are found by looking, within 4 seconds",
        .0.display(), .1
    )]
    Refused(PathBuf, String),
}

impl WatchFailure {
    /// Why there is no watcher.
    fn of_all(error: &notify::Error) -> Self {
        match &error.kind {
            ErrorKind::Io(error) if is_limit(error) => Self::NoWatcher,
            ErrorKind::MaxFilesWatch => Self::NoWatcher,
            _ => Self::NoEvents(error.to_string()),
        }
    }

    /// Why `directory` is not watched; nothing where it is not there any more: then what it was
    /// reached by is watched.
    fn of_one(directory: &Path, error: &notify::Error) -> Option<Self> {
        match &error.kind {
            ErrorKind::PathNotFound => None,
            ErrorKind::MaxFilesWatch => Some(Self::Limit(directory.to_path_buf())),
            ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => None,
            _ => Some(Self::Refused(directory.to_path_buf(), error.to_string())),
        }
    }

    /// How to mend it.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoWatcher => {
                Some("raise fs.inotify.max_user_instances (sysctl), or the limit of `ulimit -n`")
            }
            Self::Limit(_) => Some("raise fs.inotify.max_user_watches (sysctl)"),
            Self::NoEvents(_) | Self::Refused(..) => None,
        }
    }
}

fn is_limit(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOSPC))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(number: i32) -> notify::Error {
        notify::Error::io(io::Error::from_raw_os_error(number))
    }

    #[test]
    fn limits_are_said_in_words_and_with_what_to_raise() {
        const EMFILE: i32 = 24;
        const ENOSPC: i32 = 28;
        for number in [EMFILE, ENOSPC] {
            let failure = WatchFailure::of_all(&system(number));
            assert_eq!(failure, WatchFailure::NoWatcher);
            assert!(failure.to_string().contains("the disk is not full"), "{failure}");
            assert!(failure.help().is_some_and(|help| help.contains("max_user_instances")));
        }
        let limit = notify::Error::new(ErrorKind::MaxFilesWatch);
        let failure = WatchFailure::of_one(Path::new("/site"), &limit).unwrap();
        assert!(failure.to_string().contains("the watch limit, the disk is not full"), "{failure}");
        assert!(failure.help().is_some_and(|help| help.contains("max_user_watches")));
    }

    #[test]
    fn what_is_gone_is_no_trouble_and_what_is_refused_is_named() {
        const ENOENT: i32 = 2;
        const EACCES: i32 = 13;
        let directory = Path::new("/site");
        assert_eq!(WatchFailure::of_one(directory, &notify::Error::path_not_found()), None);
        assert_eq!(WatchFailure::of_one(directory, &system(ENOENT)), None);
        let failure = WatchFailure::of_one(directory, &system(EACCES)).unwrap().to_string();
        assert!(failure.starts_with("/site can't be watched (Permission denied"), "{failure}");
    }
}
