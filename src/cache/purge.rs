//! Purging: what is deleted stays deleted, in every instance, whatever is being rendered.
//!
//! First the flights that are meant lose their leave to write, and those that are writing are
//! waited for; then memory; then in the store the leases, so that no other instance's render that
//! began before can write after, and then the keys, one by one. Only what is under the prefix.

use std::sync::Arc;
use std::time::Duration;

use super::flight::Flight;
use super::freshness::Kept;
use super::list::{escape_glob, glob_matches};
use super::record;
use super::store::shared::Shared;
use super::store::{Remote, Scanned, StoreError};
use super::told::LEASE_PREFIX;
use super::{Cache, Inner};

/// What to purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// These keys, as they are.
    Keys(Vec<String>),
    /// These keys, which are no text and so none of ours, but are under the prefix.
    Bytes(Vec<Vec<u8>>),
    /// The keys that a Redis glob matches: whole, or after the prefix, or after the namespace.
    Glob(String),
    /// The entries that these routes rendered, by the route's name in the record.
    Routes(Vec<String>),
    /// Everything under the prefix.
    All,
}

/// How long one step of a purge may take; nobody's page waits for it.
pub(crate) const STEP: Duration = Duration::from_secs(2);
/// How many keys a step looks at.
const SCAN_COUNT: u32 = 1000;
/// How many keys are deleted in one pipeline.
const UNLINK_COUNT: usize = 500;

impl Cache {
    /// Deletes entries, and says how many there were in the store.
    ///
    /// A render that began before can neither write nor be joined after.
    ///
    /// # Errors
    /// Where the store could not be told: then this process's memory is purged, and no more.
    pub async fn purge(&self, what: Purge) -> Result<u64, StoreError> {
        let inner = &self.inner;
        let writing = inner.flights.ground(|flight| inner.is_meant(&what, flight));
        for flight in writing {
            let mut told = flight.watch();
            let landed = told.wait_for(|news| news.end.is_some());
            let _ = tokio::time::timeout(inner.settings.timeout, landed).await;
        }
        let gone = inner.near.invalidate_where(|key, kept| inner.holds(&what, key, kept));
        inner.aside.invalidate_where(|key, kept| inner.holds(&what, key, kept));
        match &inner.shared {
            Some(shared) => inner.purge_store(shared, &what).await,
            None => Ok(gone),
        }
    }
}

impl Inner {
    fn is_meant(&self, what: &Purge, flight: &Flight) -> bool {
        match what {
            Purge::Keys(keys) => keys.contains(&flight.key),
            Purge::Bytes(_) => false,
            Purge::Glob(glob) => self.matches(glob, &flight.key),
            Purge::Routes(routes) => routes.iter().any(|route| **route == *flight.route),
            Purge::All => true,
        }
    }

    fn holds(&self, what: &Purge, key: &str, kept: &Kept) -> bool {
        match what {
            Purge::Keys(keys) => keys.iter().any(|it| it == key),
            Purge::Bytes(_) => false,
            Purge::Glob(glob) => self.matches(glob, key),
            Purge::Routes(routes) => routes.iter().any(|route| **route == *kept.entry.route),
            Purge::All => true,
        }
    }

    /// Whether a glob means a key: as a whole, or without prefix, or without namespace too.
    pub(crate) fn matches(&self, glob: &str, key: &str) -> bool {
        let rest = key.strip_prefix(&*self.settings.prefix).and_then(|key| key.strip_prefix(':'));
        let last = rest.and_then(|rest| rest.split_once(':')).map(|(_, last)| last);
        [Some(key), rest, last].into_iter().flatten().any(|part| glob_matches(glob, part))
    }

    /// Whether a key is under the prefix, and so ours to touch.
    pub(crate) fn is_ours(&self, key: &[u8]) -> bool {
        key.strip_prefix(self.settings.prefix.as_bytes()).is_some_and(|rest| rest.starts_with(b":"))
    }

    async fn purge_store(&self, shared: &Arc<Shared>, what: &Purge) -> Result<u64, StoreError> {
        if let Purge::Keys(keys) = what {
            let ours = keys.iter().map(|key| key.clone().into_bytes());
            return unlink(shared, ours.filter(|key| self.is_ours(key)).collect()).await;
        }
        if let Purge::Bytes(keys) = what {
            let ours = keys.iter().filter(|key| self.is_ours(key)).cloned();
            return unlink(shared, ours.collect()).await;
        }
        let prefix = escape_glob(&self.settings.prefix);
        let leases = format!("{LEASE_PREFIX}{prefix}:*");
        let mut gone = self.purge_walk(shared, what, &leases, Walk::Leases).await?;
        gone += self.purge_walk(shared, what, &format!("{prefix}:*"), Walk::Keys).await?;
        Ok(gone)
    }

    /// Walks over keys, or over leases, and deletes what is meant.
    async fn purge_walk(
        &self,
        shared: &Arc<Shared>,
        what: &Purge,
        pattern: &str,
        walk: Walk,
    ) -> Result<u64, StoreError> {
        let (remote, mut cursor, mut gone) = (shared.remote(), 0, 0);
        loop {
            let step = shared.told(STEP, remote.scan(cursor, pattern, SCAN_COUNT));
            let Scanned { cursor: next, keys } = step.await?;
            let meant = match what {
                Purge::Routes(routes) => of_routes(shared, remote, keys, routes, walk).await?,
                _ => keys,
            };
            let keys = meant.into_iter().filter_map(|key| walk.key(key));
            let keys = keys.filter(|key| self.is_ours(key) && self.is_meant_key(what, key));
            gone += unlink(shared, keys.collect()).await?;
            cursor = next;
            if cursor == 0 {
                return Ok(gone);
            }
        }
    }

    fn is_meant_key(&self, what: &Purge, key: &[u8]) -> bool {
        match what {
            Purge::Glob(glob) => self.matches(glob, &String::from_utf8_lossy(key)),
            _ => true,
        }
    }
}

/// What a walk of a purge finds.
#[derive(Clone, Copy, Debug)]
enum Walk {
    Leases,
    Keys,
}

impl Walk {
    /// The key itself, or the key of a lease.
    fn key(self, found: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Keys => Some(found),
            Self::Leases => {
                let inner = found.strip_prefix(LEASE_PREFIX.as_bytes())?.strip_suffix(b"}")?;
                Some(inner.to_vec())
            }
        }
    }
}

/// Those of the keys whose values name one of the routes.
async fn of_routes(
    shared: &Shared,
    remote: &dyn Remote,
    keys: Vec<Vec<u8>>,
    routes: &[String],
    walk: Walk,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let starts = shared.told(STEP, remote.starts(&keys)).await?;
    let named = keys.into_iter().zip(starts).filter(|(_, start)| {
        let route = match walk {
            Walk::Keys => record::read_head(&start.bytes).map(|head| head.route.to_owned()),
            Walk::Leases => std::str::from_utf8(&start.bytes)
                .ok()
                .and_then(|token| token.split_once(' '))
                .map(|(_, route)| route.to_owned()),
        };
        route.is_some_and(|route| routes.contains(&route))
    });
    Ok(named.map(|(key, _)| key).collect())
}

async fn unlink(shared: &Shared, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
    let mut gone = 0;
    for some in keys.chunks(UNLINK_COUNT) {
        gone += shared.told(STEP, shared.remote().unlink(some)).await?;
    }
    Ok(gone)
}
