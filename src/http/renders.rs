//! Where renders run, and how many at once.
//!
//! A short render runs where it is asked for: handing it to a thread would cost more than the
//! render itself. Whether a route's renders are short, its last ones tell. One that takes longer
//! than it was given there begins again on a thread. Threads are as many as cores, of which one
//! route gets half, so that a slow page holds up neither hits nor other pages; what waits for a
//! thread is bounded, and past the bound the answer is [`Busy`].

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clock::Clock;

/// A render that takes less is short.
const SHORT: Duration = Duration::from_millis(1);
/// How long a render may take where it is asked for; then it begins again on a thread.
const IN_PLACE: Duration = Duration::from_millis(2);
/// How long a render may take on a thread.
const ON_A_THREAD: Duration = Duration::from_secs(10);
/// Renders of one route that wait for a thread, and of all routes together.
const WAITING_OF_ROUTE: usize = 64;
const WAITING: usize = 1024;
/// Renders of one route that wait for something else than a thread: they hold none.
const WAITING_FOR_IO: usize = 256;

/// Too many renders wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// What the renders of all routes share.
#[derive(Debug)]
pub(super) struct Renders {
    clock: Clock,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The renders of one route, or of one error page; kept across reloads by its name.
#[derive(Debug)]
pub(super) struct RouteRenders {
    recent: Recent,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_for_io: AtomicUsize,
}

/// What a render came to in the time that it was given.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// It ended, well or not.
    Done(T),
    /// It ran out of time.
    TooLong(T),
}

/// A render, which can be begun again: it takes its bound, and a flag that is set when nobody
/// waits for it any more.
pub(super) trait Job: Send + 'static {
    /// What it gives.
    type Output: Send + 'static;

    fn attempt(&self, bound: Duration, unwanted: &Arc<AtomicBool>) -> Attempt<Self::Output>;
}

/// Asked once: the system's answer takes several files, and each route wants it.
fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| {
        std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
    });
    *CORES
}

impl Default for RouteRenders {
    fn default() -> Self {
        Self {
            recent: Recent::default(),
            threads: Arc::new(Semaphore::new(cores() / 2)),
            waiting: AtomicUsize::new(0),
            waiting_for_io: AtomicUsize::new(0),
        }
    }
}

impl Renders {
    pub(super) fn new(clock: Clock) -> Self {
        let threads = Arc::new(Semaphore::new(cores()));
        Self { clock, threads, waiting: AtomicUsize::new(0) }
    }

    /// Renders, in place where the route's renders are short, else on a thread.
    ///
    /// # Errors
    /// [`Busy`] where too many wait already.
    ///
    /// # Cancel safety
    /// Dropped, it waits no longer; what runs on a thread ends at its next look at the flag.
    pub(super) async fn run<J: Job>(
        &self,
        route: &RouteRenders,
        job: J,
    ) -> Result<J::Output, Busy> {
        let wanted = Wanted::default();
        if route.recent.are_short() {
            let began = self.clock.now();
            match job.attempt(IN_PLACE, &wanted.0) {
                Attempt::Done(output) => {
                    route.recent.note(self.clock.now().since(began));
                    return Ok(output);
                }
                Attempt::TooLong(_) => route.recent.note_overrun(),
            }
        }
        let of_route = Place::among(&route.waiting, WAITING_OF_ROUTE).ok_or(Busy)?;
        let of_all = Place::among(&self.waiting, WAITING).ok_or(Busy)?;
        // The route's turn first: who waits for it takes no thread from another route.
        let turns = (permit(&route.threads).await, permit(&self.threads).await);
        drop((of_route, of_all));
        let (clock, unwanted) = (self.clock.clone(), Arc::clone(&wanted.0));
        let running = tokio::task::spawn_blocking(move || {
            let _turns = turns;
            let began = clock.now();
            let (Attempt::Done(output) | Attempt::TooLong(output)) =
                job.attempt(ON_A_THREAD, &unwanted);
            (output, clock.now().since(began))
        });
        match running.await {
            Ok((output, took)) => {
                route.recent.note(took);
                Ok(output)
            }
            // A panic of the template's goes on where the render was asked for.
            Err(why) => match why.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_the_process_ends) => Err(Busy),
            },
        }
    }
}

/// Tells a render on a thread that nobody waits for it, when it is dropped.
#[derive(Default)]
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A turn on a thread; the semaphores are never closed.
async fn permit(threads: &Arc<Semaphore>) -> Option<tokio::sync::OwnedSemaphorePermit> {
    Arc::clone(threads).acquire_owned().await.ok()
}

impl RouteRenders {
    /// A place among the renders that wait for something else than a thread, for as long as it is
    /// held.
    ///
    /// # Errors
    /// [`Busy`] where too many do.
    pub(super) fn begin_io(&self) -> Result<Place<'_>, Busy> {
        Place::among(&self.waiting_for_io, WAITING_FOR_IO).ok_or(Busy)
    }
}

/// A place among those that wait.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn among(count: &'a AtomicUsize, bound: usize) -> Option<Self> {
        let one_more = |waiting: usize| (waiting < bound).then_some(waiting + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(count))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which of the last twenty renders were not short: a bit each, and above them how many are known.
#[derive(Debug, Default)]
struct Recent(AtomicU32);

impl Recent {
    const KNOWN: u32 = 20;
    const BITS: u32 = (1 << Self::KNOWN) - 1;

    /// Whether nine of ten were short; not before the first is known.
    fn are_short(&self) -> bool {
        let (bits, known) = Self::parts(self.0.load(Ordering::Relaxed));
        known > 0 && bits.count_ones() * 10 <= known
    }

    fn note(&self, took: Duration) {
        self.push(u32::from(took >= SHORT), 1);
    }

    /// One that overran its time in place counts as three: the next ones go to a thread at once.
    fn note_overrun(&self) {
        self.push(0b111, 3);
    }

    fn push(&self, bits: u32, count: u32) {
        let next = |old| {
            let (was, known) = Self::parts(old);
            let known = (known + count).min(Self::KNOWN);
            Some(((was << count | bits) & Self::BITS) | known << Self::KNOWN)
        };
        // The closure always gives a value.
        let _always = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    fn parts(packed: u32) -> (u32, u32) {
        (packed & Self::BITS, packed >> Self::KNOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes so long each time, or waits until it may end; says where it ran.
    struct Sleep(Option<mpsc::Receiver<()>>);

    impl Job for Sleep {
        type Output = Option<String>;

        fn attempt(&self, bound: Duration, unwanted: &Arc<AtomicBool>) -> Attempt<Self::Output> {
            let name = std::thread::current().name().map(str::to_owned);
            let Some(gate) = &self.0 else { return Attempt::Done(name) };
            if bound == IN_PLACE {
                return Attempt::TooLong(name);
            }
            while !unwanted.load(Ordering::Relaxed)
                && gate.recv_timeout(Duration::from_millis(1))
                    == Err(mpsc::RecvTimeoutError::Timeout)
            {}
            Attempt::Done(name)
        }
    }

    fn gated() -> (mpsc::Sender<()>, Sleep) {
        let (open, gate) = mpsc::channel();
        (open, Sleep(Some(gate)))
    }

    #[tokio::test]
    async fn the_first_render_runs_on_a_thread_and_short_ones_where_they_are_asked_for() {
        let (renders, route) = (Renders::new(Clock::system()), RouteRenders::default());
        let here = std::thread::current().name().map(str::to_owned);
        assert_ne!(renders.run(&route, Sleep(None)).await, Ok(here.clone()));
        assert_eq!(renders.run(&route, Sleep(None)).await, Ok(here.clone()));
        let (open, overruns) = gated();
        open.send(()).unwrap();
        assert_ne!(renders.run(&route, overruns).await, Ok(here.clone()));
        assert!(!route.recent.are_short());
        for _ in 0..Recent::KNOWN {
            let _where = renders.run(&route, Sleep(None)).await;
        }
        assert_eq!(renders.run(&route, Sleep(None)).await, Ok(here));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_and_another_route_has_its_turn() {
        let renders = Arc::new(Renders::new(Clock::system()));
        let (slow, other) = (Arc::new(RouteRenders::default()), RouteRenders::default());
        let (mut gates, mut running) = (Vec::new(), Vec::new());
        let at_once = cores() / 2 + WAITING_OF_ROUTE;
        for _ in 0..at_once {
            let (open, job) = gated();
            gates.push(open);
            let (renders, slow) = (Arc::clone(&renders), Arc::clone(&slow));
            running.push(tokio::spawn(async move { renders.run(&slow, job).await }));
        }
        while slow.waiting.load(Ordering::Relaxed) < WAITING_OF_ROUTE {
            tokio::task::yield_now().await;
        }
        assert_eq!(renders.run(&slow, Sleep(None)).await, Err(Busy));
        assert!(renders.run(&other, Sleep(None)).await.is_ok());
        drop(gates);
        for render in running {
            assert!(render.await.unwrap().is_ok());
        }
        assert_eq!(renders.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_render_that_nobody_waits_for_ends() {
        let (renders, route) =
            (Arc::new(Renders::new(Clock::system())), Arc::<RouteRenders>::default());
        let (_never_opened, job) = gated();
        let (shared, of) = (Arc::clone(&renders), Arc::clone(&route));
        let waiting = tokio::spawn(async move { shared.run(&of, job).await });
        while route.threads.available_permits() == cores() / 2 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        let _ended = route.threads.acquire_many(u32::try_from(cores() / 2).unwrap()).await.unwrap();
    }
}
