//! Raw events → a small state: whether to look, what is being written, which watches are dead.

use std::collections::BTreeSet;
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
    /// Files that were written to and not closed since.
    writing: BTreeSet<PathBuf>,
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
            matters |= self.wanted.concern(path) && self.note(event.kind, path);
        }
        matters && self.due()
    }

    /// Whether something is still being written.
    pub(super) fn is_writing(&self) -> bool {
        !self.writing.is_empty()
    }

    /// Stops waiting for files to be closed: whoever holds them open may do so for days.
    pub(super) fn forget_writing(&mut self) {
        self.writing.clear();
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

    fn note(&mut self, kind: EventKind, path: &Path) -> bool {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => {
                self.writing.remove(path);
            }
            // Looking at the files is what makes these; they must not make us look again.
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_)) if self.writing.len() < MAX_WRITING => {
                self.writing.insert(path.to_path_buf());
            }
            _ => {}
        }
        true
    }
}
