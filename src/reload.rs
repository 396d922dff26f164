//! An edit → a new site in place of the old one, or a report and the old one kept.
//!
//! The loop knows nothing of sites: it is given a [`Build`] that turns files into a change ready to
//! be applied, and decides when to call it. Events and the poll only say when to look; whether
//! anything changed is decided by the content of all inputs ([`Inputs::digest`]), and whether a
//! save is over by `settle`. `app` makes one [`Reloader`] and runs it; SIGHUP and the admin
//! listener ask through its [`ReloadHandle`].

mod attempt;
mod open;
mod settle;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Files;
use crate::diagnostic::Report;
use crate::fingerprint::Fingerprint;
use crate::source::file::{Inputs, Trust};
use crate::watch::{Hint, Watch};
use attempt::Said;
use open::Opened;
use settle::{Settled, Wait};

/// Reloads asked for that may wait at once; who comes later waits to be let in.
const MAX_WAITING: usize = 16;
/// Every so many polls all bytes are read, whatever the metadata says: half a minute apart.
const POLLS_TO_DOUBT: u32 = 15;

/// Turns files into a change of what is served. Pure but for the files: called on a thread that may
/// block, never twice at once.
pub trait Build: std::fmt::Debug + Send + Sync + 'static {
    /// Reads what it needs through `files` and says what came of it.
    fn build(&self, files: &mut dyn Files) -> Built;
}

/// What came of reading the files.
pub enum Built {
    /// A change that can be made.
    Good {
        /// Makes it, at once and whole, and says what changed: `+ /pricing  ~ /about`, or in words
        /// that nothing did. Not called where an input changed meanwhile.
        apply: Box<dyn FnOnce() -> String + Send>,
        /// What is odd about the files.
        warnings: Report,
    },
    /// Errors (and warnings); nothing is to change.
    Bad(Report),
}

impl std::fmt::Debug for Built {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Good { warnings, .. } => out.debug_tuple("Good").field(warnings).finish(),
            Self::Bad(report) => out.debug_tuple("Bad").field(report).finish(),
        }
    }
}

/// How a reload that was asked for ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What is served is made from what is on disk now.
    Applied {
        /// What changed, as the build's `apply` said.
        changes: String,
    },
    /// The files are what they were, and good.
    Unchanged,
    /// The files are bad; what was served before still is.
    Refused(Report),
    /// The process is stopping.
    Stopping,
}

/// How what is served stands to what is on disk: for `/api/status`, metrics, the admin page and
/// live reload.
#[derive(Clone, Debug, Default)]
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

impl Default for ReloadState {
    /// Before the first good load.
    fn default() -> Self {
        Self::Stale(Report::default())
    }
}

/// Asks for reloads and tells how the last one went; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    requests: mpsc::Sender<oneshot::Sender<Outcome>>,
    status: watch::Receiver<Arc<ReloadStatus>>,
}

impl ReloadHandle {
    /// Reads the files at once, and answers when what came of it is live. A save is not waited for,
    /// but for half a second where a file is empty, missing or open for writing that was not. One
    /// that is open then is as it was.
    ///
    /// # Cancel safety
    /// A reload that was begun ends, whether anybody waits for it or not.
    pub async fn reload_now(&self) -> Outcome {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(reply).await.is_err() {
            return Outcome::Stopping;
        }
        answer.await.unwrap_or(Outcome::Stopping)
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Arc<ReloadStatus> {
        Arc::clone(&self.status.borrow())
    }

    /// Tells of every change of the status: a swap, a refused edit, a mended one. Who is slow sees
    /// only the latest.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<ReloadStatus>> {
        self.status.clone()
    }
}

/// The loop that reloads.
#[derive(Debug)]
pub struct Reloader {
    root: PathBuf,
    /// The main file's name in the root: while it is missing, a save is under way.
    main_file: String,
    build: Arc<dyn Build>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// What the last build, good or bad, was made from: the same content is not built again.
    attempted: Arc<Inputs>,
    status: watch::Sender<Arc<ReloadStatus>>,
    requests: mpsc::Receiver<oneshot::Sender<Outcome>>,
    handle: ReloadHandle,
    said: Said,
    opened: Opened,
}

impl Reloader {
    /// A loop over the site whose main file is `main_file` in the directory `root`; nothing is read
    /// until [`Reloader::first`]. Blocking work runs under `tasks`; `stop` ends the loop.
    #[must_use]
    pub fn new(
        root: PathBuf,
        main_file: String,
        build: Arc<dyn Build>,
        clock: Clock,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (asks, requests) = mpsc::channel(MAX_WAITING);
        let (status, seen) = watch::channel(Arc::new(ReloadStatus::default()));
        let handle = ReloadHandle { requests: asks, status: seen };
        Self {
            root,
            main_file,
            build,
            clock,
            tasks,
            stop,
            attempted: Arc::default(),
            status,
            requests,
            handle,
            said: Said::default(),
            opened: Opened::default(),
        }
    }

    /// A way to ask this loop for reloads.
    #[must_use]
    pub fn handle(&self) -> ReloadHandle {
        self.handle.clone()
    }

    /// Reads the files for the first time and applies what came of it. Logs nothing: who starts the
    /// process says how it went.
    pub async fn first(&mut self) -> Outcome {
        let done = self.reload_at_once(Arc::default(), None).await;
        done.map_or(Outcome::Stopping, |(outcome, _)| outcome)
    }

    /// Reloads on every edit, and when asked, until the process stops.
    pub async fn run(mut self, mut watch: Watch) {
        let mut polls = 0_u32;
        // What changed between the first load and now sent no event.
        self.on_hint(&mut watch, Hint::Poll, Trust::Metadata).await;
        loop {
            let hint = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Some(reply) = self.requests.recv() => {
                    self.answer(reply, &watch).await;
                    continue;
                }
                hint = watch.next() => hint,
            };
            polls = polls.wrapping_add(u32::from(hint == Hint::Poll));
            let trust = if hint == Hint::Poll && polls.is_multiple_of(POLLS_TO_DOUBT) {
                Trust::Nothing
            } else {
                Trust::Metadata
            };
            self.on_hint(&mut watch, hint, trust).await;
        }
    }

    async fn on_hint(&mut self, watch: &mut Watch, hint: Hint, trust: Trust) {
        tracing::debug!(?hint, "looking for edits");
        let watches = watch.watches();
        if hint == Hint::Event {
            watch.quiet().await;
        }
        let attempted = Arc::clone(&self.attempted);
        let Some(seen) = self.look(&attempted, Some(&watches), trust).await else { return };
        self.watched(&seen, &watches, None);
        if seen.digest() == attempted.digest() {
            self.attempted = seen;
            return;
        }
        let (mut seen, mut wait, mut was_bad) = (seen, Wait::after(hint), false);
        wait.hear(watch, &seen);
        loop {
            let settled = match self.settle(watch, seen, &mut wait).await {
                Settled::Changed(settled) => settled,
                Settled::Asked(reply) => return self.answer(reply, watch).await,
                Settled::Nothing => return,
            };
            let Some(made) = self.make(settled, Some(&watches)).await else { return };
            wait.time += made.took;
            if matches!(made.built, Built::Bad(_))
                && !std::mem::replace(&mut was_bad, true)
                && let Some(more) = self.more_to_come(&made.now, &watches, &mut wait).await
            {
                seen = more;
                continue;
            }
            // Where somebody saves all the time, what was built is older than the disk, but whole.
            let is_whole = made.is_steady() || wait.is_restless() && made.is_of_one_look();
            // An input that was asked for only now, an include say, may itself be being saved.
            let is_over = is_whole && !made.now.is_half && !self.is_odd(&made.now, &mut wait);
            if is_over || wait.time >= settle::LONGEST && !made.now.is_half {
                let (outcome, took) = self.finish(made).await;
                return self.say(&outcome, took);
            }
            seen = made.now;
        }
    }

    /// Answers one who asked, and with the same answer all who are waiting already.
    async fn answer(&mut self, reply: oneshot::Sender<Outcome>, watch: &Watch) {
        let mut replies = vec![reply];
        while let Ok(reply) = self.requests.try_recv() {
            replies.push(reply);
        }
        let Some(made) = self.reload_if_changed(watch).await else { return };
        for reply in replies {
            // Who asked may have gone.
            let _ = reply.send(made.clone());
        }
    }

    async fn reload_if_changed(&mut self, watch: &Watch) -> Option<Outcome> {
        let (attempted, watches) = (Arc::clone(&self.attempted), watch.watches());
        let seen = self.look(&attempted, Some(&watches), Trust::Nothing).await?;
        let seen = self.written(watch, seen).await?;
        if seen.digest() == attempted.digest() {
            self.attempted = seen;
            let outcome = match &self.status.borrow().state {
                ReloadState::Current => Outcome::Unchanged,
                ReloadState::Stale(report) => Outcome::Refused(report.clone()),
            };
            attempt::unchanged(&outcome);
            return Some(outcome);
        }
        let (outcome, took) = self.reload_at_once(seen, Some(&watches)).await?;
        self.say(&outcome, took);
        Some(outcome)
    }
}
