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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use bytes::Bytes;
    use http::Response;
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
    use tokio::io::{DuplexStream, duplex};

    use super::super::answer::Responding;
    use super::super::body::Body;
    use super::super::connection::{Shared, plain};
    use super::super::edge::Handle;
    use super::super::h1::Wire;
    use super::super::request::RequestView;
    use super::*;
    use crate::clock::Clock;

    /// Answers every request with this many bytes.
    struct Answers(usize);

    impl Handle for Answers {
        fn respond(&self, _request: &RequestView<'_>) -> Responding {
            Response::new(Body::full(Bytes::from(vec![b'x'; self.0]))).into()
        }
    }

    /// A stream that counts what is written to it.
    struct Counted(DuplexStream, Arc<AtomicUsize>);

    impl Wire for Counted {}

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = Pin::new(&mut self.0).poll_write(context, bytes);
            self.1.fetch_add(usize::from(written.is_ready()), Relaxed);
            written
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    /// Sends so many requests at once, and reads until all are answered: how many bytes of bodies
    /// came, and how many writes they took.
    async fn ask(count: u32, body: usize, room: usize) -> (usize, usize) {
        const DATA: u8 = 0;
        let (mut here, there) = duplex(room);
        let writes = Arc::<AtomicUsize>::default();
        let shared = Shared {
            handler: Arc::new(Answers(body)),
            limits: Arc::default(),
            clock: Clock::system(),
            stops: <_>::default(),
            tasks: TaskTracker::new(),
            tls: None,
        };
        let counted = Counted(there, Arc::clone(&writes));
        let serving = tokio::spawn(plain(counted, ([127, 0, 0, 1], 1).into(), shared));
        let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        for stream in 0..count {
            // HEADERS with the ends of stream and head: GET, /, http, and the authority `a`.
            sent.extend_from_slice(b"\0\0\x06\x01\x05");
            sent.extend_from_slice(&(stream * 2 + 1).to_be_bytes());
            sent.extend_from_slice(b"\x82\x84\x86\x41\x01a");
        }
        here.write_all(&sent).await.unwrap();
        let (mut bodies, mut ended) = (0, 0);
        while ended < count {
            let mut head = [0; 9];
            here.read_exact(&mut head).await.unwrap();
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            here.read_exact(&mut payload).await.unwrap();
            if head[3] == DATA {
                bodies += length;
                ended += u32::from(head[4] & 1 == 1);
            }
        }
        serving.abort();
        (bodies, writes.load(Relaxed))
    }

    #[tokio::test]
    async fn what_is_asked_for_together_is_answered_by_one_write() {
        let (bodies, writes) = ask(20, 100, 64 * 1024).await;
        assert_eq!(bodies, 2000);
        // The settings go before, and are acknowledged.
        assert!(writes <= 3, "{writes} writes");
    }

    #[tokio::test]
    async fn all_arrives_where_the_client_takes_little_at_once() {
        // As much as its windows allow without an update: 65,535 bytes.
        for (count, body) in [(20, 100), (6, 10_000), (1, 60_000)] {
            let asked = tokio::time::timeout(Duration::from_secs(60), ask(count, body, 100));
            let (bodies, _) = asked.await.expect("all of it");
            assert_eq!(bodies, usize::try_from(count).unwrap() * body);
        }
    }
}
