//! What happens where no value comes.

use std::time::Duration;

use super::site;
use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, PATIENCE, Reply, Site, Upstream, both_stores, eventually};

/// 64 MiB of blanks.
fn gzip_bomb() -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        std::io::Write::write_all(&mut coder, &vec![b' '; 1 << 20]).expect("coding");
    }
    coder.finish().expect("coding")
}

#[tokio::test]
async fn each_failure_has_its_status_and_its_words() {
    let gzip_bomb = gzip_bomb();
    let elsewhere = Upstream::giving("1");
    let other = format!("http://{}/x", elsewhere.address);
    let upstream = Upstream::start(move |seen| match &*seen.path {
        "/syntax" => Reply::json("{\"a\":\n oops}"),
        "/page" => Reply::of("text/html", b"<h1>Sign in</h1>"),
        "/status" => Reply::status(503),
        "/large" => Reply::json(format!("\"{}\"", "x".repeat(9 << 20))),
        "/endless" => Reply::of("application/json", &vec![b' '; 9 << 20]).uncounted(),
        "/bomb" => Reply::of("application/json", &gzip_bomb).line("content-encoding", "gzip"),
        "/lie" => Reply::of("application/json", b"{}").line("content-length", "5000").uncounted(),
        "/elsewhere" => Reply::status(302).line("location", &other),
        "/round" => Reply::status(302).line("location", "/round"),
        "/here" => Reply::status(302).line("location", "/good"),
        "/link" => Reply::status(302).line("location", "http://169.254.169.254/x"),
        "/garbage" => Reply::of("application/json", b"not gzip").line("content-encoding", "gzip"),
        _ => Reply::json(r#"{"a":"good"}"#),
    });
    let text = "routes:
  /{what}:
    inline: '{{it.a}}'
    load: { it: { from: 'api:/{{params.what}}', timeout: 20s } }
  /away: { inline: '{{it}}', load: { it: 'http://127.0.0.1:1/x' } }
  /name: { inline: '{{it}}', load: { it: { from: 'http://nowhere.invalid/x', timeout: 15s } } }
  /of-link: { inline: '{{it}}', load: { it: 'http://2852039166/x' } }
  /tls: { inline: '{{it}}', load: { it: 'https://TLS/x' } }
  /slow: { inline: '{{it}}', load: { it: { from: 'http://SLOW/x', timeout: 200ms } } }
";
    let slow = Upstream::giving("1");
    slow.hold(true);
    // Its certificate is of nobody that the system trusts.
    let secured =
        Site::with("server: { tls: { cert: c.pem, key: k.pem } }\nroutes: { /x: { body: x } }")
            .file("c.pem", include_str!("../tls/one.cert.pem"))
            .file("k.pem", include_str!("../tls/one.key.pem"));
    let secured = Larder::serve(&secured, MEMORY);
    let text = text.replace("TLS", &secured.address).replace("SLOW", &slow.address);
    let larder = Larder::serve(&site(&upstream, &text), MEMORY);
    for (path, status, words) in [
        ("/syntax", 502, "this is not JSON: expected value (line 2"),
        ("/page", 502, "text/html"),
        ("/status", 502, "it answered 503"),
        ("/large", 502, "the answer is over 8 MiB"),
        ("/endless", 502, "the answer is over 8 MiB"),
        ("/bomb", 502, "the answer is over 8 MiB"),
        ("/lie", 502, "the connection broke"),
        ("/elsewhere", 502, "it redirects to another host"),
        ("/round", 502, "it redirects again and again"),
        ("/link", 502, "it redirects to another host"),
        ("/garbage", 502, "cannot be decoded"),
        ("/away", 502, "no connection"),
        ("/name", 502, "its host is not found"),
        ("/tls", 502, "TLS failed"),
        ("/of-link", 502, "one of the link itself"),
        ("/slow", 504, "no whole answer within 200 ms"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", larder.log());
        assert!(!answer.cache().contains("stored"), "{path}: {}", answer.cache());
        let line = larder.line_with(words);
        assert!(line.contains("`it`"), "{path}: {line}");
    }
    assert_eq!(larder.get("/here").await.text(), "good", "on the same host it is followed");
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_server_that_has_none_makes_the_page_a_404() {
    both_stores(async |store| {
        let upstream = Upstream::start(|seen| match &*seen.path {
            "/u/1" => Reply::json(r#"{"name":"Ada"}"#),
            "/u/3" => Reply::status(410),
            _ => Reply::status(404),
        });
        let text = "load: { site: 'api:/none' }
routes:
  /users/{id}: { inline: '{{user.name}}', load: { user: 'api:/u/{{params.id}}' } }
  /maybe/{id}:
    inline: '[{{user.name}}]'
    load: { user: { from: 'api:/u/{{params.id}}', optional: true } }
  /site: { inline: '{{site.x}}' }
";
        let larder = Larder::serve(&site(&upstream, text), store);
        assert_eq!(larder.get("/users/1").await.text(), "Ada");
        for path in ["/users/2", "/users/3"] {
            assert_eq!(larder.get(path).await.status, 404, "{path}");
            assert_eq!(larder.get(path).await.status, 404, "{path}");
        }
        let asked = upstream.paths();
        assert_eq!(asked.iter().filter(|path| *path == "/u/2").count(), 1, "{asked:?}");
        assert_eq!(larder.get("/maybe/1").await.text(), "[Ada]");
        let none = larder.get("/maybe/2").await;
        assert_eq!((none.status.as_u16(), none.text()), (200, "[]"));
        assert!(larder.get("/maybe/2").await.is_hit());
        assert_eq!(larder.get("/site").await.status, 502, "the site's own is not of this page");
    })
    .await;
}

#[tokio::test]
async fn an_older_value_stands_in_then_the_fallback() {
    both_stores(async |store| {
        let upstream = Upstream::giving(r#"{"a":"first"}"#);
        let text = "load:
  kept: { from: 'api:/kept', ttl: 1s, stale_if_error: 1h }
  made_up: { from: 'api:/made', ttl: 1s, fallback: { a: unknown } }
  neither: { from: 'api:/neither', ttl: 1s }
routes:
  /kept: { inline: '{{kept.a}} {{loaded.kept.stale}}' }
  /made: { inline: '{{made_up.a}} {{loaded.made_up.stale}}' }
  /neither: { inline: '{{neither.a}}' }
  /page: { inline: '{{neither.a}}', stale_if_error: 1h }
";
        let admin = Admin::serve(&site(&upstream, text), store);
        let larder = &admin.larder;
        assert_eq!(larder.get("/kept").await.text(), "first false");
        assert_eq!(larder.get("/made").await.text(), "first false");
        for path in ["/neither", "/page"] {
            assert_eq!(larder.get(path).await.text(), "first");
        }
        upstream.answer(|_| Reply::status(500));
        let shows = async |path: &str, expected: &str| {
            eventually(&format!("{path} shows {expected}"), PATIENCE, async || {
                let answer = larder.get(path).await;
                assert_eq!(answer.status, 200, "{path}: {}", larder.log());
                (answer.text() == expected).then_some(())
            })
            .await;
        };
        shows("/kept", "first true").await;
        shows("/made", "unknown true").await;
        eventually("no page without a value", PATIENCE, async || {
            (larder.get("/neither").await.status == 502).then_some(())
        })
        .await;
        let page = eventually("a stale page", PATIENCE, async || {
            let page = larder.get("/page").await;
            assert_eq!((page.status.as_u16(), page.text()), (200, "first"));
            page.cache().contains("detail=stale-if-error").then_some(page)
        })
        .await;
        assert!(page.cache().contains("fwd-status=502"), "{}", page.cache());
        let status = admin.get("/api/status").json();
        let kept = status["sources"].as_array().expect("a list").iter();
        let kept = kept.clone().find(|it| it["name"] == "kept").expect("the source");
        assert_eq!((&kept["state"], &kept["from"]), (&"failing".into(), &"api:/kept".into()));
        assert_eq!(kept["last_error"], "it answered 500");
        assert!(kept["age_s"].is_u64() && kept["last_error_at"].is_string(), "{kept}");
        let explained = admin.get("/api/explain?url=/kept").json();
        assert_eq!(explained["sources"][0]["state"], "failing");
        assert!(
            admin.metric(
                "larder_source_fetches_total{source=\"kept\",from=\"api:/kept\",result=\"status\"}"
            ) > 0
        );
        upstream.give(r#"{"a":"second"}"#);
        shows("/kept", "second false").await;
        shows("/made", "second false").await;
    })
    .await;
}

#[tokio::test]
async fn a_failing_address_is_tried_once_a_second_and_nobody_waits_for_it() {
    let upstream = Upstream::giving(r#"{"a":"old"}"#);
    let text = "load: { it: { from: 'api:/it', ttl: 1s, stale_if_error: 1h, timeout: 10s } }
routes:
  /{n}: { inline: '{{it.a}} {{params.n}}', ttl: 1s }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    assert_eq!(larder.get("/0").await.text(), "old 0");
    upstream.answer(|_| Reply::status(500));
    eventually("a request that failed", PATIENCE, async || {
        larder.get("/0").await;
        larder.log().contains("it answered 500").then_some(())
    })
    .await;
    // From here on it hangs: the one that asks does so behind everybody's back.
    let before = upstream.seen().len();
    upstream.hold(true);
    let begun = std::time::Instant::now();
    let mut asked = 0;
    while begun.elapsed() < Duration::from_millis(2500) {
        asked += 1;
        let answer = larder.get(&format!("/{asked}")).await;
        assert_eq!(answer.text(), format!("old {asked}"));
    }
    let tried = upstream.seen().len() - before;
    assert!(tried <= 3, "{tried} tries in 2.5 s, of {asked} pages");
    assert!(asked > 10, "{asked} pages in 2.5 s");
    upstream.hold(false);
}
