//! A shared store behind its breaker: bounded calls, and one bounded wait a window where it hangs.
//!
//! Closed, calls go through, each answer's calls within one [`Budget`]. A call that is late costs
//! its answer that time and goes on alone: what it brings is used by the next. Where nothing came
//! from the store for as long, or it is away, the breaker opens: calls fail at once, without a
//! wait. While it is open a task asks for a sign of life, once a window; the first one closes it.
//! No client's request is the probe.
//!
//! One late answer is mostly a moment's, or this machine's: where the store was well for a window
//! before it, the first sign of life is asked for at once. After [`LATE_AT_MOST`] late ones in a
//! row nobody waits for a window.

use std::future::Future;
use std::mem::replace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::counters::Counters;
use super::super::lease::LEASE;
use super::super::near::Near;
use super::super::record;
use super::super::trouble::{StoreError, Trouble};
use super::bound::{Budget, slow, within};
use super::{Claim, Remote, Scanned, Stored};
use crate::clock::{Clock, Moment};

/// How long the breaker stays open before the next sign of life is asked for.
const WINDOW: Duration = Duration::from_secs(1);
/// How long a call may take that is no part of an answer, such as a step of a purge: nobody's page
/// waits for it.
const STEP: Duration = Duration::from_secs(2);
/// How many keys one step of a walk looks at: well under 10 ms for Redis.
pub(crate) const SCAN_COUNT: u32 = 1000;
/// How much of a value is read for lists: the lines before the body of nearly all records.
const START_BYTES: usize = 4096;
/// How many of the rest are read at a time.
const LONG_STARTS: usize = 100;
/// How long no write is tried after the store has refused one as full or read-only.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// How many late answers in a row are waited for.
const LATE_AT_MOST: u32 = 3;
/// How long a late call may go on.
const LATE_CALL: Duration = Duration::from_secs(5);
/// How long a sign of life may take before it is said that the store is down.
const SILENT: Duration = Duration::from_millis(300);

/// The store that all instances share, as this one sees it.
pub(crate) struct Shared {
    /// The store itself, for calls that are not part of an answer.
    pub(crate) remote: Arc<dyn Remote>,
    /// What was rendered while the store took no writes, put aside for a few seconds: it never had
    /// it, so that it is no copy and may not be among those.
    pub(crate) aside: Near,
    clock: Clock,
    /// How long one waits for an answer.
    timeout: Duration,
    health: Mutex<Health>,
    /// When something came from the store the last time, in microseconds.
    heard_at: AtomicU64,
    /// Wakes the task that asks for signs of life.
    opened: Notify,
    counters: Arc<Counters>,
    /// Where late calls go on, and what ends them when larder stops.
    tasks: TaskTracker,
    closed: CancellationToken,
}

/// How the store has done of late.
#[derive(Default)]
struct Health {
    /// Why the breaker is open; nothing while it is closed.
    down: Option<StoreError>,
    /// Whether the first sign of life is asked for, or taken, at once.
    at_once: bool,
    /// When a sign of life last closed the breaker, or it was made.
    closed_at: Moment,
    /// How many answers in a row were late, and when the last of them was found to be.
    late: (u32, Moment),
    /// Until when no write is tried, and why; stays until one succeeds.
    no_writes: Option<(Moment, Trouble)>,
    /// Whether other servers hold some of the keys.
    cluster: Option<StoreError>,
    /// Whether writes go to another server than before, of which nobody was told yet.
    has_moved: bool,
    /// What was said, so that it is not said again.
    said: Vec<Said>,
}

/// What is said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The store is down, and not yet back.
    Down,
    /// Answers take longer than the bound.
    Late,
    /// A command is forbidden.
    Forbidden,
}

impl Health {
    /// Whether something has still to be said; from now on it is.
    fn is_news(&mut self, what: Said) -> bool {
        let is_news = !self.said.contains(&what);
        if is_news {
            self.said.push(what);
        }
        is_news
    }
}

impl Shared {
    pub(crate) fn new(
        remote: Arc<dyn Remote>,
        clock: Clock,
        timeout: Duration,
        counters: Arc<Counters>,
        aside: Near,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        let closed_at = clock.now();
        let health = Mutex::new(Health { closed_at, ..Health::default() });
        let (heard_at, opened) = (AtomicU64::new(closed_at.as_micros()), Notify::new());
        let closed = CancellationToken::new();
        Arc::new(Self {
            remote,
            aside,
            clock,
            timeout,
            health,
            heard_at,
            opened,
            counters,
            tasks,
            closed,
        })
    }

    /// Lets go of the store's connections. What is still asked for fails, which is no news.
    pub(crate) fn close(&self) {
        let closed = StoreError::new(Trouble::Away, "larder is stopping");
        self.health.lock().down.get_or_insert(closed);
        self.closed.cancel();
        self.remote.close();
    }

    /// Whether calls fail at once.
    pub(crate) fn is_down(&self) -> bool {
        self.health.lock().down.is_some()
    }

    /// What is wrong with it now, in words.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.health.lock().down.clone()
    }

    /// What is wrong with it for good.
    pub(crate) fn lasting_trouble(&self) -> Option<StoreError> {
        self.health.lock().cluster.clone()
    }

    /// Why no write is tried now.
    pub(crate) fn write_trouble(&self) -> Option<Trouble> {
        let (until, trouble) = self.health.lock().no_writes?;
        (self.clock.now() < until).then_some(trouble)
    }

    /// Why it took no write the last time that one was tried.
    pub(crate) fn refused_writes(&self) -> Option<Trouble> {
        self.health.lock().no_writes.map(|(_, trouble)| trouble)
    }

    fn check_writes(&self) -> Result<(), StoreError> {
        let error = |kind| StoreError::new(kind, "no writes are tried for a moment");
        self.write_trouble().map_or(Ok(()), |kind| Err(error(kind)))
    }

    /// The value of `key`; `late` gets what comes after the bound.
    pub(crate) async fn get(
        self: &Arc<Self>,
        key: &str,
        budget: &mut Budget,
        late: impl FnOnce(Option<Stored>) + Send + 'static,
    ) -> Result<Option<Stored>, StoreError> {
        budget.check()?;
        let (remote, key) = (Arc::clone(&self.remote), key.to_owned());
        let call = async move { remote.get(key.as_bytes()).await };
        let result = self.call(budget, call, late).await;
        self.count_late(budget);
        result
    }

    /// Writes `value`; false where the lease was gone. It goes on where the time is over, and
    /// `late` is told how it ended.
    pub(crate) async fn set(
        self: &Arc<Self>,
        key: &str,
        value: Bytes,
        keep_for: Duration,
        lease: Option<&str>,
        budget: &mut Budget,
        late: impl FnOnce(bool) + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.check_writes()?;
        let (remote, key, lease) =
            (Arc::clone(&self.remote), key.to_owned(), lease.map(str::to_owned));
        let call = async move { remote.set(&key, value, keep_for, lease.as_deref()).await };
        let written = self.call(budget, call, late).await;
        written.inspect(|_| self.note_write()).inspect_err(|error| self.note_write_trouble(error))
    }

    /// Claims the lease of `key`.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        key: &str,
        token: &str,
        budget: &mut Budget,
    ) -> Result<Claim, StoreError> {
        self.check_writes()?;
        budget.check()?;
        let (remote, key, token) = (Arc::clone(&self.remote), key.to_owned(), token.to_owned());
        let call = async move { remote.claim(&key, &token, LEASE).await };
        let claimed = self.call(budget, call, drop).await;
        self.count_late(budget);
        claimed.inspect_err(|error| self.note_write_trouble(error))
    }

    /// One step of a walk over the keys that match `pattern`.
    pub(crate) async fn scan(&self, cursor: u64, pattern: &str) -> Result<Scanned, StoreError> {
        self.past_breaker(self.remote.scan(cursor, pattern, SCAN_COUNT)).await
    }

    /// The first bytes of each key's value, its life and its length: at least the lines before the
    /// body, where it is a record.
    pub(crate) async fn starts(&self, keys: &[Vec<u8>]) -> Result<Vec<Stored>, StoreError> {
        let mut starts = self.past_breaker(self.remote.starts(keys, START_BYTES)).await?;
        let is_cut = |start: &Stored| record::may_go_on(&start.value, START_BYTES);
        let cut: Vec<usize> = (0..starts.len()).filter(|at| is_cut(&starts[*at])).collect();
        for some in cut.chunks(LONG_STARTS) {
            let keys: Vec<_> = some.iter().map(|at| keys[*at].clone()).collect();
            let longer = self.remote.starts(&keys, record::HEAD_BYTES);
            let longer = self.past_breaker(longer).await?;
            some.iter().zip(longer).for_each(|(at, start)| starts[*at] = start);
        }
        Ok(starts)
    }

    /// A call that is no part of an answer, for [`STEP`]: it is tried though the breaker is open.
    pub(crate) async fn past_breaker<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let result = timeout(STEP, call).await.unwrap_or_else(|_| Err(slow(STEP)));
        result.inspect_err(|error| self.counters.store_error(error.kind))
    }

    /// A call that is a part of an answer. One that is late goes on by itself.
    async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        budget: &mut Budget,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        let (start, mut call) = (self.clock.now(), Box::pin(call));
        let result = within(&self.clock, budget.0, &mut call).await;
        let spent = self.clock.now().since(start);
        self.counters.store_time.add(spent);
        let Some(result) = result else {
            budget.0 = Duration::ZERO;
            self.go_on(call, late);
            let error = slow(self.timeout);
            self.counters.store_error(error.kind);
            if self.clock.now().since(self.heard_at()) >= self.timeout {
                self.trip(&error);
            }
            return Err(error);
        };
        budget.0 = budget.0.saturating_sub(spent);
        result.inspect(|_| self.hear()).inspect_err(|error| self.note(error))
    }

    /// Lets a late call come to its end.
    fn go_on<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let ended = shared.closed.run_until_cancelled(timeout(LATE_CALL, call)).await;
            match ended {
                Some(Ok(Ok(value))) => {
                    shared.hear();
                    shared.close_after_late();
                    late(value);
                }
                Some(Ok(Err(error))) => shared.note(&error),
                Some(Err(_)) | None => {}
            }
        });
    }

    fn hear(&self) {
        self.heard_at.store(self.clock.now().as_micros(), Ordering::Relaxed);
    }

    fn heard_at(&self) -> Moment {
        Moment::from_micros(self.heard_at.load(Ordering::Relaxed))
    }

    /// Counts what went wrong, and does what is to be done about it.
    fn note(&self, error: &StoreError) {
        self.counters.store_error(error.kind);
        match error.kind {
            kind if kind.is_down() => return self.trip(error),
            Trouble::Forbidden if self.health.lock().is_news(Said::Forbidden) => {
                tracing::warn!(reason = %error, "the store does not let us do all that we need");
            }
            Trouble::Cluster if self.health.lock().cluster.replace(error.clone()).is_none() => {
                tracing::warn!(reason = %error, "only a part of the keys can be stored");
            }
            _ => {}
        }
        self.hear();
    }

    /// Counts whether the answer to a look-up was late: too many in a row are not waited for.
    fn count_late(&self, budget: &Budget) {
        let now = self.clock.now();
        let mut health = self.health.lock();
        if !budget.0.is_zero() {
            health.late.0 = 0;
            return;
        }
        // Those that were late at once are one.
        if health.late.0 > 0 && now.since(health.late.1) < self.timeout {
            return;
        }
        health.late = (health.late.0.saturating_add(1), now);
        if health.late.0 < LATE_AT_MOST {
            return;
        }
        let is_new = health.is_news(Said::Late);
        drop(health);
        let error = slow(self.timeout);
        if is_new {
            tracing::warn!(
                reason = %error,
                "the store answers late again and again: raise cache.timeout, where it is far away"
            );
        }
        self.trip(&error);
    }

    /// Opens the breaker.
    fn trip(&self, error: &StoreError) {
        let now = self.clock.now();
        let mut health = self.health.lock();
        if health.down.replace(error.clone()).is_none() {
            let is_well = now.since(health.closed_at) >= WINDOW && health.late.0 < LATE_AT_MOST;
            health.at_once = is_well && error.kind == Trouble::Slow;
            drop(health);
            // Of a late one it is said once it turns out to be silent.
            if error.kind != Trouble::Slow {
                self.say_down(error);
            }
            self.opened.notify_one();
        }
    }

    fn say_down(&self, reason: &StoreError) {
        if self.health.lock().is_news(Said::Down) {
            tracing::warn!(%reason, "the store is down: answers are rendered");
        }
    }

    /// Closes the breaker: there was a sign of life.
    fn recover(&self) {
        let mut health = self.health.lock();
        (health.down, health.closed_at) = (None, self.clock.now());
        let was_said = health.said.contains(&Said::Down);
        health.said.retain(|what| *what != Said::Down);
        drop(health);
        if was_said {
            tracing::info!("the store is back");
        }
        self.aside.clear();
    }

    /// A late answer is a sign of life, where one is asked for at once.
    fn close_after_late(&self) {
        let health = self.health.lock();
        let may_close = health.down.is_some() && health.at_once;
        drop(health);
        if may_close {
            self.recover();
        }
    }

    fn note_write_trouble(&self, error: &StoreError) {
        if !matches!(error.kind, Trouble::Full | Trouble::ReadOnly) {
            return;
        }
        let pause = (self.clock.now().after(WRITE_PAUSE), error.kind);
        let before = self.health.lock().no_writes.replace(pause);
        if before.is_none_or(|(_, kind)| kind != error.kind) {
            tracing::warn!(reason = %error, "the store takes no writes: answers are rendered");
        }
    }

    fn note_write(&self) {
        let before = self.health.lock().no_writes.take();
        if let Some((_, trouble)) = before {
            tracing::info!("the store takes writes again");
            if trouble == Trouble::ReadOnly {
                self.health.lock().has_moved = true;
            }
        }
    }

    /// Whether writes go to another server than before, which is said once.
    pub(crate) fn has_moved(&self) -> bool {
        replace(&mut self.health.lock().has_moved, false)
    }

    /// Starts the task that closes the breaker, and forgets what was put aside each time.
    pub(crate) fn watch_over(self: &Arc<Self>, ended: CancellationToken) {
        let shared = Arc::clone(self);
        let watch = async move {
            // That it is absent is said before anybody asks for anything.
            if let Err(error) = shared.remote.probe().await {
                shared.note(&error);
            }
            loop {
                shared.opened.notified().await;
                let mut pause = if shared.health.lock().at_once { Duration::ZERO } else { WINDOW };
                while shared.is_down() {
                    tokio::time::sleep(pause).await;
                    pause = WINDOW;
                    shared.probe().await;
                }
            }
        };
        self.tasks.spawn(async move { ended.run_until_cancelled(watch).await });
    }

    /// Asks for a sign of life, for as long as a window.
    async fn probe(&self) {
        let mut probe = self.remote.probe();
        let mut answer = within(&self.clock, SILENT, &mut probe).await;
        if answer.is_none() {
            self.say_down(&slow(self.timeout));
            answer = timeout(WINDOW.saturating_sub(SILENT), probe).await.ok();
        }
        match answer {
            Some(Ok(())) => {
                self.hear();
                self.recover();
            }
            Some(Err(error)) => self.say_down(&error),
            None => {}
        }
    }
}
