//! Why an answer was made anew: what the store held then, and what is known to have been there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cache::{Lacked, Outcome, Why};
use crate::clock::Moment;
use crate::http::answer::Facts;

/// Keys that are remembered; all are forgotten when there are more.
const KEYS: usize = 4096;

/// The keys that were answered, and until when what was stored for them was to be kept.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Moment>>);

impl Known {
    /// Notes in an answer's facts why the store had nothing, and what it has from now on.
    pub(super) fn explain(&self, facts: &mut Facts, now: Moment) {
        let (Some(outcome), Some(key)) = (facts.outcome, &facts.key) else { return };
        match outcome {
            Outcome::Forwarded { why: Why::UriMiss, lacked, .. } => {
                facts.lacked = Some(match lacked {
                    Lacked::Nothing => self.absent(key, now),
                    Lacked::Unreadable => "no record of larder",
                    Lacked::OtherVersion => "of another version",
                    Lacked::TooOld => "too old",
                    Lacked::Unknown => "the store does not answer",
                });
                if let Some(left) = facts.kept_for() {
                    self.remember(key, now.after(left));
                }
            }
            Outcome::Forwarded { .. } => {}
            Outcome::Hit { ttl_seconds, .. } => {
                let left = Duration::from_secs(u64::try_from(ttl_seconds).unwrap_or(0));
                self.remember(key, now.after(left));
            }
        }
    }

    fn absent(&self, key: &str, now: Moment) -> &'static str {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            None => "new",
            Some(until) if now < *until => "deleted",
            Some(_) => "expired",
        }
    }

    fn remember(&self, key: &str, until: Moment) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS && !keys.contains_key(key) {
            keys.clear();
        }
        keys.insert(key.into(), until);
    }
}
