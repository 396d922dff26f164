//! What larder's own HTTP/1.1 owes beside the rules: ends, times, turns.

use std::io::{Read as _, Write as _};
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};

use larder::parts::http::listener::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, serve, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_rests_does_not_outlive_the_stop() {
    let server = serve(Limits { drain: Duration::from_secs(1), ..Limits::default() }).await;
    let mut reading = Blocking::connect(server.addr).expect("connected");
    reading.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let mut writing = reading.try_clone().expect("the same connection");
    let flood = std::thread::spawn(move || {
        let requests = "HEAD /peer HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
        while writing.write_all(requests.as_bytes()).is_ok() {}
    });
    let (told, is_under_way) = tokio::sync::oneshot::channel();
    let answers = std::thread::spawn(move || {
        let (mut told, mut count, mut scrap) = (Some(told), 0, vec![0; 1 << 16]);
        loop {
            match reading.read(&mut scrap) {
                Ok(0) => return "ended",
                Ok(more) => count += more,
                Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => return "ended",
                Err(_) => return "never ended",
            }
            if count > 1 << 20
                && let Some(told) = told.take()
            {
                let _test_over = told.send(());
            }
        }
    });
    within(is_under_way).await.expect("many answers");
    let stopped = Instant::now();
    server.stop.cancel();
    within(server.done).await.expect("stopped");
    let ended = tokio::task::spawn_blocking(|| answers.join());
    assert_eq!(ended.await.expect("joined").expect("read"), "ended");
    // A second to end by itself, then it is cut.
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(8), "ended after {took:?}");
    flood.join().expect("written");
}

#[tokio::test]
async fn a_head_has_its_time_once_whoever_reads_it() {
    let head = Duration::from_secs(4);
    let server = serve(Limits { head, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.addr).await.expect("connected");
    let began = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("sent");
    // Late, and too long for larder's own reader: hyper takes over.
    tokio::time::sleep(head * 3 / 4).await;
    let long = format!("a: {}\r\n", "x".repeat(17_000));
    stream.write_all(long.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let _reset = within(stream.read_to_end(&mut answer)).await;
    let took = began.elapsed();
    assert!(took < head * 3 / 2, "cut after {took:?}: the head had its time twice");
}
