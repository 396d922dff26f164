//! A shared store behind its breaker: bounded calls, and one bounded wait a window where it hangs.
//!
//! Closed, calls go through, each answer's calls within one [`Budget`]. A call that finds the store
//! away or too slow opens the breaker: calls fail at once, without a wait. While it is open a task
//! asks for a sign of life once a window; the first one closes it. No client's request is the
//! probe.
//!
//! One late answer is mostly a moment's, or this machine's: where the store was well for a window
//! before it, the first sign of life is asked for at once. Who falls back waits for the window.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::counters::Counters;
use super::super::near::Near;
use super::super::trouble::{StoreError, Trouble};
use super::{Claim, Remote, Scanned, Start};
use crate::clock::{Clock, Moment};

/// How long the breaker stays open before the next sign of life is asked for.
const WINDOW: Duration = Duration::from_secs(1);
/// How long a call may take that is no part of an answer, such as a step of a purge: nobody's page
/// waits for it.
const STEP: Duration = Duration::from_secs(2);
/// How many keys one step of a walk looks at: well under 10 ms for Redis.
pub(crate) const SCAN_COUNT: u32 = 1000;
/// How late a timer has to come to be no matter of its own coarseness.
const LATE: Duration = Duration::from_millis(5);
/// How long no write is tried after the store has refused one as full or read-only.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// How long no lease is claimed after its script was forbidden: it could neither be used up nor
/// given back, and all who ask would wait for it to end.
const LEASE_PAUSE: Duration = Duration::from_secs(60);

/// What is left of an answer's time for the store.
pub(crate) struct Budget(pub(crate) Duration);

/// The store that all instances share, as this one sees it.
pub(crate) struct Shared {
    /// The store itself, for calls that are not part of an answer.
    pub(crate) remote: Arc<dyn Remote>,
    /// What was rendered while the store took no writes, put aside for a few seconds: it never had
    /// it, so that it is no copy and may not be among those.
    pub(crate) aside: Near,
    clock: Clock,
    /// How long a sign of life may take.
    timeout: Duration,
    open: AtomicBool,
    /// Why it is open, or was last.
    why: Mutex<Option<StoreError>>,
    /// When a sign of life last closed it, or it was made, in the clock's microseconds.
    closed_at: AtomicU64,
    /// Wakes the task that asks for signs of life.
    opened: Notify,
    /// Until when no write is tried, in the clock's microseconds; zero: writes are welcome.
    writes_from: AtomicU64,
    write_trouble: Mutex<Option<Trouble>>,
    /// Until when no lease is claimed, in the clock's microseconds.
    leases_from: AtomicU64,
    /// Whether it was said that a command is forbidden.
    forbidden: AtomicBool,
    counters: Arc<Counters>,
}

impl Shared {
    pub(crate) fn new(
        remote: Arc<dyn Remote>,
        clock: Clock,
        timeout: Duration,
        counters: Arc<Counters>,
        aside: Near,
    ) -> Arc<Self> {
        Arc::new(Self {
            remote,
            aside,
            closed_at: AtomicU64::new(clock.now().as_micros()),
            clock,
            timeout,
            open: AtomicBool::new(false),
            why: Mutex::default(),
            opened: Notify::new(),
            writes_from: AtomicU64::new(0),
            write_trouble: Mutex::default(),
            leases_from: AtomicU64::new(0),
            forbidden: AtomicBool::new(false),
            counters,
        })
    }

    /// Whether calls fail at once.
    pub(crate) fn is_down(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What is wrong with it now, in words.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        why.filter(|_| self.is_down())
    }

    /// Why no write is tried now.
    pub(crate) fn write_trouble(&self) -> Option<Trouble> {
        let from = Moment::from_micros(self.writes_from.load(Ordering::Acquire));
        if self.clock.now() >= from {
            return None;
        }
        *self.write_trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `value`; false where the lease was gone.
    pub(crate) async fn set(
        &self,
        key: &str,
        value: Bytes,
        keep_for: Duration,
        lease: Option<&str>,
        budget: &mut Budget,
    ) -> Result<bool, StoreError> {
        if let Some(trouble) = self.write_trouble() {
            return Err(StoreError::new(trouble, "no writes are tried for a moment"));
        }
        let written = self.call(budget, self.remote.set(key, value, keep_for, lease)).await;
        if let Err(error) = &written {
            self.note_write_trouble(error);
            if lease.is_some() && error.kind == Trouble::Forbidden {
                let until = self.clock.now().after(LEASE_PAUSE).as_micros();
                self.leases_from.store(until, Ordering::Release);
            }
        }
        written
    }

    /// Claims the lease of `key`.
    pub(crate) async fn claim(
        &self,
        key: &str,
        token: &str,
        keep_for: Duration,
        budget: &mut Budget,
    ) -> Result<Claim, StoreError> {
        if let Some(trouble) = self.write_trouble() {
            return Err(StoreError::new(trouble, "no writes are tried for a moment"));
        }
        if self.clock.now() < Moment::from_micros(self.leases_from.load(Ordering::Acquire)) {
            return Err(StoreError::new(Trouble::Forbidden, "leases cannot be used up here"));
        }
        let claimed = self.call(budget, self.remote.claim(key, token, keep_for)).await;
        if let Err(error) = &claimed {
            self.note_write_trouble(error);
        }
        claimed
    }

    /// One step of a walk over the keys that match `pattern`.
    pub(crate) async fn scan(&self, cursor: u64, pattern: &str) -> Result<Scanned, StoreError> {
        self.past_breaker(self.remote.scan(cursor, pattern, SCAN_COUNT)).await
    }

    /// The first bytes of each key's value, its life and its length.
    pub(crate) async fn starts(&self, keys: &[Vec<u8>]) -> Result<Vec<Start>, StoreError> {
        self.past_breaker(self.remote.starts(keys)).await
    }

    /// A call that is no part of an answer, for [`STEP`]: it is tried though the breaker is open.
    pub(crate) async fn past_breaker<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let result = timeout(STEP, call).await.unwrap_or_else(|_| Err(slow(STEP)));
        if let Err(error) = &result {
            self.counters.store_error(error.kind);
        }
        result
    }

    /// A call that is a part of an answer.
    pub(crate) async fn call<T>(
        &self,
        budget: &mut Budget,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        if budget.0.is_zero() {
            return Err(StoreError::new(Trouble::Slow, "this answer's time for the store is over"));
        }
        let start = self.clock.now();
        let result = within(&self.clock, budget.0, call).await;
        let result = result.unwrap_or_else(|| Err(slow(self.timeout)));
        let spent = self.clock.now().since(start);
        budget.0 = budget.0.saturating_sub(spent);
        if let Err(error) = &result {
            self.counters.store_error(error.kind);
            if error.kind == Trouble::Slow {
                budget.0 = Duration::ZERO;
            }
            if error.kind == Trouble::Forbidden && !self.forbidden.swap(true, Ordering::Relaxed) {
                tracing::warn!(reason = %error, "the store does not let us do all that we need");
            }
            if error.kind.is_down() {
                self.trip(error, start);
            }
        }
        result
    }

    /// Opens the breaker for a call that began at `start`.
    fn trip(&self, error: &StoreError, start: Moment) {
        // It has given a sign of life since: that it was slow before is known.
        if error.kind == Trouble::Slow && start.as_micros() < self.closed_at() {
            return;
        }
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        if !self.open.swap(true, Ordering::AcqRel) {
            tracing::warn!(reason = %error, "the store is down: answers are rendered");
            self.opened.notify_one();
        }
    }

    fn closed_at(&self) -> u64 {
        self.closed_at.load(Ordering::Acquire)
    }

    /// How long to wait for the first sign of life after the breaker was opened.
    fn first_pause(&self) -> Duration {
        let is_slow = self.trouble().is_some_and(|error| error.kind == Trouble::Slow);
        let well = self.clock.now().since(Moment::from_micros(self.closed_at()));
        if is_slow && well >= WINDOW { Duration::ZERO } else { WINDOW }
    }

    fn note_write_trouble(&self, error: &StoreError) {
        if !matches!(error.kind, Trouble::Full | Trouble::ReadOnly) {
            return;
        }
        let until = self.clock.now().after(WRITE_PAUSE).as_micros();
        let before = self.writes_from.swap(until, Ordering::AcqRel);
        *self.write_trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.kind);
        if before == 0 {
            tracing::warn!(reason = %error, "the store takes no writes: answers are rendered");
        }
    }

    /// Starts the task that closes the breaker, and forgets what was put aside each time.
    pub(crate) fn watch_over(self: &Arc<Self>, tasks: &TaskTracker, ended: CancellationToken) {
        let shared = Arc::clone(self);
        let watch = async move {
            loop {
                shared.opened.notified().await;
                let mut pause = shared.first_pause();
                while shared.is_down() {
                    tokio::time::sleep(pause).await;
                    pause = WINDOW;
                    let probe = shared.remote.probe();
                    if let Some(Ok(())) = within(&shared.clock, shared.timeout, probe).await {
                        let now = shared.clock.now().as_micros();
                        shared.closed_at.store(now, Ordering::Release);
                        shared.open.store(false, Ordering::Release);
                        tracing::info!("the store is back");
                        shared.aside.clear();
                    }
                }
            }
        };
        tasks.spawn(async move { ended.run_until_cancelled(watch).await });
    }
}

/// What `call` gives within `bound`. Where it is this process that looks too late, because the
/// machine gives it no time, the answer may be there unread: then it gets as long once more as that
/// was, and no longer than `bound`.
async fn within<T>(clock: &Clock, bound: Duration, call: impl Future<Output = T>) -> Option<T> {
    let start = clock.now();
    let mut call = pin!(call);
    if let Ok(output) = timeout(bound, &mut call).await {
        return Some(output);
    }
    let late = clock.now().since(start).saturating_sub(bound).min(bound);
    if late < LATE { None } else { timeout(late, call).await.ok() }
}

fn slow(bound: Duration) -> StoreError {
    StoreError::new(Trouble::Slow, &format!("no answer within {} ms", bound.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_millis(100);

    /// A call that takes `takes`, on a machine that lets this process wait `stolen` longer than it
    /// asked for.
    async fn given(takes: u64, stolen: u64) -> bool {
        let clock = Clock::manual();
        let call = async {
            clock.advance(BOUND + Duration::from_millis(stolen));
            tokio::time::sleep(Duration::from_millis(takes)).await;
        };
        within(&clock, BOUND, call).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_machine_took_is_given_back_once_and_within_bounds() {
        for (takes, stolen, expected) in [
            (99, 0, true),
            (110, 0, false),
            (110, 4, false),
            (110, 30, true),
            (140, 30, false),
            (190, 500, true),
            (210, 500, false),
        ] {
            assert_eq!(given(takes, stolen).await, expected, "{takes} ms, {stolen} stolen");
        }
    }
}
