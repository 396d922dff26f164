//! What anyone does to a key in Redis is what every instance sees (P3).

use std::time::{Duration, Instant};

use crate::harness::{Larder, Redis, Site};

const KEY: &str = "api:cache::index:/";

/// The promise is 100 ms; the rest is for a machine that runs all tests at once.
const SOON: Duration = Duration::from_millis(500);

/// What someone does to the key.
type Deed = fn(&Redis);

const DEEDS: &[(&str, Deed)] = &[
    ("DEL", |redis| drop(redis.cli(&["DEL", KEY]))),
    ("UNLINK", |redis| drop(redis.cli(&["UNLINK", KEY]))),
    ("overwritten", |redis| drop(redis.cli(&["SET", KEY, "garbage"]))),
    ("PEXPIRE", |redis| drop(redis.cli(&["PEXPIRE", KEY, "1"]))),
    ("RENAME", |redis| drop(redis.cli(&["RENAME", KEY, "elsewhere"]))),
    ("FLUSHALL", |redis| drop(redis.cli(&["FLUSHALL"]))),
];

#[tokio::test]
async fn a_key_that_anyone_deletes_is_gone_from_every_instance() {
    let redis = Redis::start();
    let site = Site::with("routes:\n  /: { inline: \"{{now}}\" }\n");
    let one = Larder::serve(&site, &redis.url());
    let two = Larder::serve(&site, &redis.url());
    for (name, deed) in DEEDS {
        one.get("/").await;
        let before = two.get("/").await;
        assert!(before.is_hit(), "{name}: {}", before.cache());
        assert_eq!(one.get("/").await.text(), before.text(), "{name}");
        deed(&redis);
        let start = Instant::now();
        while one.get("/").await.text() == before.text() {
            assert!(start.elapsed() < SOON, "{name}: served for {SOON:?} after");
        }
        let anew = one.get("/").await;
        while two.get("/").await.text() != anew.text() {
            assert!(start.elapsed() < SOON, "{name}: served by the other for {SOON:?} after");
        }
    }
}
