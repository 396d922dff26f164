//! The listener and the edge, by the bytes on the wire.
#![cfg(test)]

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::service::TowerToHyperService;
use larder::http::body::Body;
use larder::http::carry::{self, Carried, WholeRequest};
use larder::http::edge::{Handle, Peer};
use larder::http::listener::{Limits, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::Filter as _;

/// What the lead's handler does, in small: hits before warp, the rest in one catch-all filter.
#[derive(Clone)]
struct Site<S> {
    warp: S,
}

fn site() -> impl Handle {
    let filter = warp::any()
        .and(warp::ext::get::<Carried<WholeRequest>>())
        .and_then(|request: Carried<WholeRequest>| async move {
            let request = request.take().expect("carried");
            Ok::<_, Infallible>(carry::answer_for_warp(page(request).await))
        })
        .boxed();
    Site { warp: TowerToHyperService::new(warp::service(filter)) }
}

async fn page(request: WholeRequest) -> Response<Body> {
    match request.uri().path() {
        "/panic" => panic!("a bug"),
        "/wait" => std::future::pending().await,
        "/large" => Response::new(Body::full(Bytes::from(vec![b'x'; 64 << 20]))),
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

static STARTED: Notify = Notify::const_new();
static GATE: Notify = Notify::const_new();

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
}

struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

async fn serve(limits: Limits) -> Server {
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port");
    let (addr, stop) = (listener.addr(), CancellationToken::new());
    let done = tokio::spawn(listener.run(site(), limits, stop.clone(), TaskTracker::new()));
    Server { addr, stop, done }
}

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Sends bytes and reads until the server closes.
async fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    within(async {
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

/// RFC 9112 §3.2: exactly one sound Host.
const HOST: &[(&str, &str)] = &[
    ("GET / HTTP/1.1\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a:port\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", "200"),
    ("GET / HTTP/1.1\r\nhOST: a.example:\r\nConnection: close\r\n\r\n", "200"),
    ("GET / HTTP/1.0\r\n\r\n", "200"),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
];

/// RFC 9112 §3.2.1 to §3.2.4.
const TARGET: &[(&str, &str)] = &[
    ("GET http://b/host HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
    ("GET http://b@c/host HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("GET b/c HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "204"),
    ("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "501"),
];

/// RFC 9112 §2.2, §5 and §6.
const FRAMING: &[(&str, &str)] = &[
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\n\
         Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400",
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\n\
         Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        "400",
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\n\
         TRANSFER-ENCODING: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
        "400",
    ),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "400"),
    ("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", "400"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", "400"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", "400"),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("garbage\r\n\r\n", "400"),
];

/// What looks odd and is sound.
const SOUND: &[(&str, &str)] = &[
    ("\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        "200",
    ),
];

#[tokio::test]
async fn what_rfc_9112_refuses_is_refused() {
    let server = serve(Limits::default()).await;
    for (bytes, expected) in [HOST, TARGET, FRAMING, SOUND].concat() {
        let answer = exchange(server.addr, bytes.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{bytes:?} gave {answer}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let server = serve(Limits { body: 64, ..Limits::default() }).await;
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    for (name, bytes, expected) in [
        ("a target", format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000)), "414"),
        ("a field", format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000)), "431"),
        ("many fields", format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)), "431"),
        ("a body", format!("{post}Content-Length: 65\r\n\r\n{:65}", ""), "413"),
        (
            "a body without length",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n41\r\n{:65}\r\n0\r\n\r\n", ""),
            "413",
        ),
        (
            "an announced body",
            format!("{post}Content-Length: 65\r\nExpect: 100-continue\r\n\r\n"),
            "413",
        ),
        ("a body that is never sent", format!("{post}Content-Length: 99999999999\r\n\r\nx"), "413"),
    ] {
        let answer = exchange(server.addr, bytes.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{name} gave {answer}");
    }
}

#[tokio::test]
async fn both_lengths_are_found_in_any_of_several_requests_and_only_in_heads() {
    let server = serve(Limits::default()).await;
    let sound = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 17\r\n\r\ncontent-length: 5\r\n\r\n\r\n0\r\n\r\n";
    let unsound = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\
                   Transfer-Encoding: chunked\r\n\r\n\
                   0\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(server.addr, format!("{sound}{sound}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
    let answer = exchange(server.addr, format!("{sound}{unsound}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
    // The head in two parts, the first of them behind another request.
    within(async {
        let mut stream = TcpStream::connect(server.addr).await.expect("connected");
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let (one, two) = unsound.split_at(40);
        stream.write_all(format!("{get}{one}").as_bytes()).await.expect("sent");
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.expect("the first answer");
        stream.write_all(two.as_bytes()).await.expect("sent");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("the second answer");
        assert!(rest.contains("HTTP/1.1 400"), "{rest}");
    })
    .await;
}

#[tokio::test]
async fn an_absolute_target_wins_over_host() {
    let server = serve(Limits::default()).await;
    let request = "GET http://b:81/host?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(server.addr, request.as_bytes()).await;
    assert!(answer.ends_with("b:81 /host?x=1"), "{answer}");
}

#[tokio::test]
async fn hits_and_warps_answers_share_a_connection() {
    let server = serve(Limits::default()).await;
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                    POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                    GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = exchange(server.addr, requests.as_bytes()).await;
    for part in ["\r\n\r\nhit", "\r\n\r\nabc", "\r\n\r\n127.0.0.1"] {
        assert!(answer.contains(part), "{answer}");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives() {
    let server = serve(Limits::default()).await;
    for path in ["/panic", "/quick-panic"] {
        let requests = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n\
             GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(server.addr, requests.as_bytes()).await;
        assert_eq!(status(&answer), "500", "{answer}");
        assert!(answer.ends_with("hit"), "{answer}");
    }
}

#[tokio::test]
async fn http_2_by_prior_knowledge_follows_the_same_rules() {
    let server = serve(Limits::default()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    let get = async |path: &str| {
        let answer = client.get(format!("http://{}{path}", server.addr)).send().await;
        let answer = within(async { answer.expect("an answer") }).await;
        (answer.version(), answer.status().as_u16(), answer.text().await.expect("text"))
    };
    assert_eq!(get("/").await, (http::Version::HTTP_2, 200, "hit".into()));
    let expected = format!("{} /host?x=1", server.addr);
    assert_eq!(get("/host?x=1").await, (http::Version::HTTP_2, 200, expected));
    assert_eq!(get(&format!("/{}", "x".repeat(9000))).await.1, 414);
    let differs = client.get(format!("http://{}/", server.addr)).header("host", "other");
    let answer = within(differs.send()).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 400));
}

#[tokio::test]
async fn silent_slow_idle_and_stalled_connections_are_ended() {
    let short = Duration::from_millis(150);
    let cases: &[(&str, Limits, &str, &str)] = &[
        ("no byte", Limits { first_byte: short, ..Limits::default() }, "", ""),
        ("half a preface", Limits { first_byte: short, ..Limits::default() }, "PRI * HTTP", ""),
        ("half a head", Limits { head: short, ..Limits::default() }, "GET / HTTP/1.1\r\n", ""),
        (
            "idle",
            Limits { idle: short, ..Limits::default() },
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "200",
        ),
        (
            "a slow body",
            Limits { body_time: short, ..Limits::default() },
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
            "408",
        ),
    ];
    for (name, limits, bytes, expected) in cases {
        let server = serve(limits.clone()).await;
        let answer = exchange(server.addr, bytes.as_bytes()).await;
        assert_eq!(answer.get(9..12).unwrap_or(""), *expected, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_second_head_has_its_own_time() {
    let server = serve(Limits { head: Duration::from_millis(150), ..Limits::default() }).await;
    within(async {
        let mut stream = TcpStream::connect(server.addr).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut start = [0; 15];
        stream.read_exact(&mut start).await.expect("an answer");
        stream.write_all(b"GET ").await.expect("sent");
        let mut rest = Vec::new();
        let _reset = stream.read_to_end(&mut rest).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let stall = Duration::from_millis(150);
    let head = Duration::from_millis(50);
    let server = serve(Limits { stall, head, ..Limits::default() }).await;
    within(async {
        let mut stream = TcpStream::connect(server.addr).await.expect("connected");
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        // The server has given up when it takes no more bytes: a write to it fails.
        while stream.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn above_the_limit_clients_are_told_at_once() {
    let server = serve(Limits { max_connections: 1, ..Limits::default() }).await;
    within(async {
        let mut first = TcpStream::connect(server.addr).await.expect("connected");
        first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut start = [0; 15];
        first.read_exact(&mut start).await.expect("an answer");
        let answer = exchange(server.addr, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(status(&answer), "503", "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
        drop(first);
        // The place is free again as soon as the server has seen the end.
        while status(&exchange(server.addr, b"GET / HTTP/1.0\r\n\r\n").await) != "200" {}
    })
    .await;
}

#[tokio::test]
async fn stopping_ends_idle_connections_finishes_answers_and_has_a_deadline() {
    let server = serve(Limits::default()).await;
    within(async {
        let mut idle = TcpStream::connect(server.addr).await.expect("connected");
        idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut start = [0; 15];
        idle.read_exact(&mut start).await.expect("an answer");
        let mut busy = TcpStream::connect(server.addr).await.expect("connected");
        busy.write_all(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        STARTED.notified().await;
        server.stop.cancel();
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.expect("closed in good order");
        assert!(TcpStream::connect(server.addr).await.is_err(), "still accepting");
        GATE.notify_waiters();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.expect("the whole answer");
        assert!(answer.ends_with("held") && answer.contains("connection: close"), "{answer}");
        server.done.await.expect("ended");
    })
    .await;

    let server = serve(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    within(async {
        let mut stuck = TcpStream::connect(server.addr).await.expect("connected");
        stuck.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        server.stop.cancel();
        server.done.await.expect("ended");
        let mut answer = Vec::new();
        let _reset = stuck.read_to_end(&mut answer).await;
    })
    .await;
}

#[tokio::test]
async fn an_address_in_use_is_said_in_words() {
    let server = serve(Limits::default()).await;
    let error = Listener::bind(&server.addr.to_string()).await.expect_err("taken").to_string();
    let expected = format!("cannot listen on {}: another program is using that port", server.addr);
    assert_eq!(error, expected);
}
