//! What a cache is made of, and how it is put together for memory or for Redis.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counters::Counters;
use super::doorkeeper::Doorkeeper;
use super::flight::Flights;
use super::lease::{Tokens, Waiters};
use super::near::Near;
use super::pause::Pauses;
use super::state::Notices;
use super::store::Remote;
use super::store::redis::Redis;
use super::store::redis::address::{Address, StoreUrlError};
use super::store::shared::Shared;
use super::tracking::Tracking;
use crate::clock::Clock;
use crate::glob::glob_matches;

/// The part of `memory_bytes` that renders may take which the store could not be told of.
const ASIDE_SHARE: u64 = 8;
/// How often one instance overwrites what another site keeps writing under the same key.
const OVERWRITE_PAUSE: Duration = Duration::from_secs(1);
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
    ended: CancellationToken,
    /// Where entries are in memory. Without Redis this is the store; with Redis it is a copy of
    /// what Redis holds, near to who asks.
    pub(super) near: Near,
    /// The store that other processes share; none with the memory store.
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) flights: Arc<Flights>,
    pub(super) waiters: Waiters,
    pub(super) tokens: Tokens,
    pub(super) doorkeeper: Doorkeeper,
    pub(super) overwrites: Pauses,
    pub(super) refreshes: Pauses,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
}

impl fmt::Debug for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.settings.fmt(out)
    }
}

impl Cache {
    /// A cache in this process's memory only, empty at start.
    #[must_use]
    pub fn memory(settings: CacheSettings, clock: Clock, tasks: TaskTracker) -> Self {
        Self::build(settings, clock, tasks, None)
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
        let redis = Redis::new(address.clone(), &tasks, ended.clone());
        let remote: Arc<dyn Remote> = Arc::new(redis);
        let cache = Self::build(settings, clock, tasks, Some((remote, ended.clone())));
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
        remote: Option<(Arc<dyn Remote>, CancellationToken)>,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        let (bytes, largest) = (settings.memory_bytes, settings.max_entry_bytes);
        let near = Near::new(bytes, largest, remote.is_none());
        let (shared, ended) = match remote {
            Some((remote, ended)) => {
                let (clock, counters) = (clock.clone(), Arc::clone(&counters));
                let aside = Near::new(bytes / ASIDE_SHARE, largest, true);
                (Some(Shared::new(remote, clock, settings.timeout, counters, aside)), ended)
            }
            None => (None, CancellationToken::new()),
        };
        let inner = Arc::new(Inner {
            near,
            shared,
            ended,
            clock,
            tasks,
            flights: Arc::default(),
            waiters: Waiters::default(),
            tokens: Tokens::new(),
            doorkeeper: Doorkeeper::new(settings.max_new_keys),
            overwrites: Pauses::new(OVERWRITE_PAUSE, OVERWRITE_PAUSE),
            refreshes: Pauses::new(REFRESH_PAUSE, REFRESH_PAUSE_AT_MOST),
            counters,
            notices: Notices::default(),
            settings,
        });
        if let Some(shared) = &inner.shared {
            shared.watch_over(&inner.tasks, inner.ended.clone());
        }
        Self { inner }
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
            shared.remote.close();
        }
    }
}

impl Inner {
    /// Whether a key is under the prefix, and so ours to touch.
    pub(super) fn is_ours(&self, key: &[u8]) -> bool {
        key.strip_prefix(self.settings.prefix.as_bytes()).is_some_and(|rest| rest.starts_with(b":"))
    }

    /// What follows the prefix in a key that is ours: its namespace, a colon, and the rest.
    pub(super) fn without_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&*self.settings.prefix)?.strip_prefix(':')
    }

    /// Whether a glob means a key: as a whole, or without prefix, or without namespace too.
    pub(super) fn matches(&self, glob: &str, key: &str) -> bool {
        let rest = self.without_prefix(key);
        let last = rest.and_then(|rest| rest.split_once(':')).map(|(_, last)| last);
        [Some(key), rest, last].into_iter().flatten().any(|part| glob_matches(glob, part))
    }
}
