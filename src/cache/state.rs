//! How the store and the near cache are doing, in words, for status and admin page.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::near::Figures;
use super::setup::Cache;
use super::trouble::{StoreError, Trouble};
use crate::clock::Moment;

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreState {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether it can be used, if only to read.
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
        let shared = inner.shared.as_ref();
        let down = shared.and_then(|it| it.trouble().or_else(|| it.lasting_trouble()));
        let writes = |kind: Trouble| format!("takes no writes: {}", kind.name());
        let refused = shared.and_then(|shared| shared.refused_writes()).map(writes);
        StoreState {
            kind: if inner.shared.is_some() { "redis" } else { "memory" },
            up: down.is_none(),
            trouble: down.map(|error| error.to_string()).or(refused),
            near_in_use: inner.near.is_trusted(),
            near_trouble: inner.notices.near_trouble(),
            near: inner.near.figures(),
            in_flight: inner.flights.count(),
            contended: inner.notices.contended.load(Ordering::Relaxed),
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

/// How long two versions of a site may write the same keys before that is said, and how long the
/// other one's record is left before it is overwritten again.
pub(super) const CONTENDED: Duration = Duration::from_secs(60);

/// So many routes are told of that have pages too large to be kept.
const MAX_TOLD: usize = 1000;

/// What is said once, and remembered for who asks later.
#[derive(Default)]
pub(crate) struct Notices {
    contended: AtomicBool,
    /// Since when and until when another version was seen to write the same keys.
    contention: Mutex<Option<(Moment, Moment)>>,
    /// The routes with pages that were too large to be kept.
    too_large: Mutex<HashSet<Arc<str>>>,
    near_trouble: Mutex<Option<Arc<str>>>,
    /// Whether another site's prefix was seen to begin with ours.
    nested: AtomicBool,
}

impl Notices {
    /// A page of a route is of more bytes than an entry may have.
    pub(crate) fn too_large(&self, route: &Arc<str>, bytes: usize) {
        let mut told = self.too_large.lock();
        if told.len() < MAX_TOLD && told.insert(Arc::clone(route)) {
            let why = "a page is over cache.max_entry, so it is made at each request";
            tracing::warn!(%route, bytes, "{why}");
        }
    }

    /// A record of another version of the site is left under one of our keys.
    pub(crate) fn contended(&self, key: &str, now: Moment) {
        let mut contention = self.contention.lock();
        let lasting = contention.filter(|(_, last)| now.since(*last) < CONTENDED * 2);
        let (since, _) = lasting.unwrap_or((now, now));
        *contention = Some((since, now));
        drop(contention);
        if now.since(since) >= CONTENDED && !self.contended.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                key,
                "another version of the site writes the same keys: a deploy, or another site that \
                 needs its own cache.namespace"
            );
        }
    }

    /// Another site's prefix begins with ours: its keys look as if they were in our namespaces.
    pub(crate) fn nested(&self, prefix: &str, other: &str) {
        if !self.nested.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                prefix,
                other,
                "another site's cache.prefix begins with this one's: a purge of a namespace may \
                 reach its pages; give one of them another prefix"
            );
        }
    }

    /// Why the near cache is not in use from now on, or `None` where it is; gives what was before.
    pub(crate) fn set_near_trouble(&self, why: Option<Arc<str>>) -> Option<Arc<str>> {
        let mut trouble = self.near_trouble.lock();
        std::mem::replace(&mut trouble, why)
    }

    fn near_trouble(&self) -> Option<String> {
        let trouble = self.near_trouble.lock();
        trouble.as_deref().map(str::to_owned)
    }
}
