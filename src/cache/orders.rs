//! Purges that the site's own requests ask for, of one route each: many that come together are one.
//!
//! Of each route at most one is under way and one waits, which those that come later join.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// How many pages are told apart in one purge; of more it is all of the route's.
const PAGES: usize = 1_000;

/// What to purge of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PurgeOrder {
    /// The route's name.
    pub(crate) route: Arc<str>,
    /// The namespace of its keys.
    pub(crate) namespace: String,
    /// Which of its pages.
    pub(crate) pages: OrderedPages,
}

/// Which pages of a route are to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrderedPages {
    /// All.
    All,
    /// The one under this key.
    Key(String),
    /// Those at this path, whatever else is in their keys.
    Path(String),
}

/// The routes of which something is being purged, and what waits for its turn there.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<HashMap<Arc<str>, Option<Batch>>>);

/// What several requests ask for together.
#[derive(Debug)]
pub(super) struct Batch {
    /// The namespaces.
    pub(super) of: BTreeSet<String>,
    pub(super) is_all: bool,
    pub(super) keys: BTreeSet<String>,
    pub(super) paths: BTreeSet<String>,
    /// Told when the store has confirmed it.
    told: Vec<watch::Sender<bool>>,
}

impl Orders {
    /// Takes an order: gives where it is told that it is done, and what has to begin for that.
    pub(super) fn take(&self, order: PurgeOrder) -> (watch::Receiver<bool>, Option<Batch>) {
        let route = Arc::clone(&order.route);
        let (told, receiver) = watch::channel(false);
        let mut running = self.0.lock();
        match running.get_mut(&route) {
            Some(Some(waiting)) => (waiting.join(order, told), None),
            Some(none) => {
                *none = Some(Batch::new(order, told));
                (receiver, None)
            }
            None => {
                running.insert(route, None);
                (receiver, Some(Batch::new(order, told)))
            }
        }
    }

    /// What waits for its turn at a route, which stays taken.
    pub(super) fn waiting(&self, route: &str) -> Option<Batch> {
        self.0.lock().get_mut(route).and_then(Option::take)
    }

    /// What is next at a route; where nothing is, the next order begins anew.
    pub(super) fn next(&self, route: &str) -> Option<Batch> {
        let mut running = self.0.lock();
        let next = running.get_mut(route).and_then(Option::take);
        if next.is_none() {
            running.remove(route);
        }
        next
    }
}

impl Batch {
    fn new(order: PurgeOrder, told: watch::Sender<bool>) -> Self {
        let mut batch = Self {
            of: BTreeSet::new(),
            is_all: false,
            keys: BTreeSet::new(),
            paths: BTreeSet::new(),
            told: vec![told],
        };
        batch.add(order);
        batch
    }

    /// Tells who waits that it is done.
    pub(super) fn confirm(&self) {
        self.told.iter().for_each(|told| _ = told.send(true));
    }

    /// Adds an order; gives where it is told that it is done: one sender is for all that join.
    fn join(&mut self, order: PurgeOrder, told: watch::Sender<bool>) -> watch::Receiver<bool> {
        self.add(order);
        if self.told.is_empty() {
            self.told.push(told);
        }
        self.told.first().map_or_else(|| watch::channel(false).1, watch::Sender::subscribe)
    }

    fn add(&mut self, PurgeOrder { namespace, pages, .. }: PurgeOrder) {
        self.of.insert(namespace);
        match pages {
            OrderedPages::All => self.is_all = true,
            OrderedPages::Key(key) => _ = self.keys.insert(key),
            OrderedPages::Path(path) => _ = self.paths.insert(path),
        }
        self.bound();
    }

    /// Adds another one.
    pub(super) fn extend(&mut self, other: Option<Self>) {
        let Some(other) = other else { return };
        self.of.extend(other.of);
        self.is_all |= other.is_all;
        self.keys.extend(other.keys);
        self.paths.extend(other.paths);
        self.told.extend(other.told);
        self.bound();
    }

    fn bound(&mut self) {
        self.is_all |= self.keys.len() + self.paths.len() > PAGES;
        if self.is_all {
            (self.keys, self.paths) = Default::default();
        }
    }
}
