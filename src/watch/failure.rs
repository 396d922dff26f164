//! Why edits somewhere are found by looking instead of being told of.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use notify::ErrorKind;
use rustix::io::Errno;

/// Why directories are not watched by events. Each is found by the poll all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchFailure {
    /// No watcher is to be had: the limit on inotify instances, or on open files.
    NoWatcher,
    /// No watcher is to be had, for another reason, in the system's words.
    NoEvents(String),
    /// The limit on watched directories is reached, at this one first.
    Limit(PathBuf),
    /// A directory cannot be watched, in the system's words.
    Refused(PathBuf, String),
}

impl WatchFailure {
    /// Why there is no watcher.
    pub(super) fn of_all(error: &notify::Error) -> Self {
        match &error.kind {
            ErrorKind::Io(error) if is_limit(error) => Self::NoWatcher,
            ErrorKind::MaxFilesWatch => Self::NoWatcher,
            _ => Self::NoEvents(error.to_string()),
        }
    }

    /// Why `directory` is not watched; nothing where it is not there any more: then what it was
    /// reached by is watched.
    pub(super) fn of_one(directory: &Path, error: &notify::Error) -> Option<Self> {
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

impl fmt::Display for WatchFailure {
    /// What is so, and what follows from it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWatcher => out.write_str(
                "the limit on inotify instances or open files is reached (a limit of the system, \
                 the disk is not full): edits",
            ),
            Self::NoEvents(why) => write!(out, "files can't be watched ({why}): edits"),
            Self::Limit(directory) => write!(
                out,
                "the limit on watched directories is reached (the watch limit, the disk is not \
                 full): edits in {} and in further directories",
                directory.display()
            ),
            Self::Refused(directory, why) => {
                write!(out, "{} can't be watched ({why}): edits there", directory.display())
            }
        }?;
        out.write_str(" are found by looking, within 4 seconds")
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
