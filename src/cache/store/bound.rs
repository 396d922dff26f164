//! How long a call may take, and what is left of an answer's time.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::super::trouble::{StoreError, Trouble};
use crate::clock::Clock;

/// How late a timer has to come to be no matter of its own coarseness.
const LATE: Duration = Duration::from_millis(5);

/// What is left of an answer's time for the store.
pub(crate) struct Budget(pub(crate) Duration);

impl Budget {
    /// That there is time left to ask for something.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let over = || StoreError::new(Trouble::Slow, "this answer's time for the store is over");
        if self.0.is_zero() { Err(over()) } else { Ok(()) }
    }
}

/// What `call` gives within `bound`. Where it is this process that looks too late, because the
/// machine gives it no time, the answer may be there unread: then it gets as long once more as that
/// was, and no longer than `bound`.
pub(super) async fn within<T>(
    clock: &Clock,
    bound: Duration,
    call: impl Future<Output = T>,
) -> Option<T> {
    let start = clock.now();
    let mut call = pin!(call);
    if let Ok(output) = timeout(bound, &mut call).await {
        return Some(output);
    }
    let late = clock.now().since(start).saturating_sub(bound).min(bound);
    if late < LATE { None } else { timeout(late, call).await.ok() }
}

pub(super) fn slow(bound: Duration) -> StoreError {
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
