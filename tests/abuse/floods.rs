//! Floods against the real program: its memory stays bounded, and others are served.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::flood_list::FLOODS;
use crate::harness::{Larder, MEMORY, Site};

/// How long each flood lasts: a connection that is not ended by then would be by its idle time.
const LONG: Duration = Duration::from_millis(1500);
/// Connections that flood at once.
const AT_ONCE: usize = 4;
/// What all floods together may add to the process: windows, buffers and streams of a few
/// connections, and what the allocator keeps of them.
const GROWTH: u64 = 64 << 20;

/// What HTTP/1 connections are flooded with: how it begins, and what is sent again and again.
const PLAIN: &[(&str, &str, &str)] = &[
    ("requests whose answers are not taken", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("large answers that are not taken", "", "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a head without end", "GET / HTTP/1.1\r\nHost: a\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
    ("a line without end", "GET / HTTP/1.1\r\nX: ", "y"),
    ("a target without end", "GET /", "x"),
    ("empty lines", "", "\r\n"),
    (
        "chunks without end",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "1\r\nx\r\n",
    ),
    (
        "an extension without end",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "x",
    ),
    (
        "trailers without end",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "X: y\r\n",
    ),
    ("a body of 100 GB", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n", "x"),
    ("requests behind a slow one", "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n"),
    ("what is no HTTP", "\u{16}\u{3}\u{1}", "\u{0}"),
];

fn larder() -> Larder {
    let site = Site::with(
        "routes:\n  /: { body: hit }\n  /wait: { body: late, delay: 20s }\n  /large: large.txt\n",
    );
    Larder::serve(&site.file("large.txt", &"x".repeat(5 << 20)), MEMORY)
}

/// Asks for a page again and again until `over`, and looks at the process's memory.
async fn others_are_served(larder: &Larder, name: &str, before: u64, over: impl Fn() -> bool) {
    let (mut worst, mut most) = (Duration::ZERO, 0);
    while !over() {
        let began = Instant::now();
        assert_eq!(larder.get("/").await.text(), "hit", "{name}");
        worst = worst.max(began.elapsed());
        most = most.max(larder.resident());
        // An ordinary client: one that asks without a pause would be a flood itself.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{name}: {} KiB at most, {worst:?} at worst", most >> 10);
    assert!(most < before + GROWTH, "{name}: {most} bytes after {before}");
    assert!(worst < Duration::from_secs(5), "{name}: {worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_leave_memory_bounded_and_others_served() {
    let larder = larder();
    let addr = larder.address.parse().expect("an address");
    larder.get("/").await;
    let before = larder.resident();
    for flood in FLOODS {
        let flooding: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(flood.run(addr, LONG))).collect();
        let over = || flooding.iter().all(tokio::task::JoinHandle::is_finished);
        others_are_served(&larder, flood.name, before, over).await;
    }
    assert!(!larder.log().contains("panic"), "{}", larder.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_http_1_leave_memory_bounded_and_others_served() {
    let larder = larder();
    larder.get("/").await;
    let before = larder.resident();
    for (name, first, again) in PLAIN {
        let flooding: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut stream = TcpStream::connect(&larder.address).expect("connected");
                stream.set_write_timeout(Some(LONG)).expect("a bound");
                let (first, again) = (first.as_bytes(), again.repeat(16 * 1024 / again.len()));
                std::thread::spawn(move || {
                    let began = Instant::now();
                    let mut is_open = stream.write_all(first).is_ok();
                    while is_open && began.elapsed() < LONG {
                        is_open = stream.write_all(again.as_bytes()).is_ok();
                    }
                })
            })
            .collect();
        let over = || flooding.iter().all(std::thread::JoinHandle::is_finished);
        others_are_served(&larder, name, before, over).await;
    }
    assert!(!larder.log().contains("panic"), "{}", larder.log());
}
