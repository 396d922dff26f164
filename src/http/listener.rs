//! Accepts connections, bounds them, and ends them in good order.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::sockopt::set_socket_reuseport;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Stops};
use super::edge::Handle;
use super::tls::Tls;
use crate::clock::{Clock, Moment};
use crate::config::ServerConfig;

/// The bounds of a listener. `Default` gives what the file's defaults say.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; as `server.max_connections`. Who comes above it gets 503.
    pub max_connections: usize,
    /// How long a connection may take to send its first byte; 10 s.
    pub first_byte: Duration,
    /// How long a head may take from its first byte to its last; 10 s.
    pub head: Duration,
    /// How long a connection may rest between requests; as `server.idle`. Load balancers that rest
    /// for a minute must not find it closed in the moment in which they use it again.
    pub idle: Duration,
    /// How long an answer may go without a byte written; 60 s.
    pub stall: Duration,
    /// The largest request body, in bytes; 1 MiB.
    pub body: usize,
    /// How long a request body may take; 10 s.
    pub body_time: Duration,
    /// How long answers may take to end once the listener is stopped; 10 s.
    pub drain: Duration,
    /// Whether a client that closed its half is answered still, whatever that takes; where not, it
    /// is taken for one that left.
    pub half_closed: bool,
    /// What becomes of who comes above `max_connections`; is told so.
    pub overflow: Overflow,
}

/// What becomes of a connection for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It gets 503 at once.
    Refused,
    /// The oldest connection ends as soon as nothing is under way on it but bodies that its client
    /// does not send, and makes room: who opens connections and says nothing keeps nobody out.
    OldestEnds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: ServerConfig::default().max_connections,
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: ServerConfig::default().idle,
            stall: Duration::from_secs(60),
            body: 1024 * 1024,
            body_time: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            half_closed: true,
            overflow: Overflow::Refused,
        }
    }
}

/// A bound socket that nothing is accepted from yet.
#[derive(Debug)]
pub struct Listener {
    /// On the same address, an accept loop each: the kernel spreads new connections over them.
    sockets: Vec<TcpListener>,
    addr: SocketAddr,
    /// Nothing for plain HTTP.
    tls: Option<Arc<Tls>>,
}

/// Accept loops of one listener.
pub(crate) const MAX_LOOPS: usize = 64;

/// Connections waiting in the kernel until they are accepted.
const BACKLOG: u32 = 1024;

/// Connections above the limit that are told so at once; those beyond are closed without a word.
const MAX_REFUSING: usize = 64;

/// How long a refused client is waited for.
pub(super) const REFUSING: Duration = Duration::from_secs(1);

/// The pause after an error of accept that closing connections may cure: no file descriptors,
/// mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long such an error is not said again: it may last for hours, twenty times a second.
const SAID_AGAIN: Duration = Duration::from_secs(10);

impl Listener {
    /// Binds `addr`, such as `127.0.0.1:8000`; port 0 takes a free one.
    ///
    /// # Errors
    /// Where the address is none, or cannot be bound; the message names it and says why.
    pub async fn bind(addr: &str) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on {addr}: {}", reason(&error)))
        };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for candidate in tokio::net::lookup_host(addr).await.map_err(named)? {
            match first_socket(candidate) {
                Ok(socket) => {
                    let addr = socket.local_addr().map_err(named)?;
                    return Ok(Self { sockets: vec![socket], addr, tls: None });
                }
                Err(error) => last = error,
            }
        }
        Err(named(last))
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts in so many loops, one at least and [`MAX_LOOPS`] at most: one a thread is best. Each
    /// has a socket of its own (`SO_REUSEPORT`), so that no queue and no lock is shared. Where the
    /// system gives no further socket, there are fewer.
    #[must_use]
    pub fn with_loops(mut self, loops: usize) -> Self {
        while self.sockets.len() < loops.min(MAX_LOOPS) {
            match further_socket(self.addr) {
                Ok(socket) => self.sockets.push(socket),
                Err(why) => {
                    tracing::debug!(%why, loops = self.sockets.len(), "fewer accept loops");
                    break;
                }
            }
        }
        self
    }

    /// Speaks TLS only. Who holds `tls` can replace the certificate at any time.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<Tls>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What its addresses begin with.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` is cancelled, then closes idle connections and waits for the others, at
    /// most [`Limits::drain`]. All tasks are spawned on `tasks`.
    ///
    /// # Cancel safety
    /// Dropped, it stops accepting; connections go on and are not waited for.
    pub async fn run(
        self,
        handler: Arc<dyn Handle>,
        limits: Limits,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) {
        let connections = Arc::new(Semaphore::new(limits.max_connections));
        let (max, drain) = (limits.max_connections, limits.drain);
        let crowd = (limits.overflow == Overflow::OldestEnds).then(Arc::<Crowd>::default);
        let stops = Stops::default();
        let shared = connection::Shared {
            handler,
            limits: Arc::new(limits),
            clock: Clock::system(),
            stops: stops.clone(),
            tasks: tasks.clone(),
            tls: self.tls,
        };
        let refusing = Arc::new(Semaphore::new(MAX_REFUSING));
        let gate = Gate { connections: Arc::clone(&connections), refusing, crowd };
        // A task each, so that they run on threads of their own; they end with this future.
        let mut loops = JoinSet::new();
        for socket in self.sockets {
            let accepting = accept(socket, shared.clone(), gate.clone(), stop.clone());
            loops.spawn(tasks.track_future(accepting));
        }
        while loops.join_next().await.is_some() {}
        stops.idle.cancel();
        let all = u32::try_from(max).unwrap_or(u32::MAX);
        if timeout(drain, connections.acquire_many(all)).await.is_err() {
            let left = max - connections.available_permits();
            tracing::warn!(connections = left, "cutting connections that did not end in time");
        }
        stops.cut.cancel();
    }
}

/// What the loops of a listener share.
#[derive(Clone)]
struct Gate {
    connections: Arc<Semaphore>,
    refusing: Arc<Semaphore>,
    /// Where the oldest connection ends for a new one.
    crowd: Option<Arc<Crowd>>,
}

/// The open connections in the order in which they came, and what asks each to end.
#[derive(Debug, Default)]
struct Crowd {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, CancellationToken>>,
}

impl Crowd {
    /// A connection came, which `asked` asks to end; it is gone when what is returned is dropped.
    fn enter(self: &Arc<Self>, asked: CancellationToken) -> Entered {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(number, asked);
        Entered { crowd: Arc::clone(self), number }
    }

    /// Asks the oldest connection that was not asked yet to end.
    fn ask_oldest(&self) {
        let oldest = self.open.lock().pop_first();
        if let Some((_, asked)) = oldest {
            asked.cancel();
        }
    }
}

struct Entered {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.crowd.open.lock().remove(&self.number);
    }
}

async fn accept(
    socket: TcpListener,
    shared: connection::Shared,
    gate: Gate,
    stop: CancellationToken,
) {
    let mut quiet_until = Moment::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let now = shared.clock.now();
                if failed_for_a_while(&error) {
                    if now >= quiet_until {
                        tracing::warn!(%error, "cannot accept connections; trying again");
                        quiet_until = now.after(SAID_AGAIN);
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&gate.connections).try_acquire_owned() {
            let serving = serve(stream, peer, shared.clone(), gate.crowd.clone(), permit);
            shared.tasks.spawn(serving);
        } else if let Some(waiting) = gate.waiting().await {
            let (shared, gate) = (shared.clone(), gate.clone());
            shared.tasks.clone().spawn(async move {
                if let Some(permit) = gate.room_made().await {
                    drop(waiting);
                    serve(stream, peer, shared, gate.crowd, permit).await;
                } else {
                    let _bounded = timeout(REFUSING, refuse_by(shared.tls, stream)).await;
                    drop(waiting);
                }
            });
        }
    }
}

/// Serves a connection that there is room for.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    mut shared: connection::Shared,
    crowd: Option<Arc<Crowd>>,
    permit: OwnedSemaphorePermit,
) {
    let _entered = crowd.map(|crowd| {
        shared.stops.idle = shared.stops.idle.child_token();
        shared.stops.is_hurried = true;
        crowd.enter(shared.stops.idle.clone())
    });
    connection::serve(stream, peer, shared).await;
    drop(permit);
}

impl Gate {
    /// A place to wait in, above the limit. Where room is made there will be one soon: the kernel
    /// keeps who comes until then.
    async fn waiting(&self) -> Option<OwnedSemaphorePermit> {
        let refusing = Arc::clone(&self.refusing);
        match self.crowd {
            Some(_) => timeout(REFUSING, refusing.acquire_owned()).await.ok()?.ok(),
            None => refusing.try_acquire_owned().ok(),
        }
    }

    /// Makes room, where the oldest connection is to end; nothing where there is none.
    async fn room_made(&self) -> Option<OwnedSemaphorePermit> {
        self.crowd.as_ref()?.ask_oldest();
        let room = Arc::clone(&self.connections).acquire_owned();
        timeout(REFUSING, room).await.ok()?.ok()
    }
}

/// The first socket of a listener. It listens before it may be shared (`SO_REUSEPORT`): otherwise a
/// second larder of the same user would quietly take half of its connections.
fn first_socket(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(addr)?;
    socket.bind(addr)?;
    let listening = socket.listen(BACKLOG)?;
    set_socket_reuseport(&listening, true)?;
    Ok(listening)
}

/// One more for the same address.
fn further_socket(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(addr)?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Each connection has it from its listener. Without it a small answer behind another waits for
    // the client's delayed ACK: 40 ms.
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// The usual reasons in a person's words.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program is using that port".into(),
        io::ErrorKind::PermissionDenied => {
            "this user may not (ports below 1024 need a privilege)".into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        io::ErrorKind::InvalidInput => "it is not an address with a port".into(),
        _ => error.to_string(),
    }
}

/// A client that left between its arrival and accept is no reason to pause; all else is.
fn failed_for_a_while(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Refuses in what the client speaks. A handshake costs, but no more than one that a client gets by
/// coming a moment later, and a browser shows a closed connection as a fault of the network.
async fn refuse_by(tls: Option<Arc<Tls>>, stream: TcpStream) -> io::Result<()> {
    match tls {
        None => refuse(stream, TOO_MANY).await,
        Some(tls) => refuse(tls.refusing_acceptor().accept(stream).await?, TOO_MANY).await,
    }
}

const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 43\r\n\
    retry-after: 1\r\nconnection: close\r\n\r\n\
    This server has too many connections open.\n";

/// Tells a client why it is not served, and reads what it sends, so that the answer is not lost to
/// a reset.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: &[u8],
) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut scrap = [0; 1024];
    while stream.read(&mut scrap).await? > 0 {}
    Ok(())
}
