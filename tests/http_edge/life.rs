//! How connections begin and end.

use std::time::Duration;

use larder::parts::http::listener::{Limits, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{GATE, STARTED, exchange, observed, serve, serve_with, status, within};

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
            // Without a pause what is written would fill the connection instead of probing it.
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

#[tokio::test]
async fn each_answer_is_told_of_once_with_what_was_sent() {
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let server = serve_with(observed(Some(sender)), Limits::default()).await;
    for (request, status) in [
        ("GET /?a=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        ("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\n\r\n", 400),
    ] {
        let answer = exchange(server.addr, request.as_bytes()).await;
        let seen = within(seen.recv()).await.expect("told");
        assert_eq!(seen.status, status, "{answer}");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        assert_eq!(seen.bytes, body.len() as u64, "{answer}");
    }
    server.stop.cancel();
    within(server.done).await.expect("ended");
    assert!(seen.try_recv().is_err(), "told twice");
}

#[tokio::test]
async fn a_connection_can_go_over_to_another_protocol() {
    let server = serve(Limits::default()).await;
    let head = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo";
    let request = format!("{head}\r\n\r\nword");
    let answer = exchange(server.addr, request.as_bytes()).await;
    assert_eq!(status(&answer), "101", "{answer}");
    assert!(answer.ends_with("\r\n\r\nword"), "{answer}");
}
