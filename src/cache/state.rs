//! How the store and the near cache are doing, in words, for status, admin page and logs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::near::Figures;
use super::purge::STEP;
use super::store::StoreError;
use super::{Cache, Inner};

/// How often in a row a foreign record is overwritten before another site is suspected.
const FIGHTS: u32 = 4;

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreState {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether it can be used.
    pub up: bool,
    /// What is wrong with it, in words.
    pub trouble: Option<String>,
    /// The process's memory of entries: the memory store itself, or the near cache.
    pub near: NearState,
    /// How many renders and look-ups are under way.
    pub in_flight: usize,
    /// Whether another site keeps writing the same keys: `cache.namespace` would part them.
    pub contended: bool,
}

/// How the near cache is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearState {
    /// Whether what is in it is served.
    pub in_use: bool,
    /// Why not, in words.
    pub trouble: Option<String>,
    /// How full it is.
    pub figures: Figures,
}

impl Cache {
    /// How the store and the near cache are doing.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let inner = &*self.inner;
        let trouble = inner.trouble();
        StoreState {
            kind: if inner.shared.is_some() { "redis" } else { "memory" },
            up: trouble.is_none(),
            trouble,
            near: NearState {
                in_use: inner.near.is_trusted(),
                trouble: inner.notices.near_trouble(),
                figures: inner.near.figures(),
            },
            in_flight: inner.flights.count(),
            contended: inner.notices.contended.load(Ordering::Relaxed),
        }
    }
}

impl Cache {
    /// What Redis says of itself, by the names of its `INFO`; nothing of a memory store.
    ///
    /// # Errors
    /// Where it could not be asked.
    pub async fn about(&self) -> Result<Vec<(String, String)>, StoreError> {
        match &self.inner.shared {
            Some(shared) => shared.told(STEP, shared.remote().about()).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Inner {
    fn trouble(&self) -> Option<String> {
        let shared = self.shared.as_ref()?;
        let writes =
            || shared.write_trouble().map(|kind| format!("takes no writes: {}", kind.name()));
        shared.trouble().map(|error| error.to_string()).or_else(writes)
    }
}

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

    fn near_trouble(&self) -> Option<String> {
        self.near_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
