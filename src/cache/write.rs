//! After a render: its result is written where it may be, and a failure is made up for.

use std::sync::Arc;

use super::entry::{Entry, RenderFailure, Rendered};
use super::flight::{Flight, Landing, Made};
use super::freshness::{Freshness, Kept};
use super::look::{Lease, Miss, Role, There, write_detail};
use super::purge::STEP;
use super::store::shared::{Budget, Shared};
use super::store::{StoreError, Trouble};
use super::{ASIDE_AT_MOST, Ask, Detail, Inner, record};

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
        ask: &Ask,
        rendered: Rendered,
        miss: &Miss,
        lease: Lease,
        flight: &Flight,
        budget: &mut Budget,
    ) -> Landing {
        let entry = Arc::new(Entry::new(rendered, ask, self.clock.wall()));
        let written = if self.may_keep(ask, &entry, miss, &lease) && flight.may_write() {
            self.write(ask, &entry, &lease, budget).await
        } else {
            Written::Unwanted
        };
        if matches!(written, Written::Stored) {
            self.refreshes.end(&ask.key);
        } else {
            if miss.role == Role::Refresh {
                self.refreshes.begin(&ask.key, self.clock.now());
            }
            self.give_back(ask, &lease, budget).await;
        }
        let detail = match written {
            Written::Refused(trouble) => Some(write_detail(trouble)),
            _ => miss.trouble.map(|_| Detail::StoreDown),
        };
        let stored = matches!(written, Written::Stored);
        Landing::Made(Made { result: Ok(entry), why: miss.why, stored, detail })
    }

    /// Whether an entry is to be written at all.
    fn may_keep(&self, ask: &Ask, entry: &Entry, miss: &Miss, lease: &Lease) -> bool {
        if entry.ttl.is_zero() || matches!(lease, Lease::Missing) {
            return false;
        }
        if entry.body.len() as u64 > self.settings.max_entry_bytes {
            self.counters.too_large.add();
            return false;
        }
        let now = self.clock.now();
        match miss.there {
            There::Ours => true,
            There::Nothing => {
                let admitted = self.doorkeeper.admits(&ask.route, &ask.key, now);
                if !admitted {
                    self.counters.kept_out.add();
                }
                admitted
            }
            There::Foreign => {
                if self.shared.is_none() {
                    return true;
                }
                // By fingerprint too: edits in a row are one site's, and each is stored.
                let which = format!("{}{}", ask.fingerprint, ask.key);
                let due = self.overwrites.is_due(&which, now);
                if due {
                    let times = self.overwrites.begin(&which, now);
                    self.notices.overwritten(&ask.key, times);
                }
                due
            }
        }
    }

    async fn write(
        &self,
        ask: &Ask,
        entry: &Arc<Entry>,
        lease: &Lease,
        budget: &mut Budget,
    ) -> Written {
        let Some(shared) = &self.shared else {
            let kept = Kept::new(Arc::clone(entry), self.clock.now());
            if !self.near.put(&ask.key, kept) {
                self.counters.too_large.add();
                return Written::Unwanted;
            }
            self.counters.stored.add();
            return Written::Stored;
        };
        let written = self.write_to(shared, ask, entry, lease, budget).await;
        // What memory holds is older now; the echo of this write would say so a moment later.
        self.near.invalidate(&ask.key);
        match written {
            Ok(true) => {
                self.aside.invalidate(&ask.key);
                self.counters.stored.add();
                Written::Stored
            }
            Ok(false) => Written::Unwanted,
            Err(error) => {
                let now = self.clock.now();
                let kept = Kept::new(Arc::clone(entry), now);
                self.aside.put(&ask.key, kept.at_most_until(now.after(ASIDE_AT_MOST)));
                Written::Refused(error.kind)
            }
        }
    }

    async fn write_to(
        &self,
        shared: &Shared,
        ask: &Ask,
        entry: &Entry,
        lease: &Lease,
        budget: &mut Budget,
    ) -> Result<bool, StoreError> {
        let Some(record) = record::write(entry) else { return Ok(false) };
        let token = match lease {
            Lease::Held(token) => Some(token.as_str()),
            Lease::Unneeded | Lease::Missing => None,
        };
        shared.set(&ask.key, record.into(), entry.px, token, budget).await
    }

    /// Gives a lease back that was not used up by a write, so that nobody waits for it in vain.
    async fn give_back(&self, ask: &Ask, lease: &Lease, budget: &mut Budget) {
        if let (Lease::Held(token), Some(shared)) = (lease, &self.shared)
            && shared.release(&ask.key, token, budget).await.is_err()
        {
            self.release_later(ask, token);
        }
    }

    /// Gives a lease back once the store can be told, for a little longer than an answer waits:
    /// else the key would stay without an entry, and all who ask would wait, until it ends.
    pub(crate) fn release_later(&self, ask: &Ask, token: &str) {
        let Some(shared) = self.shared.clone() else { return };
        let (key, token) = (ask.key.clone(), token.to_owned());
        self.tasks.spawn(async move {
            let _ = shared.told(STEP, shared.remote().release(&key, &token)).await;
        });
    }

    /// Makes up for a failed render: with the stale copy where one may be served.
    pub(crate) async fn fail(
        &self,
        ask: &Ask,
        failure: RenderFailure,
        miss: Miss,
        lease: Lease,
        budget: &mut Budget,
    ) -> Landing {
        note_failure(ask, &failure);
        if failure.forget {
            self.forget(ask, budget).await;
            return Landing::Made(Made::failed(failure, miss.why));
        }
        self.give_back(ask, &lease, budget).await;
        let now = self.clock.now();
        if miss.spare.is_some() {
            self.refreshes.begin(&ask.key, now);
        }
        let usable = miss.spare.map(|kept| {
            let freshness = kept.freshness(&ask.fingerprint, &ask.lifetime, now);
            (kept, freshness)
        });
        match usable {
            Some((kept, Freshness::Fresh { .. } | Freshness::Revalidate { .. }))
                if miss.role == Role::Refresh =>
            {
                Landing::Found { kept, from: self.where_from() }
            }
            Some((_, Freshness::Gone)) | None => Landing::Made(Made::failed(failure, miss.why)),
            Some((kept, _)) => {
                self.counters.stale_served.add();
                Landing::Spared { kept, fwd_status: failure.status }
            }
        }
    }

    /// Deletes what the store holds: the thing itself is gone.
    async fn forget(&self, ask: &Ask, budget: &mut Budget) {
        self.near.invalidate(&ask.key);
        self.aside.invalidate(&ask.key);
        if let Some(shared) = &self.shared {
            let _ = shared.unlink(&ask.key, budget).await;
        }
    }

    /// Where entries come from, when they come from the store.
    fn where_from(&self) -> Detail {
        if self.shared.is_some() { Detail::Redis } else { Detail::Memory }
    }
}

/// A thing that is not there is no trouble: anyone may ask for it, as often as they like.
fn note_failure(ask: &Ask, failure: &RenderFailure) {
    let (route, key, reason) = (&*ask.route, &*ask.key, &*failure.detail);
    if failure.status < 500 {
        tracing::debug!(route, key, status = failure.status, reason, "a render found nothing");
    } else {
        tracing::warn!(route, key, status = failure.status, reason, "a render failed");
    }
}
