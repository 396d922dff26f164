//! What the file system says of a file, and whether that can be relied on.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long after its last change a file's metadata can be trusted to show the next one: the
/// coarsest file system counts in steps of two seconds.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What the file system says of a file: as long as it says the same, the bytes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    device: u64,
    inode: u64,
    pub(super) size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(crate) fn modified(&self) -> Option<SystemTime> {
        let since = u64::try_from(self.modified.0).ok().map(Duration::from_secs)?;
        let nanos = u64::try_from(self.modified.1).ok().map(Duration::from_nanos)?;
        UNIX_EPOCH.checked_add(since + nanos)
    }

    /// Whether the last change is so long before `now` that the next one will show.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = self.changed.0.max(self.modified.0);
        u64::try_from(changed)
            .is_ok_and(|changed| Duration::from_secs(changed + 1) + SETTLED_AFTER <= now)
    }
}
