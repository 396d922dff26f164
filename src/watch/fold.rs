//! Raw events → a small state: whether to look, what is being written, which watches are dead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::Event;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};

use crate::source::file::Directories;

/// Files that may be open for writing at once before they are no longer told apart.
const MAX_WRITING: usize = 1024;

/// What the events since the last look amount to. Bounded, however many there were.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Which events matter.
    pub(super) wanted: Directories,
    /// Whether something happened.
    pub(super) is_due: bool,
    /// Watched directories that were removed or moved: their watches see nothing any more.
    pub(super) lost: BTreeSet<PathBuf>,
    /// Files of the watched directories that were written to and not closed since, inputs or not
    /// (what is none may become one), with how often they were.
    pub(super) writing: BTreeMap<PathBuf, u64>,
}

impl Fold {
    /// Takes an event in; whether it is worth waking up for.
    pub(super) fn take(&mut self, event: notify::Result<Event>) -> bool {
        // Events were lost, or the watching itself failed: anything may have happened.
        let Ok(event) = event else { return self.due() };
        if event.need_rescan() {
            self.writing.clear();
            return self.due();
        }
        let mut matters = false;
        for path in &event.paths {
            matters |= self.lose(event.kind, path);
            matters |= self.note(event.kind, path) && self.concerns(event.kind, path);
        }
        matters && self.due()
    }

    fn due(&mut self) -> bool {
        self.is_due = true;
        true
    }

    fn lose(&mut self, kind: EventKind, path: &Path) -> bool {
        let gone = matches!(
            kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
        );
        let lost = gone && self.wanted.contains(path);
        if lost {
            self.lost.insert(path.to_path_buf());
        }
        lost
    }

    /// Whether an input may have changed. Whatever else is written beside the inputs, a log say, is
    /// forgotten here: looking at all inputs for each line of it would take up a thread.
    fn concerns(&self, kind: EventKind, path: &Path) -> bool {
        self.wanted.concern(path) || self.wanted.would_search(path) && may_be_directory(kind, path)
    }

    /// Keeps who writes; whether it may be an edit.
    fn note(&mut self, kind: EventKind, path: &Path) -> bool {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => {
                self.writing.remove(path);
            }
            // Looking at the files is what makes these; they must not make us look again.
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_)) => {
                if let Some(writes) = self.writing.get_mut(path) {
                    *writes += 1;
                } else if self.writing.len() < MAX_WRITING {
                    self.writing.insert(path.to_path_buf(), 1);
                }
            }
            _ => {}
        }
        true
    }
}

/// Whether a directory, or a link that may lead to one, has come to be at `path`. One that goes had
/// been gone into, and is known by its name.
fn may_be_directory(kind: EventKind, path: &Path) -> bool {
    let comes = matches!(kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)));
    comes && std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind};

    use super::*;

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));

    const CRATE: &str = env!("CARGO_MANIFEST_DIR");

    fn fold() -> Fold {
        let mut fold = Fold::default();
        fold.wanted.add(Path::new("/site"), OsStr::new("a.txt"));
        fold.wanted.add(Path::new("/site"), OsStr::new("posts"));
        fold.wanted.add_searched(Path::new("/site/posts"), Some("*.md"));
        // A directory that is there wherever tests run, with a directory and a file in it.
        fold.wanted.add_searched(Path::new(CRATE), None);
        fold
    }

    fn take(fold: &mut Fold, kind: EventKind, path: &str) -> bool {
        fold.take(Ok(Event::new(kind).add_path(PathBuf::from(path))))
    }

    #[test]
    fn only_events_that_may_concern_an_input_wake_anybody() {
        for (kind, path, wakes) in [
            (WRITTEN, "/site/a.txt", true),
            (WRITTEN, "/site/log.txt", false),
            (WRITTEN, "/site/posts/new.md", true),
            (WRITTEN, "/site/posts/access.log", false),
            (CLOSED, "/site/posts/access.log", false),
            (EventKind::Create(CreateKind::Any), "/site/posts/new.md", true),
            (EventKind::Create(CreateKind::Any), "/site/posts/access.log", false),
            (EventKind::Remove(RemoveKind::Any), "/site/posts/access.log", false),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), "/site/posts/a.tmp", false),
            (EventKind::Create(CreateKind::Any), concat!(env!("CARGO_MANIFEST_DIR"), "/src"), true),
            (WRITTEN, concat!(env!("CARGO_MANIFEST_DIR"), "/src"), false),
            (
                EventKind::Create(CreateKind::Any),
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
                false,
            ),
            (WRITTEN, "/elsewhere/a.txt", false),
            (EventKind::Create(CreateKind::Any), "/site/..data", true),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), "/site/a.txt", true),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), "/site/a.txt", false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), "/site/a.txt", false),
            (CLOSED, "/site/a.txt", true),
            (EventKind::Remove(RemoveKind::Folder), "/site/posts", true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), "/site", true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), "/site/a.txt", true),
        ] {
            let mut fold = fold();
            assert_eq!(take(&mut fold, kind, path), wakes, "{kind:?} {path}");
            assert_eq!(fold.is_due, wakes, "{kind:?} {path}");
        }
    }

    #[test]
    fn a_file_is_being_written_until_it_is_closed_or_gone() {
        for end in [
            CLOSED,
            EventKind::Remove(RemoveKind::File),
            EventKind::Modify(ModifyKind::Name(RenameMode::From)),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
        ] {
            let mut fold = fold();
            take(&mut fold, WRITTEN, "/site/a.txt");
            take(&mut fold, CLOSED, "/site/posts/other.md");
            assert!(!fold.writing.is_empty(), "{end:?}");
            take(&mut fold, end, "/site/a.txt");
            assert!(fold.writing.is_empty(), "{end:?}");
        }
    }

    #[test]
    fn a_watched_directory_that_goes_is_lost_and_a_file_is_not() {
        let mut fold = fold();
        take(&mut fold, EventKind::Remove(RemoveKind::File), "/site/a.txt");
        assert!(fold.lost.is_empty());
        take(&mut fold, EventKind::Remove(RemoveKind::Folder), "/site/posts");
        assert!(fold.lost.contains(Path::new("/site/posts")));
    }

    #[test]
    fn lost_events_and_errors_mean_that_anything_may_have_happened() {
        let mut fold = fold();
        assert!(fold.take(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert!(fold.take(Err(notify::Error::generic("broken"))));
    }

    #[test]
    fn events_without_end_fold_into_a_bounded_state() {
        let mut fold = fold();
        for turn in 0..100_000 {
            take(&mut fold, WRITTEN, &format!("/site/posts/{turn}.md"));
        }
        assert_eq!(fold.writing.len(), MAX_WRITING);
    }
}
