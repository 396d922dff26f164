//! Redis absent, dead, hung or full costs a client neither an error nor a long wait (P5).

use std::time::{Duration, Instant};

use crate::harness::{Larder, Redis, Site, eventually};

const SITE: &str =
    "routes:\n  /: { inline: \"home {{now}}\" }\n  /n/{n}: { inline: \"{{params.n}}\" }\n";

/// Asks for pages never asked for before; each is a render, and none may fail.
async fn ask_for_new_pages(larder: &Larder, from: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for n in from..from + 20 {
        let start = Instant::now();
        let answer = larder.get(&format!("/n/{n}")).await;
        took.push(start.elapsed());
        assert_eq!((answer.status.as_u16(), answer.text()), (200, &*n.to_string()));
    }
    took
}

#[tokio::test]
async fn redis_killed_while_serving_is_no_error_and_comes_back_by_itself() {
    let mut redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    larder.get("/").await;
    assert!(larder.get("/").await.is_hit());
    redis.kill();
    ask_for_new_pages(&larder, 0).await;
    let answer = larder.get("/n/100").await;
    assert!(answer.cache().contains("detail=store-down"), "{}", answer.cache());
    redis.restart();
    eventually("pages are stored again", Duration::from_secs(15), async || {
        larder.get("/").await;
        (redis.keys() == ["api:cache::index:/"]).then_some(())
    })
    .await;
    assert!(larder.get("/").await.is_hit());
    larder.line_with("tracking lost");
    larder.line_with("tracking is on");
}

#[tokio::test]
async fn larder_starts_without_redis() {
    let mut redis = Redis::start();
    redis.kill();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    // It is said before anybody asks for a page.
    larder.line_with("the store is down");
    ask_for_new_pages(&larder, 0).await;
    redis.restart();
    eventually("pages are stored", Duration::from_secs(15), async || {
        larder.get("/").await.is_hit().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_hangs_costs_one_wait_and_not_one_a_request() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    larder.get("/").await;
    redis.hang();
    let took = ask_for_new_pages(&larder, 0).await;
    redis.wake();
    // A wait is 100 ms. Twenty of them would be two seconds; the breaker leaves one or two.
    let waits = took.iter().filter(|took| **took >= Duration::from_millis(90)).count();
    assert!(waits <= 3, "{took:?}");
    eventually("pages are hits again", Duration::from_secs(15), async || {
        larder.get("/").await.is_hit().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_full_or_read_only_redis_is_no_error() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    ask_for_new_pages(&larder, 0).await;
    assert!(!larder.get("/n/50").await.cache().contains("stored"));
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    ask_for_new_pages(&larder, 100).await;
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    eventually("pages are stored again", Duration::from_secs(15), async || {
        larder.get("/").await.is_hit().then_some(())
    })
    .await;
}

#[tokio::test]
async fn that_redis_is_full_is_said_each_time_and_its_end_too() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    let (full, again) = ("the store takes no writes", "the store takes writes again");
    for (round, first) in [(1, 0), (2, 1000)] {
        redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        eventually("it is said to be full", Duration::from_secs(15), async || {
            ask_for_new_pages(&larder, first).await;
            (larder.logged(full) == round).then_some(())
        })
        .await;
        redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        let mut number = first + 100;
        eventually("its end is said", Duration::from_secs(15), async || {
            number += 20;
            ask_for_new_pages(&larder, number).await;
            (larder.logged(again) == round).then_some(())
        })
        .await;
    }
}
