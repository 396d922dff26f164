//! What was answered, counted: by status and outcome for all the site, by outcome for each route.
//!
//! A hit costs three atomic additions, two of them in a line of memory that is the thread's own,
//! and does not ask for the time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;

use crate::cache::{Outcome, Why};
use crate::measure::{Spread, Taken, Timings};

/// What the cache did for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    /// A fresh answer that was there.
    Hit,
    /// A stale one, or one in place of a failure.
    Stale,
    /// It was made.
    Miss,
    /// The cache had no part in it.
    Bypass,
    /// It could not be made.
    Error,
}

impl Did {
    /// All of them, with their names.
    const ALL: [(Self, &str); 5] = [
        (Self::Hit, "hit"),
        (Self::Stale, "stale"),
        (Self::Miss, "miss"),
        (Self::Bypass, "bypass"),
        (Self::Error, "error"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Hit { left_ms, .. } if *left_ms >= 0 => Self::Hit,
            Outcome::Hit { .. } | Outcome::Forwarded { fwd_status: Some(_), .. } => Self::Stale,
            Outcome::Forwarded { why: Why::Bypass, .. } => Self::Bypass,
            Outcome::Forwarded { .. } => Self::Miss,
        }
    }
}

/// Classes of status: `1xx` to `5xx`.
const CLASSES: usize = 5;
/// By class and outcome, and one more: hits that were given in the moment in which they were asked
/// for.
const COUNTERS: usize = CLASSES * Did::ALL.len() + 1;
const AT_ONCE: usize = COUNTERS - 1;

/// The answers of one site since the start.
#[derive(Debug, Default)]
pub struct Answers {
    counts: Spread<COUNTERS>,
    /// How long all others took.
    took: Timings,
    connections: AtomicU64,
}

/// A connection that is open.
pub(super) struct Open(Arc<Answers>);

impl Open {
    pub(super) fn new(answers: Arc<Answers>) -> Self {
        answers.connections.fetch_add(1, Relaxed);
        Self(answers)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

impl Answers {
    /// Counts an answer, whose end may still be on its way.
    pub(super) fn add(&self, status: StatusCode, did: Did) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        self.counts.inc(class * Did::ALL.len() + did as usize);
    }

    /// Counts how long an answer took; nothing for a hit that was given at once.
    pub(super) fn add_time(&self, took: Option<Duration>) {
        match took {
            Some(took) => self.took.add(took),
            None => self.counts.inc(AT_ONCE),
        }
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Class of status, outcome and count, of what there was.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate();
        let each = classes.flat_map(|(at, class)| {
            Did::ALL.map(|(did, name)| (class, name, at * Did::ALL.len() + did as usize))
        });
        each.map(|(class, name, at)| (class, name, self.counts.get(at)))
            .filter(|(.., count)| *count > 0)
    }

    /// How long answers took. Hits that were given at once took less than the first step, and no
    /// time: nobody looked.
    pub(crate) fn took(&self) -> Taken {
        let mut taken = self.took.get();
        taken.counts[0] += self.counts.get(AT_ONCE);
        taken
    }
}

/// The answers of one route since the start, by what the cache did; survives reloads by its name.
#[derive(Debug, Default)]
pub(crate) struct RouteCounts {
    own: Counts,
    /// Where they are counted too, from the first one on: nothing where they have a series.
    others: OnceLock<Option<Arc<Counts>>>,
}

#[derive(Debug, Default)]
struct Counts([AtomicU64; Did::ALL.len()]);

impl Counts {
    fn add(&self, did: Did) {
        self.0[did as usize].fetch_add(1, Relaxed);
    }

    /// Outcome and count, of what there was.
    fn each(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let each = Did::ALL.map(|(did, name)| (name, self.0[did as usize].load(Relaxed)));
        each.into_iter().filter(|(_, count)| *count > 0)
    }
}

impl RouteCounts {
    /// Counts an answer of the route that has this name in `series`.
    pub(super) fn add(self: &Arc<Self>, did: Did, name: &Arc<str>, series: &Series) {
        self.own.add(did);
        if let Some(others) = self.others.get_or_init(|| series.enter(name, self)) {
            others.add(did);
        }
    }
}

/// How many routes have series of their own.
const MAX_SERIES: usize = 500;

/// Which routes metrics tell apart: the first that were asked for since the start. What once has a
/// series keeps it, also when its route goes.
#[derive(Debug, Default)]
pub(crate) struct Series {
    told: Mutex<HashMap<Arc<str>, Arc<RouteCounts>>>,
    others: Arc<Counts>,
}

impl Series {
    /// The counts of a route that had answers before, whether or not it was away meanwhile.
    pub(super) fn of(&self, name: &str) -> Option<Arc<RouteCounts>> {
        self.told.lock().get(name).cloned()
    }

    /// Gives a route a series, or says where its answers are counted as well.
    fn enter(&self, name: &Arc<str>, counts: &Arc<RouteCounts>) -> Option<Arc<Counts>> {
        let mut told = self.told.lock();
        if told.len() >= MAX_SERIES && !told.contains_key(name) {
            return Some(Arc::clone(&self.others));
        }
        told.insert(Arc::clone(name), Arc::clone(counts));
        None
    }

    /// Route, outcome and count, of what there was, in the order of the names; then what all other
    /// routes came to together, under a name that no route can have.
    pub(crate) fn each(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        let told: Vec<_> =
            self.told.lock().iter().map(|(name, it)| (name.clone(), it.clone())).collect();
        let mut each: Vec<_> = told
            .iter()
            .flat_map(|(name, counts)| {
                counts.own.each().map(move |(did, count)| (Arc::clone(name), did, count))
            })
            .collect();
        each.sort();
        let others: Arc<str> = "(other)".into();
        each.extend(self.others.each().map(|(did, count)| (Arc::clone(&others), did, count)));
        each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_five_hundred_routes_that_are_asked_for_are_told_apart_and_stay() {
        let series = Series::default();
        let ask = |name: String, did| {
            let name: Arc<str> = name.into();
            let counts = series.of(&name).unwrap_or_default();
            counts.add(did, &name, &series);
            counts
        };
        for at in 0..MAX_SERIES {
            ask(format!("r{at:03}"), Did::Miss);
        }
        let late: Vec<_> = (0..40).map(|at| ask(format!("late{at}"), Did::Miss)).collect();
        for counts in &late {
            counts.add(Did::Hit, &"late".into(), &series);
        }
        // A route that was away, and comes again.
        ask("r007".to_owned(), Did::Hit);
        let each = series.each();
        assert_eq!(each.len(), MAX_SERIES + 3);
        let counts = |name: &str| -> Vec<_> {
            let own = each.iter().filter(|(route, ..)| &**route == name);
            own.map(|(_, did, count)| (*did, *count)).collect()
        };
        assert_eq!(counts("r007"), [("hit", 1), ("miss", 1)]);
        assert_eq!(counts("(other)"), [("hit", 40), ("miss", 40)]);
    }

    #[test]
    fn every_answer_is_in_one_class_and_one_step() {
        let answers = Answers::default();
        for (status, did, took) in [
            (StatusCode::OK, Did::Hit, None),
            (StatusCode::OK, Did::Miss, Some(Duration::from_millis(2))),
            (StatusCode::NOT_FOUND, Did::Bypass, None),
        ] {
            answers.add(status, did);
            answers.add_time(took);
        }
        let each: Vec<_> = answers.each().collect();
        let expected = [("2xx", "hit", 1), ("2xx", "miss", 1), ("4xx", "bypass", 1)];
        assert_eq!(each, expected);
        let took = answers.took();
        assert_eq!((took.counts[0], took.counts[3]), (2, 1));
        assert_eq!(took.counts.iter().sum::<u64>(), 3);
    }
}
