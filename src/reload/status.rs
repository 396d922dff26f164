//! What is known about the last reload: for `/api/status`, metrics, the admin page and live reload.

use std::time::SystemTime;

use crate::diagnostic::Report;
use crate::fingerprint::Fingerprint;

/// How what is served stands to what is on disk.
#[derive(Clone, Debug)]
pub struct ReloadStatus {
    /// How many times the site was swapped; 0 before the first good load.
    pub generation: u64,
    /// When the site that is served was loaded; nothing before the first good load.
    pub loaded_at: Option<SystemTime>,
    /// A digest of all files that the site that is served was made from.
    pub digest: Fingerprint,
    /// Whether those are the files on disk.
    pub state: ReloadState,
    /// What changed with the last swap, as the build said; empty where nothing did.
    pub last_change: String,
    /// Warnings of the last good load.
    pub warnings: Report,
    /// What keeps edits from being seen, or from being seen at once, as of the last look.
    pub watching: Report,
}

/// Whether what is served is made from what is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadState {
    /// It is.
    Current,
    /// What is on disk is bad, for these reasons; an older site is served, if any.
    Stale(Report),
}

impl ReloadStatus {
    pub(super) fn before_the_first() -> Self {
        Self {
            generation: 0,
            loaded_at: None,
            digest: Fingerprint::default(),
            state: ReloadState::Stale(Report::default()),
            last_change: String::new(),
            warnings: Report::default(),
            watching: Report::default(),
        }
    }
}
