//! Clients of HTTP/1 that send or take a little now and then: what has to come whole has a time for
//! the whole, what may take long has a time for each step.

use std::time::{Duration, Instant};

use larder::parts::http::listener::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{serve, within};

const SHORT: Duration = Duration::from_millis(300);
const STEP: Duration = Duration::from_millis(20);

/// Sends `first`, then a byte of `drip` again and again; what came back until the server closed.
async fn drip(addr: std::net::SocketAddr, first: &str, drip: &str) -> (String, Duration) {
    let stream = TcpStream::connect(addr).await.expect("connected");
    let (mut from, mut to) = stream.into_split();
    let began = Instant::now();
    let first = first.to_owned();
    let drip = drip.to_owned();
    let dripping = tokio::spawn(async move {
        let mut is_open = to.write_all(first.as_bytes()).await.is_ok();
        for byte in drip.as_bytes().iter().cycle() {
            // The slow client that this is about.
            tokio::time::sleep(STEP).await;
            is_open = is_open && to.write_all(&[*byte]).await.is_ok();
            if !is_open {
                return;
            }
        }
    });
    let mut answer = Vec::new();
    let _reset = from.read_to_end(&mut answer).await;
    dripping.abort();
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[tokio::test]
async fn who_sends_a_byte_now_and_then_has_a_time_for_the_whole() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n";
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    for (name, first, again, last) in [
        ("a request line", String::from("GET /"), "x", ""),
        ("a first head", get.to_owned(), "X: y\r\n", ""),
        ("a second head", format!("{get}\r\nGET / HTTP/1.1\r\n"), "X: y\r\n", "200"),
        ("a head of hyper's", format!("{post}X: y"), "y", ""),
        ("a head behind a body", format!("{post}Content-Length: 1\r\n\r\nxGET /"), "x", "200"),
        ("empty lines", String::from("\r\n"), "\r\n", ""),
        ("a body", format!("{post}Content-Length: 9999\r\n\r\nx"), "x", "408"),
        ("chunks", format!("{post}Transfer-Encoding: chunked\r\n\r\n"), "1\r\nx\r\n", "408"),
        (
            "an extension of a chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n1;"),
            "x",
            "408",
        ),
        ("trailers", format!("{post}Transfer-Encoding: chunked\r\n\r\n0\r\n"), "X: y\r\n", "408"),
    ] {
        let limits =
            Limits { head: SHORT, first_byte: SHORT, body_time: SHORT, ..Limits::default() };
        let server = serve(limits).await;
        let (answer, took) = within(drip(server.addr, &first, again)).await;
        let status = answer.rsplit("HTTP/1.1 ").next().and_then(|answer| answer.get(..3));
        assert_eq!(status.unwrap_or(""), last, "{name}: {answer}");
        println!("{name}: {took:?}");
    }
}

#[tokio::test]
async fn who_takes_an_answer_in_small_steps_gets_all_of_it() {
    let limits = Limits { stall: SHORT, idle: SHORT, head: SHORT, ..Limits::default() };
    let server = serve(limits).await;
    within(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let mut stream = socket.connect(server.addr).await.expect("connected");
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let (began, mut taken, mut bit) = (Instant::now(), 0, [0; 4096]);
        while began.elapsed() < SHORT * 8 {
            taken += stream.read(&mut bit).await.expect("the connection stays");
            // A pause between two steps, as a slow reader makes them.
            tokio::time::sleep(STEP).await;
        }
        // Then it stops for longer than it may, and is cut: what was on its way comes, no more.
        tokio::time::sleep(SHORT * 4).await;
        let mut rest = Vec::new();
        let _reset = stream.read_to_end(&mut rest).await;
        taken += rest.len();
        assert!(taken < 64 << 20, "{taken}: cut before its end");
    })
    .await;
}
