//! After a render: its result is written where it may be, and a failure is made up for.

use std::sync::Arc;
use std::time::Duration;

use super::claim::Lease;
use super::entry::Entry;
use super::flight::{Flight, FlightResult};
use super::freshness::{AgedEntry, Freshness};
use super::look::{Miss, Role, StoredBefore};
use super::outcome::Detail;
use super::record;
use super::request::{CacheRequest, RenderFailure, Rendered};
use super::setup::Inner;
use super::store::shared::{Budget, Shared};
use super::trouble::{StoreError, Trouble};

/// How long a render is kept aside that the store could not be told of.
const ASIDE_AT_MOST: Duration = Duration::from_secs(5);

/// Whether an entry came to be in the store.
#[derive(Debug)]
enum Written {
    Stored,
    /// It may not be, or need not.
    Unwanted,
    /// The store did not take it.
    Refused(Trouble),
}

impl Inner {
    /// Writes what was rendered, and says how it went.
    pub(crate) async fn keep(
        &self,
        request: &CacheRequest,
        rendered: Rendered,
        miss: &Miss,
        lease: Lease,
        flight: &Flight,
        budget: &mut Budget,
    ) -> FlightResult {
        let entry = Arc::new(Entry::new(rendered, request, self.clock.wall()));
        let written = if self.admit(request, &entry, miss, &lease) && flight.begin_write() {
            self.write(request, &entry, &lease, budget).await
        } else {
            Written::Unwanted
        };
        if matches!(written, Written::Stored) {
            self.refreshes.end(&request.key);
        } else {
            if miss.role == Role::Refresh {
                self.refreshes.begin(&request.key, self.clock.now());
            }
            self.give_back(request, &lease, budget).await;
        }
        let detail = match written {
            Written::Refused(trouble) => Some(trouble.into()),
            _ => miss.trouble.map(|_| Detail::StoreDown),
        };
        let stored = matches!(written, Written::Stored);
        FlightResult::Rendered {
            result: Ok(entry),
            why: miss.why,
            lacked: miss.lacked,
            stored,
            detail,
        }
    }

    /// Decides whether an entry is to be written at all, and counts or remembers why not.
    fn admit(&self, request: &CacheRequest, entry: &Entry, miss: &Miss, lease: &Lease) -> bool {
        if entry.ttl.is_zero() || matches!(lease, Lease::Missing) {
            return false;
        }
        if entry.body.len() as u64 > self.settings.max_entry_bytes {
            self.counters.too_large.add();
            return false;
        }
        let now = self.clock.now();
        match miss.before {
            StoredBefore::Ours => true,
            StoredBefore::Nothing => {
                let admitted = self.doorkeeper.record_and_admit(&request.route, &request.key, now);
                if !admitted {
                    self.counters.kept_out.add();
                }
                admitted
            }
            StoredBefore::Foreign => {
                if self.shared.is_none() {
                    return true;
                }
                // By fingerprint too: edits in a row are one site's, and each is stored.
                let which = format!("{}{}", request.fingerprint, request.key);
                let due = self.overwrites.is_due(&which, now);
                if due {
                    let times = self.overwrites.begin(&which, now);
                    self.notices.overwritten(&request.key, times);
                }
                due
            }
        }
    }

    async fn write(
        &self,
        request: &CacheRequest,
        entry: &Arc<Entry>,
        lease: &Lease,
        budget: &mut Budget,
    ) -> Written {
        let Some(shared) = &self.shared else {
            let aged = AgedEntry::new(Arc::clone(entry), self.clock.now());
            if !self.near.put(&request.key, aged) {
                self.counters.too_large.add();
                return Written::Unwanted;
            }
            self.counters.stored.add();
            return Written::Stored;
        };
        let written = self.write_to(shared, request, entry, lease, budget).await;
        // What memory holds is older now; the echo of this write would say so a moment later.
        self.near.invalidate(&request.key);
        match written {
            Ok(true) => {
                self.aside.invalidate(&request.key);
                self.counters.stored.add();
                Written::Stored
            }
            Ok(false) => Written::Unwanted,
            Err(error) => {
                let now = self.clock.now();
                let aged = AgedEntry::new(Arc::clone(entry), now);
                self.aside.put(&request.key, aged.at_most_until(now.after(ASIDE_AT_MOST)));
                Written::Refused(error.kind)
            }
        }
    }

    async fn write_to(
        &self,
        shared: &Shared,
        request: &CacheRequest,
        entry: &Entry,
        lease: &Lease,
        budget: &mut Budget,
    ) -> Result<bool, StoreError> {
        let Some(record) = record::write(entry) else { return Ok(false) };
        let token = match lease {
            Lease::Held(token) => Some(token.as_str()),
            Lease::Unneeded | Lease::Missing => None,
        };
        shared.set(&request.key, record.into(), entry.keep_for, token, budget).await
    }

    /// Makes up for a failed render: with the stale copy where one may be served.
    pub(crate) async fn fail(
        &self,
        request: &CacheRequest,
        failure: RenderFailure,
        miss: Miss,
        lease: Lease,
        budget: &mut Budget,
    ) -> FlightResult {
        let (route, key, reason) = (&*request.route, &*request.key, &*failure.detail);
        tracing::warn!(route, key, status = failure.status, reason, "a render failed");
        self.give_back(request, &lease, budget).await;
        let now = self.clock.now();
        if miss.stale_copy.is_some() {
            self.refreshes.begin(&request.key, now);
        }
        let usable = miss.stale_copy.map(|aged| {
            let freshness = aged.freshness(&request.fingerprint, &request.lifetime, now);
            (aged, freshness)
        });
        match usable {
            Some((aged, Freshness::Fresh { .. } | Freshness::Revalidate { .. }))
                if miss.role == Role::Refresh =>
            {
                FlightResult::Found { aged, from: self.where_from() }
            }
            Some((_, Freshness::Gone)) | None => {
                FlightResult::failed(failure, miss.why, miss.lacked)
            }
            Some((aged, _)) => {
                self.counters.stale_served.add();
                FlightResult::StaleIfError { aged, fwd_status: failure.status }
            }
        }
    }

    /// Where entries come from, when they come from the store.
    fn where_from(&self) -> Detail {
        if self.shared.is_some() { Detail::Redis } else { Detail::Memory }
    }
}
