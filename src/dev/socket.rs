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
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::reply::{Reply as _, Response as Reply};
use warp::ws::{Message, WebSocket, Ws};
use warp::{Filter, Rejection};

use super::hub::{Hub, News};
use super::version::Shown;
use crate::fingerprint::Fingerprint;

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

/// Opens sockets. Clones are the same.
#[derive(Clone)]
pub(super) struct Sockets {
    hub: Arc<Hub>,
    stop: CancellationToken,
    tasks: TaskTracker,
    free: Arc<Semaphore>,
}

impl Sockets {
    /// Sockets that are told what `hub` tells, until `stop`; `tasks` waits for each.
    pub(super) fn new(hub: Arc<Hub>, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { hub, stop, tasks, free: Arc::new(Semaphore::new(SOCKETS)) }
    }

    /// Upgrades connections.
    pub(super) fn filter(self) -> impl Filter<Extract = (Reply,), Error = Rejection> + Clone {
        let query = warp::query::<HashMap<String, String>>();
        warp::ws().and(query).map(move |socket: Ws, query| self.open(socket, Page::of(query)))
    }

    fn open(&self, socket: Ws, page: Page) -> Reply {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let (hub, stop, token) = (Arc::clone(&self.hub), self.stop.clone(), self.tasks.token());
        let talk = |socket| async move {
            Talk::new(hub, page, permit).run(socket, stop).await;
            drop(token);
        };
        let socket = socket.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
        socket.on_upgrade(talk).into_response()
    }
}

/// What a page says of itself when it connects.
#[derive(Debug)]
struct Page {
    /// The address that it was asked for by.
    at: String,
    /// What it was made from; nothing where it is not to be loaded again.
    version: Option<Fingerprint>,
    /// The whole site's version, where the page was just loaded.
    site: Option<Fingerprint>,
}

impl Page {
    fn of(mut query: HashMap<String, String>) -> Self {
        Self {
            at: query.remove("at").unwrap_or_default(),
            version: query.get("page").and_then(|text| Fingerprint::parse(text)),
            site: query.get("site").and_then(|text| Fingerprint::parse(text)),
        }
    }
}

/// What a page sends.
#[derive(Deserialize)]
struct Uses {
    uses: Vec<String>,
}

/// The talk with one page.
struct Talk {
    hub: Arc<Hub>,
    page: Page,
    /// Pings in a row that nothing followed.
    silent: u8,
    /// The files on the disk that the page is or uses, by address, as they were when it was told.
    files: Files,
    /// Those that look otherwise, once: a save may be under way.
    doubtful: Option<Files>,
    _permit: OwnedSemaphorePermit,
}

type Files = BTreeMap<String, Fingerprint>;

/// Whether a talk goes on.
type Going = Result<(), Gone>;

/// The page is gone, or does not take what it is sent.
struct Gone;

impl Talk {
    fn new(hub: Arc<Hub>, page: Page, permit: OwnedSemaphorePermit) -> Self {
        Self { hub, page, silent: 0, files: Files::new(), doubtful: None, _permit: permit }
    }

    async fn run(mut self, mut socket: WebSocket, stop: CancellationToken) {
        // Heard before the page is looked at: what happens in between is heard too.
        let mut news = self.hub.subscribe();
        let talk = async {
            self.greet(&mut socket).await?;
            self.talk(&mut socket, &mut news).await
        };
        tokio::select! {
            _gone = talk => {}
            () = stop.cancelled() => {}
        }
        let closing = async {
            let goodbye = Message::close_with(GOING_AWAY, "larder stops");
            // Who has left needs no goodbye.
            let _ = socket.send(goodbye).await;
            let _ = socket.close().await;
        };
        let _bounded = timeout(CLOSING, closing).await;
    }

    /// Says what happened between the page's making and its connecting.
    async fn greet(&mut self, socket: &mut WebSocket) -> Going {
        let is_other = self.page.site.is_some_and(|site| site != self.hub.site_version());
        if is_other && self.page.version.is_some() || self.changed().await {
            return send(socket, &json!({ "is": "reload" }).to_string()).await;
        }
        self.watch(&[]).await;
        send(socket, &self.hub.state()).await
    }

    async fn talk(
        &mut self,
        socket: &mut WebSocket,
        news: &mut broadcast::Receiver<News>,
    ) -> Going {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = news.recv() => self.tell(socket, heard).await?,
                message = socket.next() => self.answer(socket, message).await?,
                _ = look.tick() => self.look(socket).await?,
                _ = ping.tick() => {
                    self.silent += 1;
                    if self.silent > SILENCE {
                        return Err(Gone);
                    }
                    put(socket, Message::ping(Vec::new())).await?;
                }
            }
        }
    }

    async fn tell(&mut self, socket: &mut WebSocket, heard: Result<News, RecvError>) -> Going {
        match heard {
            Ok(News::State(state)) => send(socket, &state).await,
            Ok(News::Swapped) => self.tell_of_swap(socket).await,
            // What was missed is made up for by the state of now.
            Err(RecvError::Lagged(_)) => {
                self.tell_of_swap(socket).await?;
                send(socket, &self.hub.state()).await
            }
            Err(RecvError::Closed) => Err(Gone),
        }
    }

    async fn answer(
        &mut self,
        socket: &mut WebSocket,
        message: Option<Result<Message, warp::Error>>,
    ) -> Going {
        let Some(Ok(message)) = message else { return Err(Gone) };
        self.silent = 0;
        if message.is_close() {
            return Err(Gone);
        }
        // What is not understood is another version of the script's.
        let Ok(text) = message.to_str() else { return Ok(()) };
        let Ok(Uses { uses }) = serde_json::from_str(text) else { return Ok(()) };
        let uses = uses.get(..MOST_ADDRESSES).unwrap_or(&uses);
        let mut versions = BTreeMap::new();
        for address in uses {
            versions.insert(address.as_str(), self.hub.version(address).await.to_string());
        }
        self.watch(uses).await;
        send(socket, &json!({ "is": "versions", "versions": versions }).to_string()).await
    }

    /// From now on looks at the files on the disk among what the page is and `uses`: nothing else
    /// tells of their edits.
    async fn watch(&mut self, uses: &[String]) {
        let mut files = Files::new();
        for address in uses.iter().chain([&self.page.at]) {
            if let Shown::File(file) = self.hub.shown(address) {
                files.insert(address.clone(), self.hub.file_version(&file).await);
            }
        }
        (self.files, self.doubtful) = (files, None);
    }

    /// Looks at those files; what looks otherwise twice in a row is saved.
    async fn look(&mut self, socket: &mut WebSocket) -> Going {
        let mut now = Files::new();
        for address in self.files.keys() {
            if let Shown::File(file) = self.hub.shown(address) {
                now.insert(address.clone(), self.hub.file_version(&file).await);
            }
        }
        if now == self.files {
            self.doubtful = None;
            return Ok(());
        }
        if self.doubtful.as_ref() != Some(&now) {
            self.doubtful = Some(now);
            return Ok(());
        }
        for (address, version) in now.iter().filter(|pair| self.files.get(pair.0) != Some(pair.1)) {
            self.hub.log_edit(address, *version);
        }
        self.files = now;
        self.tell_of_swap(socket).await
    }

    /// Says that the page is another one, or that what it uses may be.
    async fn tell_of_swap(&mut self, socket: &mut WebSocket) -> Going {
        let is = if self.changed().await { "reload" } else { "swapped" };
        send(socket, &json!({ "is": is }).to_string()).await
    }

    /// Whether the page would be another one now; from now on it is that one.
    async fn changed(&mut self) -> bool {
        if self.page.version.is_none() {
            return false;
        }
        let now = self.hub.version(&self.page.at).await;
        self.page.version.replace(now) != Some(now)
    }
}

async fn send(socket: &mut WebSocket, text: &str) -> Going {
    put(socket, Message::text(text)).await
}

async fn put(socket: &mut WebSocket, message: Message) -> Going {
    match timeout(SENDING, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
