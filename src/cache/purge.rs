//! Purging: what is deleted stays deleted, in every instance, whatever is being rendered.
//!
//! First the flights that are meant are forbidden to write, and those that are writing are waited
//! for; then memory; then in the store the leases, so that no other instance's render that
//! began before can write after, and then the keys, one by one. Only what is under the prefix.

use super::lease::{LEASE_PREFIX, leased_key};
use super::record;
use super::setup::{Cache, Inner};
use super::store::Scanned;
use super::store::shared::{STEP, Shared};
use super::trouble::StoreError;
use crate::glob::escape_glob;

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
        let meant = |key: &str, route: &str| inner.is_meant(&what, key, route);
        for flight in inner.flights.void(|flight| meant(&flight.key, &flight.route)) {
            let mut progress = flight.progress();
            let ended = progress.wait_for(|progress| progress.result.is_some());
            let _ = tokio::time::timeout(inner.settings.timeout, ended).await;
        }
        let gone = inner.near.invalidate_where(|key, aged| meant(key, &aged.entry.route));
        inner.aside.invalidate_where(|key, aged| meant(key, &aged.entry.route));
        match &inner.shared {
            Some(shared) => inner.purge_store(shared, &what).await,
            None => Ok(gone),
        }
    }
}

impl Inner {
    /// Whether an entry of this key and route is to go.
    fn is_meant(&self, what: &Purge, key: &str, route: &str) -> bool {
        match what {
            Purge::Keys(keys) => keys.iter().any(|it| it == key),
            Purge::Bytes(_) => false,
            Purge::Glob(glob) => self.matches(glob, key),
            Purge::Routes(routes) => routes.iter().any(|it| it == route),
            Purge::All => true,
        }
    }

    async fn purge_store(&self, shared: &Shared, what: &Purge) -> Result<u64, StoreError> {
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
        shared: &Shared,
        what: &Purge,
        pattern: &str,
        walk: Walk,
    ) -> Result<u64, StoreError> {
        let (mut cursor, mut gone) = (0, 0);
        loop {
            let step = shared.remote().scan(cursor, pattern, SCAN_COUNT);
            let step = shared.call_past_breaker(STEP, step);
            let Scanned { cursor: next, keys } = step.await?;
            let meant = match what {
                Purge::Routes(routes) => of_routes(shared, keys, routes, walk).await?,
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
            Self::Leases => leased_key(&found).map(<[u8]>::to_vec),
        }
    }
}

/// Those of the keys whose values name one of the routes.
async fn of_routes(
    shared: &Shared,
    keys: Vec<Vec<u8>>,
    routes: &[String],
    walk: Walk,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let starts = shared.call_past_breaker(STEP, shared.remote().starts(&keys)).await?;
    let named = keys.into_iter().zip(starts).filter(|(_, start)| {
        let is_one = |route: &str| routes.iter().any(|it| it == route);
        match walk {
            Walk::Keys => {
                record::read_head(&start.bytes).is_some_and(|head| is_one(&head.entry.route))
            }
            Walk::Leases => std::str::from_utf8(&start.bytes)
                .ok()
                .and_then(|token| token.split_once(' '))
                .is_some_and(|(_, route)| is_one(route)),
        }
    });
    Ok(named.map(|(key, _)| key).collect())
}

async fn unlink(shared: &Shared, keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
    let mut gone = 0;
    for some in keys.chunks(UNLINK_COUNT) {
        gone += shared.call_past_breaker(STEP, shared.remote().unlink(some)).await?;
    }
    Ok(gone)
}
