//! Why an answer was made anew: what the store held a moment before, and what it held earlier.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cache::{Cache, Outcome, Why};
use crate::clock::Moment;
use crate::http::access::Trace;
use crate::http::carry::WholeRequest;
use crate::site::Site;

/// Keys that are remembered; all are forgotten when there are more.
const KEYS: usize = 4096;

/// The keys that were answered, and how long what was stored for them was to be kept.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Moment>>);

/// What was found before an answer was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    lacked: &'static str,
    ttl: Duration,
}

impl Known {
    /// Looks at what the store holds for a request that memory has no answer to.
    pub(super) async fn look(
        &self,
        site: &Site,
        cache: &Cache,
        request: &WholeRequest,
    ) -> Option<Lookup> {
        let target = super::target_of(request);
        let told = site.explain(request.method().as_str(), &target, request.headers());
        let (key, ttl_ms) = (told.key?, told.ttl_ms?);
        let lacked = match cache.inspect(&key).await {
            Err(_) => "the store does not answer",
            Ok(None) => self.absent(&key, cache.clock().now()),
            Ok(Some(found)) => match found.info.fingerprint {
                None => "no record of larder",
                Some(other) if told.fingerprint != Some(other.to_string()) => "of another version",
                Some(_) => "too old",
            },
        };
        Some(Lookup { lacked, ttl: Duration::from_millis(ttl_ms) })
    }

    /// Notes in `trace` why the store had nothing, and what it has from now on.
    pub(super) fn explain(&self, trace: &mut Trace, lookup: Option<Lookup>, now: Moment) {
        let Some(Lookup { lacked, ttl }) = lookup else { return };
        match trace.outcome {
            Outcome::Forwarded { why: Why::UriMiss, stored, .. } => {
                trace.lacked = Some(lacked);
                if let Some(key) = trace.key.clone().filter(|_| stored) {
                    self.remember(key, now.after(ttl));
                }
            }
            Outcome::Forwarded { .. } => {}
            Outcome::Hit { ttl_seconds, .. } => {
                let left = Duration::from_secs(u64::try_from(ttl_seconds).unwrap_or(0));
                if let Some(key) = trace.key.clone() {
                    self.remember(key, now.after(left));
                }
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

    fn remember(&self, key: Box<str>, until: Moment) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS && !keys.contains_key(&key) {
            keys.clear();
        }
        keys.insert(key, until);
    }
}
