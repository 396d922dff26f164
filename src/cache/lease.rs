//! Leases: one render in the whole fleet where it does I/O (TRAPS 6).
//!
//! Who does not get the lease waits until the key or the lease changes, of which tracking tells,
//! then looks again and claims again: only one of those who wait gets it. Who has waited for 2 s
//! renders without one, and does not store.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a lease is held: the longest that a render takes.
pub(crate) const LEASE: Duration = super::RENDER_AT_MOST;
/// How long one waits for another's render, all in all.
pub(crate) const WAIT_AT_MOST: Duration = Duration::from_secs(2);
/// How long at a time where nothing tells of changes, and as a backstop where something does.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How many doors there are for those who wait; keys that share one wake each other for nothing.
const DOORS: usize = 256;

/// Makes tokens that no other instance makes.
#[derive(Debug)]
pub(crate) struct Tokens {
    instance: String,
    next: AtomicU64,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let part = || RandomState::new().hash_one(0_u8);
        let instance = format!("{:016x}{:016x}", part(), part());
        Self { instance, next: AtomicU64::new(0) }
    }

    /// A new token; it ends in the route's name, by which a purge finds it.
    pub(crate) fn token(&self, route: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number} {route}", self.instance)
    }
}

/// Where those who wait for a key are told that it changed.
#[derive(Debug)]
pub(crate) struct Doors {
    doors: Box<[Arc<Notify>]>,
    hasher: RandomState,
}

impl Doors {
    pub(crate) fn new() -> Self {
        let doors = (0..DOORS).map(|_| Arc::default()).collect();
        Self { doors, hasher: RandomState::new() }
    }

    /// Wakes those who wait for `key`.
    pub(crate) fn knock(&self, key: &str) {
        self.door(key).notify_waiters();
    }

    /// Wakes all who wait.
    pub(crate) fn knock_all(&self) {
        self.doors.iter().for_each(|door| door.notify_waiters());
    }

    /// The door of `key`: who means to wait enables its future before looking at the store.
    pub(crate) fn door(&self, key: &str) -> &Arc<Notify> {
        let number = self.hasher.hash_one(key) % DOORS as u64;
        usize::try_from(number).ok().and_then(|at| self.doors.get(at)).unwrap_or(&self.doors[0])
    }
}
