//! Headers and methods: RFC 9110 and 9211, the same with both stores.

use crate::harness::{Larder, MEMORY, Site, both_stores};

const SITE: &str = r#"
defaults:
  headers: { X-From: defaults, X-Kept: "yes" }
routes:
  /: { inline: "made {{now}}" }
  /own: { inline: own, headers: { X-From: route } }
  /none: { inline: none, headers: { X-From: null } }
  /made: { status: 201, inline: made }
  /public: { inline: public, max_age: 10m }
  /said: { inline: said, max_age: 10m, headers: { Cache-Control: "no-store" } }
  /cookie: { inline: "{{cookies.who}}" }
  /short: { inline: short, ttl: 1h }
  POST /: { name: taken, status: 202, body: { taken: true } }
  DELETE /form: { status: 204, body: "" }
  PUT /form: { name: put, body: { put: true } }
"#;

#[tokio::test]
async fn the_first_answer_is_made_and_stored_and_the_second_is_a_hit() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let first = larder.get("/").await;
        assert!(first.cache().starts_with("larder; fwd=uri-miss; stored"), "{}", first.cache());
        assert_eq!(first.age(), None);
        let second = larder.get("/").await;
        assert!(second.is_hit(), "{}", second.cache());
        assert_eq!(second.text(), first.text());
        assert!(second.age().is_some_and(|age| age < 20), "{:?}", second.age());
        assert!(second.ttl().is_some_and(|left| (280..=300).contains(&left)), "{:?}", second.ttl());
        assert_eq!(second.header("etag"), first.header("etag"));
    })
    .await;
}

#[tokio::test]
async fn the_memory_store_says_so() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    larder.get("/").await;
    assert_eq!(larder.get("/").await.cache(), "larder; hit; detail=memory");
}

#[tokio::test]
async fn a_validator_that_still_holds_saves_the_body() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let etag = larder.get("/").await.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");
        let same = [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"other\", {etag}"),
            format!("\"a,b\",W/{etag},\"c\""),
            "*".to_owned(),
        ];
        for list in &same {
            let answer = larder.request("GET", "/", &[("if-none-match", list)]).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (304, ""), "{list}");
            assert_eq!(answer.header("etag"), etag, "{list}");
            assert_eq!(answer.header("cache-control"), "no-cache", "{list}");
            assert!(!answer.header("date").is_empty(), "{list}");
        }
        for list in ["\"other\"", "\"\"", "other", "W/\"other\", \"more\""] {
            let answer = larder.request("GET", "/", &[("if-none-match", list)]).await;
            assert_eq!(answer.status, 200, "{list}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_validator_is_that_of_the_bytes_wherever_they_were_made() {
    let site = Site::with("routes:\n  /: { body: { same: bytes } }\n");
    let first = Larder::serve(&site, MEMORY).get("/").await;
    let other = Larder::serve(&site, MEMORY).get("/").await;
    assert_eq!(first.header("etag"), other.header("etag"));
    assert!(other.cache().contains("fwd=uri-miss"), "{}", other.cache());
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let head = larder.request("HEAD", "/", &[]).await;
        let get = larder.get("/").await;
        assert_eq!((head.status.as_u16(), head.text()), (200, ""));
        assert!(get.is_hit(), "{}", get.cache());
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
        assert_eq!(head.header("content-length"), get.body.len().to_string());
    })
    .await;
}

#[tokio::test]
async fn another_method_is_answered_with_those_that_are_allowed() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (method, path, allow) in [
        ("POST", "/own", "GET, HEAD, OPTIONS"),
        ("DELETE", "/", "GET, HEAD, POST, OPTIONS"),
        ("GET", "/form", "PUT, DELETE, OPTIONS"),
        ("PATCH", "/form", "PUT, DELETE, OPTIONS"),
    ] {
        let answer = larder.request(method, path, &[]).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        let options = larder.request("OPTIONS", path, &[]).await;
        assert_eq!(options.status, 204, "OPTIONS {path}");
        assert_eq!(options.header("allow"), allow, "OPTIONS {path}");
    }
    assert_eq!(larder.request("POST", "/nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn other_methods_are_never_cached() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        for _ in 0..2 {
            let answer = larder.request("POST", "/", &[]).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (202, r#"{"taken":true}"#));
            assert!(answer.cache().contains("fwd=bypass"), "{}", answer.cache());
        }
        assert!(larder.get("/").await.cache().contains("fwd=uri-miss"));
    })
    .await;
}

#[tokio::test]
async fn headers_of_a_route_come_over_the_defaults() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (path, from) in [("/", "defaults"), ("/own", "route"), ("/none", "")] {
        for _ in 0..2 {
            let answer = larder.get(path).await;
            assert_eq!(answer.header("x-from"), from, "{path}");
            assert_eq!(answer.header("x-kept"), "yes", "{path}");
        }
    }
}

#[tokio::test]
async fn a_declared_status_is_kept_with_the_page() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        assert_eq!(larder.get("/made").await.status, 201);
        let again = larder.get("/made").await;
        assert_eq!(again.status, 201);
        assert!(again.is_hit(), "{}", again.cache());
    })
    .await;
}

#[tokio::test]
async fn browsers_are_told_how_long_they_may_keep_a_page() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (path, expected) in
        [("/", "no-cache"), ("/public", "public, max-age=600"), ("/said", "no-store")]
    {
        assert_eq!(larder.get(path).await.header("cache-control"), expected, "{path}");
    }
    let cookie = larder.request("GET", "/cookie", &[("cookie", "who=ada")]).await;
    assert_eq!(cookie.text(), "ada");
    assert!(cookie.header("cache-control").contains("private"), "{cookie:?}");
}
