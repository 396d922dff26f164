//! SIGTERM while everything runs: the process is gone in time, and says nothing that is not so.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, PATIENCE, Redis, Site, signal, until};

/// What is promised, and half a second for a busy machine.
const STOP: Duration = Duration::from_millis(10_500);

const SITE: &str = "\
routes:
  /: { body: home }
  /late/{n}: { inline: 'late {{params.n}}', delay: 25s, ttl: 1h }
  /soon: { inline: soon, delay: 1s, ttl: 1h }
  /heavy/{n}: { inline: 'HEAVY', ttl: 1h }
  /files/{*path}: { dir: files }
";

/// A site with a template that loops until its time is over.
fn site() -> Site {
    let mut numbers = String::new();
    (0..100).for_each(|number| write!(numbers, "{number},").expect("a string"));
    let heavy = "{{#each xs}}".to_owned() + &"{{#each @root.xs}}".repeat(4);
    let heavy = format!("{heavy}{}", "{{/each}}".repeat(5));
    let routes = SITE.replace("HEAVY", &heavy);
    Site::with(&format!("data: {{ xs: [{numbers}] }}\n{routes}"))
        .file("files/large.txt", &"x".repeat(50 << 20))
}

fn admin_of(start: fn(&Site, &[&str]) -> Larder, store: &str) -> Admin {
    Admin::of(start(&site(), &["--store", store, "--admin", "127.0.0.1:0"]))
}

/// Sends a request and reads nothing.
fn ask(larder: &Larder, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&larder.address).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", larder.address);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = if path.contains("live") { upgrade } else { "" };
    stream.write_all(format!("{request}{upgrade}\r\n").as_bytes()).expect("sent");
    stream
}

/// Stops it, and says how long that took.
fn stopped(name: &str, larder: Larder) -> (Duration, String) {
    let began = Instant::now();
    let (status, log) = larder.stop();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{name}: {log}");
    assert!(took < STOP, "{name}: {took:?}\n{log}");
    (took, log)
}

/// Something that runs when the signal comes: what is asked for, and how many renders that makes.
struct Case {
    name: &'static str,
    start: fn(&Site, &[&str]) -> Larder,
    asked: &'static [&'static str],
    renders: u64,
    /// Whether the store hangs as well.
    hangs: bool,
    /// Whether nobody reads the logs.
    held: bool,
}

const NOTHING: Case =
    Case { name: "", start: Larder::spawn, asked: &[], renders: 0, hangs: false, held: false };
const HEAVY: &[&str] = &["/heavy/1", "/heavy/2", "/heavy/3", "/heavy/4"];
const SOCKETS: &[&str] = &["/_larder/live", "/_larder/live?page=/"];

const CASES: &[Case] = &[
    Case { name: "a late render", asked: &["/late/1"], renders: 1, ..NOTHING },
    Case { name: "heavy renders", asked: HEAVY, renders: 4, ..NOTHING },
    Case { name: "half-sent answers", asked: &["/files/large.txt", "/files/large.txt"], ..NOTHING },
    Case { name: "sockets", start: Larder::dev, asked: SOCKETS, ..NOTHING },
    Case { name: "a store that hangs", asked: &["/late/1"], renders: 1, hangs: true, ..NOTHING },
    Case {
        name: "all of it",
        start: Larder::dev,
        asked: &["/late/1", "/heavy/1", "/heavy/2", "/files/large.txt", "/_larder/live"],
        renders: 3,
        hangs: true,
        held: true,
    },
];

#[test]
fn whatever_runs_it_is_gone_in_ten_seconds() {
    let stop = |case: &Case| {
        let redis = case.hangs.then(Redis::start);
        let store = redis.as_ref().map_or_else(|| MEMORY.to_owned(), Redis::url);
        let admin = admin_of(case.start, &store);
        let open: Vec<_> = case.asked.iter().map(|path| ask(&admin.larder, path)).collect();
        admin.until_metric("larder_in_flight", case.renders);
        redis.iter().for_each(Redis::hang);
        admin.larder.hold_logs(case.held);
        let (took, _) = stopped(case.name, admin.larder);
        eprintln!("-- {}: {took:?}", case.name);
        redis.iter().for_each(Redis::wake);
        drop(open);
    };
    thread::scope(|scope| {
        for case in CASES {
            scope.spawn(|| stop(case));
        }
    });
}

#[test]
fn a_second_signal_ends_it_at_once_whatever_runs() {
    let admin = admin_of(Larder::spawn, MEMORY);
    let asked: Vec<_> = ["/late/1", "/heavy/1", "/heavy/2", "/files/large.txt"]
        .iter()
        .map(|path| ask(&admin.larder, path))
        .collect();
    admin.until_metric("larder_in_flight", 3);
    signal(admin.larder.pid(), "TERM");
    until(PATIENCE, "the first signal is heard", || {
        TcpStream::connect(&admin.larder.address).is_err().then_some(())
    });
    let (took, log) = stopped("a second signal", admin.larder);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(log.contains("a second signal came"), "{log}");
    drop(asked);
}

#[test]
fn what_is_rendered_while_it_stops_is_stored_and_no_store_is_called_down() {
    let redis = Redis::start();
    let admin = admin_of(Larder::spawn, &redis.url());
    let gone = ask(&admin.larder, "/soon");
    admin.until_metric("larder_in_flight", 1);
    // Whoever asked has left: no connection keeps the process, and the render goes on.
    drop(gone);
    let (_, log) = stopped("a render for nobody", admin.larder);
    assert!(!log.contains("down") && !log.contains("lost"), "{log}");
    assert_eq!(redis.keys().len(), 1, "{:?}\n{log}", redis.keys());
}
