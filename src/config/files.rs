//! The one way by which a site's files are read, so that what was read is what is watched.
//!
//! `config` and `site` ask for files by this trait; `source::file` answers from the disk and keeps
//! what it gave, tests answer from memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, nearest};
use crate::fingerprint::Fingerprint;

/// A regular file, whole.
#[derive(Clone, Debug)]
pub struct FileContent {
    /// Its path relative to the main file's directory, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Bytes,
    /// A digest of the bytes.
    pub digest: Fingerprint,
    /// When it was last changed, as the file system says.
    pub modified: Option<SystemTime>,
}

impl FileContent {
    /// The file as text.
    ///
    /// # Errors
    /// The place of the first byte that is no UTF-8, by `code`.
    pub(crate) fn text(&self, code: Code) -> Result<Arc<SourceFile>, Diagnostic> {
        let text = String::from_utf8_lossy(&self.bytes);
        let source = SourceFile::new(&self.path, text);
        let Err(error) = std::str::from_utf8(&self.bytes) else { return Ok(source) };
        // Up to there the text is as the bytes are, and then comes U+FFFD.
        let at = error.valid_up_to();
        let place = Span::new(&source, at..at + char::REPLACEMENT_CHARACTER.len_utf8());
        let message = format!("`{}` is not UTF-8 from here on", self.path);
        Err(Diagnostic::new(code, message, &place).help("save the file as UTF-8"))
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// The path, or a link on it, leaves the site's directory.
    #[error("it leaves the site's directory")]
    Escapes,
    /// A directory, pipe, socket or device.
    #[error("it is no regular file")]
    NotRegular,
    /// Something else where a directory was asked for.
    #[error("it is no directory")]
    NotDirectory,
    /// More bytes than the bound given.
    #[error("it is larger than {bound} bytes")]
    TooLarge {
        /// The bound, in bytes.
        bound: u64,
    },
    /// The system's own words.
    #[error("{0}")]
    Other(String),
}

/// A site's directory.
pub trait Files {
    /// The site's directory as a person typed it; nothing where it is in no file system.
    fn root(&self) -> Option<&Path> {
        None
    }

    /// Reads a regular file inside the site's directory, at most `bound` bytes.
    ///
    /// # Errors
    /// As [`FileError`] lists them.
    fn read(&mut self, path: &str, bound: u64) -> Result<FileContent, FileError>;

    /// The paths of the regular files that `pattern` names, sorted. `*` and `?` stay within a
    /// segment, `**` crosses them (not through links to directories); hidden files match only where
    /// the pattern names the dot.
    ///
    /// # Errors
    /// [`FileError::Escapes`]; [`FileError::Other`] past 10,000 files or where a directory can't be
    /// read. A directory that is missing gives no files.
    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError>;

    /// [`FileContent::digest`] of a regular file inside the site's directory, without keeping its
    /// bytes, so that a file of any size can be watched.
    ///
    /// # Errors
    /// As [`FileError`] lists them, but for [`FileError::TooLarge`].
    fn digest(&mut self, path: &str) -> Result<Fingerprint, FileError> {
        self.read(path, u64::MAX).map(|file| file.digest)
    }

    /// Where a directory inside the site's directory really is, every link followed. What is in it
    /// is not looked at. Where there are no directories, the path as it stands.
    ///
    /// # Errors
    /// As [`FileError`] lists them; also for the site's directory itself, which holds more than is
    /// meant to be seen.
    fn directory(&mut self, path: &str) -> Result<PathBuf, FileError> {
        Ok(PathBuf::from(path))
    }

    /// The names in a directory inside the site's directory, sorted, each directory's with a slash
    /// at its end; for saying what is there. Not noted as an input.
    fn names(&mut self, path: &str) -> Vec<String> {
        let _ = path;
        Vec::new()
    }

    /// Where a path inside the site's directory really leads, every link followed. Not noted as an
    /// input: to be asked of what is one.
    ///
    /// # Errors
    /// As [`FileError`] lists them.
    fn real(&mut self, path: &str) -> Result<PathBuf, FileError> {
        Ok(PathBuf::from(path))
    }
}

/// That a glob matches no file, with what it may have been meant for.
pub(crate) fn glob_empty(pattern: &str, span: &Span, files: &mut dyn Files) -> Diagnostic {
    let message = format!("`{pattern}` matches no file");
    let found = Diagnostic::new(Code::GlobEmpty, message, span);
    match nearest_glob(pattern, files) {
        Some(help) => found.help(help),
        None => found,
    }
}

/// The same glob in the nearest directory that is there; else what there is where it looks.
fn nearest_glob(pattern: &str, files: &mut dyn Files) -> Option<String> {
    let (directories, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let mut there = String::new();
    for name in directories.split('/').filter(|name| !matches!(*name, "" | ".")) {
        if name.contains(['*', '?']) {
            return None;
        }
        let names = files.names(&there);
        if !names.iter().any(|known| known.strip_suffix('/') == Some(name)) {
            let known = names.iter().filter_map(|known| known.strip_suffix('/'));
            let shown = if there.is_empty() { "here".to_owned() } else { format!("in `{there}`") };
            let Some(near) = nearest(name, known) else {
                return Some(format!("there is no directory `{name}` {shown}"));
            };
            let wrong = format!("{there}{name}");
            return Some(format!(
                "did you mean `{}`?",
                pattern.replacen(&wrong, &format!("{there}{near}"), 1)
            ));
        }
        there = format!("{there}{name}/");
    }
    let names = files.names(&there);
    let shown: Vec<String> =
        names.iter().take(SHOWN_NAMES).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN_NAMES { ", …" } else { "" };
    match shown.as_slice() {
        [] if there.is_empty() => None,
        [] => Some(format!("`{there}` is empty")),
        _ if there.is_empty() => Some(format!("nothing here is as `{last}` says")),
        shown => Some(format!("in `{there}` there are: {}{more}", shown.join(", "))),
    }
}

/// Names of a directory that a help shows.
const SHOWN_NAMES: usize = 5;
