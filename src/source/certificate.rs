//! Certificate and key of the listener: read at start, and again when they change.
//!
//! They are the one thing that may lie outside the site's directory: whoever renews certificates
//! keeps them elsewhere, and only the main file says where.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::file::{absolute, in_words, open};
use crate::config::FileError;

/// The largest certificate chain or key, in bytes.
const BOUND: u64 = 1024 * 1024;

/// A certificate chain and its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The chain, the server's own certificate first.
    pub certificate: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Pair {
    /// Without the key.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Pair")
    }
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` cannot be read: {why}")]
pub(crate) struct Unreadable {
    /// Its path, as typed.
    pub path: String,
    why: FileError,
}

impl Pair {
    /// Reads both; relative paths are relative to `root`. A pipe is refused and not waited for.
    ///
    /// # Errors
    /// Where one cannot be read, is no regular file, or is larger than 1 MiB.
    pub(crate) fn read(root: &Path, certificate: &str, key: &str) -> Result<Self, Unreadable> {
        Ok(Self { certificate: read(root, certificate)?, key: read(root, key)? })
    }
}

/// Whether everybody on this machine may read the key; not where nobody can tell.
pub(crate) fn is_open_to_all(root: &Path, key: &str) -> bool {
    let mode = std::fs::metadata(root.join(key)).map(|file| file.permissions().mode());
    mode.is_ok_and(|mode| mode & 0o004 != 0)
}

fn read(root: &Path, path: &str) -> Result<Vec<u8>, Unreadable> {
    let named = |why: FileError| Unreadable { path: path.to_owned(), why };
    let system = |why: io::Error| named(in_words(&why));
    let real = absolute(root).join(path).canonicalize().map_err(system)?;
    let (file, _) = open(&real).map_err(named)?;
    let mut bytes = Vec::new();
    file.take(BOUND + 1).read_to_end(&mut bytes).map_err(system)?;
    if bytes.len() as u64 > BOUND {
        return Err(named(FileError::TooLarge { bound: BOUND }));
    }
    Ok(bytes)
}
