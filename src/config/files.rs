//! The one way by which a site's files are read, so that what was read is what is watched.
//!
//! `config` and `site` ask for files by this trait; `source::file` answers from the disk and keeps
//! what it gave, tests answer from memory.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

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

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// There is none.
    Missing,
    /// The path, or a link on it, leaves the site's directory.
    Escapes,
    /// A directory, pipe, socket or device.
    NotRegular,
    /// Something else where a directory was asked for.
    NotDirectory,
    /// More bytes than the bound given.
    TooLarge {
        /// The bound, in bytes.
        bound: u64,
    },
    /// The system's own words.
    Other(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("there is no such file"),
            Self::Escapes => out.write_str("it leaves the site's directory"),
            Self::NotRegular => out.write_str("it is no regular file"),
            Self::NotDirectory => out.write_str("it is no directory"),
            Self::TooLarge { bound } => write!(out, "it is larger than {bound} bytes"),
            Self::Other(words) => out.write_str(words),
        }
    }
}

impl std::error::Error for FileError {}

/// A site's directory.
pub trait Files {
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

    /// Where a path inside the site's directory really leads, every link followed. Not noted as an
    /// input: to be asked of what is one.
    ///
    /// # Errors
    /// As [`FileError`] lists them.
    fn real(&mut self, path: &str) -> Result<PathBuf, FileError> {
        Ok(PathBuf::from(path))
    }
}
