//! How the store and the near cache are doing, in words, for status and admin page.

use super::near::Figures;
use super::setup::{Cache, Inner};
use super::store::shared::STEP;
use super::trouble::StoreError;

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
            contended: inner.notices.is_contended(),
        }
    }

    /// What Redis says of itself, by the names of its `INFO`; nothing of a memory store.
    ///
    /// # Errors
    /// Where it could not be asked.
    pub async fn about(&self) -> Result<Vec<(String, String)>, StoreError> {
        match &self.inner.shared {
            Some(shared) => shared.call_past_breaker(STEP, shared.remote().about()).await,
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
