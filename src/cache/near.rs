//! Entries in this process's memory: the memory store, or the near cache of what Redis holds.
//!
//! A copy of what Redis holds must not come back after Redis has told that the key changed. So who
//! reads from Redis takes a [`Ticket`] of the key before it asks, which is the number of changes of
//! the key so far, and what was read is put in only while that is still the number. The changes are
//! not counted by key, since that would take a map that grows, whose counts could leak or be
//! evicted: there are 1,024 counts, and each key has one of them, its stripe. Two keys of one
//! stripe cost each other at most a read that is not kept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache as Map;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::freshness::AgedEntry;
use super::stripes::Stripes;
use crate::clock::Moment;

/// What the map itself takes for an entry, in bytes.
const SLOT_BYTES: u64 = 128;
/// A shard holds at least this many of the largest entries, so that none is refused for its size.
const LARGEST_PER_SHARD: u64 = 4;

/// Entries by key, bounded in bytes, scan-resistant.
pub(crate) struct Near {
    map: Map<Box<str>, AgedEntry, Weigh, DefaultHashBuilder, CountEvictions>,
    /// How often the keys of each stripe were invalidated.
    changes: Stripes<Mutex<u64>, 1024>,
    /// Whether what is here may be served: a near cache that is not being told of changes may not.
    trusted: AtomicBool,
    evictions: Arc<AtomicU64>,
}

/// Leave to put in what is about to be read, until an invalidation of the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// How many changes the key's stripe had seen when the ticket was taken.
    changes: u64,
}

impl Near {
    /// An empty one of `bytes`, for entries of at most `largest` bytes.
    pub(crate) fn new(bytes: u64, largest: u64, trusted: bool) -> Self {
        let evictions = Arc::<AtomicU64>::default();
        let shards = (bytes / (largest.max(1024) * LARGEST_PER_SHARD)).clamp(1, 64);
        let items = usize::try_from(bytes / 4096).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let mut options = OptionsBuilder::new();
        options.shards(usize::try_from(shards).unwrap_or(1));
        options.estimated_items_capacity(items).weight_capacity(bytes);
        let counted = CountEvictions(Arc::clone(&evictions));
        let options = options.build();
        debug_assert!(options.is_ok(), "only options without a capacity are refused");
        let map = match options {
            Ok(options) => {
                Map::with_options(options, Weigh, DefaultHashBuilder::default(), counted)
            }
            Err(_) => Map::with(items, bytes, Weigh, DefaultHashBuilder::default(), counted),
        };
        Self { map, changes: Stripes::default(), trusted: AtomicBool::new(trusted), evictions }
    }

    /// The entry under `key`, however stale, while the store itself would still hold it.
    pub(crate) fn get(&self, key: &str, now: Moment) -> Option<AgedEntry> {
        if !self.trusted.load(Ordering::Acquire) {
            return None;
        }
        self.map.get(key).filter(|aged| now < aged.until())
    }

    /// Puts in an entry that was made here; says whether there is room for one of its size.
    pub(crate) fn put(&self, key: &str, aged: AgedEntry) -> bool {
        let key: Box<str> = key.into();
        let fits = Weigh.weight(&key, &aged) <= self.map.shard_capacity();
        if fits {
            self.map.insert(key, aged);
        }
        fits
    }

    /// Leave to put in what is read from now on; `None` where nothing may be kept.
    pub(crate) fn ticket(&self, key: &str) -> Option<Ticket> {
        let changes = *lock(self.changes.of(key));
        self.trusted.load(Ordering::Acquire).then_some(Ticket { changes })
    }

    /// Puts in what was read, unless the key was invalidated since the ticket was taken.
    pub(crate) fn put_read(&self, ticket: Ticket, key: &str, aged: AgedEntry) {
        let changes = lock(self.changes.of(key));
        if *changes == ticket.changes {
            self.map.insert(key.into(), aged);
        }
    }

    /// Drops `key`, and what was read of it before now; says whether it was there.
    pub(crate) fn invalidate(&self, key: &str) -> bool {
        let mut changes = lock(self.changes.of(key));
        *changes += 1;
        self.map.remove(key).is_some()
    }

    /// Drops all keys of which `gone` says so, and what is being read of any; says how many.
    pub(crate) fn invalidate_where(&self, gone: impl Fn(&str, &AgedEntry) -> bool) -> u64 {
        self.void_tickets();
        let count = AtomicU64::new(0);
        self.map.retain(|key, aged| {
            let drop = gone(key, aged);
            count.fetch_add(u64::from(drop), Ordering::Relaxed);
            !drop
        });
        count.into_inner()
    }

    /// Drops all, and what is being read.
    pub(crate) fn clear(&self) {
        self.void_tickets();
        self.map.clear();
    }

    /// From now on every change is told: what is read after this may be kept and served.
    pub(crate) fn arm(&self) {
        self.clear();
        self.trusted.store(true, Ordering::Release);
    }

    /// Changes are no longer told: nothing is served, and nothing kept, until it is armed again.
    pub(crate) fn disarm(&self) {
        self.trusted.store(false, Ordering::Release);
        self.clear();
    }

    /// Whether it is in use.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Acquire)
    }

    /// All entries as they are now, without order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Box<str>, AgedEntry)> + '_ {
        self.map.iter()
    }

    /// How many entries there are, their bytes, the bound in bytes, and how many had to leave.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            entries: self.map.len() as u64,
            bytes: self.map.weight(),
            capacity_bytes: self.map.capacity(),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    /// Insertions hold a stripe's lock, so that after this none can bring back what went before.
    fn void_tickets(&self) {
        self.changes.all().iter().for_each(|changes| *lock(changes) += 1);
    }
}

fn lock(changes: &Mutex<u64>) -> MutexGuard<'_, u64> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How full a process's memory of entries is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many entries there are.
    pub entries: u64,
    /// Their estimated bytes.
    pub bytes: u64,
    /// The bound on the bytes.
    pub capacity_bytes: u64,
    /// How many had to leave for want of room, since the start.
    pub evictions: u64,
}

#[derive(Clone, Debug)]
struct Weigh;

impl Weighter<Box<str>, AgedEntry> for Weigh {
    fn weight(&self, key: &Box<str>, aged: &AgedEntry) -> u64 {
        SLOT_BYTES + key.len() as u64 + aged.entry.weight()
    }
}

#[derive(Clone, Debug)]
struct CountEvictions(Arc<AtomicU64>);

impl Lifecycle<Box<str>, AgedEntry> for CountEvictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _key: Box<str>, _aged: AgedEntry) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
