//! A small site behind the real listener.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use larder::parts::http::listener::{Limits, Listener};
use larder::parts::http::{
    Body, Exchange, Handle, Peer, RequestView, Responding, Unread, WarpHandler,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::{Reply as _, Response as Reply};

/// What is told of an answer that was sent.
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) bytes: u64,
}

/// What larder's own handlers do, in small: what is ready is answered at once, the rest by a future
/// or by warp.
struct Site {
    warp: WarpHandler,
    seen: Option<UnboundedSender<Seen>>,
}

pub(super) fn site() -> Arc<dyn Handle> {
    observed(None)
}

/// The same, that tells what it has sent.
pub(super) fn observed(seen: Option<UnboundedSender<Seen>>) -> Arc<dyn Handle> {
    Arc::new(Site { warp: WarpHandler::new(filter()), seen })
}

/// What is given to warp: what reads bodies, heads or addresses.
fn filter() -> BoxedFilter<(Reply,)> {
    let upgrade = warp::path("upgrade").and(warp::ext::get::<OnUpgrade>()).map(upgrade);
    let peer = warp::path("peer")
        .and(warp::ext::get::<Peer>())
        .map(|Peer(peer): Peer| peer.ip().to_string().into_response());
    let query = warp::query::raw().map(|query| format!("?{query}"));
    let host = warp::path("host")
        .and(warp::path::full())
        .and(query.or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .map(|path: FullPath, query: String, headers: HeaderMap| {
            let host = headers["host"].to_str().expect("text");
            format!("{host} {}{query}", path.as_str()).into_response()
        });
    let echo = warp::body::bytes().map(|body: Bytes| Reply::new(body.into()));
    upgrade.or(peer).unify().or(host).unify().or(echo).unify().boxed()
}

/// Switches to a protocol that sends back what comes, once.
fn upgrade(upgrade: OnUpgrade) -> Reply {
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.expect("upgraded"));
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.expect("a word");
        stream.write_all(&word).await.expect("sent");
    });
    let mut answer = StatusCode::SWITCHING_PROTOCOLS.into_response();
    answer.headers_mut().insert("connection", "upgrade".parse().expect("a value"));
    answer.headers_mut().insert("upgrade", "echo".parse().expect("a value"));
    answer
}

async fn page(path: String) -> Response<Body> {
    match path.as_str() {
        "/panic" => panic!("a bug"),
        "/wait" => std::future::pending().await,
        "/hold" => {
            let gate = GATE.notified();
            STARTED.notify_one();
            gate.await;
            Response::new(Body::full("held"))
        }
        "/parts" => {
            let parts = ["one", "two"].map(|part| Ok::<_, Infallible>(Frame::data(part.into())));
            Response::new(Body::stream(StreamBody::new(futures_util::stream::iter(parts))))
        }
        _ => Response::new(Body::full(LARGE.clone())),
    }
}

/// More than any window or buffer on the way takes; the same for all who ask.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; 64 << 20]));

pub(super) static STARTED: Notify = Notify::const_new();
pub(super) static GATE: Notify = Notify::const_new();

impl Handle for Site {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        match request.path {
            "/" => Response::new(Body::full("hit")).into(),
            "/quick-panic" => panic!("a bug"),
            path => {
                let path = path.to_owned();
                Responding::begin(async move { page(path).await.into() })
            }
        }
    }

    fn takes_whole(&self, request: &RequestView<'_>) -> bool {
        !["/", "/quick-panic", "/panic", "/wait", "/hold", "/parts", "/large"]
            .contains(&request.path)
    }

    fn respond_to_whole(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        self.warp.respond_to_whole(request, unread)
    }

    fn observes(&self) -> bool {
        self.seen.is_some()
    }

    fn sent(&self, exchange: &Exchange<'_>) {
        if let Some(channel) = &self.seen {
            let Exchange { status, bytes, .. } = *exchange;
            let _test_over = channel.send(Seen { status, bytes });
        }
    }
}

pub(super) struct Server {
    pub(super) addr: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) done: tokio::task::JoinHandle<()>,
}

pub(super) async fn serve(limits: Limits) -> Server {
    serve_with(site(), limits).await
}

pub(super) async fn serve_with(handler: Arc<dyn Handle>, limits: Limits) -> Server {
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port");
    let listener = listener.with_loops(2);
    let (addr, stop) = (listener.addr(), CancellationToken::new());
    let done = tokio::spawn(listener.run(handler, limits, stop.clone(), TaskTracker::new()));
    Server { addr, stop, done }
}

/// Long enough that only a hang reaches it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Sends bytes and reads until the server closes.
pub(super) async fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    within(async {
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

pub(super) fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}
