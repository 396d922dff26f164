//! What a cache is made of, and how it is put together for memory or for Redis.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counters::Counters;
use super::doorkeeper::Doorkeeper;
use super::flight::Flights;
use super::lease::Waiters;
use super::names::loaded_route;
use super::near::Near;
use super::orders::Orders;
use super::pause::{Overwrites, Pauses};
use super::record;
use super::state::{CONTENDED, Notices};
use super::store::Remote;
use super::store::redis::Redis;
use super::store::redis::address::{Address, StoreUrlError};
use super::store::shared::Shared;
use super::tracking::Tracking;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;

/// The part of `memory_bytes` that renders may take which the store could not be told of.
const ASIDE_SHARE: u64 = 8;
/// How often one instance overwrites garbage under the same key.
const MEND_PAUSE: Duration = Duration::from_secs(1);
/// The pauses after renders that failed while a stale copy was at hand.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);
const REFRESH_PAUSE_AT_MOST: Duration = Duration::from_secs(8);

/// What a cache is built with: the `cache:` part of the file, as it applies to a process.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// What every key begins with, before a colon; only keys under it are touched.
    pub prefix: String,
    /// The bound on the entries in this process's memory, in bytes.
    pub memory_bytes: u64,
    /// The bound on all waits for the store in one answer.
    pub timeout: Duration,
    /// The longest body that is stored, in bytes.
    pub max_entry_bytes: u64,
    /// A route stores this many new keys in a second on their first request. In the rest of that
    /// second it stores a new key only on the key's second request within a minute.
    pub max_new_keys: u32,
    /// Whether what Redis holds is kept in memory too.
    pub near: bool,
}

/// Rendered responses by key; clones are the same cache.
#[derive(Clone)]
pub struct Cache {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: CacheSettings,
    pub(super) clock: Clock,
    pub(super) tasks: TaskTracker,
    /// Ends the tasks that watch the store.
    pub(super) ended: CancellationToken,
    /// Where entries are in memory. Without Redis this is the store; with Redis it is a copy of
    /// what Redis holds, near to who asks.
    pub(super) near: Near,
    /// What was read while nothing tells of changes: its codings are used again, it itself is not.
    pub(super) untold: Near,
    /// The store that other processes share; none with the memory store.
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) flights: Arc<Flights>,
    pub(super) waiters: Waiters,
    pub(super) doorkeeper: Doorkeeper,
    /// When garbage is overwritten, and what another version of the site has written.
    pub(super) mends: Pauses,
    pub(super) overwrites: Overwrites,
    pub(super) refreshes: Pauses,
    pub(super) orders: Orders,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
}

impl fmt::Debug for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.settings.fmt(out)
    }
}

/// Whether a text is the address of a store that [`Cache::redis`] can be opened with. Nothing is
/// asked of any server.
///
/// # Errors
/// Where it is none.
pub(crate) fn check_store(url: &str) -> Result<(), StoreUrlError> {
    url.parse::<Address>().map(drop)
}

impl Cache {
    /// A cache in this process's memory only, empty at start.
    #[must_use]
    pub fn memory(settings: CacheSettings, clock: Clock, tasks: TaskTracker) -> Self {
        Self::build(settings, clock, tasks, None, CancellationToken::new())
    }

    /// A cache in Redis, at a `redis://`, `rediss://` or `redis+unix://` address.
    ///
    /// Connects in the background: a Redis that is away is no error, now or later.
    ///
    /// # Errors
    /// Where `url` is no such address; the error does not repeat it, since it may hold a password.
    pub fn redis(
        url: &str,
        settings: CacheSettings,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Result<Self, StoreUrlError> {
        let address: Address = url.parse()?;
        let ended = CancellationToken::new();
        let longest = usize::try_from(settings.max_entry_bytes).unwrap_or(usize::MAX);
        let longest = longest.saturating_add(record::HEAD_BYTES);
        let prefix = &*settings.prefix;
        let remote = Redis::start(&address, prefix, longest, &tasks, &ended);
        let cache = Self::build(settings, clock, tasks, Some(remote), ended.clone());
        let inner = &cache.inner;
        if inner.settings.near {
            let tracking = Tracking { address, cache: Arc::clone(inner) };
            tracking.start(&inner.tasks, ended);
        }
        Ok(cache)
    }

    pub(super) fn build(
        settings: CacheSettings,
        clock: Clock,
        tasks: TaskTracker,
        remote: Option<Arc<dyn Remote>>,
        ended: CancellationToken,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        let (bytes, largest) = (settings.memory_bytes, settings.max_entry_bytes);
        let near = Near::new(bytes, largest, remote.is_none());
        let shared = remote.map(|remote| {
            let (clock, counters) = (clock.clone(), Arc::clone(&counters));
            let aside = Near::new(bytes / ASIDE_SHARE, largest, true);
            Shared::new(remote, clock, settings.timeout, counters, aside, tasks.clone())
        });
        let inner = Arc::new(Inner {
            near,
            untold: Near::new(bytes / ASIDE_SHARE, largest, true),
            shared,
            ended,
            clock,
            tasks,
            flights: Arc::default(),
            waiters: Waiters::default(),
            doorkeeper: Doorkeeper::new(settings.max_new_keys),
            mends: Pauses::new(MEND_PAUSE, MEND_PAUSE),
            overwrites: Overwrites::new(CONTENDED),
            refreshes: Pauses::new(REFRESH_PAUSE, REFRESH_PAUSE_AT_MOST),
            orders: Orders::default(),
            counters,
            notices: Notices::default(),
            settings,
        });
        if let Some(shared) = &inner.shared {
            shared.watch_over(inner.ended.clone());
        }
        Self { inner }
    }

    /// What the edge kept of a file under this name, which no key has.
    pub(crate) fn file(&self, name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        self.inner.near.file(name)
    }

    /// Keeps what the edge sends of a file, within the bound on entries in memory. Whether it is
    /// still true is the edge's to say.
    pub(crate) fn keep_file(&self, name: &str, file: Arc<dyn Any + Send + Sync>, bytes: u64) {
        self.inner.near.put_file(name, file, bytes);
    }

    /// The key of the value that was loaded under a name, by what decides it.
    pub(crate) fn loaded_key(&self, namespace: &str, name: &str, of: &Fingerprint) -> String {
        format!("{}:{namespace}:{}:{of}", self.inner.settings.prefix, loaded_route(name))
    }

    /// The clock that its lifetimes run by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// What the cache has counted since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Ends the tasks that watch the store and lets go of its connections; renders go on.
    pub fn close(&self) {
        self.inner.ended.cancel();
        if let Some(shared) = &self.inner.shared {
            shared.close();
        }
    }
}
