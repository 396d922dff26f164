use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Admin, SITE};
use crate::harness::{Redis, Site};

/// What one page may cost Redis, however many keys there are: so many keys examined, and so many a
/// command.
const EXAMINED: u64 = 10_000;
const EXAMINED_AT_ONCE: u64 = 1000;

/// 200,000 keys, or as many as `LARDER_MANY_KEYS` says; then the times are held to, too.
#[tokio::test]
async fn a_page_of_very_many_keys_examines_few_of_them_and_a_thousand_at_once() {
    let asked = std::env::var("LARDER_MANY_KEYS").ok().and_then(|text| text.parse().ok());
    let count = asked.unwrap_or(200_000);
    let redis = Redis::start();
    fill(&redis, count);
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    redis.cli(&["CONFIG", "SET", "slowlog-max-len", "100000"]);
    redis.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    for query in ["", "match=*9999*", "route=none", "match=nothing", "limit=1000"] {
        redis.cli(&["SLOWLOG", "RESET"]);
        let began = Instant::now();
        let page = admin.get(&format!("/api/keys?{query}"));
        let took = began.elapsed();
        eprintln!("{count} keys, {query:?}: {took:?}");
        assert_eq!(page.status, 200, "{query}");
        assert!(asked.is_none() || took < Duration::from_millis(200), "{query}: {took:?}");
        assert_bounded(&redis, query);
    }
    redis.cli(&["SLOWLOG", "RESET"]);
    assert_eq!(admin.get("/").status, 200);
    assert_bounded(&redis, "the page");
}

/// Looks at every command that Redis was sent: `SLOWLOG` shows each with its arguments.
fn assert_bounded(redis: &Redis, what: &str) {
    let log = redis.cli(&["SLOWLOG", "GET", "-1"]);
    let words: Vec<&str> = log.lines().collect();
    let after = |word: &str| {
        let places = words.windows(2).filter(move |two| two[0].eq_ignore_ascii_case(word));
        places.map(|two| two[1].parse::<u64>().expect("a number")).collect::<Vec<_>>()
    };
    let counts = after("COUNT");
    let scans = words.iter().filter(|word| word.eq_ignore_ascii_case("SCAN")).count();
    assert!(scans > 0, "{what}: no SCAN in {log}");
    assert_eq!(counts.len(), scans, "{what}: a SCAN without COUNT");
    assert!(counts.iter().all(|count| *count <= EXAMINED_AT_ONCE), "{what}: {counts:?}");
    assert!(counts.iter().sum::<u64>() <= EXAMINED, "{what}: {counts:?}");
    assert!(!words.iter().any(|word| word.eq_ignore_ascii_case("KEYS")), "{what}: KEYS");
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
