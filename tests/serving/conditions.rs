//! Conditional requests: RFC 9110 §13, of pages that are made, that are kept, and of files.

use crate::harness::{Larder, MEMORY, Site, both_stores};

const SITE: &str = r#"
routes:
  /page: { inline: "a page", headers: { X-Own: "yes", Content-Language: en }, max_age: 1m }
  /made: { status: 201, inline: made }
  /gone: { status: 404, inline: gone, name: gone }
  /off: { inline: "never kept", ttl: off }
  /file: { file: public/a.txt, max_age: 1m }
  POST /page: { name: posted, body: posted }
"#;

fn site() -> Site {
    Site::with(SITE).file("public/a.txt", "a file\n")
}

/// A page kept, one never kept, and a file.
const PATHS: &[&str] = &["/page", "/off", "/file"];

#[tokio::test]
async fn conditions_count_in_the_order_of_rfc_9110() {
    const OTHER: &str = "\"other\"";
    const LONG_AGO: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const FAR_OFF: &str = "Fri, 06 Nov 2099 08:49:37 GMT";
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for path in PATHS {
            let etag = larder.get(path).await.header("etag").to_owned();
            let (weak, list) = (format!("W/{etag}"), format!("{OTHER},, \"a,b\" ,{etag}"));
            let is_file = *path == "/file";
            let dated = |status| if is_file { status } else { 200 };
            for (headers, status) in [
                (vec![("if-match", etag.as_str())], 200),
                (vec![("if-match", "*")], 200),
                (vec![("if-match", list.as_str())], 200),
                (vec![("if-match", OTHER)], 412),
                (vec![("if-match", weak.as_str())], 412),
                (vec![("if-match", "nonsense")], 412),
                (vec![("if-match", OTHER), ("if-none-match", etag.as_str())], 412),
                (vec![("if-match", etag.as_str()), ("if-none-match", etag.as_str())], 304),
                (vec![("if-match", etag.as_str()), ("if-unmodified-since", LONG_AGO)], 200),
                (vec![("if-unmodified-since", LONG_AGO)], dated(412)),
                (vec![("if-unmodified-since", FAR_OFF)], 200),
                (vec![("if-unmodified-since", "nonsense")], 200),
                (vec![("if-none-match", OTHER), ("if-modified-since", FAR_OFF)], 200),
                (vec![("if-none-match", etag.as_str()), ("if-modified-since", LONG_AGO)], 304),
                (vec![("if-none-match", list.as_str())], 304),
                (vec![("if-none-match", OTHER), ("if-none-match", etag.as_str())], 304),
                (vec![("if-none-match", "nonsense")], 200),
                (vec![("if-none-match", "")], 200),
                (vec![("if-modified-since", FAR_OFF)], dated(304)),
                (vec![("if-modified-since", LONG_AGO)], 200),
                (vec![("if-modified-since", "nonsense")], 200),
                (vec![("if-range", OTHER)], 200),
            ] {
                for method in ["GET", "HEAD"] {
                    let answer = larder.request(method, path, &headers).await;
                    assert_eq!(answer.status, status, "{method} {path} {headers:?}");
                    let is_empty = method == "HEAD" || status == 304;
                    assert_eq!(answer.body.is_empty(), is_empty, "{method} {path} {headers:?}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_304_has_the_fields_that_the_200_would_have_had_and_none_about_content() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for path in PATHS {
            let whole = larder.get(path).await;
            for method in ["GET", "HEAD"] {
                let headers = [("if-none-match", whole.header("etag"))];
                let answer = larder.request(method, path, &headers).await;
                assert_eq!(answer.status, 304, "{method} {path}");
                for name in ["etag", "cache-control", "vary", "x-own", "content-language"] {
                    assert_eq!(answer.header(name), whole.header(name), "{path} {name}");
                }
                assert!(!answer.header("date").is_empty());
                assert!(!answer.header("cache-status").is_empty());
                for name in ["content-type", "content-length", "content-encoding"] {
                    assert_eq!(answer.lines(name), [""; 0], "{path} {name}");
                }
            }
        }
        let hit = larder.request("GET", "/page", &[("if-none-match", "*")]).await;
        assert!(hit.is_hit() && hit.age().is_none(), "its max-age begins now: {hit:?}");
    })
    .await;
}

#[tokio::test]
async fn conditions_are_asked_of_what_is_made_for_them_and_it_is_kept() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        let answer = larder.request("GET", "/page", &[("if-none-match", "*")]).await;
        assert_eq!(answer.status, 304);
        assert!(answer.cache().contains("fwd=uri-miss; stored"), "{}", answer.cache());
        assert!(larder.get("/page").await.is_hit());
    })
    .await;
}

#[tokio::test]
async fn only_what_would_succeed_has_conditions() {
    let larder = Larder::serve(&site(), MEMORY);
    for _ in 0..2 {
        for (path, status) in [("/gone", 404), ("/nowhere", 404)] {
            for condition in ["if-match", "if-none-match"] {
                let answer = larder.request("GET", path, &[(condition, "\"x\"")]).await;
                assert_eq!(answer.status, status, "{path} {condition}");
                let answer = larder.request("GET", path, &[(condition, "*")]).await;
                assert_eq!(answer.status, status, "{path} {condition}");
            }
        }
        let made = larder.request("GET", "/made", &[("if-match", "\"x\"")]).await;
        assert_eq!(made.status, 412);
        // An answer that is not the address's own has no validator that could be compared.
        let posted = larder.request("POST", "/page", &[("if-none-match", "\"x\"")]).await;
        assert_eq!((posted.status.as_u16(), posted.header("etag")), (200, ""));
    }
}

#[tokio::test]
async fn a_412_is_a_problem_that_nobody_keeps() {
    let site = Site::with(&format!("errors: {{ 4xx: {{ inline: 'no' }} }}{SITE}"))
        .file("public/a.txt", "a file\n");
    let larder = Larder::serve(&site, MEMORY);
    for path in PATHS {
        for turn in ["made", "kept"] {
            let answer = larder.request("GET", path, &[("if-match", "\"x\"")]).await;
            assert_eq!(answer.status, 412, "{path} {turn}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path} {turn}");
            assert_eq!(answer.json()["status"], 412, "{path} {turn}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path} {turn}");
            assert_eq!(answer.header("etag"), "", "{path} {turn}");
            let headers = [("if-match", "\"x\""), ("accept", "text/html")];
            let answer = larder.request("GET", path, &headers).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (412, "no"), "{path} {turn}");
        }
    }
}
