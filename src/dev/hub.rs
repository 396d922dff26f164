//! Reloads → news for the sockets: a swap, an edit that was refused, one that mended it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::version::{self, File, Shown};
use crate::diagnostic::Report;
use crate::diagnostic::render::human;
use crate::fingerprint::{Fingerprint, Hasher};
use crate::http::access::escaped;
use crate::http::files::Dir;
use crate::http::live::Live;
use crate::http::request::RequestView;
use crate::reload::{ReloadHandle, ReloadState, ReloadStatus};
use crate::site::Site;

/// News that a socket may be behind before it is told to begin anew.
const QUEUE: usize = 16;
/// Diagnostics that are sent to a page: who has more mends these first.
const MAX_SENT: usize = 20;

/// Served directories that are remembered.
const MAX_DIRS: usize = 64;
/// Files of theirs whose edits are remembered as logged.
const MAX_LOGGED: usize = 1000;

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// Another site is served from now on.
    Swapped,
    /// The state of the files, as a page is told: JSON.
    State(Arc<str>),
}

/// What a page was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its own version; nothing for one that a reload would send again, such as a form's answer.
    pub(super) page: Option<Fingerprint>,
    /// The whole site's.
    pub(super) site: Fingerprint,
}

/// Tells the sockets what reloads come to.
#[derive(Debug)]
pub(super) struct Hub {
    live: Arc<Live>,
    reload: ReloadHandle,
    /// Where Swagger UI is.
    docs: Option<String>,
    news: broadcast::Sender<News>,
    /// The site that was asked for last, and its version.
    last: Mutex<Option<(Arc<Site>, Fingerprint)>>,
    /// What is known of the files of served directories.
    dirs: Mutex<HashMap<PathBuf, Dir>>,
    /// The edits of such files that were logged last, by address.
    logged: Mutex<HashMap<String, Fingerprint>>,
}

impl Hub {
    pub(super) fn new(live: Arc<Live>, reload: ReloadHandle, docs: Option<String>) -> Self {
        let (news, _) = broadcast::channel(QUEUE);
        let (last, dirs, logged) = Default::default();
        Self { live, reload, docs, news, last, dirs, logged }
    }

    /// Follows the reloads until the process stops.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (mut before, mut told) = (self.live.site(), self.state());
        let mut status = self.reload.subscribe();
        loop {
            let now = Arc::clone(&status.borrow_and_update());
            let site = self.live.site();
            // A status says more than a page is told: what is watched how, say.
            let state = state(&now);
            let is_other = told != state;
            // Without a socket there is nobody to hear it.
            if !Arc::ptr_eq(&before, &site) || is_other && now.generation == 0 {
                let _ = self.news.send(News::Swapped);
                before = site;
            }
            if is_other {
                let _ = self.news.send(News::State(Arc::clone(&state)));
                told = state;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() { return },
            }
        }
    }

    /// All news from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// The state of the files now, as a page is told.
    pub(super) fn state(&self) -> Arc<str> {
        state(&self.reload.status())
    }

    /// Whether no good site was ever loaded.
    pub(super) fn is_unloaded(&self) -> bool {
        self.reload.status().generation == 0
    }

    /// What the page that a request asks for would be made from now.
    pub(super) async fn stamp(&self, request: &RequestView<'_>) -> Stamp {
        if request.is_read() {
            return self.stamp_of(&request.target()).await;
        }
        Stamp { page: None, site: self.site_version() }
    }

    /// The same for a GET of `target`.
    pub(super) async fn stamp_of(&self, target: &str) -> Stamp {
        let site = self.site_version();
        Stamp { page: Some(self.version(target).await), site }
    }

    /// The version of what a GET of `target` would show now.
    pub(super) async fn version(&self, target: &str) -> Fingerprint {
        match self.shown(target) {
            Shown::Page(version) => version,
            Shown::File(file) => self.file_version(&file).await,
        }
    }

    /// What a GET of `target` would show now.
    pub(super) fn shown(&self, target: &str) -> Shown {
        let status = self.reload.status();
        if status.generation == 0 {
            return Shown::Page(version::of_nothing(&state(&status)));
        }
        let site = self.live.site();
        let path = target.split('?').next().unwrap_or_default();
        if self.is_docs(path) {
            Shown::Page(version::of_docs(&site))
        } else {
            version::of(&site, target)
        }
    }

    /// Whether a path is Swagger UI's, or the document that it shows.
    fn is_docs(&self, path: &str) -> bool {
        let Some(docs) = &self.docs else { return false };
        let below = path.strip_prefix(docs.as_str());
        path == "/openapi.json"
            || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The version of a file as it is on the disk now.
    pub(super) async fn file_version(&self, file: &File) -> Fingerprint {
        let dir = {
            let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
            if dirs.len() >= MAX_DIRS && !dirs.contains_key(&file.dir.root) {
                dirs.clear();
            }
            let new = || Dir::at(file.dir.root.clone());
            dirs.entry(file.dir.root.clone()).or_insert_with(new).clone()
        };
        let version = dir.version(&file.name).await.unwrap_or_default();
        Hasher::default().field(file.beside.as_bytes()).field(version).finish()
    }

    /// Logs that a file of a served directory changed: once, however many pages use it.
    pub(super) fn log_edit(&self, address: &str, version: Fingerprint) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MAX_LOGGED {
            logged.clear();
        }
        if logged.insert(address.to_owned(), version) != Some(version) {
            tracing::info!("changed: {}", escaped(address));
        }
    }

    /// The version of the whole site now.
    pub(super) fn site_version(&self) -> Fingerprint {
        let site = self.live.site();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, version)) if Arc::ptr_eq(known, &site) => *version,
            _ => {
                let version = version::of_all(&site);
                *last = Some((site, version));
                version
            }
        }
    }
}

/// What a page is told of the files.
fn state(status: &ReloadStatus) -> Arc<str> {
    let message = match &status.state {
        ReloadState::Current => json!({ "is": "well" }),
        ReloadState::Stale(report) => {
            let problems: Vec<String> = drawn(report).take(MAX_SENT).collect();
            json!({ "is": "broken", "problems": problems, "errors": errors(report) })
        }
    };
    message.to_string().into()
}

/// Each diagnostic with its lines, errors before warnings.
pub(super) fn drawn(report: &Report) -> impl Iterator<Item = String> {
    let report = report.clone().sorted();
    let (errors, warnings): (Vec<_>, Vec<_>) =
        report.into_iter().partition(crate::diagnostic::Diagnostic::is_error);
    errors.into_iter().chain(warnings).map(|diagnostic| {
        let text = human(&Report::from_iter([diagnostic]), false, None);
        // Without the line that counts.
        text.trim_end().rsplit_once("\n\n").map_or(text.as_str(), |(drawn, _)| drawn).to_owned()
    })
}

/// How many errors there are.
pub(super) fn errors(report: &Report) -> usize {
    report.iter().filter(|diagnostic| diagnostic.is_error()).count()
}
