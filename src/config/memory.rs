//! A site's directory in memory, for tests.

use std::collections::BTreeMap;

use super::{FileContent, FileError, Files};
use crate::fingerprint::Fingerprint;

/// The text of each file by its path.
#[derive(Clone)]
pub(crate) struct Memory(pub(crate) BTreeMap<String, String>);

impl Memory {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

impl Files for Memory {
    fn read(&mut self, path: &str, _bound: u64) -> Result<FileContent, FileError> {
        let bytes = self.0.get(path).ok_or(FileError::Missing)?.clone().into_bytes();
        let digest = Fingerprint::of(&bytes);
        Ok(FileContent { path: path.to_owned(), bytes: bytes.into(), digest, modified: None })
    }

    /// As far as tests need it: one star, which also stands for what is below `*/*`.
    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        let after = after.trim_start_matches("*/*");
        let fits = |path: &&String| path.starts_with(before) && path.ends_with(after);
        Ok(self.0.keys().filter(fits).cloned().collect())
    }
}
