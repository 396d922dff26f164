//! A Redis that is far away, behind a slow line, or no longer what its name led to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::parts::cache::{Answer, CacheRequest, CacheSettings, Trouble};

use super::harness::{Bench, Server, body, eventually, request, settings, starts_with, status};
use super::proxy::Proxy;

fn slow_errors(bench: &Bench) -> u64 {
    let errors = bench.cache.counters().store_errors();
    errors.filter(|(kind, _)| *kind == Trouble::Slow).map(|(_, count)| count).sum()
}

/// A cache that waits for a second: a machine that has much to do is late by a tenth of that.
async fn patient(proxy: &Proxy) -> Bench {
    let settings = CacheSettings { timeout: Duration::from_secs(1), ..settings() };
    Bench::with(&proxy.url(), settings).armed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_far_within_the_bound_stores_and_is_never_down() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port);
    // As 40 ms are to the 100 ms that are usual.
    let bench = patient(&proxy).await;
    proxy.delay(Duration::from_millis(400));
    for number in 0..4 {
        let (name, began) = (format!("far-{number}"), Instant::now());
        // Those that do I/O have a lease to claim too.
        let request = |name: &str| CacheRequest { io: number % 2 == 0, ..request(name) };
        let answer = bench.get(request(&name), "here").await;
        assert!(began.elapsed() < Duration::from_millis(3500), "{:?}", began.elapsed());
        assert_eq!(body(&answer), "here");
        // The look-up took its part of the time; the write goes on alone.
        assert!(!status(&answer).contains("store-down"), "{}", status(&answer));
        assert!(bench.cache.state().up, "{:?}", bench.cache.state());
        let hit = || async { status(&bench.get(request(&name), "x").await).starts_with("hit;") };
        assert!(eventually(hit).await, "{name} is never stored");
        assert_eq!(body(&bench.get(request(&name), "x").await), "here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_always_late_fill_memory_and_three_in_a_row_are_waited_for() {
    let server = Server::start(&[]);
    let near = Bench::ready(&server.url()).await;
    for number in 0..3 {
        near.get(request(&format!("stored-{number}")), "from afar").await;
    }
    let proxy = Proxy::to(server.port);
    let bench = Bench::ready(&proxy.url()).await;
    proxy.delay(Duration::from_millis(160));
    // What came late is there for the next one.
    let late = bench.get(request("stored-0"), "made here").await;
    assert_eq!(body(&late), "made here");
    let hit = || async { status(&bench.get(request("stored-0"), "x").await).ends_with("near") };
    assert!(eventually(hit).await, "a late answer fills memory");
    assert_eq!(body(&bench.get(request("stored-0"), "x").await), "from afar");
    let (began, mut waited) = (Instant::now(), 0);
    let mut number = 0;
    while began.elapsed() < Duration::from_millis(2500) {
        let asked = Instant::now();
        assert_eq!(body(&bench.get(request(&format!("new-{number}")), "here").await), "here");
        waited += u32::from(asked.elapsed() > Duration::from_millis(80));
        number += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!((1..=6).contains(&waited), "{waited} of {number} waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_page_behind_a_slow_line_hurts_no_other() {
    let server = Server::start(&[]);
    let large = "0123456789".repeat(50_000);
    let near = Bench::ready(&server.url()).await;
    assert_eq!(status(&near.get(request("large"), &large).await), "fwd=uri-miss; stored");
    let proxy = Proxy::to(server.port);
    let bench = patient(&proxy).await;
    bench.get(request("small"), "small").await;
    // It takes longer than is waited for.
    proxy.narrow(400_000);
    let mut busy = Vec::new();
    for _ in 0..3 {
        let (bench, large) = (bench.clone(), large.clone());
        busy.push(tokio::spawn(async move { bench.get(request("large"), &large).await }));
    }
    let waits = slow_errors(&bench);
    for number in 0..20 {
        let began = Instant::now();
        let answer = bench.get(request(&format!("other-{number}")), "here").await;
        assert!(!status(&answer).contains("store-down"), "{}", status(&answer));
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(slow_errors(&bench) <= waits + 2, "{}", slow_errors(&bench));
    for one in busy {
        assert_eq!(body(&one.await.expect("an answer")), large);
    }
    let hit = || async { status(&bench.get(request("large"), &large).await).ends_with("near") };
    assert!(eventually(hit).await, "what came late fills memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_behind_one_name_pages_are_stored_again() {
    let (before, after) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::to(before.port);
    let bench = Bench::ready(&proxy.url()).await;
    bench.warm(&request("about"), "from before").await;
    let _: () = before.run(&["REPLICAOF", "127.0.0.1", &after.port.to_string()]);
    proxy.lead_to(after.port);
    let stored = || async {
        bench.get(request("new"), "here").await;
        after.run::<i64>(&["EXISTS", &super::harness::key("new")]) == 1
    };
    assert!(eventually(stored).await, "the name leads to the new primary");
    // What is told of changes comes from the new primary too.
    bench.warm(&request("told"), "old").await;
    let _: i64 = after.run(&["DEL", &super::harness::key("told")]);
    let anew = || async { body(&bench.get(request("told"), "anew").await) == "anew" };
    assert!(eventually(anew).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stays_one_is_connected_to_once_a_window() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let bench = Bench::ready(&replica.url()).await;
    let connections = || {
        let stats: String = replica.run(&["INFO", "stats"]);
        let line = stats.lines().find_map(|it| it.strip_prefix("total_connections_received:"));
        line.and_then(|count| count.parse::<u64>().ok()).expect("a count")
    };
    let (before, began) = (connections(), Instant::now());
    while began.elapsed() < Duration::from_millis(2500) {
        assert_eq!(body(&bench.get(request(&format!("n{:?}", began.elapsed())), "x").await), "x");
    }
    // Asking is a connection too.
    let made = connections() - before - 1;
    assert!((1..=6).contains(&made), "{made} connections in two windows and a half");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_behind_a_single_address_is_told_as_such() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-config-file"];
    let nodes = [0, 1].map(|number| {
        let file = format!("larder-nodes-{}-{number}.conf", std::process::id());
        let _ = std::fs::remove_file(std::env::temp_dir().join(&file));
        let server = Server::start(&[&arguments[..], &[&file]].concat());
        (server, file)
    });
    let [(one, _), (other, _)] = &nodes;
    let _: () = one.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    let _: () = other.run(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    let _: () = one.run(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]);
    let whole = || async { one.run::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") };
    assert!(eventually(whole).await);
    let bench = Bench::on(&one.url());
    let mut stored = 0;
    for number in 0..40 {
        let answer = bench.get(request(&format!("page-{number}")), "here").await;
        assert_eq!(body(&answer), "here");
        stored += u32::from(status(&answer).contains("stored"));
    }
    assert!(stored > 0, "its own part of the keys is stored");
    let state = bench.cache.state();
    let trouble = state.trouble.expect("it is told");
    assert!(!state.up && trouble.contains("this Redis is a cluster"), "{trouble}");
    for (_, file) in &nodes {
        let _ = std::fs::remove_file(std::env::temp_dir().join(file));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tracking_is_refused_codings_are_made_once() {
    let server = Server::start(&[]);
    let _: () = server.run(&[
        "ACL",
        "SETUSER",
        "web",
        "on",
        ">secret",
        "~api:cache:*",
        "&*",
        "+@all",
        "-client|tracking",
    ]);
    let bench = Bench::on(&format!("redis://web:secret@127.0.0.1:{}", server.port));
    bench.state_becomes("up", |state| state.up && state.near_trouble.is_some()).await;
    bench.get(request("page"), "text").await;
    let first = bench.get(request("page"), "x").await;
    starts_with(&status(&first), "hit;");
    let prepared = |answer: &Answer| {
        let entry = answer.result.as_ref().expect("an answer");
        Arc::clone(entry.prepared().get_or_init(|| Arc::new(0_u8)))
    };
    let made = prepared(&first);
    for _ in 0..3 {
        let again = bench.get(request("page"), "x").await;
        assert!(status(&again).ends_with("detail=redis"), "{}", status(&again));
        assert!(
            Arc::ptr_eq(&prepared(&again), &made),
            "what was made beside the first one is used again"
        );
    }
    let _: i64 = server.run(&["DEL", &super::harness::key("page")]);
    bench.get(request("page"), "another text").await;
    let changed = bench.get(request("page"), "x").await;
    assert!(!Arc::ptr_eq(&prepared(&changed), &made), "another content has its own");
}
