//! What happens here when the store tells of a change: every invalidation passes through this.

use std::sync::Arc;

use super::counters::Counters;
use super::lease::{Waiters, leased_key};
use super::near::Near;

/// Passes changes on to memory, and to those who wait for a key.
#[derive(Clone, Debug)]
pub(crate) struct Invalidator {
    pub(crate) near: Arc<Near>,
    /// Renders that the store could not be told of; a change under their key ends them too.
    pub(crate) aside: Arc<Near>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) counters: Arc<Counters>,
}

impl Invalidator {
    /// A key was written, deleted, evicted or has expired.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let leased = leased_key(key);
        // Our keys are text: another's, which is none, is in no memory here.
        let Ok(changed) = std::str::from_utf8(leased.unwrap_or(key)) else { return };
        self.counters.invalidations.add();
        if leased.is_none() {
            self.near.invalidate(changed);
            self.aside.invalidate(changed);
        }
        self.waiters.wake(changed);
    }

    /// All keys are gone.
    pub(crate) fn invalidate_all(&self) {
        self.counters.invalidations.add();
        self.near.clear();
        self.aside.clear();
        self.waiters.wake_all();
    }

    /// From now on every change is told.
    pub(crate) fn arm(&self) {
        self.near.arm();
    }

    /// Changes are no longer told.
    pub(crate) fn disarm(&self) {
        if self.near.is_trusted() {
            self.counters.tracking_lost.add();
        }
        self.near.disarm();
        self.waiters.wake_all();
    }
}
