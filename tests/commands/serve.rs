//! `larder serve`: how it starts and how it ends.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, PATIENCE, Redis, Site, refused, signal, until};

const SITE: &str = "routes:\n  /: { body: home }\n  /slow: { inline: slow, delay: 1s }\n";

#[test]
fn a_bad_file_at_start_ends_it_with_nothing_bound() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("its address").to_string();
    drop(free);
    let site = Site::with("routes:\n  /: { boby: home }\n");
    let (code, text) = refused(&site, &["--listen", &address, "--store", MEMORY]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("routes.yaml:2:8") && text.contains("unknown_field"), "{text}");
    assert!(!text.contains("listening on"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let (code, text) = refused(&Site::with(SITE), &["--listen", &address, "--store", MEMORY]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&address), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_runs_and_ends_with_0() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    let larder = &admin.larder;
    let (client, address) = (larder.client(), larder.address.clone());
    let running = tokio::spawn(async move { client.request("GET", "/slow", &[]).await });
    admin.until_metric("larder_in_flight", 1);
    let (status, log) = admin.larder.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    let answer = running.await.expect("a client").expect("the answer that was under way");
    assert_eq!(answer.text(), "slow");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let admin = Admin::serve(&Site::with(&SITE.replace("1s", "8s")), MEMORY);
    let (client, address) = (admin.larder.client(), admin.larder.address.clone());
    let running = tokio::spawn(async move { client.request("GET", "/slow", &[]).await });
    admin.until_metric("larder_in_flight", 1);
    let start = Instant::now();
    signal(admin.larder.pid(), "TERM");
    until(PATIENCE, "the first signal is heard", || {
        TcpStream::connect(&address).is_err().then_some(())
    });
    admin.larder.stop();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    running.abort();
}

#[tokio::test]
async fn idle_connections_do_not_keep_it() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    larder.get("/").await;
    let idle = TcpStream::connect(&larder.address).expect("a connection");
    let start = Instant::now();
    let (status, log) = larder.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(idle);
}

#[tokio::test]
async fn sighup_reloads_and_goes_on() {
    let site = Site::with(SITE);
    let larder = Larder::serve(&site, MEMORY);
    larder.logs_after("asked to reload", || signal(larder.pid(), "HUP"));
    assert_eq!(larder.get("/").await.text(), "home");
}

#[tokio::test]
async fn the_log_as_json_is_json_to_the_last_line() {
    let site = Site::with(SITE);
    let larder = Larder::spawn(&site, &["--store", MEMORY, "--log", "json"]);
    larder.reloads_after(|| site.edit("routes.yaml", &SITE.replace("home", "house")));
    larder.logs_after("unknown_field", || site.replace("routes.yaml", "body", "boby"));
    let (_, log) = larder.stop();
    for line in log.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|value| value.is_object()), "{line}");
    }
}

#[tokio::test]
async fn no_password_is_ever_logged() {
    let mut redis = Redis::start();
    redis.kill();
    let url = redis.url().replace("redis://", "redis://user:s3cr3t-word@");
    let larder = Larder::serve(&Site::with(SITE), &url);
    larder.get("/").await;
    let (_, log) = larder.stop();
    assert!(!log.contains("s3cr3t-word"), "{log}");
}

#[test]
fn the_program_tells_its_version() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_larder"))
        .arg("--version")
        .output()
        .expect("the larder program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim(), concat!("larder ", env!("CARGO_PKG_VERSION")));
}
