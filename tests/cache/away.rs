//! Redis absent, dead, hung, full, read-only or talking nonsense costs a client neither an error
//! nor more than one bounded wait.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use larder::parts::cache::Trouble;

use super::harness::{Bench, Server, body, eventually, free_port, request, starts_with, status};

/// The bound on a wait, and what a busy machine adds.
const BOUNDED: Duration = Duration::from_millis(100 + 150);

/// Asks for page after page: all are answered, and no more than one of them waited.
async fn all_answered_with_one_wait_at_most(bench: &Bench, round: &str) {
    let mut waits = 0;
    for number in 0..50 {
        let started = Instant::now();
        let answer = bench.get(request(&format!("{round}-{number}")), "here").await;
        assert_eq!(body(&answer), "here");
        let took = started.elapsed();
        assert!(took < BOUNDED, "{took:?}");
        waits += u32::from(took > Duration::from_millis(80));
    }
    assert!(waits <= 1, "{waits} waits in one window");
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_from_the_start() {
    let bench = Bench::on(&format!("redis://127.0.0.1:{}", free_port()));
    all_answered_with_one_wait_at_most(&bench, "absent").await;
    bench.state_becomes("down", |state| !state.up && state.trouble.is_some()).await;
    let answer = bench.get(request("new"), "here").await;
    assert_eq!(status(&answer), "fwd=uri-miss; detail=store-down");
    let apart = bench.get(request("new"), "again").await;
    assert_eq!(body(&apart), "here", "kept apart for a moment");
    starts_with(&status(&apart), "hit; ttl=59; detail=store-down");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again() {
    let mut server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.warm(&request("about"), "hello").await;
    let port = server.port;
    server.kill();
    all_answered_with_one_wait_at_most(&bench, "killed").await;
    let _server = Server::start_at(port, &[]);
    bench.state_becomes("up", |state| state.up && state.near_in_use).await;
    let stored = || async {
        bench.get(request("after"), "x").await;
        status(&bench.get(request("after"), "x").await).ends_with("detail=near")
    };
    assert!(eventually(stored).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_and_going_on() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.warm(&request("about"), "hello").await;
    server.signal("-STOP");
    all_answered_with_one_wait_at_most(&bench, "hung").await;
    all_answered_with_one_wait_at_most(&bench, "still").await;
    server.signal("-CONT");
    bench.state_becomes("up", |state| state.up && state.near_in_use).await;
    let stored = || async {
        let answer = bench.get(request("after"), "x").await;
        status(&answer).contains("stored") || status(&answer).starts_with("hit;")
    };
    assert!(eventually(stored).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_from_the_start() {
    let server = Server::start(&[]);
    server.signal("-STOP");
    let bench = Bench::on(&server.url());
    all_answered_with_one_wait_at_most(&bench, "hung").await;
    server.signal("-CONT");
    bench.state_becomes("up", |state| state.up && state.near_in_use).await;
}

/// The promise is about one late answer in a while, so the machine itself may make one try fail.
#[tokio::test(flavor = "multi_thread")]
async fn late_once_is_asked_again_at_once_and_not_a_second_later() {
    const WINDOW: Duration = Duration::from_secs(1);
    // Redis ends a pause at its next tick: ten a second would make it as late as 240 ms.
    let server = Server::start(&["--hz", "100"]);
    let bench = Bench::ready(&server.url()).await;
    for round in 0..5 {
        // A window in which the store is well: only then is a late answer the first one.
        tokio::time::sleep(WINDOW + Duration::from_millis(200)).await;
        let _: () = server.run(&["CLIENT", "PAUSE", "140"]);
        let began = Instant::now();
        let late = bench.get(request(&format!("late-{round}")), "here").await;
        if !status(&late).contains("store-down") {
            continue;
        }
        for number in 0.. {
            let answer = bench.get(request(&format!("after-{round}-{number}")), "here").await;
            if status(&answer).contains("stored") && !status(&answer).contains("store-down") {
                break;
            }
            // A client's pace; the store is asked for a sign of life by others.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("stored again after {:?}", began.elapsed());
        if began.elapsed() < WINDOW {
            return;
        }
    }
    panic!("a store that was late once is not asked for a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn late_again_and_again_is_waited_for_once_a_window() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    // A window in which the store is well, as above.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    // For as long as this takes it answers for a moment and hangs for 150 ms, by turns.
    let began = Instant::now();
    for number in 0..300 {
        if number % 4 == 0 {
            let _ = server.try_run::<()>(&["CLIENT", "PAUSE", "150"]);
        }
        bench.get(request(&format!("often-{number}")), "here").await;
        // So that the three hundred answers are spread over several windows.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waits = bench.cache.counters().store_errors();
    let waits: u64 = waits.filter(|(kind, _)| *kind == Trouble::Slow).map(|(_, count)| count).sum();
    // One at first, one after the sign of life that followed at once, then one a second at most.
    assert!(waits <= 2 + began.elapsed().as_secs(), "{waits} in {:?}", began.elapsed());
    assert!(waits > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.warm(&request("before"), "hello").await;
    let _: () = server.run(&["CONFIG", "SET", "maxmemory", "1"]);
    all_answered_with_one_wait_at_most(&bench, "full").await;
    let writes = server.calls("set");
    assert!(writes < 4, "writes are not tried for a moment: {writes}");
    let answer = bench.get(request("new"), "here").await;
    assert_eq!(status(&answer), "fwd=uri-miss; detail=store-full");
    starts_with(&status(&bench.get(request("before"), "x").await), "hit;");
    assert!(bench.cache.state().trouble.is_some());
    let _: () = server.run(&["CONFIG", "SET", "maxmemory", "0"]);
    let stored = || async {
        let answer = bench.get(request("after"), "x").await;
        status(&answer).contains("stored") || status(&answer).ends_with("detail=near")
    };
    assert!(eventually(stored).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only() {
    let primary = Server::start(&[]);
    let (host, port) = ("127.0.0.1", primary.port.to_string());
    let replica = Server::start(&["--replicaof", host, &port]);
    let linked = || async {
        let info: String = replica.run(&["INFO", "replication"]);
        info.contains("master_link_status:up")
    };
    assert!(eventually(linked).await);
    let bench = Bench::ready(&replica.url()).await;
    all_answered_with_one_wait_at_most(&bench, "replica").await;
    let answer = bench.get(request("new"), "here").await;
    assert_eq!(status(&answer), "fwd=uri-miss; detail=store-read-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusing_without_a_password() {
    let server = Server::start(&["--requirepass", "secret"]);
    let bench = Bench::on(&server.url());
    all_answered_with_one_wait_at_most(&bench, "refused").await;
    bench.state_becomes("down", |state| !state.up).await;
    let with_password = Bench::ready(&format!("redis://:secret@127.0.0.1:{}", server.port)).await;
    let answer = with_password.get(request("new"), "here").await;
    assert_eq!(status(&answer), "fwd=uri-miss; stored");
}

/// A server that says the same to everything.
fn babbler(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            std::thread::spawn(move || {
                let mut heard = [0; 4096];
                while client.read(&mut heard).is_ok_and(|count| count > 0) {
                    if client.write_all(words).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn talking_nonsense() {
    let nonsense: [&[u8]; 5] =
        [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\x13", b"+OK\r\n", b":7\r\n", b""];
    for (number, words) in nonsense.into_iter().enumerate() {
        let bench = Bench::on(&format!("redis://127.0.0.1:{}", babbler(words)));
        all_answered_with_one_wait_at_most(&bench, &format!("nonsense-{number}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_about_the_address_shows_no_password() {
    let settings = super::harness::settings;
    let open = |url: &str| {
        let clock = larder::parts::clock::Clock::system();
        let tasks = tokio_util::task::TaskTracker::new();
        larder::parts::cache::Cache::redis(url, settings(), clock, tasks)
    };
    let wrong = [
        "redis://:s3cret@127.0.0.1:notaport",
        "redis://user:s3cret@",
        "redis-sentinel://:s3cret@h1,h2/service/0",
        "redis-cluster://:s3cret@h1,h2",
        "http://user:s3cret@localhost",
        "s3cret",
    ];
    for url in wrong {
        let error = open(url).expect_err("no address").to_string();
        assert!(!error.contains("s3cret") && !error.is_empty(), "{error}");
    }
    let state = Bench::on("redis://user:s3cret@127.0.0.1:1");
    state.get(request("x"), "x").await;
    let text = format!("{:?} {:?}", state.cache, state.cache.state());
    assert!(!text.contains("s3cret"), "{text}");
}
