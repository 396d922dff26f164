//! What Redis holds, and that nothing found there can hurt.

use crate::harness::{Larder, Redis, Site};

const KEY: &str = "api:cache::about:/about";

fn site() -> Site {
    Site::with(
        r#"
routes:
  /about: { body: "<p>About</p>", content_type: text/html, ttl: 1h }
  /stale: { inline: "stale", ttl: 1m, stale_if_error: 1h, stale_while_revalidate: 10m }
  /off: { inline: "off {{now}}", ttl: off }
  /large: { inline: "{{text}}", load: { text: data/large.txt } }
cache: { max_entry: 1KiB }
"#,
    )
    .file("data/large.txt", &"x".repeat(2000))
}

#[tokio::test]
async fn a_record_is_a_response_that_a_person_can_read() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    let answer = larder.get("/about").await;
    assert_eq!(redis.cli(&["TYPE", KEY]), "string");
    let text = redis.cli(&["GET", KEY]).replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").expect("a head and a body");
    assert_eq!(body, "<p>About</p>");
    let lines: Vec<_> = head.lines().collect();
    assert_eq!(lines[0], "HTTP/1.1 200 OK");
    assert_eq!(lines[1], "content-type: text/html; charset=utf-8");
    assert_eq!(lines[2], format!("etag: {}", answer.header("etag")));
    let facts = lines[3].strip_prefix("larder: ").expect("larder's own line");
    let facts: Vec<_> = facts.split("; ").filter_map(|fact| fact.split_once('=')).collect();
    let names: Vec<_> = facts.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["v", "route", "path", "fp", "in", "id", "made", "ttl", "px", "len", "sum"]);
    for (name, value) in facts {
        let expected = match name {
            "v" => "2",
            "route" => "about",
            "path" => "/about",
            "ttl" | "px" => "3600000",
            "len" => "12",
            _ => continue,
        };
        assert_eq!(value, expected, "{name}");
    }
}

#[tokio::test]
async fn a_record_outlives_its_freshness_by_the_longer_stale_window() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    larder.get("/stale").await;
    let left: i64 = redis.cli(&["PTTL", "api:cache::stale:/stale"]).parse().expect("a number");
    assert!((3_640_000..=3_660_000).contains(&left), "{left}");
    let ttl = larder.get("/stale").await.ttl();
    assert!(ttl.is_some_and(|ttl| (40..=60).contains(&ttl)), "{ttl:?}");
}

#[tokio::test]
async fn age_is_what_redis_says_has_passed() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    larder.get("/about").await;
    redis.cli(&["PEXPIRE", KEY, "3000000"]);
    let answer = larder.get("/about").await;
    assert!(answer.is_hit(), "{}", answer.cache());
    assert!(answer.age().is_some_and(|age| (600..620).contains(&age)), "{:?}", answer.age());
    assert!(answer.ttl().is_some_and(|ttl| (2980..=3000).contains(&ttl)), "{:?}", answer.ttl());
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not_kept() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    for path in ["/off", "/large"] {
        for _ in 0..2 {
            let answer = larder.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.is_hit() && !answer.cache().contains("stored"), "{}", answer.cache());
        }
    }
    assert_eq!(redis.keys(), Vec::<String>::new());
}

/// Puts something else under the key: the record's own text is at hand.
type Damage = fn(&Redis, &str);

const DAMAGES: &[(&str, Damage)] = &[
    ("garbage", |redis, _| drop(redis.cli(&["SET", KEY, "garbage", "PX", "60000"]))),
    ("nothing", |redis, _| drop(redis.cli(&["SET", KEY, "", "PX", "60000"]))),
    ("a list", |redis, _| drop(redis.cli(&["RPUSH", KEY, "a", "b"]))),
    ("a hash", |redis, _| drop(redis.cli(&["HSET", KEY, "a", "b"]))),
    ("no end of life", |redis, text| drop(redis.cli(&["SET", KEY, text]))),
    ("a life too long", |redis, text| drop(redis.cli(&["SET", KEY, text, "PX", "99999999"]))),
    ("a body cut short", |redis, text| put(redis, text.strip_suffix("</p>").unwrap_or_default())),
    ("another body", |redis, text| put(redis, &text.replace("About", "Tuoba"))),
    ("another version", |redis, text| put(redis, &text.replace("v=2;", "v=1;"))),
    ("another fingerprint", |redis, text| put(redis, &text.replace("fp=", "fp=0"))),
    ("another status", |redis, text| put(redis, &text.replace("200 OK", "999 ?"))),
    ("no facts", |redis, text| put(redis, &text.replace("larder:", "other:"))),
    ("a huge length", |redis, text| put(redis, &text.replace("len=12", "len=9999999999999"))),
];

fn put(redis: &Redis, text: &str) {
    redis.cli(&["SET", KEY, text, "PX", "60000"]);
}

#[tokio::test]
async fn anything_else_under_the_key_is_a_miss_and_is_overwritten() {
    for (name, damage) in DAMAGES {
        let redis = Redis::start();
        let larder = Larder::serve(&site(), &redis.url());
        larder.get("/about").await;
        let text = redis.cli(&["GET", KEY]);
        redis.cli(&["DEL", KEY]);
        damage(&redis, &text);
        let answer = larder.get("/about").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "<p>About</p>"), "{name}");
        assert!(answer.cache().starts_with("larder; fwd=uri-miss"), "{name}: {}", answer.cache());
        let again = larder.get("/about").await;
        assert!(again.is_hit(), "{name}: {}", again.cache());
        assert_eq!(again.text(), "<p>About</p>", "{name}");
        assert_eq!(redis.cli(&["TYPE", KEY]), "string", "{name}");
        let left: i64 = redis.cli(&["PTTL", KEY]).parse().expect("a number");
        assert!((3_580_000..=3_600_000).contains(&left), "{name}: {left}");
    }
}

#[tokio::test]
async fn keys_of_others_are_left_alone() {
    let redis = Redis::start();
    redis.cli(&["SET", "api:other", "theirs"]);
    redis.cli(&["SET", "about", "theirs"]);
    let larder = Larder::serve(&site(), &redis.url());
    larder.get("/about").await;
    larder.get("/stale").await;
    larder.stop();
    assert_eq!(redis.keys(), ["about", KEY, "api:cache::stale:/stale", "api:other"]);
    assert_eq!(redis.cli(&["GET", "about"]), "theirs");
}
