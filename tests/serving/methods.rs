//! Methods: HEAD is GET without its content, everywhere; what else an address answers.

use crate::harness::{Larder, MEMORY, Redis, Site, both_stores, raw};

const SITE: &str = r#"
server: { health: /well, docs: /docs }
errors: { 404: { inline: "<h1>{{path}}</h1>" } }
routes:
  /: { inline: "page {{query.q}}" }
  /large: { body: "LARGE" }
  /made: { status: 201, inline: made }
  /none: { status: 204, body: "" }
  /gone: { status: 410, body: gone }
  /empty: { body: "" }
  /off: { inline: off, ttl: off }
  /cookie: { inline: "{{cookies.who}} {{headers.x-a}}" }
  /typed: { inline: "{{query.n}}", query: { n: int } }
  /broken: { inline: '{{add "x" 1}}' }
  /old: { redirect: / }
  /slash/: { inline: slash }
  /file: { file: public/a.txt }
  /empty.txt: { file: public/empty.txt }
  /assets/{*path}: { dir: public }
  PUT /form: { name: put, body: put }
  HEAD /own: { name: own-head, body: head }
"#;

fn site() -> Site {
    let large = "words and more words ".repeat(200);
    Site::with(&SITE.replace("LARGE", &large))
        .file("public/a.txt", &large)
        .file("public/empty.txt", "")
        .file("public/large.bin", &large.repeat(100))
        .file("public/sub/index.html", "<p>sub</p>")
}

const PATHS: &[&str] = &[
    "/",
    "/?q=1",
    "/large",
    "/made",
    "/none",
    "/gone",
    "/empty",
    "/off",
    "/cookie",
    "/typed?n=x",
    "/typed?n=%ff",
    "/broken",
    "/old",
    "/slash",
    "/file",
    "/file/",
    "/empty.txt",
    "/assets/a.txt",
    "/assets/large.bin",
    "/assets/sub/",
    "/assets/sub",
    "/assets/none",
    "/nowhere",
    "/%zz",
    "/form",
    "/well",
    "/docs",
    "/docs/",
    "/openapi.json",
];

#[tokio::test]
async fn head_has_every_line_of_get_and_nothing_behind_them() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for path in PATHS {
            for headers in [
                vec![],
                vec![("accept", "text/html"), ("accept-encoding", "br")],
                vec![("accept-encoding", "gzip"), ("if-none-match", "*")],
            ] {
                // Once, so that both come from the same place.
                larder.request("GET", path, &headers).await;
                let get = larder.request("GET", path, &headers).await;
                let head = larder.request("HEAD", path, &headers).await;
                let what = format!("{path} {headers:?}");
                assert_eq!(head.status, get.status, "{what}");
                assert!(head.body.is_empty(), "{what}");
                // An empty length may go unsaid (RFC 9110 §9.3.2).
                let said = |name: &&str| *name != "content-length" || get.header(name) != "0";
                let names: Vec<_> = get.names().into_iter().filter(said).collect();
                let of_head: Vec<_> = head.names().into_iter().filter(said).collect();
                assert_eq!(sorted(of_head), sorted(names.clone()), "{what}");
                for name in names.into_iter().filter(|name| !CHANGING.contains(name)) {
                    assert_eq!(head.lines(name), get.lines(name), "{what}: {name}");
                }
            }
        }
    })
    .await;
}

/// Lines that time changes.
const CHANGING: &[&str] = &["date", "age", "cache-status"];

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}

#[tokio::test]
async fn head_makes_and_keeps_the_page_that_get_then_finds() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    let head = larder.request("HEAD", "/large", &[]).await;
    assert_eq!(head.cache(), "larder; fwd=uri-miss; stored");
    let record = redis.cli(&["--raw", "GET", "api:cache::large:/large"]);
    assert!(record.ends_with("words and more words "), "{record}");
    let get = larder.get("/large").await;
    assert!(get.is_hit() && get.text().starts_with("words"), "{get:?}");
}

#[tokio::test]
async fn a_method_of_its_own_is_not_that_of_get() {
    let larder = Larder::serve(&site(), MEMORY);
    assert_eq!(larder.request("HEAD", "/own", &[]).await.status, 200);
    let get = larder.get("/own").await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "HEAD, OPTIONS"));
}

#[tokio::test]
async fn methods_that_nobody_has_are_refused_and_nothing_is_done() {
    let larder = Larder::serve(&site(), MEMORY);
    for (line, status) in [
        ("get / HTTP/1.1", "405"),
        ("BREW / HTTP/1.1", "405"),
        ("TRACE / HTTP/1.1", "405"),
        ("PATCH / HTTP/1.1", "405"),
        ("QUERY /file HTTP/1.1", "405"),
        ("POST /assets/a.txt HTTP/1.1", "405"),
        ("DELETE /nowhere HTTP/1.1", "404"),
        ("OPTIONS /file HTTP/1.1", "204"),
        ("OPTIONS /assets/a.txt HTTP/1.1", "204"),
        ("OPTIONS /nowhere HTTP/1.1", "404"),
        ("OPTIONS * HTTP/1.1", "204"),
        ("GET * HTTP/1.1", "400"),
        ("CONNECT x:1 HTTP/1.1", "501"),
    ] {
        let request = format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw(&larder.address, &request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{line}\n{answer}");
        let allow = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("allow: "));
        assert_eq!(allow.is_some(), ["405", "204"].contains(&status), "{line}\n{answer}");
        assert!(!answer.contains("x-echo"), "{line}\n{answer}");
    }
}

#[tokio::test]
async fn what_has_another_method_is_made_for_each_request() {
    let site = Site::with(
        "defaults: { ttl: 1h, stale_if_error: 1h }\nroutes:\n  \
         POST /say: { inline: '{{query.q}} {{cookies.who}}' }\n  \
         PUT /say: { inline: 'put {{query.q}}' }\n",
    );
    both_stores(async |store| {
        let larder = Larder::serve(&site, store);
        for turn in 0..3 {
            for who in ["ada", "eve"] {
                let (path, cookie) = (format!("/say?q={turn}"), format!("who={who}"));
                let said = larder.request("POST", &path, &[("cookie", &cookie)]).await;
                assert_eq!(said.text(), format!("{turn} {who}"));
                assert_eq!(said.cache(), "larder; fwd=bypass");
                let put = larder.request("PUT", &path, &[]).await;
                assert_eq!(put.text(), format!("put {turn}"));
            }
        }
        let paths = (0..8).map(|turn| format!("/say?q={turn}")).collect::<Vec<_>>();
        let asked = paths.iter().map(|path| larder.request("POST", path, &[("cookie", "who=x")]));
        for (turn, said) in futures_util::future::join_all(asked).await.iter().enumerate() {
            assert_eq!(said.text(), format!("{turn} x"), "asked at once");
        }
    })
    .await;
}
