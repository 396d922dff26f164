use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Admin, SITE};
use crate::harness::{Redis, Site};

/// A page of the key list may take this long, however many keys there are.
const PAGE: Duration = Duration::from_millis(200);

/// 200,000 keys, or as many as `LARDER_MANY_KEYS` says; scripts/bench asks with a million.
#[tokio::test]
async fn a_page_of_very_many_keys_is_quick_and_holds_redis_for_no_time() {
    let count: usize = std::env::var("LARDER_MANY_KEYS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200_000);
    let redis = Redis::start();
    fill(&redis, count);
    redis.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "10000"]);
    redis.cli(&["SLOWLOG", "RESET"]);
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for query in ["", "match=*9999*", "route=none", "match=nothing", "limit=1000"] {
        let began = Instant::now();
        let page = admin.get(&format!("/api/keys?{query}"));
        let took = began.elapsed();
        eprintln!("{count} keys, {query:?}: {took:?}");
        assert_eq!(page.status, 200, "{query}");
        assert!(took < bound(), "{query}: {took:?}");
    }
    let began = Instant::now();
    assert_eq!(admin.get("/").status, 200);
    assert!(began.elapsed() < bound(), "the page: {:?}", began.elapsed());
    assert_eq!(redis.cli(&["SLOWLOG", "LEN"]), "0", "{}", redis.cli(&["SLOWLOG", "GET"]));
}

/// A program without optimisations is given more.
fn bound() -> Duration {
    if cfg!(debug_assertions) { PAGE * 4 } else { PAGE }
}

fn fill(redis: &Redis, count: usize) {
    let port = redis.url().rsplit(':').next().expect("a port").to_owned();
    let mut pipe = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port, "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-cli");
    let mut input = pipe.stdin.take().expect("its input");
    let mut commands = String::new();
    for number in 0..count {
        let key = format!("api:cache::b:/b/{number}");
        let _infallible = write!(
            commands,
            "*5\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$1\r\nv\r\n$2\r\nEX\r\n$4\r\n9000\r\n",
            key.len()
        );
        if commands.len() > 1 << 20 {
            input.write_all(commands.as_bytes()).expect("sending");
            commands.clear();
        }
    }
    input.write_all(commands.as_bytes()).expect("sending");
    drop(input);
    assert!(pipe.wait().expect("its end").success());
    assert_eq!(redis.cli(&["DBSIZE"]), count.to_string());
}
