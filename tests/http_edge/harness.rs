//! A small site behind the real listener.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use larder::http::access::Seen;
use larder::http::body::Body;
use larder::http::carry::{self, Carried, WholeRequest};
use larder::http::edge::{Handle, Peer};
use larder::http::listener::{Limits, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::Filter as _;

/// What the lead's handler does, in small: hits before warp, the rest in one catch-all filter.
#[derive(Clone)]
struct Site<S> {
    warp: S,
    seen: Option<UnboundedSender<Seen>>,
}

pub(super) fn site() -> impl Handle {
    observed(None)
}

/// The same, that tells what it has sent.
pub(super) fn observed(seen: Option<UnboundedSender<Seen>>) -> impl Handle {
    let filter = warp::any()
        .and(warp::ext::get::<Carried<WholeRequest>>())
        .and_then(|request: Carried<WholeRequest>| async move {
            let request = request.take().expect("carried");
            Ok::<_, Infallible>(carry::answer_for_warp(page(request).await))
        })
        .boxed();
    Site { warp: TowerToHyperService::new(warp::service(filter)), seen }
}

async fn page(request: WholeRequest) -> Response<Body> {
    match request.uri().path() {
        "/panic" => panic!("a bug"),
        "/wait" => std::future::pending().await,
        "/upgrade" => upgrade(request),
        "/large" => Response::new(Body::full(LARGE.clone())),
        "/parts" => {
            let parts = ["one", "two"].map(|part| Ok::<_, Infallible>(Frame::data(part.into())));
            Response::new(Body::stream(StreamBody::new(futures_util::stream::iter(parts))))
        }
        "/hold" => {
            let gate = GATE.notified();
            STARTED.notify_one();
            gate.await;
            Response::new(Body::from("held"))
        }
        "/peer" => {
            let peer = request.extensions().get::<Peer>().expect("a peer").0;
            Response::new(Body::from(peer.ip().to_string()))
        }
        "/host" => {
            let host = request.headers()["host"].to_str().expect("text").to_owned();
            Response::new(Body::from(format!("{host} {}", request.uri())))
        }
        _ => {
            let body = request.into_body().collect().await.expect("whole").to_bytes();
            Response::new(Body::full(body))
        }
    }
}

/// Switches to a protocol that sends back what comes, once.
fn upgrade(mut request: WholeRequest) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgraded.await.expect("upgraded"));
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.expect("a word");
        stream.write_all(&word).await.expect("sent");
    });
    let answer = Response::builder().status(101).header("connection", "upgrade");
    answer.header("upgrade", "echo").body(Body::empty()).expect("an answer")
}

/// More than any window or buffer on the way takes; the same for all who ask.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; 64 << 20]));

pub(super) static STARTED: Notify = Notify::const_new();
pub(super) static GATE: Notify = Notify::const_new();

impl<S> Handle for Site<S>
where
    S: hyper::service::Service<
            WholeRequest,
            Response = warp::reply::Response,
            Error = Infallible,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        match request.uri().path() {
            "/" => Some(Response::new(Body::from("hit"))),
            "/quick-panic" => panic!("a bug"),
            _ => None,
        }
    }

    fn slow(&self, request: WholeRequest) -> impl Future<Output = Response<Body>> + Send {
        let answering = self.warp.call(carry::request_for_warp(request));
        async move {
            match answering.await {
                Ok(answer) => carry::answer_from_warp(answer),
                Err(never) => match never {},
            }
        }
    }

    fn observes(&self) -> bool {
        self.seen.is_some()
    }

    fn sent(&self, seen: &Seen) {
        if let Some(channel) = &self.seen {
            let _test_over = channel.send(seen.clone());
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

pub(super) async fn serve_with(handler: impl Handle, limits: Limits) -> Server {
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
