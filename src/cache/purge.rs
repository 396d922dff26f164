//! Purging: what is deleted stays deleted, in every instance, whatever is being rendered.
//!
//! First the flights that are meant are forbidden to write, and those that are writing are waited
//! for; then memory; then in the store the leases, so that no other instance's render that
//! began before can write after, and then the keys, one by one. Only what is under the prefix, and
//! in the namespaces that are said.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::lease::{lease_pattern, leased_key};
use super::names::{Names, Namespaces, key_forms};
use super::near::Near;
use super::orders::{Batch, PurgeOrder};
use super::record;
use super::setup::{Cache, Inner};
use super::store::Stored;
use super::store::shared::Shared;
use super::trouble::StoreError;
use crate::clock::Moment;
use crate::glob::{Glob, escape_glob};

/// What to purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// These keys, as they are or as they were shown; they need not be text, nor ours.
    Keys(Vec<Vec<u8>>),
    /// The keys that a Redis glob matches: whole, or after the prefix, or after the namespace.
    Glob(String),
    /// The entries that these routes rendered, by the route's name in the record.
    Routes(Vec<String>),
    /// Those of them that a route rendered for these paths.
    Pages {
        /// The route's name.
        route: String,
        /// The paths, decoded, as they are in the records.
        paths: BTreeSet<String>,
    },
    /// Everything.
    All,
}

/// How long what requests ordered is tried again where the store does not confirm it, and how
/// often.
const TRIED: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// How many keys are deleted in one pipeline.
const UNLINK_COUNT: usize = 500;
/// How many entries in memory are looked at where the purge is; more than these elsewhere.
const AT_ONCE: usize = 1000;

/// Which keys are meant.
struct Meant {
    names: Names,
    which: Which,
}

enum Which {
    Keys(HashSet<Vec<u8>>),
    /// Nothing, where the glob is longer than any may be.
    Glob(Option<Glob>),
    Routes(Vec<String>),
    Pages(String, BTreeSet<String>),
    All,
}

impl Meant {
    /// Whether an entry is meant, or a flight, of which the path is not known.
    fn covers(&self, key: &str, route: &str, path: Option<&str>) -> bool {
        self.names.hold(key.as_bytes())
            && match &self.which {
                Which::Keys(keys) => keys.contains(key.as_bytes()),
                Which::Glob(glob) => self.is_matched(glob.as_ref(), key),
                Which::Routes(_) | Which::Pages(..) => self.is_of(route, path),
                Which::All => true,
            }
    }

    /// Whether it is a route's that is meant.
    fn is_of(&self, route: &str, path: Option<&str>) -> bool {
        match &self.which {
            Which::Routes(routes) => routes.iter().any(|it| it == route),
            Which::Pages(of, paths) => of == route && path.is_none_or(|path| paths.contains(path)),
            Which::Keys(_) | Which::Glob(_) | Which::All => true,
        }
    }

    /// The same of a value in the store, which names its route: a record does, and the token of a
    /// lease.
    fn holds(&self, key: &[u8], start: &Stored) -> bool {
        if leased_key(&self.names.prefix, key).is_none() {
            let head = record::read_head(&start.value);
            return head.is_some_and(|head| self.is_of(&head.entry.route, Some(&head.entry.path)));
        }
        let token = std::str::from_utf8(&start.value).ok();
        token.and_then(|token| token.split_once(' ')).is_some_and(|(_, of)| self.is_of(of, None))
    }

    fn is_matched(&self, glob: Option<&Glob>, key: &str) -> bool {
        glob.is_some_and(|glob| self.names.match_glob(glob, key))
    }

    /// Those of the keys that may be meant, as far as their names say; a lease is as its key.
    fn named(&self, mut keys: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        for key in &mut keys {
            if let Some(leased) = leased_key(&self.names.prefix, key) {
                *key = leased.to_vec();
            }
        }
        keys.retain(|key| self.names.hold(key));
        if let Which::Glob(glob) = &self.which {
            keys.retain(|key| self.is_matched(glob.as_ref(), &String::from_utf8_lossy(key)));
        }
        keys
    }

    /// Drops what is meant from memory.
    fn drop_from(&self, near: &Near) -> u64 {
        near.invalidate_where(|key, aged| {
            self.covers(key, &aged.entry.route, Some(&aged.entry.path))
        })
    }
}

impl Cache {
    /// Deletes entries, and says how many there were in the store.
    ///
    /// A render that began before can neither write nor be joined after.
    ///
    /// # Errors
    /// Where the store could not be told: then this process's memory is purged, and no more.
    pub async fn purge(&self, what: Purge, namespaces: Namespaces) -> Result<u64, StoreError> {
        let inner = &self.inner;
        let names = inner.names(namespaces);
        let (mut keys, mut pattern) = (Vec::new(), names.pattern(None));
        let which = match what {
            Purge::Keys(typed) => {
                keys = typed.iter().map(|key| key_forms(key)).collect();
                Which::Keys(keys.iter().flatten().cloned().collect())
            }
            Purge::Glob(glob) => {
                pattern = names.pattern(Some(&glob));
                Which::Glob(Glob::new(&glob))
            }
            Purge::Routes(routes) => Which::Routes(routes),
            Purge::Pages { route, paths } => Which::Pages(route, paths),
            Purge::All => Which::All,
        };
        let meant = Arc::new(Meant { names, which });
        let writing = inner.flights.void(|flight| meant.covers(&flight.key, &flight.route, None));
        let ended = writing.iter().map(|flight| async {
            let _ = flight.progress().wait_for(|progress| progress.result.is_some()).await;
        });
        let _ = tokio::time::timeout(inner.settings.timeout, join_all(ended)).await;
        if let Which::Keys(_) = meant.which {
            return inner.purge_keys(&meant.names, keys).await;
        }
        let gone = inner.purge_memory(&meant).await;
        let Some(shared) = &inner.shared else { return Ok(gone) };
        let leases = lease_pattern(&escape_glob(&meant.names.prefix));
        let leased = inner.purge_walk(shared, &meant, &leases).await?;
        Ok(leased + inner.purge_walk(shared, &meant, &pattern).await?)
    }
}

/// What requests order.
impl Cache {
    /// Purges, and waits for the store to confirm it, for `cache.timeout` at most; what it has not
    /// confirmed then goes on alone.
    pub(crate) async fn purge_ordered(&self, orders: Vec<PurgeOrder>) {
        let waiting: Vec<_> = orders.into_iter().map(|order| self.order(order)).collect();
        let confirmed = waiting.into_iter().map(|mut told| async move {
            let _given_up = told.wait_for(|is_confirmed| *is_confirmed).await;
        });
        let _goes_on = timeout(self.inner.settings.timeout, join_all(confirmed)).await;
    }

    fn order(&self, order: PurgeOrder) -> watch::Receiver<bool> {
        let route = Arc::clone(&order.route);
        let (told, first) = self.inner.orders.take(order);
        if let Some(first) = first {
            let cache = self.clone();
            self.inner.tasks.spawn(async move { cache.work_off(&route, first).await });
        }
        told
    }

    /// Purges a batch, then what came meanwhile, until nothing is left.
    async fn work_off(&self, route: &Arc<str>, first: Batch) {
        let (mut batch, clock) = (first, &self.inner.clock);
        let mut since: Option<Moment> = None;
        loop {
            let failed = self.purge_batch(route, &batch).await.err();
            let is_new = since.is_none();
            let began = *since.get_or_insert_with(|| clock.now());
            match &failed {
                None => batch.confirm(),
                Some(why)
                    if clock.now().since(began) < TRIED && !self.inner.ended.is_cancelled() =>
                {
                    if is_new {
                        tracing::warn!(%route, %why, "a purge is not confirmed: it is tried again");
                    }
                    sleep(PAUSE).await;
                    // What came meanwhile is purged with it.
                    batch.extend(self.inner.orders.waiting(route));
                    continue;
                }
                Some(why) => {
                    tracing::error!(%route, %why, "a purge was given up: pages may be old");
                }
            }
            match self.inner.orders.next(route) {
                Some(next) => (batch, since) = (next, None),
                None => return,
            }
        }
    }

    async fn purge_batch(&self, route: &Arc<str>, batch: &Batch) -> Result<(), StoreError> {
        let route = || route.to_string();
        let mut purges = Vec::new();
        if batch.is_all {
            purges.push(Purge::Routes(vec![route()]));
        } else {
            if !batch.keys.is_empty() {
                let keys = batch.keys.iter().map(|key| key.clone().into_bytes());
                purges.push(Purge::Keys(keys.collect()));
            }
            if !batch.paths.is_empty() {
                purges.push(Purge::Pages { route: route(), paths: batch.paths.clone() });
            }
        }
        let namespaces = || Namespaces::Of(Arc::new(batch.of.clone()));
        let purges = purges.into_iter().map(|purge| self.purge(purge, namespaces()));
        try_join_all(purges).await.map(drop)
    }
}

impl Inner {
    pub(super) fn names(&self, namespaces: Namespaces) -> Names {
        Names { prefix: self.settings.prefix.as_str().into(), namespaces }
    }

    /// Deletes keys, each in the first of its forms that is there; says how many there were.
    async fn purge_keys(
        &self,
        names: &Names,
        mut keys: Vec<Vec<Vec<u8>>>,
    ) -> Result<u64, StoreError> {
        for forms in &mut keys {
            forms.retain(|form| names.hold(form));
            // From the last one on: the first one is taken first.
            forms.reverse();
        }
        let Some(shared) = &self.shared else {
            let is_there = |form: &Vec<u8>| {
                std::str::from_utf8(form).is_ok_and(|form| self.near.invalidate(form))
            };
            return Ok(keys.iter().map(|forms| u64::from(forms.iter().rev().any(is_there))).sum());
        };
        for form in keys.iter().flatten().filter_map(|form| std::str::from_utf8(form).ok()) {
            self.near.invalidate(form);
            shared.aside.invalidate(form);
        }
        let mut gone = 0;
        while !keys.is_empty() {
            keys.retain(|forms| !forms.is_empty());
            let asked = keys.iter_mut().filter_map(Vec::pop).collect::<Vec<_>>();
            let mut were_there = unlink(shared, &asked).await?.into_iter();
            keys.retain(|_| {
                let was_there = were_there.next() == Some(true);
                gone += u64::from(was_there);
                !was_there
            });
        }
        Ok(gone)
    }

    /// Drops from memory what is meant, where much is in it off the threads that serve.
    async fn purge_memory(self: &Arc<Self>, meant: &Arc<Meant>) -> u64 {
        if self.near.len() <= AT_ONCE {
            return self.drop_meant(meant);
        }
        let (inner, meant) = (Arc::clone(self), Arc::clone(meant));
        let dropped = tokio::task::spawn_blocking(move || inner.drop_meant(&meant));
        dropped.await.unwrap_or_default()
    }

    fn drop_meant(&self, meant: &Meant) -> u64 {
        if let Some(shared) = &self.shared {
            meant.drop_from(&shared.aside);
        }
        meant.drop_from(&self.near)
    }

    /// Walks over keys, or over leases, and deletes what is meant: a lease with its key.
    async fn purge_walk(
        &self,
        shared: &Shared,
        meant: &Arc<Meant>,
        pattern: &str,
    ) -> Result<u64, StoreError> {
        let (mut cursor, mut gone) = (0, 0);
        loop {
            let (next, mut keys) = shared.scan(cursor, pattern).await?;
            let prefix = &meant.names.prefix;
            if let Which::Routes(_) | Which::Pages(..) = &meant.which {
                keys.retain(|key| meant.names.hold(leased_key(prefix, key).unwrap_or(key)));
                let mut starts = shared.starts(&keys).await?.into_iter();
                keys.retain(|key| starts.next().is_some_and(|start| meant.holds(key, &start)));
            }
            let keys = if let Which::Glob(_) = meant.which {
                let meant = Arc::clone(meant);
                let named = tokio::task::spawn_blocking(move || meant.named(keys));
                named.await.unwrap_or_default()
            } else {
                meant.named(keys)
            };
            let were_there = unlink(shared, &keys).await?;
            gone += were_there.into_iter().map(u64::from).sum::<u64>();
            cursor = next;
            if cursor == 0 {
                return Ok(gone);
            }
        }
    }
}

/// Deletes keys; says of each whether it was there.
async fn unlink(shared: &Shared, keys: &[Vec<u8>]) -> Result<Vec<bool>, StoreError> {
    let mut were_there = Vec::with_capacity(keys.len());
    for some in keys.chunks(UNLINK_COUNT) {
        were_there.extend(shared.past_breaker(shared.remote.unlink(some)).await?);
    }
    Ok(were_there)
}
