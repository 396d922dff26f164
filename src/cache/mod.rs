//! Key → response: memory, Redis, one render at a time.
//!
//! [`Cache::peek`] is the hot way: a fresh entry in memory, without waiting. [`Cache::answer`] is
//! the whole story: it joins the flight of its key, or starts one, which looks into the
//! store, claims a lease where the render does I/O, renders, writes, and tells all who
//! wait. The HTTP edge calls both; the admin part lists and purges. The cache knows no route, no
//! site and no HTTP library: keys, records and renders only.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub mod counters;
mod doorkeeper;
mod entry;
mod flight;
mod freshness;
mod lease;
mod list;
mod look;
mod near;
mod outcome;
mod pause;
mod purge;
pub mod record;
mod state;
pub mod store;
mod told;
mod tracking;
mod write;

pub use self::entry::{Ask, Entry, Render, RenderFailure, Rendered};
pub use self::freshness::Lifetime;
pub use self::list::{Inspection, KeyInfo, Listing, Page};
pub use self::near::Figures;
pub use self::outcome::{Answer, Detail, Outcome, Why};
pub use self::purge::Purge;
pub use self::record::Flaw;
pub use self::state::{NearState, StoreState};
pub use self::store::redis::address::StoreUrlError;
pub use self::store::{StoreError, Trouble};

use self::counters::Counters;
use self::doorkeeper::Doorkeeper;
use self::flight::{Flight, Flights, Guard, Joined, Landing, Made, News};
use self::freshness::{Freshness, Kept};
use self::lease::{Doors, Tokens};
use self::look::{Found, Miss};
use self::near::Near;
use self::pause::Pauses;
use self::state::Notices;
use self::store::Remote;
use self::store::redis::Redis;
use self::store::redis::address::Address;
use self::store::shared::{Budget, Shared};
use self::told::Told;
use self::tracking::Tracking;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;

/// How long a render may take; it is ended then.
pub const RENDER_AT_MOST: Duration = Duration::from_secs(30);
/// How long renders are kept apart that the store could not be told of.
const ASIDE_AT_MOST: Duration = Duration::from_secs(5);
/// How many bytes of `memory_bytes` those may take: one in so many.
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
    /// How many new keys a second one route may store before each must be asked for twice.
    pub max_new_keys: u32,
    /// Whether what Redis holds is kept in memory too.
    pub near: bool,
}

/// Rendered responses by key; clones are the same cache.
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: CacheSettings,
    clock: Clock,
    tasks: TaskTracker,
    /// Ends the tasks that watch the store.
    ended: CancellationToken,
    /// The memory store, or the near cache of `shared`.
    near: Arc<Near>,
    /// Renders that `shared` could not be told of.
    aside: Arc<Near>,
    /// The store that other processes share; none with the memory store.
    shared: Option<Arc<Shared>>,
    flights: Arc<Flights>,
    doors: Arc<Doors>,
    tokens: Tokens,
    doorkeeper: Doorkeeper,
    overwrites: Pauses,
    refreshes: Pauses,
    counters: Arc<Counters>,
    notices: Arc<Notices>,
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
            let (prefix, notices) = (inner.settings.prefix.clone(), Arc::clone(&inner.notices));
            let tracking = Tracking { address, prefix, told: cache.told(), notices };
            tracking.start(&inner.tasks, ended);
        }
        Ok(cache)
    }

    fn build(
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
                (Some(Shared::new(remote, clock, settings.timeout, counters)), ended)
            }
            None => (None, CancellationToken::new()),
        };
        let inner = Arc::new(Inner {
            near: Arc::new(near),
            aside: Arc::new(Near::new(bytes / ASIDE_SHARE, largest, true)),
            shared,
            ended,
            clock,
            tasks,
            flights: Arc::default(),
            doors: Arc::new(Doors::new()),
            tokens: Tokens::new(),
            doorkeeper: Doorkeeper::new(settings.max_new_keys),
            overwrites: Pauses::new(OVERWRITE_PAUSE, OVERWRITE_PAUSE),
            refreshes: Pauses::new(REFRESH_PAUSE, REFRESH_PAUSE_AT_MOST),
            counters,
            notices: Arc::default(),
            settings,
        });
        if let Some(shared) = &inner.shared {
            let cache = Arc::downgrade(&inner);
            shared.watch_over(&inner.tasks, inner.ended.clone(), move || {
                if let Some(cache) = cache.upgrade() {
                    cache.aside.clear();
                }
            });
        }
        Self { inner }
    }

    /// Where changes of the store are told.
    fn told(&self) -> Told {
        let inner = &self.inner;
        Told {
            near: Arc::clone(&inner.near),
            aside: Arc::clone(&inner.aside),
            doors: Arc::clone(&inner.doors),
            counters: Arc::clone(&inner.counters),
        }
    }

    /// A fresh entry in this process's memory: no wait, no I/O, no lock held on return. Who answers
    /// with it says so by [`Cache::count_hit`].
    #[must_use]
    pub fn peek(
        &self,
        key: &str,
        fingerprint: &Fingerprint,
        lifetime: &Lifetime,
    ) -> Option<Answer> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let (kept, detail) = inner.in_memory(key, now)?;
        let Freshness::Fresh { left } = kept.freshness(fingerprint, lifetime, now) else {
            return None;
        };
        let outcome = Outcome::fresh(left, kept.age(now), detail);
        Some(Answer { result: Ok(kept.entry), outcome })
    }

    /// Counts an answer that [`Cache::peek`] gave.
    pub fn count_hit(&self) {
        self.inner.counters.memory_hits.add();
    }

    /// The response under a key: from memory, from the store, or by a render, of which there is
    /// one at a time and which others wait for.
    ///
    /// # Cancel safety
    /// Dropping the future ends nothing: the render goes on for those who wait, and is stored.
    pub async fn answer<R: Render>(&self, ask: Ask, render: R) -> Answer {
        if let Some(answer) = self.peek(&ask.key, &ask.fingerprint, &ask.lifetime) {
            self.count_hit();
            return answer;
        }
        if ask.lifetime.ttl.is_none() {
            return self.bypass(ask, render).await;
        }
        if let Some(answer) = self.paused(&ask) {
            return answer;
        }
        let inner = &self.inner;
        let (flight, leads) = match inner.flights.join(&ask.key, &ask.fingerprint, &ask.route) {
            Joined::Follow(flight) => (flight, false),
            Joined::Lead(guard) => {
                let flight = Arc::clone(&guard.flight);
                self.launch(guard, ask.clone(), render);
                (flight, true)
            }
            Joined::Full => {
                let failure = RenderFailure::new(503, "too many renders are under way");
                return Answer { result: Err(failure), outcome: Outcome::forwarded(Why::UriMiss) };
            }
        };
        self.wait(&ask, &flight, leads).await
    }

    /// Flies in a task of its own; what panics here is our bug, and lands as an error.
    fn launch<R: Render>(&self, guard: Guard, ask: Ask, render: R) {
        let cache = self.clone();
        self.inner.tasks.spawn(async move {
            let landing = cache.fly(&ask, render, &guard.flight).await;
            guard.land(landing);
        });
    }

    /// The whole story of a key: look, claim, render, write.
    async fn fly<R: Render>(&self, ask: &Ask, render: R, flight: &Flight) -> Landing {
        let mut budget = Budget::new(self.inner.settings.timeout);
        let miss = match self.inner.look(ask, &mut budget).await {
            Found::Usable { kept, from } => return Landing::Found { kept, from },
            Found::Meanwhile { kept, from } => {
                flight.meanwhile(Landing::Found { kept: kept.clone(), from });
                self.inner.counters.refreshes.add();
                Miss::refresh(kept)
            }
            Found::Nothing(miss) => miss,
        };
        let lease = match self.inner.claim(ask, &miss, &mut budget).await {
            Ok(lease) => lease,
            Err(landing) => return landing,
        };
        match self.inner.render(render).await {
            Ok(rendered) => self.inner.keep(ask, rendered, &miss, lease, flight, &mut budget).await,
            Err(failure) => self.inner.fail(ask, failure, miss, lease, &mut budget).await,
        }
    }

    /// A route that stores nothing: each request renders for itself.
    async fn bypass<R: Render>(&self, ask: Ask, render: R) -> Answer {
        let inner = Arc::clone(&self.inner);
        let (tell, told) = tokio::sync::oneshot::channel();
        self.inner.tasks.spawn(async move {
            let wall = inner.clock.wall();
            let result = inner.render(render).await;
            let _ = tell.send(result.map(|rendered| Arc::new(Entry::new(rendered, &ask, wall))));
        });
        let lost = || Err(RenderFailure::new(500, "the render ended without a result"));
        let result = told.await.unwrap_or_else(|_| lost());
        Answer { result, outcome: Outcome::forwarded(Why::Bypass) }
    }

    /// Waits for a flight to tell how it went, or for what may be served meanwhile.
    async fn wait(&self, ask: &Ask, flight: &Flight, leads: bool) -> Answer {
        if !leads {
            self.inner.counters.collapsed.add();
        }
        let mut told = flight.watch();
        loop {
            let News { meanwhile, end } = told.borrow_and_update().clone();
            let stale = meanwhile.and_then(|it| self.inner.served_meanwhile(ask, it));
            if let Some(answer) = stale.or_else(|| Some(self.inner.landed(ask, end?, leads))) {
                return answer;
            }
            if told.changed().await.is_err() {
                let failure = RenderFailure::new(500, "the render ended without a result");
                return Answer { result: Err(failure), outcome: Outcome::forwarded(Why::UriMiss) };
            }
        }
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
    pub async fn close(&self) {
        self.inner.ended.cancel();
        if let Some(shared) = &self.inner.shared {
            let _ = shared.told(self.inner.settings.timeout, shared.remote().close()).await;
        }
    }
}

impl Inner {
    /// What is in this process's memory under `key`, and where.
    fn in_memory(&self, key: &str, now: crate::clock::Moment) -> Option<(Kept, Detail)> {
        let Some(shared) = &self.shared else {
            return self.near.get(key, now).map(|kept| (kept, Detail::Memory));
        };
        if let Some(kept) = self.near.get(key, now) {
            return Some((kept, Detail::Near));
        }
        let apart = shared.is_down().then(|| self.aside.get(key, now))?;
        apart.map(|kept| (kept, Detail::StoreDown))
    }

    /// Renders, for at most [`RENDER_AT_MOST`]; a panic is a failure like another.
    async fn render<R: Render>(&self, render: R) -> Result<Rendered, RenderFailure> {
        self.counters.renders.add();
        let began = self.clock.now();
        let work = AssertUnwindSafe(async move { render.render().await }).catch_unwind();
        let result = match tokio::time::timeout(RENDER_AT_MOST, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(RenderFailure::new(500, &panic_text(&*panic))),
            Err(_) => Err(RenderFailure::new(504, "the render took longer than 30 s")),
        };
        self.counters.render_time.add(self.clock.now().since(began));
        if result.is_err() {
            self.counters.render_failures.add();
        }
        result
    }

    /// The stale answer, where it may still be served to who asked.
    fn served_meanwhile(&self, ask: &Ask, landing: Landing) -> Option<Answer> {
        let Landing::Found { kept, .. } = &landing else { return None };
        match kept.freshness(&ask.fingerprint, &ask.lifetime, self.clock.now()) {
            Freshness::Fresh { .. } | Freshness::Revalidate { .. } => {
                Some(self.landed(ask, landing, true))
            }
            Freshness::IfError | Freshness::Gone => None,
        }
    }

    /// The answer that a landing gives to who asked.
    fn landed(&self, ask: &Ask, landing: Landing, leads: bool) -> Answer {
        let now = self.clock.now();
        match landing {
            Landing::Found { kept, from } => {
                let outcome = match kept.freshness(&ask.fingerprint, &ask.lifetime, now) {
                    Freshness::Fresh { left } => Outcome::fresh(left, kept.age(now), from),
                    Freshness::Revalidate { since } => Outcome::stale(since, kept.age(now), from),
                    // It was usable when it was found, a moment ago.
                    Freshness::IfError | Freshness::Gone => {
                        Outcome::fresh(Duration::ZERO, kept.age(now), from)
                    }
                };
                Answer { result: Ok(kept.entry), outcome }
            }
            Landing::Made(Made { result, why, stored, detail }) => {
                let outcome = Outcome::Forwarded {
                    why,
                    fwd_status: None,
                    stored,
                    collapsed: !leads,
                    age_seconds: None,
                    detail,
                };
                Answer { result, outcome }
            }
            Landing::Spared { kept, fwd_status } => {
                let outcome = Outcome::Forwarded {
                    why: Why::Stale,
                    fwd_status: Some(fwd_status),
                    stored: false,
                    collapsed: !leads,
                    age_seconds: Some(kept.age(now).as_secs()),
                    detail: Some(Detail::StaleIfError),
                };
                Answer { result: Ok(kept.entry), outcome }
            }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the render panicked: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests;
