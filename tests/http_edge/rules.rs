//! What is refused, and what is not.

use larder::parts::http::listener::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{exchange, serve, status, within};

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
async fn requests_may_be_cut_anywhere_and_come_together() {
    let server = serve(Limits::default()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    // In memory, by a handler, of unknown length, without a body: each behind each.
    let mut requests: String = ["/", "/peer", "/parts", "/", "/", "/parts"].map(get).concat();
    requests.push_str("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    requests.push_str("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let dated = |answer: String| {
        let lines = answer.split("\r\n").filter(|line| !line.starts_with("date: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let whole = dated(exchange(server.addr, requests.as_bytes()).await);
    let expected = "\n\nhit|\n\n127.0.0.1|\n\n3\none\n3\ntwo\n0\n\n|\n\nhit|\n\nhit|\n\n3\n";
    let mut rest = whole.as_str();
    for part in expected.split('|') {
        let found = rest.find(part);
        rest =
            found.and_then(|at| rest.get(at + part.len()..)).unwrap_or_else(|| panic!("{whole}"));
    }
    assert!(rest.ends_with("connection: close\n\n127.0.0.1"), "{rest}");
    for cut in 1..requests.len() {
        let (one, two) = requests.split_at(cut);
        let answer = within(async {
            let mut stream = TcpStream::connect(server.addr).await.expect("connected");
            stream.set_nodelay(true).expect("sent as written");
            stream.write_all(one.as_bytes()).await.expect("sent");
            tokio::task::yield_now().await;
            stream.write_all(two.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("answers");
            answer
        });
        assert_eq!(dated(answer.await), whole, "cut at {cut}");
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
    let client = http2_client();
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
async fn head_has_the_length_of_get_and_no_body_in_either_protocol() {
    let server = serve(Limits::default()).await;
    for path in ["/", "/peer"] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.addr, request.as_bytes()).await;
        assert!(answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"), "{answer}");
        let client = http2_client();
        let address = format!("http://{}{path}", server.addr);
        let (head, get) = (client.head(&address).send(), client.get(&address).send());
        let head = within(head).await.expect("an answer");
        let length = head.headers()["content-length"].to_str().expect("text").to_owned();
        assert_eq!(head.bytes().await.expect("sound frames"), "");
        let get = within(get).await.expect("an answer").bytes().await.expect("a body");
        assert_eq!(length, get.len().to_string());
    }
}

/// A client that speaks HTTP/2 from the start.
fn http2_client() -> reqwest::Client {
    // What larder asks servers with brings TLS along, which wants a provider.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().http2_prior_knowledge().build().expect("a client")
}
