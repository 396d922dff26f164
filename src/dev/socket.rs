//! The socket of one page: told of reloads, asked what a page's parts are made from.
//!
//! What is sent is one JSON object a message, its kind in `is`: `reload` (the page changed),
//! `swapped` (another site is served, this page is the same), `well` and `broken` (the state of the
//! files), `versions` (the answer to a list of addresses that the page uses). The page sends only
//! such lists: `{"uses": ["/site.css"]}`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::reply::{Reply as _, Response as Reply};
use warp::ws::{Message, WebSocket, Ws};

use super::version::Versions;
use super::view::wrong;
use crate::fingerprint::Fingerprint;
use crate::http::access::escaped;
use crate::reload::ReloadState;

/// Sockets at once: tabs and frames.
const SOCKETS: usize = 256;
/// The longest message that a page may send, in bytes, and the addresses in it that are looked at.
const LONGEST_MESSAGE: usize = 256 * 1024;
const MOST_ADDRESSES: usize = 1000;
/// How often a page is asked whether it is still there, and after how long it is not.
const PING: Duration = Duration::from_secs(20);
const SILENCE: u8 = 3;
/// How often the files that a page uses are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a page may take to take a message.
const SENDING: Duration = Duration::from_secs(5);
/// How long the goodbye may take.
const CLOSING: Duration = Duration::from_secs(1);
/// RFC 6455 §7.4.1: the server goes away.
const GOING_AWAY: u16 = 1001;
/// Diagnostics that are sent to a page: who has more mends these first.
const MAX_SENT: usize = 20;
/// Files of served directories whose edits are remembered as logged.
const MAX_LOGGED: usize = 1000;

/// Opens sockets. Clones are the same.
#[derive(Clone)]
pub(super) struct Sockets {
    versions: Arc<Versions>,
    stop: CancellationToken,
    tasks: TaskTracker,
    free: Arc<Semaphore>,
    /// The edits of served directories' files that were logged last, by address.
    logged: Arc<Mutex<HashMap<String, Fingerprint>>>,
}

impl Sockets {
    /// Sockets that are told of what is live, until `stop`; `tasks` waits for each.
    pub(super) fn new(
        versions: Arc<Versions>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        let free = Arc::new(Semaphore::new(SOCKETS));
        Self { versions, stop, tasks, free, logged: Arc::default() }
    }

    /// Upgrades a connection; `query` is what the page says of itself: `at` which address it was
    /// asked for, which version of it (`page`; nothing where it is not to be loaded again), and of
    /// the whole site (`site`, where it was just loaded).
    pub(super) fn open(&self, socket: Ws, query: &str) -> Reply {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let mut said: HashMap<_, _> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let version = |name| said.get(name).and_then(|text: &String| Fingerprint::parse(text));
        let (version, site) = (version("page"), version("site"));
        let at = said.remove("at").unwrap_or_default();
        let (sockets, token) = (self.clone(), self.tasks.token());
        let talk = move |socket| async move {
            let (files, doubtful) = Default::default();
            let talk = Talk { sockets, socket, at, version, silent: 0, files, doubtful };
            talk.run(site).await;
            drop((permit, token));
        };
        let socket = socket.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
        socket.on_upgrade(talk).into_response()
    }
}

/// What a page sends.
#[derive(Deserialize)]
struct Uses {
    uses: Vec<String>,
}

/// The talk with one page.
struct Talk {
    sockets: Sockets,
    socket: WebSocket,
    /// The address that the page was asked for by.
    at: String,
    /// What it was made from; nothing where it is not to be loaded again.
    version: Option<Fingerprint>,
    /// Pings in a row that nothing followed.
    silent: u8,
    /// The files on the disk that the page is or uses, by address, as they were when it was told.
    files: Files,
    /// Those that look otherwise, once: a save may be under way.
    doubtful: Option<Files>,
}

type Files = BTreeMap<String, Fingerprint>;

/// Whether a talk goes on.
type Going = Result<(), Gone>;

/// The page is gone, or does not take what it is sent.
struct Gone;

impl Talk {
    async fn run(mut self, site: Option<Fingerprint>) {
        let stop = self.sockets.stop.clone();
        tokio::select! {
            _gone = self.talk(site) => {}
            () = stop.cancelled() => {}
        }
        let closing = async {
            let goodbye = Message::close_with(GOING_AWAY, "larder stops");
            // Who has left needs no goodbye.
            let _ = self.socket.send(goodbye).await;
            let _ = self.socket.close().await;
        };
        let _bounded = timeout(CLOSING, closing).await;
    }

    async fn talk(&mut self, site: Option<Fingerprint>) -> Going {
        // Followed before the page is looked at: what happens in between is heard too.
        let mut status = self.sockets.versions.reload.subscribe();
        let mut before = Arc::clone(&status.borrow_and_update());
        let mut told = state_of_files(&before.state);
        let is_other = site.is_some_and(|site| site != self.sockets.versions.of_all());
        if is_other && self.version.is_some() || self.changed().await {
            self.say(&json!({ "is": "reload" })).await?;
        } else {
            self.files = self.sockets.files([&self.at]).await;
            self.put(Message::text(told.clone())).await?;
        }
        let (mut ping, mut look) = (every(PING), every(LOOK));
        loop {
            tokio::select! {
                changed = status.changed() => {
                    changed.map_err(|_stopped| Gone)?;
                    let now = Arc::clone(&status.borrow_and_update());
                    // A status says more than a page is told: what is watched how, say.
                    let state = state_of_files(&now.state);
                    let is_other = state != told;
                    if now.generation != before.generation || is_other && now.generation == 0 {
                        self.tell_of_swap().await?;
                    }
                    if is_other {
                        self.put(Message::text(state.clone())).await?;
                    }
                    (before, told) = (now, state);
                }
                message = self.socket.next() => self.answer(message).await?,
                _ = look.tick() => self.look().await?,
                _ = ping.tick() => {
                    self.silent += 1;
                    if self.silent > SILENCE {
                        return Err(Gone);
                    }
                    self.put(Message::ping(Vec::new())).await?;
                }
            }
        }
    }

    async fn answer(&mut self, message: Option<Result<Message, warp::Error>>) -> Going {
        let Some(Ok(message)) = message else { return Err(Gone) };
        self.silent = 0;
        if message.is_close() {
            return Err(Gone);
        }
        // What is not understood is another version of the script's.
        let Ok(text) = message.to_str() else { return Ok(()) };
        let Ok(Uses { mut uses }) = serde_json::from_str(text) else { return Ok(()) };
        uses.truncate(MOST_ADDRESSES);
        let mut versions = BTreeMap::new();
        for address in &uses {
            let version = self.sockets.versions.of(address).await;
            versions.insert(address, version.to_string());
        }
        let answer = json!({ "is": "versions", "versions": versions });
        // Nothing else tells of edits of files on the disk.
        uses.push(self.at.clone());
        (self.files, self.doubtful) = (self.sockets.files(&uses).await, None);
        self.say(&answer).await
    }

    /// Looks at the files that the page is or uses; what looks otherwise twice in a row is saved.
    async fn look(&mut self) -> Going {
        let now = self.sockets.files(self.files.keys()).await;
        if now == self.files {
            self.doubtful = None;
            return Ok(());
        }
        if self.doubtful.as_ref() != Some(&now) {
            self.doubtful = Some(now);
            return Ok(());
        }
        for (address, version) in now.iter().filter(|pair| self.files.get(pair.0) != Some(pair.1)) {
            self.sockets.log_edit(address, *version);
        }
        self.files = now;
        self.tell_of_swap().await
    }

    /// Says that the page is another one, or that what it uses may be.
    async fn tell_of_swap(&mut self) -> Going {
        let is = if self.changed().await { "reload" } else { "swapped" };
        self.say(&json!({ "is": is })).await
    }

    /// Whether the page would be another one now; from now on it is that one.
    async fn changed(&mut self) -> bool {
        if self.version.is_none() {
            return false;
        }
        let now = self.sockets.versions.of(&self.at).await;
        self.version.replace(now) != Some(now)
    }

    async fn say(&mut self, message: &Value) -> Going {
        self.put(Message::text(message.to_string())).await
    }

    async fn put(&mut self, message: Message) -> Going {
        match timeout(SENDING, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

impl Sockets {
    /// Those of some addresses that are files on the disk, as they are now.
    async fn files(&self, addresses: impl IntoIterator<Item = &String>) -> Files {
        let mut files = Files::new();
        for address in addresses {
            if let Some(version) = self.versions.of_file(address).await {
                files.insert(address.clone(), version);
            }
        }
        files
    }

    /// Logs that a file of a served directory changed: once, however many pages use it.
    fn log_edit(&self, address: &str, version: Fingerprint) {
        let mut logged = self.logged.lock();
        if logged.len() >= MAX_LOGGED {
            logged.clear();
        }
        if logged.insert(address.to_owned(), version) != Some(version) {
            tracing::info!("changed: {}", escaped(address));
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What a page is told of the files.
pub(super) fn state_of_files(state: &ReloadState) -> String {
    let message = match wrong(state, MAX_SENT) {
        None => json!({ "is": "well" }),
        Some((problems, errors)) => {
            json!({ "is": "broken", "problems": problems, "errors": errors })
        }
    };
    message.to_string()
}
