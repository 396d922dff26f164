//! `Cache-Status` (RFC 9211) and `Age` say what happened, in every branch.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::harness::{FAILS, Larder, MEMORY, PATIENCE, Redis, Site, eventually, too_much};

const SITE: &str = r#"
cache: { timeout: 5s }
routes:
  /: { inline: home, ttl: 1h }
  /q: { inline: "{{query.q}}" }
  /off: { inline: "never kept", ttl: off }
  /time: { inline: "{{now}}", ttl: off }
  /slow: { inline: slow, delay: 300ms }
  /swr: { inline: "{{now}}", ttl: 1h, stale_while_revalidate: 1h }
  /sie: { inline: "{{now}}", ttl: 1h, stale_if_error: 1h }
  /fails:
    inline: '{{#if (gt (now) "AFTER")}}FAILS{{/if}}made'
    ttl: 1h
    stale_if_error: 1h
  /file: { file: public/a.txt }
  /assets/{*path}: { dir: public }
  /old: { redirect: / }
  /load/{name}: { load: { it: "public/{{params.name}}.txt" }, inline: "{{it}}" }
  POST /: { name: post, body: posted }
"#;

fn site() -> Site {
    let text = too_much() + &SITE.replace("FAILS", FAILS);
    Site::with(&text).file("public/a.txt", "a file\n")
}

#[tokio::test]
async fn what_is_not_from_the_cache_says_why() {
    let larder = Larder::serve(&site(), MEMORY);
    for (method, path, status, told) in [
        ("GET", "/", 200, "fwd=uri-miss; stored"),
        ("GET", "/", 200, "hit; detail=memory"),
        ("HEAD", "/", 200, "hit; detail=memory"),
        ("HEAD", "/q?q=1", 200, "fwd=uri-miss; stored"),
        ("GET", "/off", 200, "fwd=bypass"),
        ("GET", "/off", 200, "fwd=bypass"),
        ("POST", "/", 200, "fwd=bypass"),
        ("GET", "/file", 200, "fwd=bypass"),
        ("GET", "/assets/a.txt", 200, "fwd=bypass"),
        ("GET", "/assets/none", 404, "fwd=bypass"),
        ("GET", "/old", 302, "fwd=bypass"),
        ("GET", "/file/", 308, "fwd=bypass"),
        ("OPTIONS", "/", 204, "fwd=bypass"),
        ("DELETE", "/", 405, "fwd=bypass"),
        ("GET", "/nowhere", 404, "fwd=bypass"),
        ("GET", "/%zz", 400, "fwd=bypass"),
        ("GET", "/load/a", 200, "fwd=uri-miss; stored"),
        ("GET", "/load/b", 404, "fwd=bypass"),
    ] {
        let answer = larder.request(method, path, &[]).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.lines("cache-status").len(), 1, "{method} {path}");
        assert_eq!(answer.cache(), format!("larder; {told}"), "{method} {path}");
        assert_eq!(answer.age().is_some(), told.starts_with("hit"), "{method} {path}");
    }
}

#[tokio::test]
async fn who_waited_for_anothers_render_is_told_so() {
    let larder = Larder::serve(&site(), MEMORY);
    let client = larder.client();
    let asking = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.request("GET", "/slow", &[]).await.expect("an answer") })
    });
    let mut told = Vec::new();
    for answer in asking.collect::<Vec<_>>() {
        told.push(answer.await.expect("a task").cache());
    }
    told.sort();
    assert_eq!(told[0], "larder; fwd=uri-miss; stored", "{told:?}");
    assert_eq!(told[1..], vec!["larder; fwd=uri-miss; stored; collapsed"; 3], "{told:?}");
}

#[tokio::test]
async fn age_is_the_same_from_redis_and_from_the_copy_in_memory() {
    let redis = Redis::start();
    let (one, two) = (Larder::serve(&site(), &redis.url()), Larder::serve(&site(), &redis.url()));
    one.get("/").await;
    redis.cli(&["PEXPIRE", "api:cache::index:/", "3500000"]);
    let first = two.get("/").await;
    assert_eq!(first.cache(), "larder; hit; detail=redis");
    let near = eventually("a hit in memory", PATIENCE, async || {
        Some(two.get("/").await).filter(|answer| answer.cache() == "larder; hit; detail=near")
    })
    .await;
    for answer in [&first, &near] {
        let (age, ttl) = (answer.age().expect("an age"), answer.ttl().expect("a ttl"));
        assert!((100..130).contains(&age), "{age}");
        assert!((i64::try_from(age).expect("small") + ttl - 3600).abs() <= 1, "{age} {ttl}");
    }
    assert!(near.age() >= first.age());
}

#[tokio::test]
async fn a_stale_answer_is_a_hit_with_what_is_left_below_nothing() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    let old = larder.get("/swr").await;
    // Half of the stale window is left: it became stale half an hour ago.
    redis.cli(&["PEXPIRE", "api:cache::swr:/swr", "1800000"]);
    let stale = eventually("the old page, stale", PATIENCE, async || {
        let answer = larder.get("/swr").await;
        answer.ttl().is_some_and(|ttl| ttl < 0).then_some(answer)
    })
    .await;
    assert_eq!(stale.text(), old.text());
    assert!((-1830..=-1800).contains(&stale.ttl().expect("a ttl")), "{stale:?}");
    assert!((5400..5430).contains(&stale.age().expect("an age")), "{stale:?}");
    let fresh = eventually("a fresh page", PATIENCE, async || {
        Some(larder.get("/swr").await).filter(|answer| answer.text() != old.text())
    })
    .await;
    assert!(fresh.ttl().is_none_or(|ttl| ttl > 3500), "{fresh:?}");
}

#[tokio::test]
async fn a_page_too_old_to_be_given_is_made_again_and_says_so() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    let old = larder.get("/sie").await;
    redis.cli(&["PEXPIRE", "api:cache::sie:/sie", "1800000"]);
    let made = eventually("a page made again", PATIENCE, async || {
        Some(larder.get("/sie").await).filter(|answer| answer.text() != old.text())
    })
    .await;
    assert_eq!(made.cache(), "larder; fwd=stale; stored");
    assert_eq!(made.age(), None);
}

/// The time that is `seconds` from now, as `now` writes it.
fn in_seconds(seconds: u64) -> String {
    let then = SystemTime::now() + Duration::from_secs(seconds);
    let since = then.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let then = jiff::Timestamp::from_second(i64::try_from(since).expect("a time")).expect("a time");
    format!("{then:.3}")
}

#[tokio::test]
async fn an_old_page_stands_in_for_one_that_cannot_be_made() {
    let redis = Redis::start();
    let site = site();
    let larder = Larder::serve(&site, &redis.url());
    let then = in_seconds(12);
    larder.reloads_after(|| site.replace("routes.yaml", "AFTER", &then));
    assert_eq!(larder.get("/fails").await.cache(), "larder; fwd=uri-miss; stored");
    eventually("the time after which it fails", PATIENCE, async || {
        (larder.get("/time").await.text() > then.as_str()).then_some(())
    })
    .await;
    redis.cli(&["PEXPIRE", "api:cache::fails:/fails", "1800000"]);
    let stale = eventually("a copy that stands in", PATIENCE, async || {
        Some(larder.get("/fails").await).filter(|answer| !answer.is_hit())
    })
    .await;
    assert_eq!((stale.status.as_u16(), stale.text()), (200, "made"));
    assert_eq!(stale.cache(), "larder; fwd=stale; fwd-status=500; detail=stale-if-error");
    assert!((5400..5430).contains(&stale.age().expect("an age")), "{stale:?}");
    redis.cli(&["DEL", "api:cache::fails:/fails"]);
    let failed = eventually("nothing that stands in", PATIENCE, async || {
        Some(larder.get("/fails").await).filter(|answer| answer.status != 200)
    })
    .await;
    assert_eq!((failed.status.as_u16(), failed.age()), (500, None));
    assert_eq!(failed.cache(), "larder; fwd=uri-miss");
}

#[tokio::test]
async fn the_key_is_told_where_it_is_asked_for_and_cannot_break_the_line() {
    let full = format!("server: {{ cache_status: full }}{SITE}");
    let larder = Larder::serve(&Site::with(&full).file("public/a.txt", ""), MEMORY);
    for (path, key) in [
        ("/", "api:cache::index:/"),
        ("/q?q=%22%5C%0d%0aset-cookie:%20a", "api:cache::q:/q?q=\\\"\\\\%0D%0Aset-cookie%3A%20a"),
        ("/q?q=%C3%A5", "api:cache::q:/q?q=%C3%A5"),
    ] {
        for _ in 0..2 {
            let answer = larder.get(path).await;
            let told = answer.header("cache-status");
            assert!(told.ends_with(&format!("; key=\"{key}\"")), "{path}: {told}");
            assert!(!answer.names().contains(&"set-cookie"), "{path}");
        }
    }
    assert!(!larder.get("/file").await.header("cache-status").contains("key="));
    let off = format!("server: {{ cache_status: off }}{SITE}");
    let larder = Larder::serve(&Site::with(&off).file("public/a.txt", ""), MEMORY);
    for path in ["/", "/", "/file", "/old", "/nowhere", "/off"] {
        assert!(!larder.get(path).await.names().contains(&"cache-status"), "{path}");
    }
}
