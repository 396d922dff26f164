//! One connection: which protocol, hyper with its bounds, and the watch that ends it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, Ending, Noted, Protocol, Watched};
use super::counts::Open;
use super::edge::{Edge, Handle};
use super::h1;
use super::head::MAX_HEAD;
use super::listener::{Limits, REFUSING, refuse};
use super::tls::Tls;
use super::turn::{InTurn, Turns};
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
    /// Whether a connection on which all waits for the client ends at once, though a head has begun
    /// or a body is half there.
    pub(super) is_hurried: bool,
}

/// What an HTTP/2 client with prior knowledge sends first: RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What who speaks plain HTTP to a listener of TLS is told.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 51\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS: ask for it with https://.\r\n";

/// Serves a connection to its end.
///
/// What comes less often than a plain request of HTTP/1.1 is boxed: a task has room for the largest
/// of what may come, and is moved some times before it runs.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, shared: Shared) {
    let _open = shared.handler.answers().map(Open::new);
    match shared.tls.clone() {
        None => plain(stream, peer, shared).await,
        Some(tls) => Box::pin(secure(stream, peer, shared, tls)).await,
    }
}

/// Serves a connection of TLS.
async fn secure(stream: TcpStream, peer: SocketAddr, shared: Shared, tls: Arc<Tls>) {
    let handshake = async {
        // A handshake begins with a record of its own type (RFC 8446 §5.1), HTTP with a letter.
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0].is_ascii_uppercase() {
            let _bounded = timeout(REFUSING, refuse(stream, PLAIN)).await;
            return Err(io::ErrorKind::InvalidData.into());
        }
        tls.accept(stream).await
    };
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
pub(super) async fn plain<S>(mut stream: S, peer: SocketAddr, shared: Shared)
where
    S: h1::Wire + Send + 'static,
{
    let first = tokio::select! {
        first = timeout(shared.limits.first_byte, first_bytes(&mut stream)) => first,
        () = shared.stops.idle.cancelled() => return,
    };
    // Silence, a client that left, and a broken stream are all nobody's business.
    let Ok(Ok((protocol, first))) = first else { return };
    let Shared { handler, limits, clock, stops, tasks, tls: _ } = shared;
    let activity = Activity::new(clock, protocol);
    let answers = handler.answers();
    let edge = Edge { handler, answers, peer, limits, activity };
    let rest = match protocol {
        Protocol::Http1 => plain_requests(stream, first, &edge, &stops).await,
        Protocol::Http2 => Some((stream, first)),
    };
    if let Some((stream, first)) = rest {
        Box::pin(speak(stream, first, edge, &stops, tasks)).await;
    }
}

/// Serves plain requests of HTTP/1.1; gives back the stream, and what was read of it, at the first
/// request of another kind.
async fn plain_requests<S>(
    stream: S,
    first: Bytes,
    edge: &Edge,
    stops: &Stops,
) -> Option<(S, Bytes)>
where
    S: h1::Wire + Send + 'static,
{
    let mut connection = h1::Connection::new(stream, first, edge.clone());
    let ended = watched(Pin::new(&mut connection), h1::Connection::finish, edge, stops).await;
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
/// its time. A client's mistake is answered where it can be; nobody else is concerned.
async fn speak<S>(stream: S, first: Bytes, edge: Edge, stops: &Stops, tasks: TaskTracker)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Noted::new(stream, first, Arc::clone(&edge.activity)));
    match edge.activity.protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            // hyper's own clock cannot tell a slow head from an idle connection: the activity can.
            builder.header_read_timeout(None).max_header_size(MAX_HEAD).max_buf_size(2 * MAX_HEAD);
            builder.half_close(edge.limits.half_closed);
            let connection = builder.serve_connection(io, edge.clone()).with_upgrades();
            let finish = http1::UpgradeableConnection::graceful_shutdown;
            let _ended = watched(pin!(connection), finish, &edge, stops).await;
        }
        Protocol::Http2 => {
            let activity = &edge.activity;
            let in_turn = InTurn { tasks, activity: Arc::clone(activity) };
            let builder = http2_builder(&edge.limits, in_turn);
            let connection = Turns::of(builder.serve_connection(io, edge.clone()), activity);
            let finish = |mut turns: Pin<&mut Turns<_>>| {
                http2::Connection::graceful_shutdown(turns.connection());
            };
            let _ended = watched(pin!(connection), finish, &edge, stops).await;
        }
    }
}

fn http2_builder(limits: &Limits, requests: InTurn) -> http2::Builder<InTurn> {
    /// What a client may send before it is told to go on, a stream and a connection.
    const STREAM_WINDOW: u32 = 64 * 1024;
    const CONNECTION_WINDOW: u32 = 256 * 1024;
    let mut builder = http2::Builder::new(requests);
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

/// Polls a connection to its end, and says what it ended with; nothing where it was cut. `finish`
/// asks it to end in order.
///
/// A connection is polled for every request, and the watch beside it has news once in a while:
/// polled along each time, it would cost locks that all connections share. In a set it is polled
/// only when it was woken itself; boxed, since the set has room for a second one.
async fn watched<C: Future>(
    mut connection: Pin<&mut C>,
    finish: impl Fn(Pin<&mut C>),
    edge: &Edge,
    stops: &Stops,
) -> Option<C::Output> {
    for is_ending in [false, true] {
        // The connection may use up its task's budget in each poll; the watch has to run all the
        // same.
        let watch = Box::pin(unconstrained(reason_to_end(edge, stops, is_ending)));
        let mut watch = FuturesUnordered::from_iter([watch]);
        match select(connection.as_mut(), watch.next()).await {
            Either::Left((output, _)) => return Some(output),
            Either::Right((Some(Ending::InOrder), _)) if !is_ending => finish(connection.as_mut()),
            Either::Right(_) => return None,
        }
    }
    None
}

/// Waits until a connection has to end. Once it was asked to finish and nothing is under way, it
/// has as long as a head: an HTTP/2 client that does not answer that its connection is over would
/// keep it for another idle time.
async fn reason_to_end(edge: &Edge, stops: &Stops, is_ending: bool) -> Ending {
    let mut limits = Limits::clone(&edge.limits);
    if is_ending {
        limits.idle = limits.head.min(limits.idle);
    }
    let mut watched = Watched::default();
    loop {
        // The first look begins the count; a head may have begun before.
        let rest = match edge.activity.look(&limits, &mut watched) {
            Ok(rest) => rest,
            Err(ending) => return ending,
        };
        tokio::select! {
            () = stops.cut.cancelled() => return Ending::Now,
            () = stops.idle.cancelled(), if !is_ending => {
                let is_now = stops.is_hurried && edge.activity.is_up_to_client();
                return if is_now { Ending::Now } else { Ending::InOrder };
            }
            () = sleep(rest) => {}
        }
    }
}
