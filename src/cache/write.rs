//! After a render: its result is written where it may be, and a failure is made up for.

use std::sync::Arc;
use std::time::Duration;

use super::claim::Lease;
use super::entry::Entry;
use super::flight::{Flight, FlightResult};
use super::freshness::{AgedEntry, Freshness};
use super::look::{Miss, Steps};
use super::outcome::{Answer, Detail, Lacked, Outcome, Why};
use super::record;
use super::request::{RenderFailure, Rendered};
use super::trouble::Trouble;

/// How long a render is kept aside that the store could not be told of.
const ASIDE_AT_MOST: Duration = Duration::from_secs(5);

/// Whether an entry came to be in the store.
enum Written {
    Stored,
    /// It may not be, or need not.
    Unwanted,
    /// The store did not take it.
    Refused(Trouble),
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
        let written = if self.admit(&entry, miss, &lease) && flight.begin_write() {
            self.write(&entry, &lease).await
        } else {
            Written::Unwanted
        };
        let stored = matches!(written, Written::Stored);
        if stored {
            inner.refreshes.end(&request.key);
        } else {
            if miss.is_refresh {
                inner.refreshes.begin(&request.key, inner.clock.now());
            }
            self.give_back(lease).await;
        }
        let outcome = Outcome::Forwarded {
            why: miss.why,
            lacked: miss.lacked,
            fwd_status: None,
            stored,
            collapsed: false,
            age_seconds: None,
            detail: match written {
                Written::Refused(trouble) => Some(trouble.into()),
                _ => miss.trouble.map(|_| Detail::StoreDown),
            },
        };
        FlightResult::Forwarded(Answer { result: Ok(entry), outcome })
    }

    /// Decides whether an entry is to be written at all, and counts or remembers why not.
    fn admit(&self, entry: &Entry, miss: &Miss, lease: &Lease) -> bool {
        let (inner, request) = (self.inner, self.request);
        if entry.ttl.is_zero() || matches!(lease, Lease::Missing) {
            return false;
        }
        if entry.body.len() as u64 > inner.settings.max_entry_bytes {
            inner.counters.too_large.add();
            return false;
        }
        let now = inner.clock.now();
        match miss.lacked {
            Lacked::TooOld => true,
            Lacked::Nothing | Lacked::Unknown => {
                let admitted = inner.doorkeeper.record_and_admit(&request.route, &request.key, now);
                if !admitted {
                    inner.counters.kept_out.add();
                }
                admitted
            }
            Lacked::OtherVersion | Lacked::Unreadable => {
                if inner.shared.is_none() {
                    return true;
                }
                // By fingerprint too: edits in a row are one site's, and each is stored.
                let which = format!("{}{}", request.fingerprint, request.key);
                let due = inner.overwrites.is_due(&which, now);
                if due {
                    let times = inner.overwrites.begin(&which, now);
                    inner.notices.overwritten(&request.key, times);
                }
                due
            }
        }
    }

    async fn write(&mut self, entry: &Arc<Entry>, lease: &Lease) -> Written {
        let (inner, key) = (self.inner, &self.request.key);
        let Some(shared) = &inner.shared else {
            let aged = AgedEntry::new(Arc::clone(entry), inner.clock.now());
            if !inner.near.put(key, aged) {
                inner.counters.too_large.add();
                return Written::Unwanted;
            }
            inner.counters.stored.add();
            return Written::Stored;
        };
        let Some(record) = record::write(entry) else { return Written::Unwanted };
        let token = match lease {
            Lease::Held(token) => Some(token.as_str()),
            Lease::Unneeded | Lease::Missing => None,
        };
        let budget = &mut self.budget;
        let written = shared.set(key, record.into(), entry.keep_for, token, budget).await;
        // What memory holds is older now; the echo of this write would say so a moment later.
        inner.near.invalidate(key);
        match written {
            Ok(true) => {
                shared.aside.invalidate(key);
                inner.counters.stored.add();
                Written::Stored
            }
            Ok(false) => Written::Unwanted,
            Err(error) => {
                let now = inner.clock.now();
                let aged = AgedEntry::new(Arc::clone(entry), now);
                shared.aside.put(key, aged.at_most_until(now.after(ASIDE_AT_MOST)));
                Written::Refused(error.kind)
            }
        }
    }

    /// Makes up for a failed render: with the stale copy where one may be served.
    pub(super) async fn fail(
        mut self,
        failure: RenderFailure,
        miss: Miss,
        lease: Lease,
    ) -> FlightResult {
        let (inner, request) = (self.inner, self.request);
        let (route, key, reason) = (&*request.route, &*request.key, &*failure.detail);
        tracing::warn!(route, key, status = failure.status, reason, "a render failed");
        self.give_back(lease).await;
        let now = inner.clock.now();
        let usable = miss.stale_copy.map(|aged| {
            inner.refreshes.begin(key, now);
            (aged.freshness(&request.fingerprint, &request.lifetime, now), aged)
        });
        let answer = match usable {
            Some((Freshness::Fresh { .. } | Freshness::Revalidate { .. }, aged))
                if miss.is_refresh =>
            {
                let from = if inner.shared.is_some() { Detail::Redis } else { Detail::Memory };
                return FlightResult::Found { aged, from };
            }
            Some((Freshness::Gone, _)) | None => {
                let outcome = Outcome::forwarded(miss.why, miss.lacked);
                Answer { result: Err(failure), outcome }
            }
            Some((_, aged)) => {
                inner.counters.stale_served.add();
                let outcome = Outcome::Forwarded {
                    why: Why::Stale,
                    lacked: Lacked::TooOld,
                    fwd_status: Some(failure.status),
                    stored: false,
                    collapsed: false,
                    age_seconds: Some(aged.age(now).as_secs()),
                    detail: Some(Detail::StaleIfError),
                };
                Answer { result: Ok(aged.entry), outcome }
            }
        };
        FlightResult::Forwarded(answer)
    }
}
