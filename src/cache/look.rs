//! Before a render: what is there already, and whose turn it is to render.

use std::pin::pin;

use super::freshness::{Freshness, Kept};
use super::lease::{LEASE, LOOK_AGAIN, WAIT_AT_MOST};
use super::record::Flaw;
use super::store::shared::{Budget, Shared};
use super::store::{Claim, StoreError, Stored, Trouble};
use super::{Answer, Ask, Cache, Detail, Inner, Landing, Outcome, Why, record};
use crate::clock::Moment;

/// What a look into memory and the store gave.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is served as it is.
    Usable { kept: Kept, from: Detail },
    /// It is served as it is, and a new one is made meanwhile.
    Meanwhile { kept: Kept, from: Detail },
    /// A render is needed.
    Nothing(Miss),
}

/// Why a render is needed, and what to know for writing its result.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) why: Why,
    /// A stale one, for where the render fails.
    pub(crate) spare: Option<Kept>,
    /// Whether somebody waits for it.
    pub(crate) role: Role,
    /// What the store holds under the key.
    pub(crate) there: There,
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
pub(crate) enum There {
    /// Nothing, or it could not be asked.
    Nothing,
    /// An older entry of ours.
    Ours,
    /// Something that another site, version or program wrote.
    Foreign,
}

/// Leave to render, and to write what comes of it.
#[derive(Debug)]
pub(crate) enum Lease {
    /// None is needed: the render only computes, or the store is this process's own.
    Unneeded,
    /// It is ours under this token.
    Held(String),
    /// It was not to be had: the result may not be written.
    Missing,
}

impl Miss {
    fn new(why: Why, spare: Option<Kept>, there: There) -> Self {
        Self { why, spare, role: Role::Foreground, there, trouble: None }
    }

    /// A stale entry is being served: its successor is wanted.
    pub(crate) fn refresh(kept: Kept) -> Self {
        Self { role: Role::Refresh, ..Self::new(Why::Stale, Some(kept), There::Ours) }
    }
}

impl Cache {
    /// The stale answer from memory, where its refresh failed a moment ago and is not due.
    pub(crate) fn paused(&self, ask: &Ask) -> Option<Answer> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let (kept, detail) = inner.in_memory(&ask.key, now)?;
        let fresh = kept.freshness(&ask.fingerprint, &ask.lifetime, now);
        let Freshness::Revalidate { since } = fresh else { return None };
        if inner.refreshes.is_due(&ask.key, now) {
            return None;
        }
        inner.counters.stale_served.add();
        let outcome = Outcome::stale(since, kept.age(now), detail);
        Some(Answer { result: Ok(kept.entry), outcome })
    }
}

impl Inner {
    /// Looks into memory, then into the store.
    pub(crate) async fn look(&self, ask: &Ask, budget: &mut Budget) -> Found {
        let now = self.clock.now();
        if let Some((kept, from)) = self.in_memory(&ask.key, now) {
            let ours = kept.entry.fingerprint == ask.fingerprint;
            if ours || self.shared.is_none() {
                return self.weigh(ask, kept, from, now);
            }
        }
        match &self.shared {
            Some(shared) => self.look_in_store(ask, shared, budget).await,
            None => Found::Nothing(Miss::new(Why::UriMiss, None, There::Nothing)),
        }
    }

    async fn look_in_store(&self, ask: &Ask, shared: &Shared, budget: &mut Budget) -> Found {
        let ticket = self.near.ticket(&ask.key);
        let before = self.clock.now();
        match shared.get(&ask.key, budget).await {
            Ok(None) => self.look_aside(ask, Miss::new(Why::UriMiss, None, There::Nothing)),
            Ok(Some(stored)) => match read(&stored, before) {
                Ok(kept) => {
                    if let Some(ticket) = ticket.filter(|_| self.settings.near) {
                        self.near.put_read(ticket, &ask.key, kept.clone());
                    }
                    self.counters.store_hits.add();
                    self.weigh(ask, kept, Detail::Redis, before)
                }
                Err(flaw) => {
                    self.counters.flawed.add();
                    tracing::debug!(key = ask.key, %flaw, "not usable");
                    self.look_aside(ask, Miss::new(Why::UriMiss, None, There::Foreign))
                }
            },
            Err(StoreError { kind: Trouble::WrongType, .. }) => {
                self.counters.flawed.add();
                self.look_aside(ask, Miss::new(Why::UriMiss, None, There::Foreign))
            }
            Err(error) => {
                let miss = Miss::new(Why::UriMiss, None, There::Nothing);
                self.look_aside(ask, Miss { trouble: Some(error.kind), ..miss })
            }
        }
    }

    /// Where the store has nothing to give: what was rendered while it took no writes.
    fn look_aside(&self, ask: &Ask, miss: Miss) -> Found {
        let now = self.clock.now();
        let refused = miss.trouble.or_else(|| self.shared.as_ref()?.write_trouble());
        let Some(kept) = refused.and_then(|_| self.aside.get(&ask.key, now)) else {
            return Found::Nothing(miss);
        };
        let Miss { there, trouble, .. } = miss;
        match self.weigh(ask, kept, refused.map_or(Detail::StoreDown, write_detail), now) {
            Found::Nothing(miss) => Found::Nothing(Miss { there, trouble, ..miss }),
            usable => usable,
        }
    }

    /// What may be done with an entry that was found.
    fn weigh(&self, ask: &Ask, kept: Kept, from: Detail, now: Moment) -> Found {
        match kept.freshness(&ask.fingerprint, &ask.lifetime, now) {
            Freshness::Fresh { .. } => Found::Usable { kept, from },
            Freshness::Revalidate { .. } => {
                self.counters.stale_served.add();
                if self.refreshes.is_due(&ask.key, now) {
                    Found::Meanwhile { kept, from }
                } else {
                    Found::Usable { kept, from }
                }
            }
            Freshness::IfError => Found::Nothing(Miss::new(Why::Stale, Some(kept), There::Ours)),
            Freshness::Gone if kept.entry.fingerprint == ask.fingerprint => {
                Found::Nothing(Miss::new(Why::Stale, None, There::Ours))
            }
            Freshness::Gone => Found::Nothing(Miss::new(Why::UriMiss, None, There::Foreign)),
        }
    }

    /// Claims the lease of a render that does I/O, or waits for who has it.
    ///
    /// # Errors
    /// The landing, where the entry came to be there meanwhile.
    pub(crate) async fn claim(
        &self,
        ask: &Ask,
        miss: &Miss,
        budget: &mut Budget,
    ) -> Result<Lease, Landing> {
        let Some(shared) = self.shared.as_ref().filter(|_| ask.io) else {
            return Ok(Lease::Unneeded);
        };
        let token = self.tokens.token(&ask.route);
        match shared.claim(&ask.key, &token, LEASE, budget).await {
            Ok(Claim::Granted) => return Ok(Lease::Held(token)),
            Ok(Claim::Held { .. }) => {}
            Err(_) => return Ok(self.lose(ask, &token)),
        }
        match (miss.role, &miss.spare) {
            (Role::Refresh, Some(kept)) => {
                Err(Landing::Found { kept: kept.clone(), from: Detail::Redis })
            }
            _ => self.wait_for_lease(ask, shared, token, budget).await,
        }
    }

    /// Goes on without a lease that the store may have granted after we gave up waiting for it.
    fn lose(&self, ask: &Ask, token: &str) -> Lease {
        self.release_later(ask, token);
        Lease::Missing
    }

    async fn wait_for_lease(
        &self,
        ask: &Ask,
        shared: &Shared,
        token: String,
        budget: &mut Budget,
    ) -> Result<Lease, Landing> {
        let mut over = pin!(tokio::time::sleep(WAIT_AT_MOST));
        loop {
            let mut told = pin!(self.doors.door(&ask.key).notified());
            told.as_mut().enable();
            match self.look(ask, budget).await {
                Found::Usable { kept, from } | Found::Meanwhile { kept, from } => {
                    return Err(Landing::Found { kept, from });
                }
                Found::Nothing(_) => {}
            }
            let held = match shared.claim(&ask.key, &token, LEASE, budget).await {
                Ok(Claim::Granted) => return Ok(Lease::Held(token)),
                Ok(Claim::Held { left }) => left,
                Err(_) => return Ok(self.lose(ask, &token)),
            };
            tokio::select! {
                () = &mut over => return Ok(Lease::Missing),
                () = told => {}
                () = tokio::time::sleep(held.min(LOOK_AGAIN)) => {}
            }
        }
    }
}

/// The entry of a stored value, with its age; the read began at `before`.
pub(crate) fn read(stored: &Stored, before: Moment) -> Result<Kept, Flaw> {
    let entry = record::read(&stored.value)?;
    match stored.left.filter(|left| *left <= entry.px) {
        Some(left) => Ok(Kept::read(entry.into(), left, before)),
        None => Err(Flaw::Ttl),
    }
}

/// What to say where the store could not be asked, or took no write.
pub(crate) fn write_detail(trouble: Trouble) -> Detail {
    match trouble {
        Trouble::Full => Detail::StoreFull,
        Trouble::ReadOnly | Trouble::Forbidden => Detail::StoreReadOnly,
        _ => Detail::StoreDown,
    }
}
