//! One connection: which protocol, hyper with its bounds, and the watch that ends it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, Next, Noted, Protocol, Watched};
use super::edge::{Edge, Handle};
use super::h1;
use super::head::MAX_HEAD;
use super::listener::Limits;
use super::seldom::Seldom;
use super::tls::Tls;
use crate::clock::Clock;

/// What the connections of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) handler: Arc<dyn Handle>,
    pub(super) limits: Arc<Limits>,
    pub(super) clock: Clock,
    pub(super) stops: Stops,
    pub(super) tasks: TaskTracker,
    pub(super) tls: Option<Arc<Tls>>,
}

/// The two steps by which connections are ended.
#[derive(Clone, Default)]
pub(super) struct Stops {
    /// Idle connections end, the others after their answer.
    pub(super) idle: CancellationToken,
    /// All end now.
    pub(super) cut: CancellationToken,
}

/// What an HTTP/2 client with prior knowledge sends first: RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, shared: Shared) {
    // Without this a small answer behind another waits for the client's delayed ACK: 40 ms.
    let _best_effort = stream.set_nodelay(true);
    let Some(tls) = &shared.tls else { return plain(stream, peer, shared).await };
    let handshake = tls.acceptor().accept(stream);
    let accepted = tokio::select! {
        accepted = timeout(shared.limits.head, handshake) => accepted,
        () = shared.stops.idle.cancelled() => return,
    };
    // What does not speak TLS, or not ours, gets rustls' alert and the end.
    if let Ok(Ok(stream)) = accepted {
        plain(stream, peer, shared).await;
    }
}

/// Serves a stream whose protocol its first bytes tell: with TLS too, where ALPN only said before
/// what the client would send.
async fn plain<S>(mut stream: S, peer: SocketAddr, shared: Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let first = tokio::select! {
        first = timeout(shared.limits.first_byte, first_bytes(&mut stream)) => first,
        () = shared.stops.idle.cancelled() => return,
    };
    // Silence, a client that left, and a broken stream are all nobody's business.
    let Ok(Ok((protocol, first))) = first else { return };
    let activity = Activity::new(shared.clock.clone(), protocol);
    let rest = match protocol {
        Protocol::Http1 => plain_requests(stream, first, peer, &shared, &activity).await,
        Protocol::Http2 => Some((stream, first)),
    };
    if let Some((stream, first)) = rest {
        speak(stream, first, peer, shared, activity).await;
    }
}

/// Serves plain requests of HTTP/1.1; gives back the stream, and what was read of it, at the first
/// request of another kind.
async fn plain_requests<S>(
    stream: S,
    first: Bytes,
    peer: SocketAddr,
    shared: &Shared,
    activity: &Arc<Activity>,
) -> Option<(S, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Shared { handler, limits, clock, stops, .. } = shared;
    let edge = Edge::new(Arc::clone(handler), peer, Arc::clone(limits), Arc::clone(activity));
    let mut connection =
        h1::Connection::new(stream, first, edge, Arc::clone(activity), clock.clone());
    let end = |mut connection: Pin<&mut h1::Connection<S>>| connection.finish();
    let ended = watched(Pin::new(&mut connection), end, activity, limits, stops).await;
    (ended == Some(h1::End::Other)).then(|| connection.into_parts())
}

/// Reads until HTTP/1 and HTTP/2 are told apart: one read, nearly always.
async fn first_bytes<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(Protocol, Bytes)> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes.starts_with(PREFACE) {
            return Ok((Protocol::Http2, bytes.into()));
        }
        if !PREFACE.starts_with(&bytes) {
            return Ok((Protocol::Http1, bytes.into()));
        }
    }
}

/// Serves a connection by hyper. The activity is the connection's: a head that began before keeps
/// its time.
async fn speak<S>(
    stream: S,
    first: Bytes,
    peer: SocketAddr,
    shared: Shared,
    activity: Arc<Activity>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Shared { handler, limits, clock: _, stops, tasks, tls: _ } = shared;
    let protocol = activity.protocol;
    let edge = Edge::new(handler, peer, Arc::clone(&limits), Arc::clone(&activity));
    let io = TokioIo::new(Noted::new(stream, first, Arc::clone(&activity)));
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            // hyper's own clock cannot tell a slow head from an idle connection: the activity can.
            builder.header_read_timeout(None).max_header_size(MAX_HEAD).max_buf_size(2 * MAX_HEAD);
            // A client may close its half once it has asked.
            builder.half_close(true);
            let connection = builder.serve_connection(io, edge).with_upgrades();
            let end = |connection: Pin<&mut http1::UpgradeableConnection<_, _>>| {
                connection.graceful_shutdown();
            };
            // A client's mistake has been answered where it could be; nobody else is concerned.
            let _ended = watched(pin!(connection), end, &activity, &limits, &stops).await;
        }
        Protocol::Http2 => {
            let connection = http2_builder(&limits, tasks).serve_connection(io, edge);
            let end = |connection: Pin<&mut http2::Connection<_, _, _>>| {
                connection.graceful_shutdown();
            };
            // A client's mistake has been answered where it could be; nobody else is concerned.
            let _ended = watched(pin!(connection), end, &activity, &limits, &stops).await;
        }
    }
}

fn http2_builder(limits: &Limits, tasks: TaskTracker) -> http2::Builder<Tracked> {
    /// What a client may send before it is told to go on, a stream and a connection.
    const STREAM_WINDOW: u32 = 64 * 1024;
    const CONNECTION_WINDOW: u32 = 256 * 1024;
    let mut builder = http2::Builder::new(Tracked(tasks));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        // Rapid reset (CVE-2023-44487): streams that a client opens and resets at once.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(200)
        .max_send_buf_size(64 * 1024)
        // A dead peer with a stream open is found out.
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.head);
    builder
}

/// Polls a connection to its end, and says what it ended with; nothing where it was cut. `end` asks
/// it to finish.
async fn watched<C: Future>(
    mut connection: Pin<&mut C>,
    end: impl Fn(Pin<&mut C>),
    activity: &Activity,
    limits: &Limits,
    stops: &Stops,
) -> Option<C::Output> {
    match beside(connection.as_mut(), reason_to_end(activity, limits, stops)).await {
        Beside::Ended(output) => return Some(output),
        Beside::News(Ending::Now) => return None,
        Beside::News(Ending::InOrder) => end(connection.as_mut()),
    }
    match beside(connection, reason_to_cut(activity, limits, stops)).await {
        Beside::Ended(output) => Some(output),
        Beside::News(()) => None,
    }
}

/// What came first.
enum Beside<C, W> {
    Ended(C),
    News(W),
}

/// Polls a connection until it ends, or `watch` has something to say.
async fn beside<C: Future, W: Future>(
    mut connection: Pin<&mut C>,
    watch: W,
) -> Beside<C::Output, W::Output> {
    // The connection may use up its task's budget in each poll; the watch has to run all the same.
    let mut watch = Seldom::new(unconstrained(watch));
    poll_fn(|context| match connection.as_mut().poll(context) {
        Poll::Ready(ended) => Poll::Ready(Beside::Ended(ended)),
        Poll::Pending => Pin::new(&mut watch).poll(context).map(Beside::News),
    })
    .await
}

/// How a connection is to end.
enum Ending {
    /// After the answer that is under way.
    InOrder,
    /// At once.
    Now,
}

async fn reason_to_end(activity: &Activity, limits: &Limits, stops: &Stops) -> Ending {
    let mut watched = Watched::default();
    // The first look begins the count; a head may have begun before.
    let Next::LookAfter(mut rest) = activity.look(limits, &mut watched) else {
        return Ending::Now;
    };
    loop {
        tokio::select! {
            () = stops.cut.cancelled() => return Ending::Now,
            () = stops.idle.cancelled() => return Ending::InOrder,
            () = sleep(rest) => match activity.look(limits, &mut watched) {
                Next::LookAfter(next) => rest = next,
                Next::CloseIdle => return Ending::InOrder,
                Next::Cut => return Ending::Now,
            }
        }
    }
}

/// Once it was asked to finish. Where nothing is under way it has as long as a head: an HTTP/2
/// client that does not answer that its connection is over would keep it for another idle time.
async fn reason_to_cut(activity: &Activity, limits: &Limits, stops: &Stops) {
    let limits = &Limits { idle: limits.head.min(limits.idle), ..limits.clone() };
    let mut watched = Watched::default();
    let mut rest = limits.head;
    loop {
        tokio::select! {
            () = stops.cut.cancelled() => return,
            () = sleep(rest) => match activity.look(limits, &mut watched) {
                Next::LookAfter(next) => rest = next,
                Next::CloseIdle | Next::Cut => return,
            }
        }
    }
}

/// Spawns HTTP/2's streams where the app waits for them.
#[derive(Clone, Debug)]
pub(super) struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
