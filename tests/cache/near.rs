//! The near cache: no round trip for a warm answer, and coherent with what anyone does to Redis.

use std::time::Duration;

use larder::parts::cache::CacheRequest;

use super::harness::{
    Bench, Server, body, eventually, is_in, key, request, settings, site, starts_with, status,
    within,
};

/// In time enough for a busy machine; the promise itself is measured without load.
const SOON: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_answer_makes_no_redis_command() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.warm(&request("about"), "hello").await;
    let (gets, ttls) = (server.calls("get"), server.calls("pttl"));
    for _ in 0..1000 {
        let answer = bench.get(request("about"), "other").await;
        starts_with(&status(&answer), "hit; ttl=5");
        let peeked = bench.cache.peek(&key("about"), &site("one"), &request("about").lifetime);
        assert_eq!(body(&peeked.expect("in memory")), "hello");
    }
    assert_eq!((server.calls("get"), server.calls("pttl")), (gets, ttls));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anyone_does_to_a_key_is_seen_within_a_tenth_of_a_second() {
    let server = Server::start(&[]);
    let (bench, other) = (Bench::ready(&server.url()).await, Bench::ready(&server.url()).await);
    let commands: [&[&str]; 7] = [
        &["DEL", "KEY"],
        &["UNLINK", "KEY"],
        &["SET", "KEY", "foreign", "PX", "60000"],
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["PEXPIRE", "KEY", "1"],
        &["RENAME", "KEY", "elsewhere"],
    ];
    for (number, command) in commands.iter().enumerate() {
        let name = format!("page-{number}");
        bench.warm(&request(&name), "old").await;
        other.warm(&request(&name), "old").await;
        let key = key(&name);
        let words = command.iter().map(|word| if *word == "KEY" { &*key } else { word });
        let _: redis::Value = server.run(&words.collect::<Vec<_>>());
        for bench in [&bench, &other] {
            let gone = || async {
                bench.cache.peek(&key, &site("one"), &request(&name).lifetime).is_none()
            };
            assert!(within(SOON, gone).await, "{command:?} was not seen");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_writes_is_seen_at_once() {
    let server = Server::start(&[]);
    let (one, other) = (Bench::ready(&server.url()).await, Bench::ready(&server.url()).await);
    for name in ["a", "b", "c"] {
        one.warm(&request(name), "old").await;
        let _: i64 = server.run(&["DEL", &key(name)]);
        other.get(request(name), "new").await;
        let seen = || async { body(&one.get(request(name), "mine").await) != "old" };
        assert!(within(SOON, seen).await);
        let same = || async {
            let (mine, theirs) =
                (one.get(request(name), "x").await, other.get(request(name), "y").await);
            body(&mine) == body(&theirs)
        };
        assert!(eventually(same).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracking_connection_that_is_killed_is_made_again_and_nothing_is_missed() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    for round in 0..5 {
        let name = format!("page-{round}");
        bench.warm(&request(&name), "old").await;
        let lost = bench.cache.counters().tracking_lost.get();
        let _: redis::Value = server.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let _: i64 = server.run(&["DEL", &key(&name)]);
        let seen = || async {
            bench.cache.peek(&key(&name), &site("one"), &request(&name).lifetime).is_none()
        };
        assert!(within(SOON, seen).await, "the loss itself empties memory");
        assert!(eventually(|| async { bench.cache.counters().tracking_lost.get() > lost }).await);
        bench.state_becomes("armed again", |state| state.up && state.near_in_use).await;
        let answer = bench.get(request(&name), "new").await;
        assert_eq!(body(&answer), "new");
        let stored =
            || async { status(&bench.get(request(&name), "new").await).starts_with("hit;") };
        assert!(eventually(stored).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_found_out_within_two_seconds() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.warm(&request("about"), "old").await;
    server.signal("-STOP");
    let emptied = || async {
        bench.cache.peek(&key("about"), &site("one"), &request("about").lifetime).is_none()
    };
    let in_time = within(Duration::from_secs(2), emptied).await;
    server.signal("-CONT");
    assert!(in_time, "served for longer than two seconds");
    bench.state_becomes("armed again", |state| state.up && state.near_in_use).await;
    bench.warm(&request("about"), "old").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_tracking_is_served_from_without_a_near_cache() {
    let server = Server::start(&[]);
    let _: () =
        server.run(&["ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all", "-client|tracking"]);
    let url = format!("redis://web:secret@127.0.0.1:{}", server.port);
    let bench = Bench::on(&url);
    bench.state_becomes("refused", |state| state.near_trouble.is_some()).await;
    assert!(!bench.cache.state().near_in_use);
    bench.get(request("about"), "hello").await;
    for _ in 0..5 {
        starts_with(&status(&bench.get(request("about"), "x").await), "hit; ttl=59; detail=redis");
    }
    assert_eq!(bench.rendered(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_as_good_as_a_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("redis.sock").display().to_string();
    let _server = Server::start(&["--unixsocket", &socket]);
    let bench = Bench::ready(&format!("redis+unix://{socket}")).await;
    bench.warm(&request("about"), "hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_near_cache_each_answer_comes_from_redis() {
    let server = Server::start(&[]);
    let mut settings = settings();
    settings.near = false;
    let bench = Bench::with(&server.url(), settings);
    bench.get(request("about"), "hello").await;
    for _ in 0..3 {
        starts_with(&status(&bench.get(request("about"), "x").await), "hit; ttl=59; detail=redis");
    }
}

/// Many readers against one writer: whatever a reader gets after it was told of a version, it is
/// never an older one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_racing_read_brings_an_old_value_back() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    for round in 0..300_u32 {
        let text = round.to_string();
        let _: i64 = server.run(&["DEL", &key("page")]);
        let told = || async {
            bench.cache.peek(&key("page"), &site("one"), &request("page").lifetime).is_none()
        };
        assert!(within(SOON, told).await);
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (bench, text) = (bench.clone(), text.clone());
                tokio::spawn(async move { bench.get(request("page"), &text).await })
            })
            .collect();
        for reader in readers {
            is_in(&body(&reader.await.expect("an answer")), std::slice::from_ref(&text));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_in_bytes() {
    let server = Server::start(&[]);
    let mut settings = settings();
    (settings.memory_bytes, settings.max_entry_bytes) = (1 << 20, 16 << 10);
    settings.max_new_keys = 100_000;
    let bench = Bench::with(&server.url(), settings).armed().await;
    let text = "x".repeat(4096);
    for number in 0..600 {
        let request =
            || CacheRequest { route: "many".into(), ..request(&format!("page-{number}")) };
        bench.get(request(), &text).await;
        bench.get(request(), &text).await;
    }
    let figures = bench.cache.state().near;
    assert!(figures.bytes <= 1 << 20, "{figures:?}");
    assert!(figures.entries > 20 && figures.evictions > 0, "{figures:?}");
}

#[tokio::test]
async fn what_takes_the_place_of_another_evicts_nothing() {
    let bench = Bench::memory();
    for version in ["one", "two"] {
        bench.get(CacheRequest { fingerprint: site(version), ..request("page") }, version).await;
    }
    let figures = bench.cache.state().near;
    assert_eq!((figures.entries, figures.evictions), (1, 0), "{figures:?}");
}
