//! The only reader of the clock: monotonic time for lifetimes, wall time for what people read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment of a process's monotonic time, in whole microseconds since its clock was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// This moment and `by` later, at most the end of time.
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// How long after `earlier` this is; nothing where it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Microseconds since the clock was made, to be kept in an atomic.
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// The moment that [`Moment::as_micros`] gave.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Tells the time; clones tell the same. Tests move one by hand.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    start_wall: SystemTime,
    /// Microseconds that a test has added; with `frozen`, all there is.
    moved: Arc<AtomicU64>,
    frozen: bool,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let (start, start_wall) = (Instant::now(), SystemTime::now());
        Self { start, start_wall, moved: Arc::default(), frozen: false }
    }

    /// A clock that stands still at 2026-01-01T00:00:00Z until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual() -> Self {
        let start_wall = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self { start: Instant::now(), start_wall, moved: Arc::default(), frozen: true }
    }

    /// Moves the clock, and all its clones, forward.
    pub fn advance(&self, by: Duration) {
        self.moved.fetch_add(micros(by), Ordering::SeqCst);
    }

    /// Now, for lifetimes: never goes back.
    #[must_use]
    pub fn now(&self) -> Moment {
        let real = if self.frozen { 0 } else { micros(self.start.elapsed()) };
        Moment(real.saturating_add(self.moved.load(Ordering::Relaxed)))
    }

    /// Now, for people: may jump with the machine's clock.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        let moved = Duration::from_micros(self.moved.load(Ordering::Relaxed));
        let base = if self.frozen { self.start_wall } else { SystemTime::now() };
        base + moved
    }
}
