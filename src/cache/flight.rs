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
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::freshness::{AgedEntry, Freshness};
use super::outcome::{Answer, Detail, Outcome};
use super::request::CacheRequest;
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;

/// How many run at once; past them an answer is 503. Clients that leave do not end theirs, and a
/// render takes at most 30 s, so that without a bound they could be piled up.
const FLIGHTS_AT_MOST: usize = 10_000;

/// An entry that may be served, and where it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) aged: AgedEntry,
    pub(crate) from: Detail,
}

impl Found {
    /// What may be done with it for who asks.
    pub(crate) fn freshness(&self, request: &CacheRequest, now: Moment) -> Freshness {
        self.aged.freshness(&request.fingerprint, &request.lifetime, now)
    }

    /// The answer that it gives to who asked.
    pub(crate) fn answer(self, request: &CacheRequest, now: Moment) -> Answer {
        let (age, from) = (self.aged.age(now), self.from);
        let outcome = match self.freshness(request, now) {
            Freshness::Fresh { left } => Outcome::fresh(left, age, from),
            Freshness::Revalidate { since } => Outcome::stale(since, age, from),
            // It was usable when it was found, a moment ago.
            Freshness::IfError | Freshness::Gone => Outcome::fresh(Duration::ZERO, age, from),
        };
        Answer { result: Ok(self.aged.entry), outcome }
    }
}

/// What came of a flight.
#[derive(Clone, Debug)]
pub(crate) enum FlightResult {
    /// It was in the store, fresh, or stale without a refresh being due.
    Found(Found),
    /// A render was needed: what came of it, as whoever started the flight is told.
    Forwarded(Answer),
}

/// One look-up and render under way.
pub(crate) struct Flight {
    pub(crate) key: String,
    pub(crate) route: Arc<str>,
    fingerprint: Fingerprint,
    /// Whether it has begun to write, or a purge has forbidden that: whichever came first.
    is_settled: AtomicBool,
    progress: watch::Sender<Progress>,
}

/// How far a flight has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// What may be served while it goes on. Who asked before its end gets that, even where the
    /// flight has ended before they look.
    pub(crate) meanwhile: Option<Found>,
    /// What came of it, once it has ended.
    pub(crate) result: Option<FlightResult>,
}

impl Flight {
    /// Begins to write; false where a purge came since the flight began: then it may not.
    pub(crate) fn begin_write(&self) -> bool {
        !self.is_settled.swap(true, Ordering::SeqCst)
    }

    /// Gives those who wait what they may have meanwhile, without ending the flight.
    pub(crate) fn serve_meanwhile(&self, found: Found) {
        self.progress.send_modify(|progress| progress.meanwhile = Some(found));
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

type Running = HashMap<(String, Fingerprint), Arc<Flight>>;

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
        let mut running = self.running.lock();
        let place = (key.to_owned(), *fingerprint);
        if let Some(flight) = running.get(&place).filter(|flight| !flight.has_ended()) {
            return Joined::Follow(Arc::clone(flight));
        }
        if running.len() >= FLIGHTS_AT_MOST {
            return Joined::Full;
        }
        let flight = Arc::new(Flight {
            key: key.to_owned(),
            route: Arc::clone(route),
            fingerprint: *fingerprint,
            is_settled: AtomicBool::new(false),
            progress: watch::Sender::new(Progress::default()),
        });
        running.insert(place, Arc::clone(&flight));
        Joined::Lead(FlightGuard { flights: Arc::clone(self), flight })
    }

    /// Forbids all flights to write of which `meant` says so, and lets nobody join them any more.
    /// Gives those that are writing already: whoever purges waits for their end.
    pub(crate) fn void(&self, meant: impl Fn(&Flight) -> bool) -> Vec<Arc<Flight>> {
        let mut running = self.running.lock();
        let voided = running.extract_if(|_, flight| meant(flight)).map(|(_, flight)| flight);
        voided.filter(|flight| flight.is_settled.swap(true, Ordering::SeqCst)).collect()
    }

    /// How many are under way.
    pub(crate) fn count(&self) -> usize {
        self.running.lock().len()
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
        // Another may have its place, where a purge took it out of the list.
        let place = (self.flight.key.clone(), self.flight.fingerprint);
        if let Entry::Occupied(there) = self.flights.running.lock().entry(place)
            && Arc::ptr_eq(there.get(), &self.flight)
        {
            there.remove();
        }
    }
}
