//! Certificate and key of the listener: read at start, and again when they change.
//!
//! They are the one thing that may lie outside the site's directory: whoever renews certificates
//! keeps them elsewhere, and only the main file says where.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

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

impl Pair {
    /// Reads both; relative paths are relative to `root`. Blocks.
    ///
    /// # Errors
    /// Where one cannot be read or is larger than 1 MiB; the message names it.
    pub(crate) fn read(root: &Path, certificate: &str, key: &str) -> io::Result<Self> {
        Ok(Self { certificate: read(root, certificate)?, key: read(root, key)? })
    }
}

fn read(root: &Path, path: &str) -> io::Result<Vec<u8>> {
    let named = |why: io::Error| io::Error::new(why.kind(), format!("`{path}`: {why}"));
    let mut bytes = Vec::new();
    let mut file = File::open(root.join(path)).map_err(named)?.take(BOUND + 1);
    file.read_to_end(&mut bytes).map_err(named)?;
    if bytes.len() as u64 > BOUND {
        return Err(named(io::Error::other("it is larger than 1 MiB")));
    }
    Ok(bytes)
}
