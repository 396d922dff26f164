//! At most one render per key at a time (P4).

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::admin::Admin;
use crate::harness::{Larder, Site, both_stores};

/// `now` tells one render from another.
const SITE: &str = r#"
routes:
  /slow: { inline: "{{now}}", delay: 1s }
  /slow/{n}: { inline: "{{params.n}} {{now}}", delay: 300ms }
"#;

#[tokio::test]
async fn a_hundred_first_requests_make_one_render() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let start = Instant::now();
        let bodies = ask_at_once(&larder, "/slow", 100).await;
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
        // Two renders one after the other would take two seconds at least.
        assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
        assert!(larder.get("/slow").await.is_hit());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_goes_on_when_the_first_client_hangs_up() {
    both_stores(async |store| {
        let admin = Admin::serve(&Site::with(SITE), store);
        let larder = &admin.larder;
        let mut first = TcpStream::connect(&larder.address).expect("a connection");
        first.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").expect("sending");
        let start = Instant::now();
        // Until the first request is under way, the next would lead instead of follow.
        admin.until_metric("larder_in_flight", 1);
        let client = larder.client();
        let follower = tokio::spawn(async move { client.request("GET", "/slow", &[]).await });
        admin.until_metric("larder_collapsed_total", 1);
        drop(first);
        let answer = follower.await.expect("a follower").expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(answer.cache().contains("collapsed"), "{}", answer.cache());
        assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
        let after = larder.get("/slow").await;
        assert!(after.is_hit(), "{}", after.cache());
        assert_eq!(after.text(), answer.text());
    })
    .await;
}

#[tokio::test]
async fn a_render_that_nobody_waits_for_is_kept_all_the_same() {
    both_stores(async |store| {
        let admin = Admin::serve(&Site::with(SITE), store);
        let mut only = TcpStream::connect(&admin.larder.address).expect("a connection");
        only.write_all(b"GET /slow/1 HTTP/1.1\r\nHost: x\r\n\r\n").expect("sending");
        admin.until_metric("larder_in_flight", 1);
        drop(only);
        admin.until_metric("larder_in_flight", 0);
        let kept = admin.larder.get("/slow/1").await;
        assert!(kept.is_hit(), "{}", kept.cache());
    })
    .await;
}

#[tokio::test]
async fn renders_of_different_keys_do_not_wait_for_each_other() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let start = Instant::now();
        let clients = (0..20).map(|n| {
            let client = larder.client();
            tokio::spawn(async move { client.request("GET", &format!("/slow/{n}"), &[]).await })
        });
        for (n, client) in clients.collect::<Vec<_>>().into_iter().enumerate() {
            let answer = client.await.expect("a client").expect("an answer");
            assert!(answer.text().starts_with(&format!("{n} ")), "{}", answer.text());
        }
        // One after the other they would take six seconds.
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    })
    .await;
}

async fn ask_at_once(larder: &Larder, path: &'static str, count: usize) -> Vec<String> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let client = larder.client();
            tokio::spawn(async move { client.request("GET", path, &[]).await })
        })
        .collect();
    let mut bodies = Vec::new();
    for task in tasks {
        let answer = task.await.expect("a client").expect("an answer");
        assert_eq!(answer.status, 200);
        bodies.push(answer.text().to_owned());
    }
    bodies
}
