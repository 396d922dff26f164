//! A line a request.

use crate::harness::{Larder, MEMORY, PATIENCE, Redis, Site, eventually, raw};

const SITE: &str = "\
data: { word: one }
routes:
  /hello/{name}: { inline: 'hello {{params.name}} {{word}}', ttl: 1h }
  /brief: { inline: brief, ttl: 1s }
  /go: { redirect: /hello/ada }
";

#[tokio::test]
async fn it_says_status_route_cache_key_and_why_a_page_was_made() {
    let redis = Redis::start();
    let site = Site::with(SITE);
    let larder = Larder::dev(&site, &["--store", &redis.url()]);
    let key = "api:cache::hello-name:/hello/ada";
    larder.line_with("connected");
    let ask = async |expected: &str| {
        larder.get("/hello/ada").await;
        let line = larder.line_with(expected);
        assert!(line.ends_with(key) && line.contains(" µs") || line.contains(" ms"), "{line}");
    };
    ask("200 GET /hello/ada  hello-name  miss (new)  ").await;
    ask("200 GET /hello/ada  hello-name  hit ").await;
    larder.reloads_after(|| site.edit("routes.yaml", &SITE.replace("one", "two")));
    ask("miss (of another version)").await;
    redis.cli(&["DEL", key]);
    ask("miss (deleted)").await;
    redis.cli(&["SET", key, "nonsense", "PX", "100000"]);
    ask("miss (no record of larder)").await;
    larder.get("/go").await;
    larder.line_with("302 GET /go  go  not kept  ");
    larder.get("/nothing").await;
    larder.line_with("404 GET /nothing  ");
}

#[tokio::test]
async fn what_ran_out_is_told_from_what_is_new() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    larder.get("/brief").await;
    larder.line_with("miss (new)");
    eventually("a miss that is told from a new one", PATIENCE, async || {
        larder.get("/brief").await;
        (larder.logged("/brief  brief  miss (expired)") > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_key_is_in_cache_status() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    let answer = larder.get("/hello/ada").await;
    let expected = "larder; fwd=uri-miss; stored; key=\"api:cache::hello-name:/hello/ada\"";
    assert_eq!(answer.header("cache-status"), expected);
}

#[tokio::test]
async fn no_request_writes_a_line_of_its_own_or_reaches_the_terminal() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    let request = "GET /a\u{1b}[2J\u{9b}b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    raw(&larder.address, request);
    larder.get("/hello/%1B%5B2J%0A200%20GET").await;
    larder.line_with("GET /hello/%1B%5B2J%0A200%20GET");
    assert!(!larder.log().contains('\u{1b}'), "{:?}", larder.log());
}

#[tokio::test]
async fn a_log_of_json_has_them_as_json() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY, "--log", "json"]);
    larder.get("/hello/ada").await;
    larder.line_with("\"path\":\"/hello/ada\"");
    let odd = "GET /hello/\u{9b}\u{202e}x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    raw(&larder.address, odd);
    let line = larder.line_with("\"path\":\"/hello/\\u009b");
    assert!(line.contains("\\u202ex"), "{line}");
    let (_, log) = larder.stop();
    for line in log.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let at = value["timestamp"].as_str().unwrap_or_default();
        assert!(at.len() == 27 && at.ends_with('Z'), "{line}");
    }
}

#[tokio::test]
async fn a_reload_says_what_changed() {
    let site = Site::with(SITE);
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let line = larder.reloads_after(|| site.edit("routes.yaml", &SITE.replace("one", "two")));
    assert!(line.contains("~ /hello/{name}") && !line.contains("/brief"), "{line}");
}
