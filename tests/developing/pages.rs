//! The script goes into pages that a browser goes to, and into nothing else.

use crate::harness::{Answer, FAILS, Larder, MEMORY, Redis, Site, raw, too_much};

const SITE: &str = "\
routes:
  /: { inline: '<html><body>home</body></html>', max_age: 1h }
  /bare: { body: '<p>bare', content_type: text/html }
  /data: { body: { a: 1 } }
  /post: { inline: 'form' }
  POST /post: { inline: '<body>posted</body>' }
  /page.html: { file: page.html, max_age: 1h }
  /site.css: { file: site.css, max_age: 1h }
  /strict: { inline: 'x', headers: { Content-Security-Policy: \"default-src 'self'\" } }
";

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn site() -> Site {
    Site::with(SITE)
        .file("page.html", "<html><body>file</body></html>")
        .file("site.css", "h1 { color: red }")
}

fn dev() -> Larder {
    Larder::dev(&site(), &["--store", MEMORY])
}

/// The page without the script's element; fails where there is none.
fn without_script(answer: &Answer) -> String {
    let text = answer.text();
    let (before, rest) = text.split_once("<script src=\"/_larder/live.js?").expect("the script");
    let (_, after) = rest.split_once("</script>").expect("its end");
    format!("{before}{after}")
}

#[tokio::test]
async fn a_page_that_a_browser_goes_to_gets_the_script_and_is_kept_by_nobody() {
    let larder = dev();
    let asked = [
        vec![HTML],
        vec![("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")],
        vec![("sec-fetch-dest", "iframe"), ("accept-encoding", "gzip, br, zstd")],
    ];
    for headers in asked {
        for (path, page) in [
            ("/", "<html><body>home</body></html>"),
            ("/page.html", "<html><body>file</body></html>"),
            ("/bare", "<p>bare"),
        ] {
            let answer = larder.request("GET", path, &headers).await;
            assert_eq!(without_script(&answer), page);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            for absent in ["etag", "last-modified", "accept-ranges", "content-encoding"] {
                assert_eq!(answer.header(absent), "", "{path} {absent}");
            }
        }
    }
    let answer = larder.request("GET", "/", &[HTML]).await;
    let start = "<html><script src=\"/_larder/live.js?";
    assert!(answer.text().starts_with(start), "before all else in it: {}", answer.text());
}

#[tokio::test]
async fn fetches_and_programs_get_what_serve_sends_them() {
    let (site, served) = (site(), site());
    let (dev, serve) = (Larder::dev(&site, &["--store", MEMORY]), Larder::serve(&served, MEMORY));
    let asked = [
        vec![],
        vec![("accept", "*/*")],
        vec![HTML, ("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
        vec![("accept", "*/*"), ("accept-encoding", "br")],
    ];
    for headers in asked {
        for path in ["/", "/bare", "/data", "/page.html", "/site.css", "/strict", "/nothing"] {
            // The second time both are hits.
            for _ in 0..2 {
                let ours = dev.request("GET", path, &headers).await;
                let theirs = serve.request("GET", path, &headers).await;
                assert_eq!(ours.body, theirs.body, "{path} {headers:?}");
                assert_eq!(ours.status, theirs.status);
                for name in ["etag", "cache-control", "content-type", "vary", "content-encoding"] {
                    assert_eq!(ours.header(name), theirs.header(name), "{path} {headers:?} {name}");
                }
                assert!(ours.header("cache-status").starts_with("larder; "));
            }
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_what_serve_stores_under_the_same_keys() {
    let redis = Redis::start();
    let (site, url) = (site(), redis.url());
    let paths = ["/", "/bare", "/data", "/strict"];
    let dev = Larder::dev(&site, &["--store", &url]);
    for path in paths {
        dev.request("GET", path, &[HTML]).await;
    }
    drop(dev);
    let keys = redis.keys();
    assert_eq!(keys.len(), paths.len(), "{keys:?}");
    for key in &keys {
        let stored = redis.cli(&["--raw", "GET", key]);
        assert!(!stored.contains("_larder") && !stored.contains("no-store"), "{stored}");
    }
    let serve = Larder::serve(&site, &url);
    for path in paths {
        let answer = serve.get(path).await;
        assert!(answer.is_hit(), "{path}: {}", answer.cache());
        assert!(!answer.text().contains("_larder"));
    }
    assert_eq!(redis.keys(), keys);
}

#[tokio::test]
async fn conditions_and_ranges_do_not_bring_back_a_page_without_the_script() {
    let larder = dev();
    let etag = larder.get("/").await.header("etag").to_owned();
    let file = larder.get("/page.html").await;
    let (tag, date) = (file.header("etag"), file.header("last-modified"));
    for (path, name, value) in [
        ("/", "if-none-match", etag.as_str()),
        ("/", "if-none-match", "*"),
        ("/page.html", "if-none-match", tag),
        ("/page.html", "if-modified-since", date),
        ("/page.html", "range", "bytes=0-3"),
    ] {
        let answer = larder.request("GET", path, &[HTML, (name, value)]).await;
        assert_eq!(answer.status, 200, "{name}");
        without_script(&answer);
    }
    let fetched = larder.request("GET", "/", &[("if-none-match", &etag)]).await;
    assert_eq!(fetched.status, 304);
}

#[tokio::test]
async fn head_says_what_get_would_send() {
    let larder = dev();
    let get = larder.request("GET", "/", &[HTML]).await;
    let head = larder.request("HEAD", "/", &[HTML]).await;
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.body, b"");
    let head = larder.request("HEAD", "/", &[]).await;
    assert_eq!(head.header("content-length"), "30");
}

#[tokio::test]
async fn what_a_form_is_answered_is_shown_but_never_loaded_again() {
    let larder = dev();
    let answer = larder.request("POST", "/post", &[HTML, ("content-length", "0")]).await;
    assert!(answer.text().contains("/_larder/live.js?site="), "{}", answer.text());
    assert!(!answer.text().contains("page="), "{}", answer.text());
}

#[tokio::test]
async fn parts_of_a_page_are_asked_for_again_whatever_their_max_age() {
    let larder = dev();
    for (dest, expected) in
        [("style", "no-cache"), ("script", "no-cache"), ("empty", "public, max-age=3600")]
    {
        let answer = larder.request("GET", "/site.css", &[("sec-fetch-dest", dest)]).await;
        assert_eq!(answer.header("cache-control"), expected, "{dest}");
        assert_ne!(answer.header("etag"), "");
        assert_eq!(answer.text(), "h1 { color: red }");
    }
}

#[tokio::test]
async fn a_policy_is_widened_for_the_script_alone() {
    let larder = dev();
    let host = &larder.address;
    let answer = larder.request("GET", "/strict", &[HTML]).await;
    assert_eq!(
        answer.header("content-security-policy"),
        format!(
            "default-src 'self'; script-src 'self' http://{host}/_larder/live.js; \
             connect-src 'self' ws://{host}/_larder/live"
        )
    );
    let fetched = larder.get("/strict").await;
    assert_eq!(fetched.header("content-security-policy"), "default-src 'self'");
}

#[tokio::test]
async fn a_page_that_could_not_be_made_says_why_to_who_works_on_it_and_to_nobody_else() {
    let site = Site::with(&format!("{}routes:\n  /: {{ inline: '{FAILS}' }}\n", too_much()));
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let page = larder.request("GET", "/", &[HTML]).await;
    assert_eq!(page.status, 500);
    for part in ["routes.yaml:3:", "it prints more than", "live.js?page="] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let program = larder.get("/").await;
    assert_eq!(program.header("content-type"), "application/problem+json");
    assert!(!program.text().contains("prints"), "{}", program.text());
}

#[tokio::test]
async fn who_comes_by_a_name_that_may_be_rebound_gets_the_page_alone() {
    let larder = dev();
    for path in ["/", "/nothing"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = raw(&larder.address, &request);
        assert!(answer.contains("</html>"), "{answer}");
        assert!(!answer.contains("_larder") && !answer.contains("nearest"), "{answer}");
    }
}

#[tokio::test]
async fn neither_a_base_nor_what_is_not_closed_takes_the_script_away() {
    let site = Site::with(
        "routes:\n  /base: { file: base.html }\n  /open: { file: open.html }\n  \
         /comment: { file: comment.html }\n",
    )
    .file("base.html", "<!doctype html><head><base href=\"http://other.example/\"></head>a")
    .file("open.html", "<head><title>a</title></head><textarea>b<script>c")
    .file("comment.html", "<p>a<!-- b");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    for (path, before) in [("/base", "<head>"), ("/open", "<head>"), ("/comment", "")] {
        let answer = larder.request("GET", path, &[HTML]).await;
        let (found, _) = answer.text().split_once("<script src=\"/").expect("the script");
        assert!(found.ends_with(before) && !found.contains("<base"), "{path}: {}", answer.text());
        assert!(!found.contains("<textarea") && !found.contains("<!-- b"), "{}", answer.text());
    }
}
