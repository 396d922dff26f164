//! Entries in this process's memory: the memory store, or the near cache of what Redis holds.
//!
//! A copy of what Redis holds must not come back after Redis has told that the key changed. So who
//! reads from Redis takes a [`Ticket`] of the key before it asks, which is the number of changes of
//! the key so far, and what was read is put in only while that is still the number. The changes are
//! not counted by key, since that would take a map that grows, whose counts could leak or be
//! evicted: there are 1,024 counts, and each key has one of them, its stripe. Two keys of one
//! stripe cost each other at most a read that is not kept.
//!
//! Files that the edge sends are kept here too, under names that no key has: so one bound holds
//! for all. No store knows of them, and whoever put one in says whether it is still true.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
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
    map: Map<Box<str>, Held, Weigh, DefaultHashBuilder, CountEvictions>,
    /// How often the keys of each stripe were invalidated.
    changes: Stripes<Mutex<u64>, 1024>,
    /// Whether what is here may be served: a near cache that is not being told of changes may not.
    trusted: AtomicBool,
    evictions: Arc<AtomicU64>,
    /// How many files are held.
    files: Arc<AtomicU64>,
}

/// What is in the map.
#[derive(Clone, Debug)]
enum Held {
    Entry(Kept),
    File(Arc<HeldFile>),
}

impl Held {
    fn into_entry(self) -> Option<Kept> {
        match self {
            Self::Entry(kept) => Some(kept),
            Self::File(_) => None,
        }
    }
}

/// What the edge keeps of a file.
#[derive(Debug)]
struct HeldFile {
    file: Arc<dyn Any + Send + Sync>,
    weight: u64,
    count: Arc<AtomicU64>,
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An entry, and the weight that it was put in with: what is prepared of it comes later.
#[derive(Clone, Debug)]
struct Kept {
    aged: AgedEntry,
    weight: u64,
}

impl Kept {
    fn new(aged: AgedEntry) -> Self {
        let weight = aged.entry.weight();
        Self { aged, weight }
    }
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
        let (changes, trusted) = (Stripes::default(), AtomicBool::new(trusted));
        Self { map, changes, trusted, evictions, files: Arc::default() }
    }

    /// What was kept of a file under a name that no key has.
    pub(crate) fn file(&self, name: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        match self.map.get(name)? {
            Held::File(held) => Some(Arc::clone(&held.file)),
            Held::Entry(_) => None,
        }
    }

    /// Keeps what is sent of a file, of this many bytes, where there is room for one of its size.
    pub(crate) fn put_file(&self, name: &str, file: Arc<dyn Any + Send + Sync>, weight: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        let held = HeldFile { file, weight, count: Arc::clone(&self.files) };
        let (name, held) = (Box::<str>::from(name), Held::File(Arc::new(held)));
        if Weigh.weight(&name, &held) <= self.map.shard_capacity() {
            self.insert(name, held);
        }
    }

    /// The entry under `key`, however stale, while the store itself would still hold it.
    pub(crate) fn get(&self, key: &str, now: Moment) -> Option<AgedEntry> {
        if !self.trusted.load(Ordering::Acquire) {
            return None;
        }
        let Kept { aged, weight } = self.map.get(key)?.into_entry()?;
        if weight != aged.entry.weight() {
            self.weigh_again(key, &aged);
        }
        Some(aged).filter(|aged| now < aged.until())
    }

    /// Counts what was prepared of an entry since it was put in; later, where that would wait.
    #[cold]
    fn weigh_again(&self, key: &str, aged: &AgedEntry) {
        let Some(_changes) = self.changes.of(key).try_lock() else { return };
        let is_there = |kept: &Kept| Arc::ptr_eq(&kept.aged.entry, &aged.entry);
        if self.map.peek(key).and_then(Held::into_entry).is_some_and(|kept| is_there(&kept)) {
            // One that no longer fits leaves.
            let (mut putting, held) = (Putting(key.into()), Held::Entry(Kept::new(aged.clone())));
            if self.map.replace_with_lifecycle(key.into(), held, true, &mut putting).is_err() {
                self.evictions.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn insert(&self, key: Box<str>, held: Held) {
        let mut putting = Putting(key.clone());
        self.map.insert_with_lifecycle(key, held, &mut putting);
    }

    /// Puts in an entry that was made here; says whether there is room for one of its size.
    pub(crate) fn put(&self, key: &str, aged: AgedEntry) -> bool {
        let _changes = self.changes.of(key).lock();
        let (key, kept) = (Box::<str>::from(key), Held::Entry(Kept::new(aged)));
        let fits = Weigh.weight(&key, &kept) <= self.map.shard_capacity();
        if fits {
            self.insert(key, kept);
        }
        fits
    }

    /// Leave to put in what is read from now on; `None` where nothing may be kept.
    pub(crate) fn ticket(&self, key: &str) -> Option<Ticket> {
        let changes = *self.changes.of(key).lock();
        self.trusted.load(Ordering::Acquire).then_some(Ticket { changes })
    }

    /// Puts in what was read, unless the key was invalidated since the ticket was taken.
    pub(crate) fn put_read(&self, ticket: Ticket, key: &str, aged: AgedEntry) {
        let changes = self.changes.of(key).lock();
        if *changes == ticket.changes {
            self.insert(key.into(), Held::Entry(Kept::new(aged)));
        }
    }

    /// Drops `key`, and what was read of it before now; says whether it was there.
    pub(crate) fn invalidate(&self, key: &str) -> bool {
        let mut changes = self.changes.of(key).lock();
        *changes += 1;
        self.map.remove(key).is_some()
    }

    /// Drops all keys of which `gone` says so, and what is being read of any; says how many. No
    /// lock is held for longer than one key takes.
    pub(crate) fn invalidate_where(&self, gone: impl Fn(&str, &AgedEntry) -> bool) -> u64 {
        self.void_tickets();
        let meant = self.entries().filter(|(key, aged)| gone(key, aged));
        meant.map(|(key, _)| u64::from(self.map.remove(&key).is_some())).sum()
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

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.map.len().saturating_sub(self.files())
    }

    fn files(&self) -> usize {
        usize::try_from(self.files.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// All entries as they are now, without order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Box<str>, AgedEntry)> + '_ {
        self.map.iter().filter_map(|(key, held)| Some((key, held.into_entry()?.aged)))
    }

    /// How many entries there are, their bytes, the bound in bytes, and how many had to leave.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            entries: self.len() as u64,
            bytes: self.map.weight(),
            capacity_bytes: self.map.capacity(),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    /// Insertions hold a stripe's lock, so that after this none can bring back what went before.
    fn void_tickets(&self) {
        self.changes.all().iter().for_each(|changes| *changes.lock() += 1);
    }
}

/// How full a process's memory of entries is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many entries there are.
    pub entries: u64,
    /// Their estimated bytes, and those of the files that are kept beside them.
    pub bytes: u64,
    /// The bound on the bytes.
    pub capacity_bytes: u64,
    /// How many had to leave for want of room, since the start.
    pub evictions: u64,
}

#[derive(Clone, Debug)]
struct Weigh;

impl Weighter<Box<str>, Held> for Weigh {
    fn weight(&self, key: &Box<str>, held: &Held) -> u64 {
        let weight = match held {
            Held::Entry(kept) => kept.weight,
            Held::File(held) => held.weight,
        };
        SLOT_BYTES + key.len() as u64 + weight
    }
}

#[derive(Clone, Debug)]
struct CountEvictions(Arc<AtomicU64>);

/// The key that is being put in: what it takes the place of is not evicted.
#[derive(Debug, Default)]
struct Putting(Box<str>);

impl Lifecycle<Box<str>, Held> for CountEvictions {
    type RequestState = Putting;

    fn on_evict(&self, putting: &mut Putting, key: Box<str>, _held: Held) {
        self.0.fetch_add(u64::from(key != putting.0), Ordering::Relaxed);
    }
}
