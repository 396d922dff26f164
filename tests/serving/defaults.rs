//! `defaults.headers`: on every answer of the site, and what is nearer than they are.

use std::time::Duration;

use crate::harness::{Answer, Larder, MEMORY, Site, raw, until};

const HTML: (&str, &str) = ("accept", "text/html");

const SITE: &str = r#"
server: { docs: /docs, health: /healthz }
defaults:
  headers:
    X-Shop: larder
    Vary: x-theme
    Cache-Control: "public, max-age=60"
    Expires: "0"
    Content-Disposition: inline
errors:
  404: { inline: "<h1>none</h1>", headers: { X-Page: missing, Vary: x-page } }
  422: { inline: "<h1>bad</h1>", headers: { X-Shop: null, Cache-Control: "max-age=5" } }
routes:
  /: { inline: home }
  /n/{id:int}: { inline: n, query: { page: int } }
  /bare: { inline: bare, headers: { X-Shop: null }, query: { page: int } }
  /other: { inline: other, headers: { X-Shop: other, X-Own: own }, query: { page: int } }
  /aged: { inline: aged, max_age: 3s }
  /off: { inline: off, max_age: "off" }
  /said: { inline: said, max_age: 3s, headers: { Cache-Control: no-store } }
  /old: { redirect: / }
  /old-aged: { redirect: /, max_age: 5s }
  /old-said: { redirect: /, headers: { Cache-Control: max-age=7, Expires: soon } }
  /a.txt: public/a.txt
  /files/{*path}: { dir: public }
  POST /post: { inline: posted }
"#;

fn site() -> Site {
    Site::with(SITE).file("public/a.txt", "a file\n").file("public/index.html", "")
}

/// Method, target, request headers.
type Request<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)]);

async fn ask(larder: &Larder, (method, path, headers): Request<'_>) -> Answer {
    larder.request(method, path, headers).await
}

#[tokio::test]
async fn every_answer_of_the_site_has_the_headers_of_the_defaults() {
    let larder = Larder::serve(&site(), MEMORY);
    let tag = larder.get("/").await.header("etag").to_owned();
    let same: &[_] = &[("if-none-match", tag.as_str())];
    let requests: &[(Request<'_>, u16)] = &[
        (("GET", "/", &[]), 200),
        (("HEAD", "/", &[]), 200),
        (("GET", "/", same), 304),
        (("GET", "/", &[("if-match", "\"x\"")]), 412),
        (("GET", "/a.txt", &[]), 200),
        (("GET", "/a.txt", &[("range", "bytes=0-1")]), 206),
        (("GET", "/a.txt", &[("range", "bytes=99-")]), 416),
        (("GET", "/files/a.txt", &[]), 200),
        (("GET", "/files/none", &[]), 404),
        (("GET", "/nowhere", &[]), 404),
        (("GET", "/nowhere", &[HTML]), 404),
        (("GET", "/n/x", &[]), 404),
        (("GET", "/n/1?page=x", &[]), 422),
        (("GET", "/n/1?a=%ff", &[]), 400),
        (("GET", "/%ff", &[]), 400),
        (("GET", "/%ff", &[HTML]), 400),
        (("POST", "/", &[]), 405),
        (("OPTIONS", "/", &[]), 204),
        (("POST", "/post", &[]), 200),
        (("GET", "/old", &[]), 302),
        (("GET", "/n/1/", &[]), 308),
        (("GET", "/files", &[]), 308),
    ];
    for (request, status) in requests {
        let answer = ask(&larder, *request).await;
        assert_eq!(answer.status, *status, "{request:?}");
        assert_eq!(answer.lines("x-shop"), ["larder"], "{request:?}");
        let vary = answer.lines("vary");
        assert!(vary.len() == 1 && vary[0].contains("x-theme"), "{request:?}: {vary:?}");
        // What says how long, and what describes a body, is said of pages alone.
        let is_page = *status < 300 && request.0 != "OPTIONS" || *status == 304;
        let of_page = ["cache-control", "expires", "content-disposition"];
        let said: Vec<&str> = of_page.iter().map(|name| answer.header(name)).collect();
        let expected = match *status {
            _ if is_page => vec!["public, max-age=60", "0", "inline"],
            204 => vec!["", "", ""],
            302 | 308 => vec!["no-cache", "", ""],
            _ => vec!["no-store", "", ""],
        };
        assert_eq!(said, expected, "{request:?}");
    }
    let head = "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
    let refused = raw(&larder.address, head);
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(refused.contains("\r\nx-shop: larder\r\n"), "{refused}");
}

#[tokio::test]
async fn what_is_larders_own_has_only_its_own_headers() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/docs", "/docs/", "/openapi.json", "/healthz", "/docs/none"] {
        let answer = larder.get(path).await;
        assert_eq!(answer.header("x-shop"), "", "{path}");
        assert_ne!(answer.header("cache-control"), "public, max-age=60", "{path}");
    }
    assert_eq!(larder.get("/docs").await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn what_is_refused_before_it_is_a_request_has_no_headers_of_the_site() {
    let larder = Larder::serve(&site(), MEMORY);
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    for (head, status) in [("nonsense\r\n\r\n", "400"), (long.as_str(), "431")] {
        let refused = raw(&larder.address, head);
        assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")), "{refused}");
        assert!(!refused.contains("x-shop"), "{refused}");
    }
}

#[tokio::test]
async fn the_nearer_header_wins() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, name, expected) in [
        ("/", "cache-control", "public, max-age=60"),
        ("/aged", "cache-control", "public, max-age=3"),
        ("/aged", "expires", ""),
        ("/off", "cache-control", "no-cache"),
        ("/said", "cache-control", "no-store"),
        ("/bare", "x-shop", ""),
        ("/bare?page=x", "x-shop", ""),
        ("/other", "x-shop", "other"),
        ("/other", "x-own", "own"),
        ("/other?page=x", "x-shop", "other"),
        ("/other?page=x", "x-own", ""),
        ("/old", "cache-control", "no-cache"),
        ("/old-aged", "cache-control", "public, max-age=5"),
        ("/old-said", "cache-control", "max-age=7"),
        ("/old-said", "expires", "soon"),
    ] {
        assert_eq!(larder.get(path).await.header(name), expected, "{path} {name}");
    }
}

#[tokio::test]
async fn a_page_for_errors_has_headers_of_its_own() {
    let larder = Larder::serve(&site(), MEMORY);
    for _ in 0..2 {
        let missing = larder.request("GET", "/nowhere", &[HTML]).await;
        assert_eq!(missing.text(), "<h1>none</h1>");
        assert_eq!(missing.header("x-page"), "missing");
        assert_eq!(missing.header("x-shop"), "larder");
        assert_eq!(missing.header("cache-control"), "no-store");
        assert_eq!(missing.lines("vary"), ["accept, x-page, x-theme"]);
        let bad = larder.request("GET", "/n/1?page=x", &[HTML]).await;
        assert_eq!((bad.text(), bad.header("x-shop")), ("<h1>bad</h1>", ""));
        assert_eq!(bad.header("cache-control"), "max-age=5");
    }
    let program = larder.get("/nowhere").await;
    assert_eq!((program.header("x-page"), program.header("x-shop")), ("", "larder"));
}

#[tokio::test]
async fn the_defaults_of_an_included_file_are_for_its_own_routes() {
    let site = Site::with(
        "include: [more.yaml]\ndefaults: { headers: { X-Main: a } }\n\
         routes: { /: { inline: x } }\n",
    )
    .file(
        "more.yaml",
        "defaults: { headers: { X-More: b } }\n\
         routes: { /more: { inline: x, query: { n: int } } }\n",
    );
    let larder = Larder::serve(&site, MEMORY);
    for (path, main, more) in
        [("/", "a", ""), ("/more", "", "b"), ("/more?n=x", "", "b"), ("/nowhere", "a", "")]
    {
        let answer = larder.get(path).await;
        assert_eq!((answer.header("x-main"), answer.header("x-more")), (main, more), "{path}");
    }
}

#[tokio::test]
async fn edited_headers_of_the_defaults_are_on_the_next_answer() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/nowhere").await.header("x-shop"), "larder");
    site.edit("routes.yaml", &SITE.replace("X-Shop: larder", "X-Shop: edited"));
    until(Duration::from_secs(20), "the edited header", || {
        std::thread::sleep(Duration::from_millis(20));
        let text =
            raw(&larder.address, "GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        text.contains("x-shop: edited").then_some(())
    });
}

#[tokio::test]
async fn a_max_age_of_larders_own_begins_when_it_is_sent_and_a_stale_answer_has_none() {
    let site = Site::with(
        r#"
defaults: { stale_while_revalidate: 1h }
routes:
  /aged: { inline: "{{now}}", ttl: 1h, max_age: 3s }
  /said: { inline: "{{now}}", ttl: 1h, headers: { Cache-Control: max-age=3 } }
  /plain: { inline: "{{now}}", ttl: 1h }
  /stale: { inline: "{{now}}", ttl: 1s, max_age: 1h, delay: 3s }
  /private: { inline: "{{now}}{{cookies.a}}", ttl: 1s, max_age: 1h, delay: 3s }
"#,
    );
    let larder = Larder::serve(&site, MEMORY);
    let paths = ["/aged", "/said", "/plain", "/stale", "/private"];
    for path in paths {
        assert_eq!(larder.get(path).await.age(), None, "{path} was made now");
    }
    for (path, control, has_age) in [
        ("/aged", "public, max-age=3", false),
        ("/said", "max-age=3", true),
        ("/plain", "no-cache", true),
    ] {
        let hit = larder.get(path).await;
        assert!(hit.is_hit(), "{path}");
        assert_eq!(
            (hit.header("cache-control"), hit.age().is_some()),
            (control, has_age),
            "{path}"
        );
    }
    for (path, control) in [("/stale", "no-cache"), ("/private", "private, no-cache")] {
        let mut last = larder.get(path).await;
        while last.ttl().is_none_or(|left| left >= 0) {
            assert!(last.is_hit() && last.age().is_none(), "{path}: {}", last.cache());
            tokio::time::sleep(Duration::from_millis(50)).await;
            last = larder.get(path).await;
        }
        assert_eq!(last.lines("cache-control"), [control], "{path}");
        assert!(last.age().is_some_and(|age| age >= 1), "{path}: {:?}", last.age());
        let tag = last.header("etag").to_owned();
        let same = larder.request("GET", path, &[("if-none-match", &tag)]).await;
        assert_eq!((same.status.as_u16(), same.lines("cache-control")), (304, vec![control]));
    }
}
