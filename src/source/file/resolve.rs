//! A path as typed → the real place of the file, with every directory entry met on the way.
//!
//! The walk is done by hand, component by component, because each symbolic link on it is an input:
//! a `ConfigMap` changes by swapping a link that no config ever names.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use crate::config::FileError;

/// Links followed on one path before it is called a loop; the kernel's own bound.
const MAX_LINKS: usize = 40;

/// Where a walk ended, and what it passed.
#[derive(Debug)]
pub(super) struct Walk {
    /// The real path, without links and `..`; or why there is none.
    pub(super) real: Result<PathBuf, FileError>,
    /// Each directory entry that decided the way: a real directory and a name in it.
    pub(super) hops: Vec<Hop>,
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
    let mut hops = Vec::new();
    let real = follow(start, path, &mut hops);
    Walk { real, hops }
}

fn follow(start: &Path, path: &Path, hops: &mut Vec<Hop>) -> Result<PathBuf, FileError> {
    let mut current = start.to_path_buf();
    let mut ahead: VecDeque<Step> = steps(path).collect();
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        let name = match step {
            Step::Root => {
                current = PathBuf::from("/");
                continue;
            }
            Step::Up => {
                current.pop();
                continue;
            }
            Step::Down(name) => name,
        };
        let target = link_at(&current, &name, hops)?;
        let Some(target) = target else {
            current.push(name);
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return Err(FileError::Other("its symbolic links lead in a circle".to_owned()));
        }
        steps(&target).rev().for_each(|step| ahead.push_front(step));
    }
    Ok(current)
}

/// Notes the entry, and reads where it leads where it is a link.
fn link_at(
    directory: &Path,
    name: &OsStr,
    hops: &mut Vec<Hop>,
) -> Result<Option<PathBuf>, FileError> {
    let path = directory.join(name);
    let found = fs::symlink_metadata(&path);
    let is_link = found.as_ref().is_ok_and(|metadata| metadata.file_type().is_symlink());
    hops.push(Hop { directory: directory.to_path_buf(), name: name.to_owned(), is_link });
    found.map_err(|error| in_words(&error))?;
    if !is_link {
        return Ok(None);
    }
    fs::read_link(&path).map(Some).map_err(|error| in_words(&error))
}

/// What is said where the process, or the machine, has no descriptor left. It says nothing of the
/// file, and passes.
pub(super) const EXHAUSTED: &str = "larder has no file descriptor left to look (ulimit -n)";

/// A system's error as a [`FileError`].
pub(super) fn in_words(error: &io::Error) -> FileError {
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

/// One step of a path.
#[derive(Clone, Debug)]
enum Step {
    Root,
    Up,
    Down(OsString),
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = Step> + '_ {
    path.components().filter_map(|component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    })
}
