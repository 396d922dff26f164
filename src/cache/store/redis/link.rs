//! The connection: made in the background, and made again when it breaks.
//!
//! While an attempt is under way, calls wait for it; their caller bounds that. After one that
//! failed, the next call begins another: the breaker sees to it that there are few such calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::super::trouble::{StoreError, Trouble};
use super::address::Address;

/// How long an attempt to connect and log in may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a command may take in the connection itself, whose slot in the queue it holds.
const LONGEST_COMMAND: Duration = Duration::from_secs(5);
/// How many commands wait for the socket; more wait in their callers, which are bounded.
const QUEUE: usize = 1024;

/// A connection that is made again when it breaks.
pub(crate) struct Link {
    address: Address,
    tasks: TaskTracker,
    /// Nothing is connected after this.
    ended: CancellationToken,
    latest: Mutex<Option<Attempt>>,
    /// Whether the server was asked for its bound.
    asked: AtomicBool,
    /// Whether it goes without saying that it is connected: it was said, and nothing of its end.
    is_said: AtomicBool,
}

/// An attempt to connect, under way or at its end; clones are the same one.
type Attempt = Shared<BoxFuture<'static, Result<Connected, StoreError>>>;

/// A connection, and whether it is of no more use.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) lost: Arc<AtomicBool>,
}

impl Link {
    /// Connects when it is first asked to.
    pub(crate) fn new(address: Address, tasks: TaskTracker, ended: CancellationToken) -> Arc<Self> {
        let (asked, is_said) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { address, tasks, ended, latest: Mutex::default(), asked, is_said })
    }

    /// The latest attempt; another one, where it failed or its connection was lost.
    pub(crate) fn attempt(self: &Arc<Self>) -> Attempt {
        let mut latest = self.latest.lock();
        let is_up = |up: &Connected| !up.lost.load(Ordering::Acquire);
        let is_good = |result: &Result<_, _>| result.as_ref().is_ok_and(is_up);
        if let Some(attempt) = latest.as_ref().filter(|it| it.peek().is_none_or(is_good)) {
            return attempt.clone();
        }
        let link = Arc::clone(self);
        let attempt = async move {
            let connected = link.ended.run_until_cancelled(link.connect()).await;
            connected.unwrap_or_else(|| Err(closed()))
        };
        let attempt = attempt.boxed().shared();
        self.tasks.spawn(attempt.clone());
        latest.insert(attempt).clone()
    }

    /// Lets go of a connection that broke; calls wait for the next one.
    pub(crate) fn lose(self: &Arc<Self>, lost: &AtomicBool) {
        if self.replace(lost) {
            self.is_said.store(false, Ordering::Relaxed);
            tracing::warn!(store = %self.address, "the connection broke");
        }
    }

    /// Lets go of a connection, for the next calls; says whether it was still in use.
    pub(crate) fn replace(self: &Arc<Self>, lost: &AtomicBool) -> bool {
        let was_in_use = !lost.swap(true, Ordering::AcqRel) && !self.ended.is_cancelled();
        if was_in_use {
            drop(self.attempt());
        }
        was_in_use
    }

    /// Lets go of the connection that is up, whatever it is: it does not answer.
    pub(crate) fn renew(self: &Arc<Self>) {
        let latest = self.latest.lock().clone();
        if let Some(Ok(up)) = latest.as_ref().and_then(Attempt::peek) {
            self.lose(&up.lost);
        }
    }

    /// Lets go of the connection for good.
    pub(crate) fn close(&self) {
        *self.latest.lock() = None;
    }

    /// Connects with RESP3, whose driver tells at once when the connection ends; else with RESP2.
    async fn connect(self: &Arc<Self>) -> Result<Connected, StoreError> {
        let (address, lost) = (&self.address, Arc::<AtomicBool>::default());
        let plain = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(LONGEST_COMMAND))
            .set_pipeline_buffer_size(QUEUE);
        let (link, told) = (Arc::downgrade(self), Arc::clone(&lost));
        let watched = plain.clone().set_push_sender(move |push: redis::PushInfo| {
            if push.kind == redis::PushKind::Disconnection
                && let Some(link) = link.upgrade()
            {
                link.lose(&told);
            }
            Ok::<(), ()>(())
        });
        let mut connected =
            address.resp3.get_multiplexed_async_connection_with_config(&watched).await;
        if connected.as_ref().is_err_and(|error| !error.is_io_error()) {
            connected = address.resp2.get_multiplexed_async_connection_with_config(&plain).await;
        }
        match connected {
            Ok(connection) => {
                if !self.is_said.swap(true, Ordering::Relaxed) {
                    tracing::info!(store = %address, "connected");
                }
                if !self.asked.swap(true, Ordering::Relaxed) {
                    self.tasks.spawn(warn_of_no_bound(connection.clone()));
                }
                Ok(Connected { connection, lost })
            }
            Err(error) => {
                tracing::debug!(store = %address, reason = %error, "cannot connect");
                let error = StoreError::from(error);
                // What goes wrong with logging in goes wrong with everything.
                let kind = if error.kind.is_down() { error.kind } else { Trouble::Refused };
                Err(StoreError { kind, ..error })
            }
        }
    }
}

/// Says once where nothing but TTLs bounds the store; who may not ask is not told.
async fn warn_of_no_bound(mut connection: MultiplexedConnection) {
    let asked = redis::cmd("INFO").arg("memory").query_async::<String>(&mut connection).await;
    if asked.is_ok_and(|text| text.lines().any(|it| it == "maxmemory:0")) {
        tracing::warn!("Redis has no maxmemory: only the TTLs bound what is stored");
    }
}

fn closed() -> StoreError {
    StoreError::new(Trouble::Away, "the connection is closed")
}
