//! Request collapsing: one render per key and fingerprint, and all who ask meanwhile wait for it.
//!
//! A *flight* is everything that is done for a key while there is no answer yet: the look into the
//! store, the render, the write. Who asks for the same key meanwhile joins the flight and gets its
//! result. Who asks with another fingerprint needs another response and starts another flight.
//!
//! A flight is a task of its own, so that a client that leaves ends nothing. It leaves the list
//! only after it has published its result, and it publishes only after it has written: who comes
//! between starts another flight, which finds what was written.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::freshness::AgedEntry;
use super::outcome::{Answer, Detail};
use crate::fingerprint::Fingerprint;

/// How many run at once; past them an answer is 503. Clients that leave do not end theirs, and a
/// render takes at most 30 s, so that without a bound they could be piled up.
const FLIGHTS_AT_MOST: usize = 10_000;

/// What came of a flight.
#[derive(Clone, Debug)]
pub(crate) enum FlightResult {
    /// It was in the store, fresh, or stale without a refresh being due.
    Found { aged: AgedEntry, from: Detail },
    /// A render was needed: what came of it, as whoever started the flight is told.
    Forwarded(Answer),
}

/// One look-up and render under way.
pub(crate) struct Flight {
    pub(crate) key: String,
    pub(crate) route: Arc<str>,
    fingerprint: Fingerprint,
    phase: AtomicU8,
    progress: watch::Sender<Progress>,
}

/// How far a flight has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// What may be served while it goes on. Who asked before its end gets that, even where the
    /// flight has ended before they look.
    pub(crate) meanwhile: Option<FlightResult>,
    /// What came of it, once it has ended.
    pub(crate) result: Option<FlightResult>,
}

/// It may still write.
const UNDER_WAY: u8 = 0;
/// It is writing, or has written: a purge waits for it and deletes after it.
const WRITING: u8 = 1;
/// A purge came first: it may not write.
const VOID: u8 = 2;

impl Flight {
    /// Begins to write; false where a purge came since the flight began: then it may not.
    pub(crate) fn begin_write(&self) -> bool {
        self.leave_under_way(WRITING) == UNDER_WAY
    }

    /// Sets the phase, once; gives the one that it was in.
    fn leave_under_way(&self, phase: u8) -> u8 {
        let (success, failure) = (Ordering::SeqCst, Ordering::SeqCst);
        let was = self.phase.compare_exchange(UNDER_WAY, phase, success, failure);
        was.unwrap_or_else(|other| other)
    }

    /// Gives those who wait what they may have meanwhile, without ending the flight.
    pub(crate) fn serve_meanwhile(&self, result: FlightResult) {
        self.progress.send_modify(|progress| progress.meanwhile = Some(result));
    }

    /// Where those who wait see how far it has come.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn has_ended(&self) -> bool {
        self.progress.borrow().result.is_some()
    }

    /// Publishes what came of it, to who waits and who comes before it has left the list.
    pub(crate) fn end(&self, result: FlightResult) {
        self.progress.send_modify(|progress| progress.result = Some(result));
    }
}

/// The flights of this process.
#[derive(Default)]
pub(crate) struct Flights {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    by_key: HashMap<String, Vec<Arc<Flight>>>,
    count: usize,
}

/// What [`Flights::join`] gives.
pub(crate) enum Joined {
    /// Nobody is at it: the caller starts the flight and ends it.
    Lead(FlightGuard),
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
            if !flight.has_ended() {
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
            progress: watch::Sender::new(Progress::default()),
        });
        running.count += 1;
        running.by_key.entry(key.to_owned()).or_default().push(Arc::clone(&flight));
        Joined::Lead(FlightGuard { flights: Arc::clone(self), flight })
    }

    /// Forbids all flights to write of which `meant` says so, and lets nobody join them any more.
    /// Gives those that are writing already: whoever purges waits for their end.
    pub(crate) fn void(&self, meant: impl Fn(&Flight) -> bool) -> Vec<Arc<Flight>> {
        let mut running = self.lock();
        let Running { by_key, count } = &mut *running;
        let mut writing = Vec::new();
        by_key.retain(|_, flights| {
            flights.retain(|flight| {
                let keep = !meant(flight);
                if !keep {
                    *count -= 1;
                    if flight.leave_under_way(VOID) == WRITING {
                        writing.push(Arc::clone(flight));
                    }
                }
                keep
            });
            !flights.is_empty()
        });
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

/// Ends its flight, whatever happens to the task that holds it, and only then lets the next one
/// start.
pub(crate) struct FlightGuard {
    flights: Arc<Flights>,
    pub(crate) flight: Arc<Flight>,
}

impl Drop for FlightGuard {
    fn drop(&mut self) {
        if !self.flight.has_ended() {
            let failed = Answer::failed(500, "the render ended without a result");
            self.flight.end(FlightResult::Forwarded(failed));
        }
        self.flights.lock().remove(&self.flight);
    }
}
