//! A path → its bytes, from the site's directory and nowhere else, keeping what was asked for.
//!
//! A [`Disk`] lives for one load. `config` and `site` read through it as [`Files`]; afterwards
//! `reload` takes the [`Inputs`] to watch them and to ask again. Only `reload` and the commands
//! make one. The directory and what is in it are trusted (who can write there is the site's
//! author), so the checks here are against mistakes: a link that leaves the site, a pipe that never
//! ends.

mod glob;
mod inputs;
mod network;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};

pub(crate) use glob::pattern_names;
pub(crate) use inputs::{Directories, Doubt, Inputs, Stat, Trust};
use inputs::{Question, Seen};
pub(crate) use network::of as network_disk;
use resolve::Hop;
pub(crate) use resolve::absolute;
pub(super) use resolve::in_words;

use crate::config::{FileContent, FileError, Files};
use crate::fingerprint::{Fingerprint, Hasher};

/// Bytes that one load may read into memory, all files together.
pub(crate) const MAX_LOAD_BYTES: u64 = 1 << 30;
/// Files that one load may ask for.
pub(crate) const MAX_LOAD_FILES: usize = 100_000;
/// Bytes that are read, and digested as one field, at a time.
const CHUNK: usize = 64 * 1024;
/// A file larger than this is not kept: while it is written, no other edit is live either.
const MAX_KEPT_FILE: usize = 256 * 1024;
/// Bytes kept, all files together.
const MAX_KEPT: usize = 16 << 20;

/// The site's directory during one load: the same path gives the same bytes throughout.
#[derive(Debug)]
pub struct Disk {
    /// The site's directory as typed.
    typed: PathBuf,
    /// The real path of it.
    root: Result<PathBuf, FileError>,
    /// When the load began, by the wall clock: what changed shortly before may change unseen.
    began: SystemTime,
    /// What an earlier look found, and how far that is relied on.
    earlier: Arc<Inputs>,
    trust: Trust,
    /// Directories by the path to them, where they really are.
    parents: HashMap<String, PathBuf>,
    /// Of each device that was met, whether it is a network's.
    devices: HashMap<u64, Option<&'static str>>,
    /// What was given out.
    contents: HashMap<String, FileContent>,
    /// The file in whose place a text was given, and whether that was asked for.
    given: Option<(String, bool)>,
    loaded_bytes: u64,
    kept_bytes: usize,
    inputs: Inputs,
}

impl Disk {
    /// The directory `root`, for a load that begins at `now`.
    #[must_use]
    pub fn new(root: &Path, now: SystemTime) -> Self {
        let absolute = absolute(root);
        let walk = resolve::walk(Path::new("/"), &absolute);
        let mut inputs = Inputs { root: absolute, ..Inputs::default() };
        // Of the way to the root only links are watched, and where it ends if it does: the ordinary
        // directories above it belong to others, and may be busy.
        let end = if walk.real.is_err() { walk.hops.last() } else { None };
        for hop in walk.hops.iter().filter(|hop| hop.is_link).chain(end) {
            inputs.directories.add(&hop.directory, &hop.name);
        }
        Self {
            typed: root.to_path_buf(),
            root: walk.real,
            began: now,
            earlier: Arc::default(),
            trust: Trust::Nothing,
            parents: HashMap::new(),
            devices: HashMap::new(),
            contents: HashMap::new(),
            given: None,
            loaded_bytes: 0,
            kept_bytes: 0,
            inputs,
        }
    }

    /// What was asked so far, and the answers.
    #[must_use]
    pub fn into_inputs(self) -> Inputs {
        self.inputs
    }

    /// The same, with what an earlier look found relied on as far as `trust` says.
    #[must_use]
    pub fn knowing(self, earlier: Arc<Inputs>, trust: Trust) -> Self {
        Self { earlier, trust, ..self }
    }

    /// The same, with `text` as what is in the file `path`, whatever the disk holds.
    pub(crate) fn with_text(mut self, path: &str, text: String) -> Self {
        let bytes = Bytes::from(text);
        let digest = digest_of(&*bytes).unwrap_or_else(|_| Fingerprint::of(&bytes));
        let path = normal(path);
        let content = FileContent { path: path.clone(), bytes, digest, modified: None };
        self.contents.insert(path.clone(), content);
        self.given = Some((path, false));
        self
    }

    /// Whether the text that was given in place of a file was asked for.
    pub(crate) fn has_used_text(&self) -> bool {
        self.given.as_ref().is_some_and(|(_, is_used)| *is_used)
    }

    /// What was given in place of the file `path`, where it was.
    fn given(&mut self, path: &str) -> Option<&FileContent> {
        let (_, is_used) = self.given.as_mut().filter(|(given, _)| given == path)?;
        *is_used = true;
        self.contents.get(path)
    }

    /// Answers a question of an earlier load; the answer goes into the inputs.
    fn look(&mut self, question: &Question, before: &Inputs) {
        let answer = self.held(question, before);
        let answer = answer.unwrap_or_else(|| self.see(question, None)).map(|(seen, _)| seen);
        self.inputs.files.insert(question.clone(), answer);
    }

    /// What a file that is open for writing was before; nothing where it is not open, or that is
    /// not known.
    fn held(&mut self, question: &Question, before: &Inputs) -> Option<Result<Found, FileError>> {
        let real = self.open_at(&question.path)?;
        self.inputs.open.insert(question.path.clone(), real);
        let was = before.files.get(question).cloned();
        let is_enough = |was: &Result<Seen, FileError>| {
            question.bound.is_none() || was.as_ref().map_or(true, |was| was.kept.is_some())
        };
        self.inputs.is_half |= !was.as_ref().is_some_and(is_enough);
        Some(was?.map(|seen| self.keeping(seen)))
    }

    /// Leaves out of a glob's answer the files that are new and open for writing.
    fn leave_out_open(&mut self, pattern: &str, before: &Inputs) {
        let Some(Ok(mut paths)) = self.inputs.globs.get(pattern).cloned() else { return };
        let was = before.globs.get(pattern).and_then(|was| was.as_deref().ok());
        let is_new = |path: &String| was.is_none_or(|was| was.binary_search(path).is_err());
        paths.retain(|path| {
            let open = if is_new(path) { self.open_at(path) } else { None };
            open.is_none_or(|real| {
                self.inputs.open.insert(path.clone(), real);
                false
            })
        });
        self.inputs.globs.insert(pattern.to_owned(), Ok(paths));
    }

    /// Where the file at `path` really is, if it is open for writing.
    fn open_at(&mut self, path: &str) -> Option<PathBuf> {
        if self.inputs.known_open.is_empty() {
            return None;
        }
        let real = self.place(path).ok()?.real;
        self.inputs.known_open.contains(&real).then_some(real)
    }

    /// Finds the file and digests it, with its bytes where they are wanted: `room` is how many may
    /// be.
    fn see(&mut self, question: &Question, room: Option<u64>) -> Result<Found, FileError> {
        let place = self.place(&question.path)?;
        let mut metadata = place.metadata.filter(Metadata::is_file).ok_or(FileError::NotRegular)?;
        let mut opened = None;
        if self.is_remote(&question.path, &place.real, metadata.dev()) {
            // A network's metadata may be a minute old: only opening a file asks for it anew.
            let (file, fresh) = open(&place.real)?;
            (opened, metadata) = (Some(file), fresh);
        }
        if metadata.nlink() == 0 {
            self.inputs.unlinked.insert(question.path.clone());
        }
        if let Some(found) = self.known_as(question, Stat::of(&metadata), room) {
            return Ok(found);
        }
        let (file, metadata) = match opened {
            Some(file) => (file, metadata),
            None => open(&place.real)?,
        };
        let stat = Stat::of(&metadata);
        if let Some(bound) = question.bound.filter(|bound| stat.size > *bound) {
            return Err(FileError::TooLarge { bound });
        }
        let keep_bytes = stat.size <= room.unwrap_or(0).max(MAX_KEPT_FILE as u64);
        let bound = question.bound.unwrap_or(stat.size);
        let (digest, bytes) = digest(file.take(bound.saturating_add(1)), keep_bytes)
            .map_err(|error| in_words(&error))?;
        if let (Some(bytes), Some(bound)) = (&bytes, question.bound)
            && bytes.len() as u64 > bound
        {
            return Err(FileError::TooLarge { bound });
        }
        let kept = bytes.clone().filter(|bytes| self.may_keep(bytes.len()));
        let seen = Seen { digest, stat, settled: stat.is_settled(self.began), kept };
        Ok((seen, bytes))
    }

    /// Whether the file is on a disk that others write to unseen, which is noted.
    fn is_remote(&mut self, path: &str, real: &Path, device: u64) -> bool {
        let kind = *self.devices.entry(device).or_insert_with(|| network::of(real));
        if let Some(kind) = kind {
            self.inputs.networks.entry(kind).or_insert_with(|| path.to_owned());
        }
        kind.is_some()
    }

    /// What the earlier look found, where it still holds and the bytes that are wanted were kept.
    fn known_as(&mut self, question: &Question, stat: Stat, room: Option<u64>) -> Option<Found> {
        let known = self.earlier.files.get(question)?.as_ref().ok()?;
        let holds = self.trust != Trust::Nothing && known.settled && known.stat == stat;
        let is_enough = room.is_none() || known.kept.is_some();
        let known = (holds && is_enough).then(|| known.clone())?;
        Some(self.keeping(known))
    }

    /// What the look found that everything is to be as; nothing where it does not say.
    fn found_then(
        &mut self,
        question: &Question,
        room: Option<u64>,
    ) -> Option<Result<Found, FileError>> {
        let answer = self.earlier.files.get(question).filter(|_| self.trust == Trust::All)?.clone();
        match &answer {
            Ok(seen) if room.is_some() && seen.kept.is_none() => return None,
            Err(error) if resolve::is_exhausted(error) => return None,
            _ => {}
        }
        // The way to it is noted, wherever it leads by now.
        let _ = self.place(&question.path);
        Some(answer.map(|seen| self.keeping(seen)))
    }

    fn keeping(&mut self, seen: Seen) -> Found {
        self.kept_bytes += seen.kept.as_ref().map_or(0, Bytes::len);
        let bytes = seen.kept.clone();
        (seen, bytes)
    }

    fn may_keep(&mut self, bytes: usize) -> bool {
        let fits = bytes <= MAX_KEPT_FILE && self.kept_bytes + bytes <= MAX_KEPT;
        self.kept_bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Where `path` really is, inside the root; every entry on the way is noted.
    fn place(&mut self, path: &str) -> Result<Place, FileError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if parent.is_empty() || name == ".." {
            let root = self.root.clone()?;
            return self.walk(&root, path);
        }
        // Many files, few directories: the way to each is gone once.
        if let Some(directory) = self.parents.get(parent).cloned() {
            return self.walk(&directory, name);
        }
        let directory = self.place(parent)?.real;
        self.parents.insert(parent.to_owned(), directory.clone());
        self.walk(&directory, name)
    }

    fn walk(&mut self, from: &Path, path: &str) -> Result<Place, FileError> {
        let root = self.root.clone()?;
        let walk = resolve::walk(from, Path::new(path));
        let inside = |hop: &Hop| hop.directory.starts_with(&root);
        for hop in walk.hops.iter().filter(|hop| hop.is_link || inside(hop)) {
            self.inputs.directories.add(&hop.directory, &hop.name);
        }
        match walk.real {
            Ok(real) if real.starts_with(&root) => Ok(Place { real, metadata: walk.end }),
            Err(error) if walk.hops.last().is_none_or(inside) => Err(error),
            // Whether there is something out there is nobody's business.
            _ => Err(FileError::Escapes),
        }
    }

    fn find_directory(&mut self, path: &str) -> Result<PathBuf, FileError> {
        let Place { real, metadata } = self.place(path)?;
        if self.root.as_ref() == Ok(&real) {
            let words = "it is the site's own directory, with all that makes the site";
            return Err(FileError::Other(words.to_owned()));
        }
        // One that was reached by `..` alone has no metadata, and is a directory.
        let is_directory = metadata.is_none_or(|metadata| metadata.is_dir());
        if is_directory { Ok(real) } else { Err(FileError::NotDirectory) }
    }

    fn ask(&mut self, question: Question, room: Option<u64>) -> Result<Found, FileError> {
        if self.inputs.files.len() >= MAX_LOAD_FILES && !self.inputs.files.contains_key(&question) {
            return Err(FileError::Other(format!("the site has more than {MAX_LOAD_FILES} files")));
        }
        let then = self.found_then(&question, room);
        let answer = then.unwrap_or_else(|| self.see(&question, room));
        let noted = answer.as_ref().map(|(seen, _)| seen.clone()).map_err(Clone::clone);
        self.inputs.files.insert(question, noted);
        answer
    }

    /// The real directory that `path` (relative to the root) names, noted as searched by a glob:
    /// any new name in it may change the result, and the content of those that fit `files`
    /// matters. Nothing where it is missing or no directory.
    fn search(&mut self, path: &str, files: Option<&str>) -> Result<Option<PathBuf>, FileError> {
        match self.place(path) {
            // The root itself is reached by no name.
            Ok(Place { real, metadata }) if metadata.as_ref().is_none_or(Metadata::is_dir) => {
                self.inputs.directories.add_searched(&real, files);
                Ok(Some(real))
            }
            Ok(_) | Err(FileError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether `path` names something that is no directory and is, or may be, a regular file.
    fn is_file(&mut self, path: &str) -> bool {
        match self.place(path) {
            Ok(place) => place.metadata.is_some_and(|metadata| metadata.is_file()),
            // Named, so that reading it says what is wrong, rather than left out in silence.
            Err(error) => error != FileError::Missing,
        }
    }
}

impl Files for Disk {
    fn root(&self) -> Option<&Path> {
        Some(&self.typed)
    }

    fn read(&mut self, path: &str, bound: u64) -> Result<FileContent, FileError> {
        let path = normal(path);
        let _ = self.given(&path);
        if let Some(known) = self.contents.get(&path) {
            let fits = known.bytes.len() as u64 <= bound;
            return if fits { Ok(known.clone()) } else { Err(FileError::TooLarge { bound }) };
        }
        // Past the bound on all files the answer is an error, but what is noted is the file, so
        // that asking again without loading finds the same.
        let room = MAX_LOAD_BYTES.saturating_sub(self.loaded_bytes);
        let question = Question { path: path.clone(), bound: Some(bound) };
        let full = || FileError::Other(format!("the site's files are over {MAX_LOAD_BYTES} bytes"));
        let (seen, bytes) = self.ask(question, Some(room))?;
        let bytes = bytes.filter(|bytes| bytes.len() as u64 <= room).ok_or_else(full)?;
        self.loaded_bytes += bytes.len() as u64;
        let content = FileContent {
            path: path.clone(),
            bytes,
            digest: seen.digest,
            modified: seen.stat.modified(),
        };
        self.contents.insert(path, content.clone());
        Ok(content)
    }

    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let pattern = normal(pattern);
        if let Some(answer) = self.inputs.globs.get(&pattern) {
            return answer.clone();
        }
        // Looked for even where the answer is known: the directories on the way are noted.
        let now = glob::find(&pattern, self);
        let then = self.earlier.globs.get(&pattern).filter(|then| {
            self.trust == Trust::All && !then.as_ref().is_err_and(resolve::is_exhausted)
        });
        let mut answer = then.cloned().unwrap_or(now);
        // One that is only given may be new.
        if let (Ok(names), Some((given, _))) = (&mut answer, &self.given)
            && pattern_names(&pattern, given)
            && let Err(at) = names.binary_search(given)
        {
            names.insert(at, given.clone());
        }
        self.inputs.globs.insert(pattern, answer.clone());
        answer
    }

    fn digest(&mut self, path: &str) -> Result<Fingerprint, FileError> {
        let path = normal(path);
        if let Some(given) = self.given(&path) {
            return Ok(given.digest);
        }
        let question = Question { path, bound: None };
        self.ask(question, None).map(|(seen, _)| seen.digest)
    }

    fn directory(&mut self, path: &str) -> Result<PathBuf, FileError> {
        let path = normal(path);
        let answer = self.find_directory(&path);
        self.inputs.served.insert(path, answer.clone());
        answer
    }

    fn names(&mut self, path: &str) -> Vec<String> {
        let Ok(root) = self.root.clone() else { return Vec::new() };
        let real = resolve::walk(&root, Path::new(&normal(path))).real;
        let real = real.ok().filter(|real| real.starts_with(&root));
        real.map(|real| glob::names(&real)).unwrap_or_default()
    }

    fn real(&mut self, path: &str) -> Result<PathBuf, FileError> {
        self.place(&normal(path)).map(|place| place.real)
    }
}

/// A file as it was found, and its bytes where they are wanted.
type Found = (Seen, Option<Bytes>);

/// Where a path leads.
struct Place {
    real: PathBuf,
    /// Nothing for a directory that was reached by no name: the root, or one by `..`.
    metadata: Option<Metadata>,
}

/// Opens a regular file by its real path. A pipe without a writer would hold a blocking open for
/// ever, so its type was looked at before, and is again on what was opened.
pub(super) fn open(real: &Path) -> Result<(File, Metadata), FileError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(real, flags | OFlags::NOCTTY, Mode::empty())
        .map_err(|error| in_words(&io::Error::from(error)))?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(|error| in_words(&error))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(FileError::NotRegular) }
}

/// The digest of what `from` gives: that of [`FileContent::digest`].
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn digest_of(from: impl Read) -> io::Result<Fingerprint> {
    digest(from, false).map(|(digest, _)| digest)
}

/// The digest of what `from` gives, in fields of [`CHUNK`] bytes so that its length need not be
/// known ahead, and the bytes where they are wanted.
fn digest(mut from: impl Read, keep: bool) -> io::Result<(Fingerprint, Option<Bytes>)> {
    let mut hasher = Hasher::default();
    let mut kept = Vec::new();
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        chunk.clear();
        from.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        hasher.add(&chunk);
        if keep {
            kept.extend_from_slice(&chunk);
        }
        if chunk.len() < CHUNK {
            return Ok((hasher.finish(), keep.then(|| Bytes::from(kept))));
        }
    }
}

/// A path without empty segments and `.`, so that one file has one name.
fn normal(path: &str) -> String {
    let absolute = if path.starts_with('/') { "/" } else { "" };
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    format!("{absolute}{}", segments.join("/"))
}
