//! Entries in this process's memory: the memory store, or the near cache of what Redis holds.
//!
//! The near cache is coherent by the marker rule (TRAPS 1): who reads from Redis takes a
//! [`Ticket`] before it asks, and an invalidation of the key makes the ticket void; what was read
//! is put in only with a ticket that still stands. Tickets are counters in a fixed number of
//! stripes, so that no marker can be lost, leak or be evicted; two keys of one stripe cost each
//! other at most a read that is not kept.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache as Map;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::freshness::Kept;
use crate::clock::Moment;

/// How many counters there are for tickets.
const STRIPES: usize = 1024;
/// What the map itself takes for an entry, in bytes.
const SLOT_BYTES: u64 = 128;
/// A shard holds at least this many of the largest entries, so that none is refused for its size.
const LARGEST_PER_SHARD: u64 = 4;

/// Entries by key, bounded in bytes, scan-resistant.
pub(crate) struct Near {
    map: Map<Box<str>, Kept, Weigh, DefaultHashBuilder, CountEvictions>,
    stripes: Box<[Mutex<u64>]>,
    hasher: RandomState,
    /// Whether what is here may be served: a near cache that is not being told of changes may not.
    trusted: AtomicBool,
    evictions: Arc<AtomicU64>,
}

/// Leave to put in what is about to be read, until an invalidation of the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    stripe: usize,
    count: u64,
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
        let map = match options.build() {
            Ok(options) => {
                Map::with_options(options, Weigh, DefaultHashBuilder::default(), counted)
            }
            Err(_) => Map::with(items, bytes, Weigh, DefaultHashBuilder::default(), counted),
        };
        let stripes = (0..STRIPES).map(|_| Mutex::new(0)).collect();
        let trusted = AtomicBool::new(trusted);
        Self { map, stripes, hasher: RandomState::new(), trusted, evictions }
    }

    /// The entry under `key`, however stale, while the store itself would still hold it.
    pub(crate) fn get(&self, key: &str, now: Moment) -> Option<Kept> {
        if !self.trusted.load(Ordering::Acquire) {
            return None;
        }
        self.map.get(key).filter(|kept| now < kept.until())
    }

    /// Puts in an entry that was made here; says whether there is room for one of its size.
    pub(crate) fn put(&self, key: &str, kept: Kept) -> bool {
        let key: Box<str> = key.into();
        let fits = Weigh.weight(&key, &kept) <= self.map.shard_capacity();
        if fits {
            self.map.insert(key, kept);
        }
        fits
    }

    /// Leave to put in what is read from now on; `None` where nothing may be kept.
    pub(crate) fn ticket(&self, key: &str) -> Option<Ticket> {
        let stripe = self.stripe(key);
        let count = *self.lock(stripe);
        self.trusted.load(Ordering::Acquire).then_some(Ticket { stripe, count })
    }

    /// Puts in what was read, unless the key was invalidated since the ticket was taken.
    pub(crate) fn put_read(&self, ticket: Ticket, key: &str, kept: Kept) {
        let count = self.lock(ticket.stripe);
        if *count == ticket.count {
            self.map.insert(key.into(), kept);
        }
    }

    /// Drops `key`, and what was read of it before now; says whether it was there.
    pub(crate) fn invalidate(&self, key: &str) -> bool {
        let mut count = self.lock(self.stripe(key));
        *count += 1;
        self.map.remove(key).is_some()
    }

    /// Drops all keys of which `gone` says so, and what is being read of any; says how many.
    pub(crate) fn invalidate_where(&self, gone: impl Fn(&str, &Kept) -> bool) -> u64 {
        self.void_tickets();
        let count = AtomicU64::new(0);
        self.map.retain(|key, kept| {
            let drop = gone(key, kept);
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
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Box<str>, Kept)> + '_ {
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
        for stripe in 0..self.stripes.len() {
            *self.lock(stripe) += 1;
        }
    }

    fn stripe(&self, key: &str) -> usize {
        usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0)
    }

    fn lock(&self, stripe: usize) -> MutexGuard<'_, u64> {
        let stripe = self.stripes.get(stripe).unwrap_or(&self.stripes[0]);
        stripe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Near")
            .field("trusted", &self.trusted)
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
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

impl Weighter<Box<str>, Kept> for Weigh {
    fn weight(&self, key: &Box<str>, kept: &Kept) -> u64 {
        SLOT_BYTES + key.len() as u64 + kept.entry.weight()
    }
}

#[derive(Clone, Debug)]
struct CountEvictions(Arc<AtomicU64>);

impl Lifecycle<Box<str>, Kept> for CountEvictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _key: Box<str>, _kept: Kept) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
