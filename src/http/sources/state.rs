//! How each source is: when it was asked, what came, and what went wrong, for people and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::measure::Counter;
use crate::site::RemoteLoad;
use crate::source::http::{FetchError, FetchTrouble, Fetched};

/// How the sources are, by the names of their loads and where those are from. Their names come from
/// the files, not from requests.
#[derive(Debug, Default)]
pub(crate) struct States(Mutex<ByName>);

/// By the load's name and where it is from.
type ByName = BTreeMap<(Arc<str>, String), Arc<SourceState>>;

/// How a source is.
#[derive(Debug, Default)]
pub(crate) struct SourceState {
    /// Answers that were values, or said that there is none.
    good: Counter,
    failed: [Counter; FetchTrouble::ALL.len()],
    last: Mutex<Last>,
}

/// What came last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last {
    /// When a value came.
    pub(crate) good_at: Option<SystemTime>,
    /// When none came, and why.
    pub(crate) failed_at: Option<(SystemTime, String)>,
    /// Whether that was the last time.
    pub(crate) is_failing: bool,
}

impl Last {
    /// `unused`, `good` or `failing`.
    pub(crate) fn word(&self) -> &'static str {
        match (self.is_failing, self.good_at) {
            (true, _) => "failing",
            (false, Some(_)) => "good",
            (false, None) => "unused",
        }
    }
}

impl States {
    /// That of a load.
    pub(crate) fn of(&self, load: &RemoteLoad) -> Arc<SourceState> {
        let key = (Arc::clone(&load.name), load.from.clone());
        Arc::clone(self.0.lock().entry(key).or_default())
    }

    /// That of a load, where it was asked.
    pub(crate) fn known(&self, load: &RemoteLoad) -> Option<Arc<SourceState>> {
        let key = (Arc::clone(&load.name), load.from.clone());
        self.0.lock().get(&key).cloned()
    }

    /// All that were asked, in order: the load's name, where it is from, how that is.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, String, Arc<SourceState>)> {
        let all = self.0.lock();
        all.iter().map(|((name, from), it)| (name.clone(), from.clone(), it.clone())).collect()
    }
}

impl SourceState {
    /// It was asked.
    pub(super) fn note(&self, fetched: &Result<Fetched, FetchError>, wall: SystemTime) {
        let mut last = self.last.lock();
        match fetched {
            Ok(_) => {
                self.good.inc();
                (last.good_at, last.is_failing) = (Some(wall), false);
            }
            Err(why) => {
                self.failed[why.trouble as usize].inc();
                (last.failed_at, last.is_failing) = (Some((wall, why.to_string())), true);
            }
        }
    }

    /// What came last.
    pub(crate) fn last(&self) -> Last {
        self.last.lock().clone()
    }

    /// How often it was asked, by what came of that.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let failed = FetchTrouble::ALL.iter().zip(&self.failed);
        let failed = failed.map(|((_, name), count)| (*name, count.get()));
        std::iter::once(("good", self.good.get())).chain(failed)
    }
}
