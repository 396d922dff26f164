//! What happens here when the store tells of a change: the one door for invalidations.

use std::sync::Arc;

use super::counters::Counters;
use super::lease::Doors;
use super::near::Near;

/// What begins the keys of leases; the key that is leased follows, and a brace.
pub(crate) const LEASE_PREFIX: &str = "larder:lease:{";

/// Passes changes on to memory, and to those who wait for a key.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) near: Arc<Near>,
    /// Renders that the store could not be told of; a change under their key ends them too.
    pub(crate) aside: Arc<Near>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) counters: Arc<Counters>,
}

impl Told {
    /// A key was written, deleted, evicted or has expired.
    pub(crate) fn key(&self, key: &[u8]) {
        // Our keys are text: another's, which is none, is in no memory here.
        let Ok(key) = std::str::from_utf8(key) else { return };
        self.counters.invalidations.add();
        let leased = key.strip_prefix(LEASE_PREFIX).and_then(|key| key.strip_suffix('}'));
        if let Some(leased) = leased {
            self.doors.knock(leased);
            return;
        }
        self.near.invalidate(key);
        self.aside.invalidate(key);
        self.doors.knock(key);
    }

    /// All keys are gone.
    pub(crate) fn all(&self) {
        self.counters.invalidations.add();
        self.near.clear();
        self.aside.clear();
        self.doors.knock_all();
    }

    /// From now on every change is told.
    pub(crate) fn armed(&self) {
        self.near.arm();
    }

    /// Changes are no longer told.
    pub(crate) fn lost(&self) {
        if self.near.is_trusted() {
            self.counters.tracking_lost.add();
        }
        self.near.disarm();
        self.doors.knock_all();
    }
}
