//! What a request makes old is gone before its answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::harness::{Larder, Redis, Site, both_stores, eventually};

const SITE: &str = r#"
languages: [en, no]
routes:
  /posts/{slug}: { inline: "{{params.slug}} {{uuid}}" }
  /posts: { inline: "all {{query.page}} {{uuid}}" }
  /read/{slug}/{*rest}: { name: read, inline: "{{params.rest}} {{language}} {{query.q}} {{uuid}}" }
  /users/{id:int}: { inline: "{{params.id}} {{uuid}}", key: hash }
  /other: { inline: "other {{uuid}}" }
  POST /posts/{slug}: { body: ok, purges: [posts-slug, posts] }
  POST /comments: { body: ok, purges: [posts-slug] }
  POST /read/{slug}/{*rest}: { name: reread, body: ok, purges: [read] }
  PUT /users/{id}: { redirect: "/users/{{params.id}}", status: 303, purges: [users-id] }
  POST /fails/{slug}:
    fields: { n: int }
    status: "{{#if body.n}}200{{else}}409{{/if}}"
    body: x
    purges: [posts-slug]
"#;

/// What stands at each of some paths, each asked for twice: what is there is a hit.
async fn texts<const N: usize>(larder: &Larder, paths: [&str; N]) -> [String; N] {
    let ask = paths.map(|path| async move {
        larder.get(path).await;
        larder.get(path).await.text().to_owned()
    });
    join_all(ask).await.try_into().expect("as many")
}

#[tokio::test]
async fn a_request_purges_the_page_of_its_parameters_and_no_other() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let paths = ["/posts/a", "/posts/b%20c", "/posts", "/posts?page=2", "/other", "/users/7"];
        let before = texts(&larder, paths).await;
        let changed = async |method: &str, path: &str, expected: [bool; 6]| {
            let before = texts(&larder, paths).await;
            let answer = larder.request(method, path, &[]).await;
            assert!(answer.status.as_u16() < 400, "{path}: {}", answer.text());
            let after = texts(&larder, paths).await;
            let changed: Vec<_> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
            assert_eq!(changed, expected, "{method} {path}");
        };
        assert_eq!(texts(&larder, paths).await, before, "nothing changes by itself");
        changed("POST", "/posts/a", [true, false, true, true, false, false]).await;
        changed("POST", "/posts/b%20c", [false, true, true, true, false, false]).await;
        changed("POST", "/comments", [true, true, false, false, false, false]).await;
        changed("PUT", "/users/7", [false, false, false, false, false, true]).await;
        changed("PUT", "/users/8", [false; 6]).await;
        // What does not match the other route's path makes no page of it old.
        changed("PUT", "/users/x", [false; 6]).await;
    })
    .await;
}

#[tokio::test]
async fn what_else_a_key_holds_is_no_way_around_a_purge_and_a_failure_purges_nothing() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    let paths = ["/read/a/x/y?q=1", "/read/a/x/y?q=2", "/read/a/x", "/read/b/x/y"];
    let before = texts(&larder, paths).await;
    larder.request("POST", "/read/a/x/y", &[]).await;
    let after = texts(&larder, paths).await;
    let changed: Vec<_> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
    assert_eq!(changed, [true, true, false, false]);
    let [page] = texts(&larder, ["/posts/a"]).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(larder.send("POST", "/fails/a", &form, "m=1").await.status, 409);
    assert_eq!(larder.send("POST", "/fails/a", &form, "n=x").await.status, 422);
    let [unchanged] = texts(&larder, ["/posts/a"]).await;
    assert_eq!(unchanged, page);
    assert_eq!(larder.send("POST", "/fails/a", &form, "n=1").await.status, 200);
    assert_ne!(texts(&larder, ["/posts/a"]).await, [page]);
}

#[tokio::test]
async fn another_instance_has_lost_it_too_when_the_answer_is_there() {
    let redis = Redis::start();
    let site = Site::with(SITE);
    let larders = [Larder::serve(&site, &redis.url()), Larder::serve(&site, &redis.url())];
    let [first] = texts(&larders[0], ["/posts/a"]).await;
    let [other] = texts(&larders[1], ["/posts/a"]).await;
    assert_eq!(other, first);
    larders[0].request("POST", "/posts/a", &[]).await;
    assert!(!redis.keys().contains(&"api:cache::posts-slug:/posts/a".to_owned()));
    // Within what a change in Redis takes to get there (P3).
    eventually("it is gone there", Duration::from_secs(2), async || {
        (larders[1].get("/posts/a").await.text() != first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_hangs_costs_the_answer_one_wait_and_the_purge_is_made_up_for() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(SITE), &redis.url());
    let before = texts(&larder, ["/posts/a", "/posts/b"]).await;
    let walks = |redis: &Redis| {
        let stats = redis.cli(&["INFO", "commandstats"]);
        let line = stats.lines().find(|line| line.starts_with("cmdstat_scan:"));
        let calls = line.and_then(|line| line.split(['=', ',']).nth(1)?.parse::<u32>().ok());
        calls.unwrap_or_default()
    };
    let walked = walks(&redis);
    redis.hang();
    let start = Instant::now();
    let asked = (0..50).map(|_| larder.request("POST", "/comments", &[]));
    for answer in join_all(asked).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"));
    }
    // Each waits for `cache.timeout`, a tenth of a second, and all at once.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    larder.line_with("a purge is not confirmed");
    redis.wake();
    eventually("the purge is made up for", Duration::from_secs(30), async || {
        let [a, b] = ["a", "b"].map(|slug| format!("api:cache::posts-slug:/posts/{slug}"));
        (redis.cli(&["EXISTS", &a, &b]) == "0").then_some(())
    })
    .await;
    let after = texts(&larder, ["/posts/a", "/posts/b"]).await;
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    let walked = walks(&redis) - walked;
    assert!(walked < 20, "fifty requests are one purge, and not {walked} walks");
}

#[tokio::test]
async fn an_edit_of_purges_is_live_and_said() {
    let site = Site::with(SITE);
    let redis = Redis::start();
    let larder = Larder::serve(&site, &redis.url());
    let line = larder.logs_after("reloaded", || {
        site.replace("routes.yaml", "POST /comments: { body: ok, purges: [posts-slug] }", {
            "POST /comments: { body: ok, purges: [other] }"
        });
    });
    assert!(line.contains("= POST /comments (purges)"), "{line}");
    let [before] = texts(&larder, ["/other"]).await;
    larder.request("POST", "/comments", &[]).await;
    assert_ne!(texts(&larder, ["/other"]).await, [before]);
}
