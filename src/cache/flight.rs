//! Request collapsing: one flight per key and fingerprint, and all who ask meanwhile wait for it.
//!
//! A flight is a task of its own, so that a client that leaves ends nothing. It leaves the list
//! only after it has published how it ended, and it publishes only after it has written: who comes
//! between starts another flight, which finds what was written.
//! Who asks with another fingerprint needs another response and starts another flight.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::entry::{Entry, RenderFailure};
use super::freshness::Kept;
use super::outcome::{Detail, Why};
use crate::fingerprint::Fingerprint;

/// How many run at once; past them an answer is 503. Clients that leave do not end theirs, and a
/// render takes at most 30 s, so that without a bound they could be piled up.
const FLIGHTS_AT_MOST: usize = 10_000;

/// What a flight has to tell.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// It was in the store, fresh, or stale without a refresh being due.
    Found { kept: Kept, from: Detail },
    /// It was rendered, or was not to be had.
    Made(Made),
    /// The render failed, and this stale one stands in.
    Spared { kept: Kept, fwd_status: u16 },
}

/// How a render went.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) result: Result<Arc<Entry>, RenderFailure>,
    pub(crate) why: Why,
    pub(crate) stored: bool,
    pub(crate) detail: Option<Detail>,
}

impl Made {
    pub(crate) fn failed(failure: RenderFailure, why: Why) -> Self {
        Self { result: Err(failure), why, stored: false, detail: None }
    }
}

/// One look-up and render under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) key: String,
    pub(crate) route: Arc<str>,
    fingerprint: Fingerprint,
    phase: AtomicU8,
    news: watch::Sender<News>,
}

/// What a flight has told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// What may be served while it goes on: who asked meanwhile gets that, though it has landed
    /// before they were told.
    pub(crate) meanwhile: Option<Landing>,
    /// How it ended.
    pub(crate) end: Option<Landing>,
}

/// It may still write.
const UNDER_WAY: u8 = 0;
/// It is writing, or has written: a purge waits for it and deletes after it.
const WRITING: u8 = 1;
/// A purge came first: it may not write.
const VOID: u8 = 2;

impl Flight {
    /// Asks for leave to write; none where a purge came since the flight began.
    pub(crate) fn may_write(&self) -> bool {
        let phase = &self.phase;
        phase.compare_exchange(UNDER_WAY, WRITING, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Takes its leave to write away; false where it is too late for that.
    fn ground(&self) -> bool {
        let phase = &self.phase;
        phase.compare_exchange(UNDER_WAY, VOID, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether a purge came since it began.
    pub(crate) fn is_void(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == VOID
    }

    /// Tells those who wait what they may have, without ending the flight.
    pub(crate) fn meanwhile(&self, landing: Landing) {
        self.news.send_modify(|news| news.meanwhile = Some(landing));
    }

    /// Whether it has told how it ended.
    pub(crate) fn has_landed(&self) -> bool {
        self.news.borrow().end.is_some()
    }

    /// Where those who wait hear of it.
    pub(crate) fn watch(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    fn end(&self, landing: Landing) {
        self.news.send_modify(|news| news.end = Some(landing));
    }
}

/// The flights of this process.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    by_key: HashMap<String, Vec<Arc<Flight>>>,
    count: usize,
}

/// What [`Flights::join`] gives.
#[derive(Debug)]
pub(crate) enum Joined {
    /// Nobody is at it: the caller starts the flight and lands it.
    Lead(Guard),
    /// Another is at it.
    Follow(Arc<Flight>),
    /// Too many are under way.
    Full,
}

impl Flights {
    /// The flight under this key and fingerprint, or the leave to start it.
    pub(crate) fn join(
        self: &Arc<Self>,
        key: &str,
        fingerprint: &Fingerprint,
        route: &Arc<str>,
    ) -> Joined {
        let mut running = self.lock();
        let known = running.by_key.get(key);
        let same = known.and_then(|list| list.iter().find(|it| it.fingerprint == *fingerprint));
        if let Some(flight) = same.cloned() {
            if !flight.has_landed() {
                return Joined::Follow(flight);
            }
            running.remove(&flight);
        }
        if running.count >= FLIGHTS_AT_MOST {
            return Joined::Full;
        }
        let flight = Arc::new(Flight {
            key: key.to_owned(),
            route: Arc::clone(route),
            fingerprint: *fingerprint,
            phase: AtomicU8::new(UNDER_WAY),
            news: watch::Sender::new(News::default()),
        });
        running.count += 1;
        running.by_key.entry(key.to_owned()).or_default().push(Arc::clone(&flight));
        Joined::Lead(Guard { flights: Arc::clone(self), flight })
    }

    /// Takes the leave to write from all flights of which `meant` says so, and lets nobody join
    /// them any more. Gives those that are writing: whoever purges waits for their landing.
    pub(crate) fn ground(&self, meant: impl Fn(&Flight) -> bool) -> Vec<Arc<Flight>> {
        let mut running = self.lock();
        let mut writing = Vec::new();
        for flight in running.by_key.values().flatten().filter(|flight| meant(flight)) {
            if !flight.ground() && !flight.is_void() {
                writing.push(Arc::clone(flight));
            }
        }
        let before = running.count;
        let mut after = 0;
        running.by_key.retain(|_, list| {
            list.retain(|flight| !meant(flight));
            after += list.len();
            !list.is_empty()
        });
        running.count = after.min(before);
        writing
    }

    /// How many are under way.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn remove(&mut self, flight: &Arc<Flight>) {
        let Some(list) = self.by_key.get_mut(&flight.key) else { return };
        let before = list.len();
        list.retain(|it| !Arc::ptr_eq(it, flight));
        self.count -= before - list.len();
        if list.is_empty() {
            self.by_key.remove(&flight.key);
        }
    }
}

/// Lands its flight, whatever happens to the task that holds it.
#[derive(Debug)]
pub(crate) struct Guard {
    flights: Arc<Flights>,
    pub(crate) flight: Arc<Flight>,
}

impl Guard {
    /// Publishes how it ended, and only then lets the next one start.
    pub(crate) fn land(self, landing: Landing) {
        self.flight.end(landing);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.flight.has_landed() {
            let failure = RenderFailure::new(500, "the render ended without a result");
            self.flight.end(Landing::Made(Made::failed(failure, Why::UriMiss)));
        }
        self.flights.lock().remove(&self.flight);
    }
}
