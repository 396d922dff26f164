//! Key → response: memory, Redis, one render at a time.
//!
//! [`Cache::peek`] is the hot way: a fresh entry in memory, without waiting. [`Cache::answer`] is
//! the whole story: it joins the flight of its key, or starts one, which looks into the
//! store, claims a lease where the render does I/O, renders, writes, and tells all who
//! wait. The HTTP edge calls both; the admin part lists and purges. The cache knows no route, no
//! site and no HTTP library: keys, records and renders only.
//!
//! The modules, each of which uses only those above it; this one uses them all:
//!
//! | module | turns |
//! |---|---|
//! | `trouble`, `pause`, `stripes`, `names` | the words: what goes wrong, whose turn, whose keys |
//! | `request`, `entry`, `record`, `freshness`, `outcome` | a render → what is kept and said |
//! | `counters`, `lease` | what is counted, rendered by one instance |
//! | `near`, `doorkeeper`, `flight` | what is in memory, what gets in, who renders here |
//! | `orders` | what requests want purged, many together |
//! | `store` | the trait of a shared store, its breaker, Redis |
//! | `setup` | all of these → a [`Cache`] |
//! | `tracking` | a change in Redis → what goes from memory |
//! | `look`, `claim`, `write` | the steps of a flight: before the render and after it |
//! | `purge`, `list`, `state` | what the admin part and requests ask for, and what is said once |

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt as _;

mod claim;
pub(crate) mod counters;
mod doorkeeper;
mod entry;
mod flight;
mod freshness;
mod lease;
mod list;
mod look;
mod names;
mod near;
mod orders;
mod outcome;
mod pause;
mod purge;
pub mod record;
mod request;
mod setup;
mod state;
mod store;
mod stripes;
mod tracking;
mod trouble;
mod write;

pub use self::entry::Entry;
pub(crate) use self::entry::etag;
pub use self::list::Listing;
pub(crate) use self::list::{Inspection, KeyInfo, StoredEntry};
pub use self::names::Namespaces;
pub(crate) use self::names::loaded_route;
pub(crate) use self::orders::{OrderedPages, PurgeOrder};
pub use self::outcome::{Answer, Detail, Outcome, Why};
pub(crate) use self::outcome::{Lacked, signed_ms};
pub use self::purge::Purge;
pub use self::request::{CacheRequest, Left, Lifetime, Render, RenderFailure, Rendered};
pub(crate) use self::setup::check_store;
pub use self::setup::{Cache, CacheSettings};
pub use self::state::StoreState;
pub(crate) use self::store::redis::address::StoreUrlError;
pub(crate) use self::trouble::StoreError;
pub use self::trouble::Trouble;

use self::claim::{Claimed, Lease};
use self::flight::{Flight, FlightGuard, FlightResult, Found, Joined, Progress};
use self::freshness::Freshness;
use self::look::{Looked, Miss, Steps};
use self::request::{RENDER_AT_MOST, RenderResult};
use self::setup::Inner;
use self::store::bound::Budget;
use crate::fingerprint::Fingerprint;
use crate::panic::panic_text;

impl Cache {
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
        let Found { aged, from } = inner.in_memory(key, fingerprint, now)?;
        let Freshness::Fresh { left } = aged.freshness(fingerprint, lifetime, now) else {
            return None;
        };
        let outcome = Outcome::fresh(left, aged.age(now), from);
        Some(Answer { result: Ok(aged.entry), outcome })
    }

    /// Counts an answer that [`Cache::peek`] gave.
    pub fn count_hit(&self) {
        self.inner.counters.memory_hits.inc();
    }

    /// The response under a key: from memory, from the store, or by `render`, of which there is
    /// one at a time, polled only where it is needed, and which others wait for.
    ///
    /// # Cancel safety
    /// Dropping the future ends nothing: the render goes on for those who wait, and is stored.
    pub async fn answer(&self, request: CacheRequest, render: impl Render) -> Answer {
        if let Some(answer) = self.peek(&request.key, &request.fingerprint, &request.lifetime) {
            self.count_hit();
            return answer;
        }
        if request.lifetime.ttl.is_none() {
            return self.bypass(request, render).await;
        }
        let inner = &self.inner;
        let joined = inner.flights.join(&request.key, &request.fingerprint, &request.route);
        let (flight, leads) = match joined {
            Joined::Follow(flight) => (flight, false),
            Joined::Lead(guard) => {
                let flight = Arc::clone(&guard.flight);
                self.launch(guard, request.clone(), render).await;
                (flight, true)
            }
            Joined::Full => {
                return Answer::failed(503, "too many renders are under way");
            }
        };
        self.wait(&request, &flight, leads).await
    }

    /// Flies here as far as that goes without waiting (a short render, kept in memory), and from
    /// there on in a task of its own, which goes on whoever leaves. Where it panics, which is our
    /// bug, the guard ends the flight with an error.
    async fn launch(&self, guard: FlightGuard, request: CacheRequest, render: impl Render) {
        let cache = self.clone();
        let mut flying = Box::pin(async move {
            let result = cache.fly(&request, render, &guard.flight).await;
            guard.flight.end(result);
        });
        let polled = poll_fn(|context| Poll::Ready(flying.as_mut().poll(context))).await;
        if polled.is_pending() {
            self.inner.tasks.spawn(flying);
        }
    }

    /// The whole story of a key: look, claim, render, write.
    async fn fly(
        &self,
        request: &CacheRequest,
        render: impl Render,
        flight: &Flight,
    ) -> FlightResult {
        let inner = &self.inner;
        let budget = Budget(inner.settings.timeout);
        let mut steps = Steps { inner, request, budget };
        let miss = match steps.look().await {
            Looked::Usable(found) => return FlightResult::Found(found),
            Looked::Meanwhile(found) => {
                flight.serve_meanwhile(found.clone());
                inner.counters.refreshes.inc();
                Miss::refresh(found.aged)
            }
            Looked::Nothing(miss) => miss,
        };
        let lease = match steps.claim(&miss).await {
            Claimed::Render(lease) => lease,
            Claimed::Found(found) => return FlightResult::Found(found),
            Claimed::Over => {
                let failure = RenderFailure::new(503, "other instances render it for too long");
                return steps.fail(failure, miss, Lease::Unneeded);
            }
        };
        match steps.render(render.render(miss.earlier.clone()), &lease).await {
            Ok(rendered) => steps.keep(rendered, &miss, lease, flight).await,
            Err(failure) => steps.fail(failure, miss, lease),
        }
    }

    /// A route that stores nothing: each request renders for itself, for as long as it waits.
    async fn bypass(&self, request: CacheRequest, render: impl Render) -> Answer {
        let wall = self.inner.clock.wall();
        let rendered = self.inner.render(render.render(None)).await;
        let result = rendered.map(|rendered| Arc::new(Entry::new(rendered, &request, wall)));
        Answer { result, outcome: Outcome::forwarded(Why::Bypass, Lacked::Nothing) }
    }

    /// Waits for the end of a flight, or for what may be served meanwhile.
    async fn wait(&self, request: &CacheRequest, flight: &Flight, leads: bool) -> Answer {
        if !leads {
            self.inner.counters.collapsed.inc();
        }
        let mut progress = flight.progress();
        loop {
            let Progress { meanwhile, result } = progress.borrow_and_update().clone();
            let now = self.inner.clock.now();
            // The stale one, where it may still be served to who asked.
            let usable = |it: &Found| {
                let freshness = it.freshness(request, now);
                matches!(freshness, Freshness::Fresh { .. } | Freshness::Revalidate { .. })
            };
            match (meanwhile.filter(usable), result) {
                (Some(found), _) | (None, Some(FlightResult::Found(found))) => {
                    return found.answer(request, now);
                }
                (None, Some(FlightResult::Forwarded(mut answer))) => {
                    if let Outcome::Forwarded { collapsed, .. } = &mut answer.outcome {
                        *collapsed = !leads;
                    }
                    return answer;
                }
                (None, None) => {}
            }
            if progress.changed().await.is_err() {
                return Answer::failed(500, "the render ended without a result");
            }
        }
    }
}

impl Inner {
    /// Renders, for at most [`RENDER_AT_MOST`]; a panic is a failure like another.
    async fn render(&self, render: impl Future<Output = RenderResult>) -> RenderResult {
        self.counters.renders.inc();
        let began = self.clock.now();
        let work = AssertUnwindSafe(render).catch_unwind();
        let result = match tokio::time::timeout(RENDER_AT_MOST, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                let text = format!("the render panicked: {}", panic_text(&*panic));
                Err(RenderFailure::new(500, &text))
            }
            Err(_) => Err(RenderFailure::new(504, "the render took longer than 30 s")),
        };
        let took = self.clock.now().since(began);
        self.counters.render_time.add(took);
        if result.is_err() {
            self.counters.render_failures.inc();
        }
        result
    }
}

#[cfg(test)]
mod tests;
