//! Before a render: what is there already, in memory or in the store.

use super::freshness::{AgedEntry, Freshness};
use super::outcome::{Answer, Detail, Lacked, Outcome, Why};
use super::record::{self, Flaw};
use super::request::CacheRequest;
use super::setup::Inner;
use super::store::Stored;
use super::store::shared::{Budget, Shared};
use super::trouble::{StoreError, Trouble};
use crate::clock::Moment;

/// A flight on its way through the steps: what is asked for, and the time that is left for asking
/// the store.
pub(super) struct Steps<'a> {
    pub(super) inner: &'a Inner,
    pub(super) request: &'a CacheRequest,
    pub(super) budget: Budget,
}

/// What a look into memory and the store gave.
pub(super) enum Looked {
    /// It is served as it is.
    Usable { aged: AgedEntry, from: Detail },
    /// It is served as it is, and a new one is made meanwhile.
    Meanwhile { aged: AgedEntry, from: Detail },
    /// A render is needed.
    Nothing(Miss),
}

/// Why a render is needed, and what to know for writing its result.
pub(super) struct Miss {
    pub(super) why: Why,
    /// For where the render fails.
    pub(super) stale_copy: Option<AgedEntry>,
    /// Whether nobody waits for it, since the clients have a stale one.
    pub(super) is_refresh: bool,
    /// What the store holds under the key, as far as that is known.
    pub(super) lacked: Lacked,
    /// What kept the store from being asked.
    pub(super) trouble: Option<Trouble>,
}

impl Miss {
    fn new(why: Why, stale_copy: Option<AgedEntry>, lacked: Lacked) -> Self {
        Self { why, stale_copy, is_refresh: false, lacked, trouble: None }
    }

    /// A stale entry is being served: its successor is wanted.
    pub(super) fn refresh(aged: AgedEntry) -> Self {
        Self { is_refresh: true, ..Self::new(Why::Stale, Some(aged), Lacked::TooOld) }
    }
}

impl Inner {
    /// What this process's own memory has under a key, and where.
    pub(super) fn in_memory(&self, key: &str, now: Moment) -> Option<(AgedEntry, Detail)> {
        let Some(shared) = &self.shared else {
            return self.near.get(key, now).map(|aged| (aged, Detail::Memory));
        };
        if let Some(aged) = self.near.get(key, now) {
            return Some((aged, Detail::Near));
        }
        let aside = shared.is_down().then(|| shared.aside.get(key, now))?;
        aside.map(|aged| (aged, Detail::StoreDown))
    }

    /// The stale answer from memory, where its refresh failed a moment ago and is not due.
    pub(super) fn paused(&self, request: &CacheRequest) -> Option<Answer> {
        let now = self.clock.now();
        let (aged, detail) = self.in_memory(&request.key, now)?;
        let fresh = aged.freshness(&request.fingerprint, &request.lifetime, now);
        let Freshness::Revalidate { since } = fresh else { return None };
        if self.refreshes.is_due(&request.key, now) {
            return None;
        }
        self.counters.stale_served.add();
        let outcome = Outcome::stale(since, aged.age(now), detail);
        Some(Answer { result: Ok(aged.entry), outcome })
    }
}

impl Steps<'_> {
    /// Looks into memory, then into the store.
    pub(super) async fn look(&mut self) -> Looked {
        let (inner, request) = (self.inner, self.request);
        let now = inner.clock.now();
        if let Some((aged, from)) = inner.in_memory(&request.key, now) {
            let ours = aged.entry.fingerprint == request.fingerprint;
            if ours || inner.shared.is_none() {
                return self.weigh(aged, from, now);
            }
        }
        let nothing = Miss::new(Why::UriMiss, None, Lacked::Nothing);
        let Some(shared) = &inner.shared else { return Looked::Nothing(nothing) };
        let ticket = inner.near.ticket(&request.key);
        let before = inner.clock.now();
        let unreadable = match shared.call(&mut self.budget, shared.remote.get(&request.key)).await
        {
            Ok(None) => return self.look_aside(shared, nothing),
            Ok(Some(stored)) => match read(&stored, before) {
                Ok(aged) => {
                    if let Some(ticket) = ticket.filter(|_| inner.settings.near) {
                        inner.near.put_read(ticket, &request.key, aged.clone());
                    }
                    inner.counters.store_hits.add();
                    return self.weigh(aged, Detail::Redis, before);
                }
                Err(flaw) => flaw.to_string(),
            },
            Err(StoreError { kind: Trouble::WrongType, detail }) => detail.to_string(),
            Err(error) => {
                let (lacked, trouble) = (Lacked::Unknown, Some(error.kind));
                return self.look_aside(shared, Miss { lacked, trouble, ..nothing });
            }
        };
        inner.counters.flawed.add();
        tracing::debug!(key = request.key, flaw = unreadable, "not usable");
        self.look_aside(shared, Miss { lacked: Lacked::Unreadable, ..nothing })
    }

    /// Where the store has nothing to give: what was rendered while it took no writes.
    fn look_aside(&self, shared: &Shared, miss: Miss) -> Looked {
        let now = self.inner.clock.now();
        let refused = miss.trouble.or_else(|| shared.write_trouble());
        let aside = || shared.aside.get(&self.request.key, now);
        let Some((refused, aged)) = refused.zip(aside()) else { return Looked::Nothing(miss) };
        let Miss { lacked, trouble, .. } = miss;
        match self.weigh(aged, refused.into(), now) {
            Looked::Nothing(miss) => Looked::Nothing(Miss { lacked, trouble, ..miss }),
            usable => usable,
        }
    }

    /// What may be done with an entry that was found.
    fn weigh(&self, aged: AgedEntry, from: Detail, now: Moment) -> Looked {
        let (inner, request) = (self.inner, self.request);
        match aged.freshness(&request.fingerprint, &request.lifetime, now) {
            Freshness::Fresh { .. } => Looked::Usable { aged, from },
            Freshness::Revalidate { .. } => {
                inner.counters.stale_served.add();
                if inner.refreshes.is_due(&request.key, now) {
                    Looked::Meanwhile { aged, from }
                } else {
                    Looked::Usable { aged, from }
                }
            }
            Freshness::IfError => {
                Looked::Nothing(Miss::new(Why::Stale, Some(aged), Lacked::TooOld))
            }
            Freshness::Gone if aged.entry.fingerprint == request.fingerprint => {
                Looked::Nothing(Miss::new(Why::Stale, None, Lacked::TooOld))
            }
            Freshness::Gone => Looked::Nothing(Miss::new(Why::UriMiss, None, Lacked::OtherVersion)),
        }
    }
}

/// The entry of a stored value, with its age; the read began at `before`.
pub(super) fn read(stored: &Stored, before: Moment) -> Result<AgedEntry, Flaw> {
    let entry = record::read(&stored.value)?;
    match stored.left.filter(|left| *left <= entry.keep_for) {
        Some(left) => Ok(AgedEntry::read(entry.into(), left, before)),
        None => Err(Flaw::Ttl),
    }
}
