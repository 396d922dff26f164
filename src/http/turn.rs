//! A turn of an HTTP/2 connection: what is asked for together is answered together.
//!
//! The HTTP library makes a task of each request, and each answer goes out by a write of its own,
//! which costs more than all else of it. Here an answer that is there at once is handed over in the
//! turn in which its request was read, and what is written in a turn goes out by one write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use hyper::rt::Executor;
use tokio_util::task::TaskTracker;

use super::activity::Activity;

/// The turn that a connection is in; it is all on one thread at a time.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Whether it is under way: what is written is gathered.
    is_on: AtomicBool,
    /// Whether something was gathered.
    has_gathered: AtomicBool,
    /// Whether the answer to the request that was read last is there.
    is_answered: AtomicBool,
}

impl Turn {
    /// Whether what is written now is to be gathered.
    pub(super) fn gathers(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    /// Something is gathered, for the end of the turn.
    pub(super) fn gathered(&self) {
        self.has_gathered.store(true, Relaxed);
    }

    /// The answer to the request that was read last is there.
    pub(super) fn answered(&self) {
        self.is_answered.store(true, Relaxed);
    }
}

/// A connection whose turns are told.
pub(super) struct Turns<C> {
    connection: Pin<Box<C>>,
    activity: Arc<Activity>,
}

impl<C> Turns<C> {
    pub(super) fn of(connection: C, activity: &Arc<Activity>) -> Self {
        Self { connection: Box::pin(connection), activity: Arc::clone(activity) }
    }

    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Turns<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let Self { connection, activity } = &mut *self;
        let turn = &activity.turn;
        turn.is_on.store(true, Relaxed);
        let polled = connection.as_mut().poll(context);
        turn.is_on.store(false, Relaxed);
        // A connection that is polled flushes: now what was gathered goes out.
        if turn.has_gathered.swap(false, Relaxed) && polled.is_pending() {
            return connection.as_mut().poll(context);
        }
        polled
    }
}

/// Runs the requests of an HTTP/2 connection: in its turn, where the answer is there; else in tasks
/// that the app waits for.
#[derive(Clone, Debug)]
pub(super) struct InTurn {
    pub(super) tasks: TaskTracker,
    pub(super) activity: Arc<Activity>,
}

impl<F> Executor<F> for InTurn
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let mut future = Box::pin(future);
        let is_answered = self.activity.turn.is_answered.swap(false, Relaxed);
        // A body for which the client has no room goes on as a task, which is polled anew.
        let mut nobody = Context::from_waker(Waker::noop());
        if !(is_answered && future.as_mut().poll(&mut nobody).is_ready()) {
            self.tasks.spawn(future);
        }
    }
}
