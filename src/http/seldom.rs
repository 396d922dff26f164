//! A future that rests beside a busy one: polled only when it was woken itself.
//!
//! A connection is polled for every request, and the watch beside it has news once in a while.
//! Polled along each time, it would cost locks that all connections share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A future, polled only when it was woken. It must stay in the task that polled it last.
pub(super) struct Seldom<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// What the future is polled with: rings the bell, then wakes the task.
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Bell {
    /// Listens for the next ring. A ring that comes in the middle, where `meanwhile` is called, is
    /// kept: the future, which is polled only after this, sees what it was about, and the next poll
    /// listens anew. The other way round the flag would be cleared although the ring has used up
    /// the registration: the next poll would not look, and the next ring wake nobody.
    fn listen(&self, task: &Waker, meanwhile: impl FnOnce()) {
        self.rung.swap(false, Ordering::AcqRel);
        meanwhile();
        self.task.register(task);
    }
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future: Box::pin(future), bell: Arc::default(), waker: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // The usual case: one look at a flag.
        if self.waker.is_some() && !self.bell.rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.bell.listen(context.waker(), || {});
        let this = &mut *self;
        let waker = this.waker.get_or_insert_with(|| Waker::from(Arc::clone(&this.bell)));
        this.future.as_mut().poll(&mut Context::from_waker(waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU32;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_at_first_and_whenever_it_was_woken() {
        let (polls, news) = (AtomicU32::new(0), Notify::new());
        let mut news_twice = Box::pin(async {
            news.notified().await;
            news.notified().await;
        });
        let counted = poll_fn(|context| {
            polls.fetch_add(1, Ordering::Relaxed);
            news_twice.as_mut().poll(context)
        });
        let mut seldom = Seldom::new(counted);
        for (ring, expected) in [(false, 1), (false, 1), (true, 2), (false, 2), (true, 3)] {
            if ring {
                news.notify_one();
            }
            let _state = futures_util::poll!(&mut seldom);
            assert_eq!(polls.load(Ordering::Relaxed), expected);
        }
    }

    #[test]
    fn a_ring_from_between_two_steps_loses_no_later_ring() {
        struct Task(AtomicU32);
        impl Wake for Task {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let task = Arc::new(Task(AtomicU32::new(0)));
        let (waker, polls) = (Waker::from(Arc::clone(&task)), AtomicU32::new(0));
        let mut seldom = Seldom::new(poll_fn(|_| {
            polls.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        }));
        let bell = Arc::clone(&seldom.bell);
        let mut poll = |context: &mut Context<'_>| Pin::new(&mut seldom).poll(context).is_ready();
        let mut context = Context::from_waker(&waker);
        poll(&mut context);
        bell.wake_by_ref();
        // What the poll after that ring does, with a further ring in the middle.
        bell.listen(&waker, || bell.wake_by_ref());
        poll(&mut context);
        let before = task.0.load(Ordering::Relaxed);
        bell.wake_by_ref();
        assert_eq!(task.0.load(Ordering::Relaxed), before + 1, "the task sleeps for ever");
        poll(&mut context);
        assert_eq!(polls.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn its_task_is_woken_each_time() {
        let (news, echo) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (heard, answer) = (Arc::clone(&news), Arc::clone(&echo));
        let resting = tokio::spawn(Seldom::new(async move {
            for _ in 0..3 {
                heard.notified().await;
                answer.notify_one();
            }
        }));
        for _ in 0..3 {
            tokio::task::yield_now().await;
            news.notify_one();
            echo.notified().await;
        }
        resting.await.unwrap();
    }
}
