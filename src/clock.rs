//! The only reader of the clock: monotonic time for lifetimes, wall time for what people read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, Ordering::Relaxed};
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

/// Where a clock stands that tests move: 2026-01-01T00:00:00Z, in seconds since 1970.
const MANUAL_START: u64 = 1_767_225_600;

/// Tells the time; clones tell the same. Tests move one by hand.
#[derive(Clone, Debug)]
pub struct Clock {
    /// When it was made; nothing where it stands still until it is moved.
    start: Option<Instant>,
    shared: Arc<Shared>,
}

/// What the clones of a clock share.
#[derive(Debug, Default)]
struct Shared {
    /// Microseconds that a test has added.
    moved: AtomicU64,
    /// Wall time when monotonic time was zero, in microseconds since 1970, as it was last seen.
    zero: AtomicU64,
    /// When that was, in microseconds of monotonic time; zero for never.
    seen: AtomicU64,
}

/// How long [`Clock::second`] relies on what it saw of the machine's wall time, in microseconds.
const SEEN_FOR: u64 = 1_000_000;

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { start: Some(Instant::now()), shared: Arc::default() }
    }

    /// A clock that stands still at 2026-01-01T00:00:00Z until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual() -> Self {
        Self { start: None, shared: Arc::default() }
    }

    /// Moves the clock, and all its clones, forward.
    pub fn advance(&self, by: Duration) {
        self.shared.moved.fetch_add(micros(by), Ordering::SeqCst);
    }

    /// Now, for lifetimes: never goes back.
    #[must_use]
    pub fn now(&self) -> Moment {
        let real = self.start.map_or(0, |start| micros(start.elapsed()));
        Moment(real.saturating_add(self.shared.moved.load(Relaxed)))
    }

    /// Now, for people: may jump with the machine's clock.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        let moved = Duration::from_micros(self.shared.moved.load(Relaxed));
        let manual = || UNIX_EPOCH + Duration::from_secs(MANUAL_START);
        self.start.map_or_else(manual, |_| SystemTime::now()) + moved
    }

    /// The second of wall time, since 1970, at a moment that was just now: for `Date`, which each
    /// answer has. The machine's wall time is looked at once a second, so that a jump of it is
    /// seen so much later.
    #[must_use]
    pub fn second(&self, at: Moment) -> u64 {
        let Shared { zero, seen, .. } = &*self.shared;
        let before = seen.load(Relaxed);
        if before == 0 || at.0.saturating_sub(before) >= SEEN_FOR {
            let (now, wall) = (self.now(), self.wall());
            let wall = micros(wall.duration_since(UNIX_EPOCH).unwrap_or_default());
            zero.store(wall.saturating_sub(now.0), Relaxed);
            seen.store(now.0.max(1), Relaxed);
        }
        zero.load(Relaxed).saturating_add(at.0) / 1_000_000
    }
}

/// A moment as RFC 3339 has it, in UTC; empty where no calendar has it.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).ok();
    at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_that_of_wall_time_and_follows_it() {
        for clock in [Clock::manual(), Clock::system()] {
            for seconds in [0, 1, 59, 86_400] {
                clock.advance(Duration::from_secs(seconds));
                let since = |wall: SystemTime| wall.duration_since(UNIX_EPOCH).unwrap().as_secs();
                let (earliest, second) = (since(clock.wall()), clock.second(clock.now()));
                let latest = since(clock.wall() + Duration::from_millis(1));
                assert!((earliest..=latest).contains(&second), "{earliest} {second} {latest}");
            }
        }
    }
}
