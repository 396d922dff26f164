//! Before a render: what is there already, in memory or in the store.

use std::sync::Arc;

use super::entry::Entry;
use super::flight::Found;
use super::freshness::{AgedEntry, Freshness};
use super::outcome::{Detail, Lacked, Why};
use super::record::{self, Flaw};
use super::request::CacheRequest;
use super::setup::Inner;
use super::store::Stored;
use super::store::bound::Budget;
use super::store::shared::Shared;
use super::trouble::{StoreError, Trouble};
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;

/// A flight on its way through the steps: what is asked for, and the time that is left for asking
/// the store.
pub(super) struct Steps<'a> {
    pub(super) inner: &'a Arc<Inner>,
    pub(super) request: &'a CacheRequest,
    pub(super) budget: Budget,
}

/// What a look into memory and the store gave.
pub(super) enum Looked {
    /// It is served as it is.
    Usable(Found),
    /// It is served as it is, and a new one is made meanwhile.
    Meanwhile(Found),
    /// A render is needed.
    Nothing(Miss),
}

/// Why a render is needed, and what to know for writing its result.
pub(super) struct Miss {
    pub(super) why: Why,
    /// For where the render fails.
    pub(super) stale_copy: Option<AgedEntry>,
    /// What was made of the same before, however old it is.
    pub(super) earlier: Option<Arc<Entry>>,
    /// Whether nobody waits for it, since the clients have a stale one.
    pub(super) is_refresh: bool,
    /// What the store holds under the key, as far as that is known.
    pub(super) lacked: Lacked,
    /// What kept the store from being asked.
    pub(super) trouble: Option<Trouble>,
    /// The record of another version that the store holds.
    pub(super) beside: Option<u64>,
}

impl Miss {
    fn new(why: Why, stale_copy: Option<AgedEntry>, lacked: Lacked) -> Self {
        let (earlier, is_refresh, trouble, beside) = (None, false, None, None);
        Self { why, stale_copy, earlier, is_refresh, lacked, trouble, beside }
    }

    /// What is there is too old; where the render fails, it may stand in if it `is_usable`.
    fn too_old(aged: AgedEntry, is_usable: bool) -> Self {
        let (beside, earlier) = (aged.stands_beside(), Some(Arc::clone(&aged.entry)));
        let lacked = if beside.is_some() { Lacked::OtherVersion } else { Lacked::TooOld };
        let stale_copy = is_usable.then_some(aged);
        Self { earlier, beside, ..Self::new(Why::Stale, stale_copy, lacked) }
    }

    /// A stale entry is being served: its successor is wanted.
    pub(super) fn refresh(aged: AgedEntry) -> Self {
        Self { is_refresh: true, ..Self::too_old(aged, true) }
    }
}

impl Inner {
    /// The same entry with the codings that were made of it before, where nothing tells of changes
    /// and each answer is read from the store.
    fn with_codings(&self, key: &str, aged: AgedEntry) -> AgedEntry {
        let now = self.clock.now();
        let same = self.untold.get(key, now).filter(|before| before.entry.is_same(&aged.entry));
        if let Some(before) = same {
            return aged.with_prepared_of(&before);
        }
        self.untold.put(key, aged.clone());
        aged
    }

    /// What this process's own memory has under a key, and where: what `fingerprint` can be
    /// answered with, if that is there.
    pub(super) fn in_memory(
        &self,
        key: &str,
        fingerprint: &Fingerprint,
        now: Moment,
    ) -> Option<Found> {
        if let Some(aged) = self.near.get(key, now) {
            if aged.entry.fingerprint != *fingerprint
                && let Some(own) = self.own_beside(key, fingerprint, aged.entry.id, now)
            {
                return Some(own);
            }
            let from = if self.shared.is_some() { Detail::Near } else { Detail::Memory };
            return Some(Found { aged, from });
        }
        let shared = self.shared.as_ref().filter(|shared| shared.is_down())?;
        let aged = shared.aside.get(key, now).filter(|aged| aged.stands_beside().is_none())?;
        Some(Found { aged, from: Detail::StoreDown })
    }

    /// Our own render, where the store holds the record `id` of another version in its place.
    fn own_beside(
        &self,
        key: &str,
        fingerprint: &Fingerprint,
        id: u64,
        now: Moment,
    ) -> Option<Found> {
        let aged = self.shared.as_ref()?.aside.get(key, now)?;
        let is_own = aged.stands_beside() == Some(id) && aged.entry.fingerprint == *fingerprint;
        is_own.then_some(Found { aged, from: Detail::Contended })
    }
}

impl Steps<'_> {
    /// Looks into memory, then into the store.
    pub(super) async fn look(&mut self) -> Looked {
        let (inner, request) = (self.inner, self.request);
        let now = inner.clock.now();
        if let Some(found) = inner.in_memory(&request.key, &request.fingerprint, now) {
            let ours = found.aged.entry.fingerprint == request.fingerprint;
            if ours || inner.shared.is_none() {
                return self.weigh(found, now);
            }
        }
        let nothing = Miss::new(Why::UriMiss, None, Lacked::Nothing);
        let Some(shared) = &inner.shared else { return Looked::Nothing(nothing) };
        let ticket = inner.near.ticket(&request.key).filter(|_| inner.settings.near);
        let is_told = ticket.is_some() || !inner.settings.near;
        let before = inner.clock.now();
        let (late, key) = (Arc::clone(inner), request.key.clone());
        let late = move |stored: Option<Stored>| {
            let aged = stored.and_then(|stored| read(key.as_bytes(), &stored, before).ok());
            if let Some((ticket, aged)) = ticket.zip(aged) {
                late.near.put_read(ticket, &key, aged);
            }
        };
        let unreadable = match shared.get(&request.key, &mut self.budget, late).await {
            Ok(None) => return self.look_aside(shared, nothing),
            Ok(Some(stored)) => match self.read(&stored, before) {
                Ok(aged) => {
                    let aged = if is_told { aged } else { inner.with_codings(&request.key, aged) };
                    if let Some(ticket) = ticket {
                        inner.near.put_read(ticket, &request.key, aged.clone());
                    }
                    let (key, fingerprint, id) =
                        (&request.key, &request.fingerprint, aged.entry.id);
                    if aged.entry.fingerprint != *fingerprint {
                        return match inner.own_beside(key, fingerprint, id, now) {
                            Some(own) => self.weigh(own, now),
                            None => Looked::Nothing(Miss {
                                lacked: Lacked::OtherVersion,
                                beside: Some(id),
                                ..nothing
                            }),
                        };
                    }
                    inner.counters.store_hits.inc();
                    return self.weigh(Found { aged, from: Detail::Redis }, before);
                }
                Err(flaw) => flaw.to_string(),
            },
            Err(StoreError { kind: Trouble::WrongType, detail }) => detail.to_string(),
            Err(error) => {
                let (lacked, trouble) = (Lacked::Unknown, Some(error.kind));
                return self.look_aside(shared, Miss { lacked, trouble, ..nothing });
            }
        };
        inner.counters.flawed.inc();
        tracing::debug!(key = request.key, flaw = unreadable, "not usable");
        self.look_aside(shared, Miss { lacked: Lacked::Unreadable, ..nothing })
    }

    /// The entry of a value under the key that is asked for, where it can be the route's.
    fn read(&self, stored: &Stored, before: Moment) -> Result<AgedEntry, Flaw> {
        let request = self.request;
        let aged = read(request.key.as_bytes(), stored, before)?;
        let ours = aged.entry.fingerprint == request.fingerprint;
        if ours && aged.entry.status != request.status { Err(Flaw::Status) } else { Ok(aged) }
    }

    /// Where the store has nothing to give: what was rendered while it took no writes.
    fn look_aside(&self, shared: &Shared, miss: Miss) -> Looked {
        let now = self.inner.clock.now();
        let refused = miss.trouble.or_else(|| shared.write_trouble());
        let aside = || {
            let aged = shared.aside.get(&self.request.key, now);
            aged.filter(|aged| aged.stands_beside().is_none())
        };
        let Some((refused, aged)) = refused.zip(aside()) else { return Looked::Nothing(miss) };
        let Miss { lacked, trouble, .. } = miss;
        match self.weigh(Found { aged, from: refused.into() }, now) {
            Looked::Nothing(miss) => Looked::Nothing(Miss { lacked, trouble, ..miss }),
            usable => usable,
        }
    }

    /// What may be done with an entry that was found.
    fn weigh(&self, found: Found, now: Moment) -> Looked {
        let (inner, request) = (self.inner, self.request);
        let ours = found.aged.entry.fingerprint == request.fingerprint;
        Looked::Nothing(match found.freshness(request, now) {
            Freshness::Fresh { .. } => return Looked::Usable(found),
            Freshness::Revalidate { .. } => {
                inner.counters.stale_served.inc();
                let is_due = inner.refreshes.is_due(&request.key, now);
                return if is_due { Looked::Meanwhile(found) } else { Looked::Usable(found) };
            }
            Freshness::IfError => Miss::too_old(found.aged, true),
            Freshness::Gone if ours => Miss::too_old(found.aged, false),
            Freshness::Gone => Miss::new(Why::UriMiss, None, Lacked::OtherVersion),
        })
    }
}

/// The entry of a value that was stored under `key`, with its age; the read began at `before`.
pub(super) fn read(key: &[u8], stored: &Stored, before: Moment) -> Result<AgedEntry, Flaw> {
    let entry = record::read(key, &stored.value)?;
    match stored.left.filter(|left| *left <= entry.keep_for) {
        Some(left) => Ok(AgedEntry::read(entry.into(), left, before)),
        None => Err(Flaw::Ttl),
    }
}
