//! What a load asked of the disk and what it was answered: the thing that is watched.
//!
//! Two loads that were answered alike make the same site, so [`Inputs::digest`] decides whether
//! there is anything to reload; events only say when to look.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{Disk, glob, resolve};
use crate::config::{FileError, Files as _};
use crate::fingerprint::{Fingerprint, Hasher};

/// Everything that a load asked, with the answers.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The site's directory as given; its links are followed anew by each load.
    pub(super) root: PathBuf,
    pub(super) files: BTreeMap<Question, Result<Seen, FileError>>,
    pub(super) globs: BTreeMap<String, Result<Vec<String>, FileError>>,
    /// Directories that are served: where each really is.
    pub(super) served: BTreeMap<String, Result<PathBuf, FileError>>,
    /// The directories to watch, with the names in them that matter.
    pub(crate) directories: Directories,
    /// Files that are open by a name although no directory holds them any more: what a container
    /// sees of a single mounted file after the host saved it by rename.
    pub(crate) unlinked: BTreeSet<String>,
    /// The kinds of network disks that files are on, each with a file that is: edits there are seen
    /// by who looks, not told.
    pub(crate) networks: BTreeMap<&'static str, String>,
    /// The inputs that were open for writing, as asked for, and where each really is. They are as
    /// they were before, and what they become is found when they are closed.
    pub(crate) open: BTreeMap<String, PathBuf>,
    /// Whether one of them could not be as before, because that is not known: nothing is to be made
    /// of this.
    pub(crate) is_half: bool,
    /// All that was known to be open.
    pub(crate) known_open: BTreeSet<PathBuf>,
    /// Whether directories were not watched until now: who writes in them is not known.
    pub(crate) is_unwatched: bool,
    /// [`Inputs::digest`], once it was asked for.
    pub(super) digest: OnceLock<Fingerprint>,
}

/// A file as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// Relative to the root, as typed but for `.` and empty segments.
    pub(super) path: String,
    /// The bound on its bytes; nothing where only the digest was wanted.
    pub(super) bound: Option<u64>,
}

/// A regular file as it was found.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) digest: Fingerprint,
    pub(super) stat: Stat,
    /// Whether an equal [`Stat`] later on means equal bytes.
    pub(super) settled: bool,
    /// The bytes, where they are few: a file that is open for writing is as it was before.
    pub(super) kept: Option<Bytes>,
}

/// How far answers of an earlier look are taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Wholly, whatever has become of the files since: those that are saved without pause are all
    /// read at one moment. What was not asked then, and bytes too many to be kept, are read.
    All,
    /// A file whose size, times and inode have been the same for long enough is not read again: of
    /// ten thousand files one is read, not all.
    Metadata,
    /// Every byte is read.
    Nothing,
}

/// An input that looks as if a save were under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// It was there and is not.
    Gone,
    /// It has no bytes, and had some or was not there.
    Empty,
}

impl Inputs {
    /// A digest of all questions and answers: equal where the same load would be built again.
    /// Times are left out, so `touch` changes nothing.
    pub fn digest(&self) -> Fingerprint {
        *self.digest.get_or_init(|| {
            let mut hasher = Hasher::default();
            for (question, answer) in &self.files {
                hasher.add(&question.path);
                hasher.add(question.bound.map(u64::to_le_bytes).unwrap_or_default());
                match answer {
                    Ok(seen) => hasher.add(seen.digest.as_bytes()),
                    Err(error) => hasher.add(format!("{error:?}")),
                }
            }
            let globs = self.globs.iter().map(|(name, answer)| (name, format!("{answer:?}")));
            let served = self.served.iter().map(|(name, answer)| (name, format!("{answer:?}")));
            for (name, answer) in globs.chain(served) {
                hasher.add(name);
                hasher.add(answer);
            }
            hasher.finish()
        })
    }

    /// Whether an answer is missing because the process has no descriptor left: what was asked says
    /// nothing of the files then, and has to be asked again.
    pub fn is_exhausted(&self) -> bool {
        self.files.values().any(|answer| answer.as_ref().is_err_and(resolve::is_exhausted))
            || self.globs.values().any(|answer| answer.as_ref().is_err_and(resolve::is_exhausted))
    }

    /// The same questions, asked again at `now`. Files that are `open` for writing are as they were
    /// `before`: the beginning of a file is mostly a good file.
    pub fn again(
        self: &Arc<Self>,
        now: SystemTime,
        trust: Trust,
        (open, before): (BTreeSet<PathBuf>, &Self),
    ) -> Self {
        let mut disk = Disk::new(&self.root, now).knowing(Arc::clone(self), trust);
        disk.inputs.known_open = open;
        for question in self.files.keys() {
            disk.look(question, before);
        }
        for pattern in self.globs.keys() {
            // The answer is in the inputs.
            let _ = disk.glob(pattern);
            disk.leave_out_open(pattern, before);
        }
        for path in self.served.keys() {
            let _ = disk.directory(path);
        }
        disk.into_inputs()
    }

    /// The first file whose answer is another one than `before`.
    pub(crate) fn changed_since(&self, before: &Self) -> Option<&str> {
        let digest = |seen: &Result<Seen, FileError>| seen.as_ref().ok().map(|seen| seen.digest);
        let mut changed = self.files.iter().filter(|(question, answer)| {
            before.files.get(question).is_some_and(|was| digest(was) != digest(answer))
        });
        changed.next().map(|(question, _)| question.path.as_str())
    }

    /// Whether every answer is the one that `then` gave, or, to what was not asked then, the one
    /// that `now` gives: whether all of it is what one look found.
    pub fn is_as_it_was(&self, then: &Self, now: &Self) -> bool {
        let file = |(question, answer): (&Question, &Result<Seen, FileError>)| {
            let other = then.files.get(question).or_else(|| now.files.get(question));
            other.is_some_and(|other| match (answer, other) {
                (Ok(seen), Ok(other)) => seen.digest == other.digest,
                (Err(error), Err(other)) => error == other,
                _ => false,
            })
        };
        let list = |(pattern, answer): (&String, &Result<Vec<String>, FileError>)| {
            then.globs.get(pattern).or_else(|| now.globs.get(pattern)) == Some(answer)
        };
        self.files.iter().all(file) && self.globs.iter().all(list)
    }

    /// The files that are empty and were not `before`.
    pub(crate) fn emptied<'i>(&'i self, before: &Self) -> BTreeSet<&'i str> {
        let is_emptied = |(question, answer): &(&'i Question, &Result<Seen, FileError>)| {
            let was = before.files.get(question).and_then(|was| was.as_ref().ok());
            let is = answer.as_ref().ok();
            was.zip(is).is_some_and(|(was, is)| was.stat.size > 0 && is.stat.size == 0)
        };
        self.files.iter().filter(is_emptied).map(|(question, _)| question.path.as_str()).collect()
    }

    /// The paths that look as if a save were under way, against what they were `before`.
    pub fn doubts(&self, before: &Self) -> Vec<(String, Doubt)> {
        let files = self.files.iter().filter_map(|(question, answer)| {
            let was = before.files.get(question).and_then(|was| was.as_ref().ok());
            doubt(was, answer.as_ref()).map(|doubt| (question.path.clone(), doubt))
        });
        let lists = self.globs.iter().flat_map(|(pattern, answer)| {
            let was = before.globs.get(pattern).and_then(|was| was.as_deref().ok());
            let is = answer.as_deref().unwrap_or_default();
            was.unwrap_or_default().iter().filter(|path| is.binary_search(path).is_err())
        });
        let served = self.served.iter().filter_map(|(path, answer)| {
            let was = before.served.get(path).is_some_and(Result::is_ok);
            (was && answer.is_err()).then_some(path)
        });
        files.chain(lists.chain(served).map(|path| (path.clone(), Doubt::Gone))).collect()
    }
}

fn doubt(was: Option<&Seen>, is: Result<&Seen, &FileError>) -> Option<Doubt> {
    match is {
        Err(FileError::Missing) => was.map(|_| Doubt::Gone),
        Ok(is) if is.stat.size == 0 && was.is_none_or(|was| was.stat.size > 0) => {
            Some(Doubt::Empty)
        }
        _ => None,
    }
}

/// Directories to watch, each a real path, with the names in them that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directories(BTreeMap<PathBuf, Names>);

/// Names in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    /// A glob goes on from here: a directory that comes may hold files of it.
    leads_on: bool,
    /// What names of files globs look for here.
    patterns: BTreeSet<String>,
    /// Further names.
    listed: BTreeSet<OsString>,
}

impl Names {
    fn fit(&self, name: &OsStr) -> bool {
        let text = name.to_str();
        text.is_some_and(|name| self.patterns.iter().any(|pattern| glob::fits(pattern, name)))
    }
}

impl Directories {
    /// Adds a name in a directory.
    pub(crate) fn add(&mut self, directory: &Path, name: &OsStr) {
        let names = self.0.entry(directory.to_path_buf()).or_default();
        if !names.listed.contains(name) && !names.fit(name) {
            names.listed.insert(name.to_owned());
        }
    }

    /// Adds a directory in which a glob looks for files whose names fit the pattern `files`, or for
    /// further directories where there is none.
    pub(crate) fn add_searched(&mut self, directory: &Path, files: Option<&str>) {
        let names = self.0.entry(directory.to_path_buf()).or_default();
        names.leads_on |= files.is_none();
        if let Some(pattern) = files.filter(|pattern| !names.patterns.contains(*pattern)) {
            names.patterns.insert(pattern.to_owned());
            // Of a directory with ten thousand posts one pattern is kept, not every name.
            let listed = std::mem::take(&mut names.listed);
            names.listed = listed.into_iter().filter(|name| !names.fit(name)).collect();
        }
    }

    /// The directories, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether this is one of the directories.
    pub(crate) fn contains(&self, directory: &Path) -> bool {
        self.0.contains_key(directory)
    }

    /// Whether what is at `path` is an input, leads to one, or would be one if it were there: a log
    /// that is written beside the files of a glob is none. Names that begin with two dots always
    /// are: that is how a `ConfigMap` calls the link that it swaps.
    pub(crate) fn concern(&self, path: &Path) -> bool {
        self.in_parent(path, |names, name| {
            let is_swapped = name.as_encoded_bytes().starts_with(b"..");
            is_swapped || names.listed.contains(name) || names.fit(name)
        })
    }

    /// Whether a directory that comes to be at `path`, or a link to one, would be searched.
    pub(crate) fn would_search(&self, path: &Path) -> bool {
        self.in_parent(path, |names, _| names.leads_on)
    }

    fn in_parent(&self, path: &Path, fits: impl FnOnce(&Names, &OsStr) -> bool) -> bool {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
        self.0.get(parent).is_some_and(|names| fits(names, name))
    }
}

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

    /// Bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is of the same file or directory, whatever became of that.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
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
