//! Leases: one render in the whole fleet where it does I/O.
//!
//! Who does not get the lease waits until the key or the lease changes, of which tracking tells,
//! then looks again and claims again: only one of those who wait gets it. Who has waited for 2 s
//! renders without one, and does not store.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::request::RENDER_AT_MOST;
use super::stripes::Stripes;

/// What begins the keys of leases; the key that is leased follows, and a brace.
pub(crate) const LEASE_PREFIX: &str = "larder:lease:{";
/// How long a lease is held: the longest that a render takes.
pub(crate) const LEASE: Duration = RENDER_AT_MOST;
/// How long one waits for another's render, all in all.
pub(crate) const WAIT_AT_MOST: Duration = Duration::from_secs(2);
/// How long at a time where nothing tells of changes, and as a backstop where something does.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Makes tokens that no other instance makes.
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

/// The key whose lease this is the key of, if it is one's.
pub(crate) fn leased_key(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(LEASE_PREFIX.as_bytes())?.strip_suffix(b"}")
}

/// Wakes those who wait for a key when it changes. Keys that share a stripe wake each other for
/// nothing, which costs a look.
#[derive(Default)]
pub(crate) struct Waiters {
    stripes: Stripes<Notify, 256>,
}

impl Waiters {
    /// Wakes those who wait for `key`.
    pub(crate) fn wake(&self, key: &str) {
        self.of(key).notify_waiters();
    }

    /// Wakes all who wait.
    pub(crate) fn wake_all(&self) {
        self.stripes.all().iter().for_each(Notify::notify_waiters);
    }

    /// What wakes for `key`: who means to wait enables its future before looking at the store.
    pub(crate) fn of(&self, key: &str) -> &Notify {
        self.stripes.of(key)
    }
}
