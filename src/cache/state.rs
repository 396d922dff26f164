//! How the store and the near cache are doing, in words, for status and admin page.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::near::Figures;
use super::setup::Cache;
use super::trouble::{StoreError, Trouble};

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreState {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether it can be used.
    pub up: bool,
    /// What is wrong with it, in words.
    pub trouble: Option<String>,
    /// Whether what is in this process's memory of entries is served: the memory store itself, or
    /// the near cache.
    pub near_in_use: bool,
    /// Why not, in words.
    pub near_trouble: Option<String>,
    /// How full that memory is.
    pub near: Figures,
    /// How many renders and look-ups are under way.
    pub in_flight: usize,
    /// Whether another site keeps writing the same keys: `cache.namespace` would part them.
    pub contended: bool,
}

impl Cache {
    /// How the store and the near cache are doing.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let inner = &*self.inner;
        let trouble = inner.shared.as_ref().and_then(|shared| {
            let writes = |kind: Trouble| format!("takes no writes: {}", kind.name());
            let down = shared.trouble().map(|error| error.to_string());
            down.or_else(|| shared.write_trouble().map(writes))
        });
        StoreState {
            kind: if inner.shared.is_some() { "redis" } else { "memory" },
            up: trouble.is_none(),
            trouble,
            near_in_use: inner.near.is_trusted(),
            near_trouble: inner.notices.near_trouble(),
            near: inner.near.figures(),
            in_flight: inner.flights.count(),
            contended: inner.notices.is_contended(),
        }
    }

    /// What Redis says of itself, by the names of its `INFO`; nothing of a memory store.
    ///
    /// # Errors
    /// Where it could not be asked.
    pub async fn about(&self) -> Result<Vec<(String, String)>, StoreError> {
        match &self.inner.shared {
            Some(shared) => shared.past_breaker(shared.remote.about()).await,
            None => Ok(Vec::new()),
        }
    }
}

/// How often in a row a foreign record is overwritten before another site is suspected.
const FIGHTS: u32 = 4;

/// What is said once, and remembered for who asks later.
#[derive(Default)]
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
