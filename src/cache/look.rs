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

/// What a look into memory and the store gave.
#[derive(Debug)]
pub(super) enum Looked {
    /// It is served as it is.
    Usable { aged: AgedEntry, from: Detail },
    /// It is served as it is, and a new one is made meanwhile.
    Meanwhile { aged: AgedEntry, from: Detail },
    /// A render is needed.
    Nothing(Miss),
}

/// Why a render is needed, and what to know for writing its result.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) why: Why,
    /// For where the render fails.
    pub(crate) stale_copy: Option<AgedEntry>,
    /// Whether somebody waits for it.
    pub(crate) role: Role,
    /// What the store holds under the key.
    pub(crate) before: StoredBefore,
    /// What was found in place of a usable entry.
    pub(crate) lacked: Lacked,
    /// What kept the store from being asked.
    pub(crate) trouble: Option<Trouble>,
}

/// Whom a render is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A client waits.
    Foreground,
    /// The clients have a stale one.
    Refresh,
}

/// What a store holds under a key that has to be rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredBefore {
    /// Nothing, or it could not be asked.
    Nothing,
    /// An older entry of ours.
    Ours,
    /// Something that another site, version or program wrote.
    Foreign,
}

impl Miss {
    fn new(why: Why, stale_copy: Option<AgedEntry>, before: StoredBefore) -> Self {
        let lacked = match before {
            StoredBefore::Nothing => Lacked::Nothing,
            StoredBefore::Ours => Lacked::TooOld,
            StoredBefore::Foreign => Lacked::OtherVersion,
        };
        Self { why, stale_copy, role: Role::Foreground, before, lacked, trouble: None }
    }

    /// The store holds what is no record of larder's.
    fn unreadable() -> Self {
        Self { lacked: Lacked::Unreadable, ..Self::new(Why::UriMiss, None, StoredBefore::Foreign) }
    }

    /// A stale entry is being served: its successor is wanted.
    pub(crate) fn refresh(aged: AgedEntry) -> Self {
        Self { role: Role::Refresh, ..Self::new(Why::Stale, Some(aged), StoredBefore::Ours) }
    }
}

impl Inner {
    /// What is in this process's memory under `key`, and where.
    pub(super) fn in_memory(&self, key: &str, now: Moment) -> Option<(AgedEntry, Detail)> {
        let Some(shared) = &self.shared else {
            return self.near.get(key, now).map(|aged| (aged, Detail::Memory));
        };
        if let Some(aged) = self.near.get(key, now) {
            return Some((aged, Detail::Near));
        }
        let aside = shared.is_down().then(|| self.aside.get(key, now))?;
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

    /// Looks into memory, then into the store.
    pub(crate) async fn look(&self, request: &CacheRequest, budget: &mut Budget) -> Looked {
        let now = self.clock.now();
        if let Some((aged, from)) = self.in_memory(&request.key, now) {
            let ours = aged.entry.fingerprint == request.fingerprint;
            if ours || self.shared.is_none() {
                return self.weigh(request, aged, from, now);
            }
        }
        match &self.shared {
            Some(shared) => self.look_in_store(request, shared, budget).await,
            None => Looked::Nothing(Miss::new(Why::UriMiss, None, StoredBefore::Nothing)),
        }
    }

    async fn look_in_store(
        &self,
        request: &CacheRequest,
        shared: &Shared,
        budget: &mut Budget,
    ) -> Looked {
        let ticket = self.near.ticket(&request.key);
        let before = self.clock.now();
        match shared.get(&request.key, budget).await {
            Ok(None) => {
                self.look_aside(request, Miss::new(Why::UriMiss, None, StoredBefore::Nothing))
            }
            Ok(Some(stored)) => match read(&stored, before) {
                Ok(aged) => {
                    if let Some(ticket) = ticket.filter(|_| self.settings.near) {
                        self.near.put_read(ticket, &request.key, aged.clone());
                    }
                    self.counters.store_hits.add();
                    self.weigh(request, aged, Detail::Redis, before)
                }
                Err(flaw) => {
                    self.counters.flawed.add();
                    tracing::debug!(key = request.key, %flaw, "not usable");
                    self.look_aside(request, Miss::unreadable())
                }
            },
            Err(StoreError { kind: Trouble::WrongType, .. }) => {
                self.counters.flawed.add();
                self.look_aside(request, Miss::unreadable())
            }
            Err(error) => {
                let miss = Miss::new(Why::UriMiss, None, StoredBefore::Nothing);
                let (lacked, trouble) = (Lacked::Unknown, Some(error.kind));
                self.look_aside(request, Miss { lacked, trouble, ..miss })
            }
        }
    }

    /// Where the store has nothing to give: what was rendered while it took no writes.
    fn look_aside(&self, request: &CacheRequest, miss: Miss) -> Looked {
        let now = self.clock.now();
        let refused = miss.trouble.or_else(|| self.shared.as_ref()?.write_trouble());
        let aside = refused.and_then(|refused| Some((self.aside.get(&request.key, now)?, refused)));
        let Some((aged, refused)) = aside else { return Looked::Nothing(miss) };
        let Miss { before, lacked, trouble, .. } = miss;
        match self.weigh(request, aged, refused.into(), now) {
            Looked::Nothing(miss) => Looked::Nothing(Miss { before, lacked, trouble, ..miss }),
            usable => usable,
        }
    }

    /// What may be done with an entry that was found.
    fn weigh(&self, request: &CacheRequest, aged: AgedEntry, from: Detail, now: Moment) -> Looked {
        match aged.freshness(&request.fingerprint, &request.lifetime, now) {
            Freshness::Fresh { .. } => Looked::Usable { aged, from },
            Freshness::Revalidate { .. } => {
                self.counters.stale_served.add();
                if self.refreshes.is_due(&request.key, now) {
                    Looked::Meanwhile { aged, from }
                } else {
                    Looked::Usable { aged, from }
                }
            }
            Freshness::IfError => {
                Looked::Nothing(Miss::new(Why::Stale, Some(aged), StoredBefore::Ours))
            }
            Freshness::Gone if aged.entry.fingerprint == request.fingerprint => {
                Looked::Nothing(Miss::new(Why::Stale, None, StoredBefore::Ours))
            }
            Freshness::Gone => {
                Looked::Nothing(Miss::new(Why::UriMiss, None, StoredBefore::Foreign))
            }
        }
    }
}

/// The entry of a stored value, with its age; the read began at `before`.
pub(crate) fn read(stored: &Stored, before: Moment) -> Result<AgedEntry, Flaw> {
    let entry = record::read(&stored.value)?;
    match stored.left.filter(|left| *left <= entry.keep_for) {
        Some(left) => Ok(AgedEntry::read(entry.into(), left, before)),
        None => Err(Flaw::Ttl),
    }
}
