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
#[derive(Debug)]
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

impl<F: Future> Seldom<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future: Box::pin(future), bell: Arc::default(), waker: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // The usual case: one look at a flag.
        if this.waker.is_some() && !this.bell.rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Each ring uses up the registration.
        this.bell.task.register(context.waker());
        let waker = this.waker.get_or_insert_with(|| Waker::from(Arc::clone(&this.bell)));
        this.bell.rung.store(false, Ordering::Release);
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
