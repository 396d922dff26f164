//! Client tracking: Redis tells of every change under our prefix, over a connection of its own.
//!
//! One task connects with RESP3, turns tracking on, and arms the near cache by that; then it asks
//! for a sign of life each [`EVERY`]. When the connection ends, which its driver tells at once, or
//! is silent, the near cache is emptied and not used until the next one is armed. The
//! connection manager of the redis crate is not used: it does not turn tracking on again.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease::{leased_key, nested_prefix};
use super::setup::Inner;
use super::store::redis::address::Address;
use super::trouble::StoreError;

/// How often a sign of life is asked for, and how long it may take: a connection that is lost
/// silently is found out within twice this.
const EVERY: Duration = Duration::from_millis(500);
/// How long connecting and logging in may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The first pause between attempts, doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long until a server that refuses tracking is asked again: its rights may have changed.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Keeps the near cache told of changes.
pub(crate) struct Tracking {
    pub(crate) address: Address,
    pub(crate) cache: Arc<Inner>,
}

impl Tracking {
    /// Starts the task; it ends with `ended`.
    pub(crate) fn start(self, tasks: &TaskTracker, ended: CancellationToken) {
        tasks.spawn(async move {
            ended.run_until_cancelled(self.keep_up()).await;
            self.cache.disarm();
        });
    }

    async fn keep_up(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let closed = Arc::new(Notify::new());
            match self.arm(&closed).await {
                Ok(mut connection) => {
                    if self.cache.notices.set_near_trouble(None).is_some() {
                        tracing::info!("tracking is on: memory is used");
                    }
                    pause = FIRST_PAUSE;
                    self.watch(&mut connection, &closed).await;
                    self.cache.disarm();
                    let lost = "the tracking connection was lost";
                    self.cache.notices.set_near_trouble(Some(lost.into()));
                    tracing::warn!("tracking lost: memory is emptied until it is on again");
                }
                Err(why) if why.kind.is_down() => {
                    self.cache.notices.set_near_trouble(Some(why.detail));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                // It is there, and does not do this: said once, since that will hardly change.
                Err(StoreError { detail: reason, .. }) => {
                    let before = self.cache.notices.set_near_trouble(Some(reason.clone()));
                    if before.as_ref() != Some(&reason) {
                        tracing::warn!(%reason, "Redis refuses tracking: no near cache");
                    }
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
            }
        }
    }

    /// Connects and turns tracking on; what is read after this may be kept.
    async fn arm(&self, closed: &Arc<Notify>) -> Result<MultiplexedConnection, StoreError> {
        let (cache, closed) = (Arc::clone(&self.cache), Arc::clone(closed));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(EVERY))
            .set_push_sender(move |push: PushInfo| {
                hear(&cache, &closed, &push);
                Ok::<(), ()>(())
            });
        let resp3 = &self.address.resp3;
        let mut connection = resp3.get_multiplexed_async_connection_with_config(&config).await?;
        let mut on = redis::cmd("CLIENT");
        on.arg("TRACKING").arg("ON").arg("BCAST");
        // Leases are under the prefix too: who waits for another instance's render is told.
        on.arg("PREFIX").arg(format!("{}:", self.cache.settings.prefix));
        on.query_async::<Value>(&mut connection).await?;
        self.cache.near.arm();
        Ok(connection)
    }

    /// Returns when the connection is lost, or silent, or its near cache was disarmed.
    async fn watch(&self, connection: &mut MultiplexedConnection, closed: &Notify) {
        while timeout(EVERY, closed.notified()).await.is_err() && self.cache.near.is_trusted() {
            if redis::cmd("PING").query_async::<Value>(connection).await.is_err() {
                return;
            }
        }
    }
}

/// Called by the connection's driver, in the order in which Redis sent: never blocks.
fn hear(cache: &Inner, closed: &Notify, push: &PushInfo) {
    match push.kind {
        PushKind::Invalidate => match push.data.first() {
            Some(Value::Array(keys)) => keys.iter().for_each(|key| match key {
                Value::BulkString(key) => cache.invalidate(key),
                Value::SimpleString(key) => cache.invalidate(key.as_bytes()),
                _ => {}
            }),
            // FLUSHALL and FLUSHDB send null instead of keys; what we don't know may be as bad.
            _ => cache.invalidate_all(),
        },
        PushKind::Disconnection => {
            cache.disarm();
            closed.notify_one();
        }
        _ => {}
    }
}

/// What happens here when the store tells of a change: every one passes through this.
impl Inner {
    /// A key was written, deleted, evicted or has expired.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let leased = leased_key(&self.settings.prefix, key);
        // Our keys are text: another's, which is none, is in no memory here.
        let Ok(changed) = std::str::from_utf8(leased.unwrap_or(key)) else { return };
        self.counters.invalidations.inc();
        if leased.is_none() {
            self.near.invalidate(changed);
            if let Some(shared) = &self.shared {
                shared.aside.invalidate(changed);
            }
        }
        self.waiters.of(changed).notify_waiters();
        if let Some(other) = nested_prefix(&self.settings.prefix, changed) {
            self.notices.nested(&self.settings.prefix, other);
        }
    }

    /// All keys are gone.
    pub(crate) fn invalidate_all(&self) {
        self.counters.invalidations.inc();
        self.near.clear();
        if let Some(shared) = &self.shared {
            shared.aside.clear();
        }
        self.waiters.all().iter().for_each(Notify::notify_waiters);
    }

    /// Changes are no longer told.
    pub(crate) fn disarm(&self) {
        if self.near.is_trusted() {
            self.counters.tracking_lost.inc();
        }
        self.near.disarm();
        self.waiters.all().iter().for_each(Notify::notify_waiters);
    }
}
