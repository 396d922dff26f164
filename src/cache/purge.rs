//! Purging: what is deleted stays deleted, in every instance, whatever is being rendered.
//!
//! First the flights that are meant are forbidden to write, and those that are writing are waited
//! for; then memory; then in the store the leases, so that no other instance's render that
//! began before can write after, and then the keys, one by one. Only what is under the prefix.

use super::lease::{LEASE_PREFIX, leased_key};
use super::record;
use super::setup::{Cache, Inner};
use super::store::shared::Shared;
use super::store::{Scanned, Start};
use super::trouble::StoreError;
use crate::glob::escape_glob;

/// What to purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// These keys, as they are; they need not be text, nor ours.
    Keys(Vec<Vec<u8>>),
    /// The keys that a Redis glob matches: whole, or after the prefix, or after the namespace.
    Glob(String),
    /// The entries that these routes rendered, by the route's name in the record.
    Routes(Vec<String>),
    /// Everything under the prefix.
    All,
}

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
        let meant = |key: &str, route: &str| match &what {
            Purge::Keys(keys) => keys.iter().any(|it| it == key.as_bytes()),
            Purge::Glob(glob) => inner.matches(glob, key),
            Purge::Routes(routes) => routes.iter().any(|it| it == route),
            Purge::All => true,
        };
        for flight in inner.flights.void(|flight| meant(&flight.key, &flight.route)) {
            let mut progress = flight.progress();
            let ended = progress.wait_for(|progress| progress.result.is_some());
            let _ = tokio::time::timeout(inner.settings.timeout, ended).await;
        }
        let gone = inner.near.invalidate_where(|key, aged| meant(key, &aged.entry.route));
        let Some(shared) = &inner.shared else { return Ok(gone) };
        shared.aside.invalidate_where(|key, aged| meant(key, &aged.entry.route));
        if let Purge::Keys(keys) = what {
            return inner.unlink(shared, keys).await;
        }
        let prefix = escape_glob(&inner.settings.prefix);
        let leases = format!("{LEASE_PREFIX}{prefix}:*");
        let leased = inner.purge_walk(shared, &what, &leases).await?;
        Ok(leased + inner.purge_walk(shared, &what, &format!("{prefix}:*")).await?)
    }
}

impl Inner {
    /// Walks over keys, or over leases, and deletes what is meant: a lease with its key.
    async fn purge_walk(
        &self,
        shared: &Shared,
        what: &Purge,
        pattern: &str,
    ) -> Result<u64, StoreError> {
        let (mut cursor, mut gone) = (0, 0);
        loop {
            let Scanned { cursor: next, mut keys } = shared.scan(cursor, pattern).await?;
            if let Purge::Routes(routes) = what {
                let mut starts = shared.starts(&keys).await?.into_iter();
                keys.retain(|key| starts.next().is_some_and(|start| is_of(routes, key, &start)));
            }
            for key in &mut keys {
                if let Some(leased) = leased_key(key) {
                    *key = leased.to_vec();
                }
            }
            if let Purge::Glob(glob) = what {
                keys.retain(|key| self.matches(glob, &String::from_utf8_lossy(key)));
            }
            gone += self.unlink(shared, keys).await?;
            cursor = next;
            if cursor == 0 {
                return Ok(gone);
            }
        }
    }

    /// Deletes those of the keys that are ours.
    async fn unlink(&self, shared: &Shared, mut keys: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        keys.retain(|key| self.is_ours(key));
        let mut gone = 0;
        for some in keys.chunks(UNLINK_COUNT) {
            gone += shared.past_breaker(shared.remote.unlink(some)).await?;
        }
        Ok(gone)
    }
}

/// Whether a value names one of the routes: a record does, and the token of a lease.
fn is_of(routes: &[String], key: &[u8], start: &Start) -> bool {
    let is_one = |route: &str| routes.iter().any(|it| it == route);
    if leased_key(key).is_none() {
        return record::read_head(&start.bytes).is_some_and(|head| is_one(&head.entry.route));
    }
    let token = std::str::from_utf8(&start.bytes).ok();
    token.and_then(|token| token.split_once(' ')).is_some_and(|(_, route)| is_one(route))
}
