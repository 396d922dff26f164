//! What is said in the log once, and remembered for who asks later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How often in a row a foreign record is overwritten before another site is suspected.
const FIGHTS: u32 = 4;

/// What is said once, and remembered for who asks later.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    contended: AtomicBool,
    refused: AtomicBool,
    near_trouble: Mutex<Option<String>>,
}

impl Notices {
    /// A foreign record under one of our keys is being overwritten, for the `times`th time.
    pub(crate) fn overwritten(&self, key: &str, times: u32) {
        if times >= FIGHTS && !self.contended.swap(true, Ordering::Relaxed) {
            tracing::warn!(key, "another site keeps writing the same keys: set cache.namespace");
        }
    }

    /// Whether another site keeps writing the same keys.
    pub(crate) fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }

    /// The server does not do tracking: said once, since it will hardly change.
    pub(crate) fn near_refused(&self, why: String) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason = why, "Redis refuses tracking: no near cache");
        }
        self.set_near_trouble(Some(why));
    }

    /// Why the near cache is not in use; `None` where it is.
    pub(crate) fn set_near_trouble(&self, why: Option<String>) {
        *self.near_trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(crate) fn near_trouble(&self) -> Option<String> {
        self.near_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
