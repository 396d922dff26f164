//! A path as typed → the real place of the file, with every directory entry met on the way.
//!
//! The walk is done by hand, component by component, because each symbolic link on it is an input:
//! a `ConfigMap` changes by swapping a link that no config ever names.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use rustix::io::Errno;

use crate::config::FileError;

/// The working directory as whoever started the process calls it, with the links by which a shell
/// came there: where a site is published by swapping one of them, the process itself still stands
/// in the old one. As it was at the start: once a link was swapped it names another directory.
static HERE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let named = PathBuf::from(std::env::var_os("PWD")?);
    let identity = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
    let is_it = named.is_absolute() && identity(&named)? == identity(Path::new("."))?;
    is_it.then_some(named)
});

/// `path` from the root of the file system, its links as they are.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let typed = HERE.as_ref().map_or_else(|| path.to_path_buf(), |here| here.join(path));
    std::path::absolute(&typed).unwrap_or(typed)
}

/// Links followed on one path before it is called a loop; the kernel's own bound.
const MAX_LINKS: usize = 40;

/// Where a walk ended, and what it passed.
#[derive(Debug)]
pub(super) struct Walk {
    /// The real path, without links and `..`; or why there is none.
    pub(super) real: Result<PathBuf, FileError>,
    /// Each directory entry that decided the way: a real directory and a name in it.
    pub(super) hops: Vec<Hop>,
    /// What is at the real path; nothing for a directory that was reached by no name.
    pub(super) end: Option<Metadata>,
}

/// An entry of a real directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The directory, a real path.
    pub(super) directory: PathBuf,
    /// The name in it.
    pub(super) name: OsString,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
}

/// Walks `path` from `start`, which is a real directory, to whatever it names.
pub(super) fn walk(start: &Path, path: &Path) -> Walk {
    let mut walk = Walk { real: Err(FileError::Missing), hops: Vec::new(), end: None };
    walk.real = walk.follow(start, path);
    walk
}

impl Walk {
    fn follow(&mut self, start: &Path, path: &Path) -> Result<PathBuf, FileError> {
        let mut current = start.to_path_buf();
        let mut ahead = path.to_path_buf();
        let mut links = 0;
        loop {
            let mut steps = ahead.components();
            let Some(step) = steps.next() else { return Ok(current) };
            let mut rest = steps.as_path().to_path_buf();
            self.end = None;
            match step {
                Component::RootDir => current = PathBuf::from("/"),
                Component::ParentDir => _ = current.pop(),
                Component::Normal(name) => {
                    if let Some(target) = self.enter(&mut current, name)? {
                        if links == MAX_LINKS {
                            let words = "its symbolic links lead in a circle";
                            return Err(FileError::Other(words.to_owned()));
                        }
                        links += 1;
                        rest = target.join(rest);
                    }
                }
                Component::CurDir | Component::Prefix(_) => {}
            }
            ahead = rest;
        }
    }

    /// Goes to an entry of `directory`, or stays and says where it leads where it is a link.
    fn enter(
        &mut self,
        directory: &mut PathBuf,
        name: &OsStr,
    ) -> Result<Option<PathBuf>, FileError> {
        let path = directory.join(name);
        let found = fs::symlink_metadata(&path);
        let is_link = found.as_ref().is_ok_and(Metadata::is_symlink);
        self.hops.push(Hop { directory: directory.clone(), name: name.to_owned(), is_link });
        let metadata = found.map_err(|error| in_words(&error))?;
        if is_link {
            return fs::read_link(&path).map(Some).map_err(|error| in_words(&error));
        }
        self.end = Some(metadata);
        *directory = path;
        Ok(None)
    }
}

/// What is said where the process, or the machine, has no descriptor left. It says nothing of the
/// file, and passes.
pub(super) const EXHAUSTED: &str = "larder has no file descriptor left to look (ulimit -n)";

/// Whether an answer is [`EXHAUSTED`], about the file itself or about what led to it.
pub(super) fn is_exhausted(error: &FileError) -> bool {
    matches!(error, FileError::Other(words) if words.ends_with(EXHAUSTED))
}

/// A system's error as a [`FileError`].
pub(in crate::source) fn in_words(error: &io::Error) -> FileError {
    if matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) {
        return FileError::Other(EXHAUSTED.to_owned());
    }
    match error.kind() {
        // A file where a directory was asked for: what was asked for is not there.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::Missing,
        io::ErrorKind::PermissionDenied => {
            FileError::Other("larder may not read it (permission denied)".to_owned())
        }
        _ => FileError::Other(error.to_string()),
    }
}
