//! After a render: its result is written where it may be, and a failure is made up for.

use std::sync::Arc;
use std::time::Duration;

use super::claim::Lease;
use super::entry::Entry;
use super::flight::{Flight, FlightResult, Found};
use super::freshness::{AgedEntry, Freshness};
use super::look::{Miss, Steps};
use super::names::{LOADED_AT_MOST, is_loaded};
use super::outcome::{Answer, Detail, Lacked, Outcome, Why};
use super::record;
use super::request::{RenderFailure, Rendered};
use super::setup::Inner;
use super::state::CONTENDED;
use super::trouble::Trouble;

/// How long a render is kept aside that the store could not be told of.
const ASIDE_AT_MOST: Duration = Duration::from_secs(5);

/// Where an entry is to be kept.
#[derive(Clone, Copy, Debug)]
enum Admitted {
    InStore,
    /// In memory, beside this record.
    Beside(u64),
    Nowhere,
}

impl Steps<'_> {
    /// Writes what was rendered, and says how it went.
    pub(super) async fn keep(
        mut self,
        rendered: Rendered,
        miss: &Miss,
        lease: Lease,
        flight: &Flight,
    ) -> FlightResult {
        let (inner, request) = (self.inner, self.request);
        let entry = Arc::new(Entry::new(rendered, request, inner.clock.wall()));
        let mut admitted = self.admit(&entry, miss);
        if !flight.begin_write() {
            admitted = Admitted::Nowhere;
        }
        let written = match (admitted, &lease) {
            (Admitted::Nowhere, _) => Ok(false),
            (Admitted::Beside(record), _) => {
                self.put_beside(&entry, record);
                Ok(false)
            }
            (Admitted::InStore, Lease::Refused(trouble)) => {
                self.put_aside(&entry);
                Err(*trouble)
            }
            (Admitted::InStore, _) => self.write(&entry, &lease).await,
        };
        if written.is_err() && miss.lacked == Lacked::OtherVersion {
            inner.overwrites.forget(&request.key);
        }
        // It goes on alone, and nothing says that the store is down.
        let goes_on = written == Err(Trouble::Slow) && miss.trouble.is_none() && !self.is_down();
        let stored = written == Ok(true);
        if stored {
            inner.refreshes.end(&request.key);
        } else {
            if miss.is_refresh {
                inner.refreshes.begin(&request.key, inner.clock.now());
            }
            if !goes_on {
                self.give_back(lease);
            }
        }
        let outcome = Outcome::Forwarded {
            why: miss.why,
            lacked: miss.lacked,
            fwd_status: None,
            stored,
            collapsed: false,
            age_seconds: None,
            detail: match written {
                Err(_) if goes_on => None,
                Err(trouble) => Some(trouble.into()),
                Ok(false) if matches!(admitted, Admitted::Beside(_)) => Some(Detail::Contended),
                Ok(_) => miss.trouble.map(|_| Detail::StoreDown),
            },
        };
        FlightResult::Forwarded(Answer { result: Ok(entry), outcome })
    }

    /// Decides where an entry is to be kept, and counts or remembers why not in the store.
    fn admit(&self, entry: &Entry, miss: &Miss) -> Admitted {
        let (inner, request) = (self.inner, self.request);
        if entry.ttl.is_zero() {
            return Admitted::Nowhere;
        }
        if entry.body.len() as u64 > inner.largest(&request.key) {
            inner.counters.too_large.inc();
            inner.notices.too_large(&request.route, entry.body.len());
            return Admitted::Nowhere;
        }
        let now = inner.clock.now();
        let is_admitted = match miss.lacked {
            Lacked::TooOld => true,
            Lacked::Nothing | Lacked::Unknown => {
                let admitted = inner.doorkeeper.record_and_admit(&request.route, &request.key, now);
                if !admitted {
                    inner.counters.kept_out.inc();
                }
                admitted
            }
            Lacked::Unreadable => {
                let is_due = inner.mends.is_due(&request.key, now);
                if is_due {
                    inner.mends.begin(&request.key, now);
                }
                is_due
            }
            Lacked::OtherVersion if inner.shared.is_none() => true,
            Lacked::OtherVersion => {
                let is_due =
                    inner.overwrites.record_and_admit(&request.key, &request.fingerprint, now);
                if let (false, Some(record)) = (is_due, miss.beside) {
                    return Admitted::Beside(record);
                }
                is_due
            }
        };
        if is_admitted { Admitted::InStore } else { Admitted::Nowhere }
    }

    /// Writes an entry; says whether it came to be in the store, and why that took it not.
    async fn write(&mut self, entry: &Arc<Entry>, lease: &Lease) -> Result<bool, Trouble> {
        let (inner, key) = (self.inner, &self.request.key);
        let Some(shared) = &inner.shared else {
            let aged = AgedEntry::new(Arc::clone(entry), inner.clock.now());
            let fits = inner.near.put(key, aged);
            let count = if fits { &inner.counters.stored } else { &inner.counters.too_large };
            count.inc();
            return Ok(fits);
        };
        let Some(record) = record::write(key, entry) else { return Ok(false) };
        let token = match lease {
            Lease::Held(token) => Some(token.as_str()),
            Lease::Unneeded | Lease::Refused(_) => None,
        };
        let (late, late_key) = (Arc::clone(inner), key.clone());
        let late = move |written| late.note_write(&late_key, written);
        let (keep_for, budget) = (entry.keep_for, &mut self.budget);
        let written = shared.set(key, record.into(), keep_for, token, budget, late).await;
        match &written {
            Ok(written) => inner.note_write(key, *written),
            Err(_) => self.put_aside(entry),
        }
        written.map_err(|error| error.kind)
    }

    /// Keeps for a moment what the store could not be told of.
    fn put_aside(&self, entry: &Arc<Entry>) {
        let Some(shared) = &self.inner.shared else { return };
        let now = self.inner.clock.now();
        let aged = AgedEntry::new(Arc::clone(entry), now);
        shared.aside.put(&self.request.key, aged.at_most_until(now.after(ASIDE_AT_MOST)));
    }

    /// Keeps an entry beside a record that another version of the site keeps writing, until it is
    /// time to try again whether that goes on.
    fn put_beside(&self, entry: &Arc<Entry>, record: u64) {
        let (inner, key) = (self.inner, &self.request.key);
        let Some(shared) = &inner.shared else { return };
        let now = inner.clock.now();
        let aged = AgedEntry::new(Arc::clone(entry), now).beside(record);
        shared.aside.put(key, aged.at_most_until(now.after(CONTENDED)));
        inner.notices.contended(key, now);
    }

    /// Deletes what was made before: there is nothing any more that it could be made of.
    fn forget(&self) {
        let key = &self.request.key;
        self.inner.near.invalidate(key);
        let Some(shared) = self.inner.shared.clone() else { return };
        shared.aside.invalidate(key);
        let key = key.as_bytes().to_vec();
        self.inner.tasks.spawn(async move {
            let _ = shared.past_breaker(shared.remote.unlink(&[key])).await;
        });
    }

    fn is_down(&self) -> bool {
        self.inner.shared.as_ref().is_some_and(|shared| shared.is_down())
    }

    /// Makes up for a failed render: with the stale copy where one may be served.
    pub(super) fn fail(self, failure: RenderFailure, miss: Miss, lease: Lease) -> FlightResult {
        let (inner, request) = (self.inner, self.request);
        let (route, key, reason) = (&*request.route, &*request.key, &*failure.detail);
        if failure.status == 404 {
            self.give_back(lease);
            self.forget();
            let outcome = Outcome::forwarded(miss.why, miss.lacked);
            return FlightResult::Forwarded(Answer { result: Err(failure), outcome });
        }
        tracing::warn!(route, key, status = failure.status, reason, "a render failed");
        self.give_back(lease);
        let now = inner.clock.now();
        if let Some(aged) = miss.stale_copy {
            inner.refreshes.begin(key, now);
            match aged.freshness(&request.fingerprint, &request.lifetime, now) {
                Freshness::Gone => {}
                Freshness::Fresh { .. } | Freshness::Revalidate { .. } if miss.is_refresh => {
                    let from = if inner.shared.is_some() { Detail::Redis } else { Detail::Memory };
                    return FlightResult::Found(Found { aged, from });
                }
                _ => {
                    inner.counters.stale_served.inc();
                    let outcome = Outcome::Forwarded {
                        why: Why::Stale,
                        lacked: Lacked::TooOld,
                        fwd_status: Some(failure.status),
                        stored: false,
                        collapsed: false,
                        age_seconds: Some(aged.age(now).as_secs()),
                        detail: Some(Detail::StaleIfError),
                    };
                    return FlightResult::Forwarded(Answer { result: Ok(aged.entry), outcome });
                }
            }
        }
        let outcome = Outcome::forwarded(miss.why, miss.lacked);
        FlightResult::Forwarded(Answer { result: Err(failure), outcome })
    }
}

impl Inner {
    /// The largest body that is kept under a key, in bytes.
    fn largest(&self, key: &str) -> u64 {
        let settings = &self.settings;
        let is_loaded = is_loaded(&settings.prefix, key.as_bytes());
        if is_loaded { LOADED_AT_MOST } else { settings.max_entry_bytes }
    }

    /// A write has come to its end.
    fn note_write(&self, key: &str, written: bool) {
        // What memory holds is older now; the echo of this write would say so a moment later.
        self.near.invalidate(key);
        if self.shared.as_ref().is_some_and(|shared| shared.has_moved()) {
            // What is told of changes may be the primary of before.
            self.disarm();
        }
        if let Some(shared) = self.shared.as_ref().filter(|_| written) {
            shared.aside.invalidate(key);
            self.counters.stored.inc();
        }
    }
}
