//! A site below a path: requests may have it, what larder writes has it, all else is without it.

use crate::harness::{Client, Larder, MEMORY, Redis, Site};

const SITE: &str = r##"
server: { base: /shop, docs: /docs, health: /well, access_log: text }
data: { about: /about, far: "https://example.com/" }
errors: { 404: { inline: "<p>{{path}} <a href='{{url '/'}}'>home</a></p>" } }
routes:
  /: { inline: '<a href="{{url about}}">{{path}}</a> {{url far}} {{url "//x"}} {{url "#a"}}' }
  /about: { inline: "about {{path}}" }
  /find: { inline: '<a href="{{url "/find"}}?q={{query.q}}">{{route.path}}</a>' }
  /styled: { inline: '<link rel="stylesheet" href="{{asset "site.css"}}">' }
  /shops: { body: shops }
  /slash/: { body: slash }
  /old: { redirect: "/about?from={{query.a}}" }
  /away: { redirect: "https://example.com/x" }
  POST /sent: { inline: "{{body.a}}", content_type: text/plain }
  /assets/{*path}: { dir: public }
"##;

fn site() -> Site {
    Site::with(SITE)
        .file("public/site.css", "a { color: red }")
        .file("public/deep/index.html", "deep")
}

#[tokio::test]
async fn a_request_is_served_the_same_with_the_base_and_without() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    for client in [larder.client(), Client::of_http2(&larder.address)] {
        for (path, status, text) in [
            ("/about", 200, "about /about"),
            ("/shops", 200, "shops"),
            ("/well", 200, "ok\n"),
            ("/assets/site.css", 200, "a { color: red }"),
            ("/find?q=x", 200, "<a href=\"/shop/find?q=x\">/find</a>"),
        ] {
            for path in [path.to_owned(), format!("/shop{path}")] {
                let answer = client.request("GET", &path, &[]).await.expect("an answer");
                assert_eq!((answer.status.as_u16(), answer.text()), (status, text), "{path}");
            }
        }
        for path in ["/", "/shop", "/shop/"] {
            let answer = client.request("GET", path, &[]).await.expect("an answer");
            let links = "<a href=\"/shop/about\">/</a> https://example.com/ //x #a";
            assert_eq!(answer.text(), links, "{path}");
        }
        for path in ["/shopping", "/shop/nothing", "/SHOP/about"] {
            let asked = client.request("GET", path, &[("accept", "text/html")]).await;
            let answer = asked.expect("an answer");
            let named = path.strip_prefix("/shop/").map_or(path, |_| "/nothing");
            let page = format!("<p>{named} <a href='/shop/'>home</a></p>");
            assert_eq!((answer.status.as_u16(), answer.text()), (404, &*page), "{path}");
        }
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(larder.send("POST", "/shop/sent", &form, "a=b").await.text(), "b");
    assert_eq!(larder.get("/shop/about").await.cache(), "larder; hit; detail=near");
    let keys = redis.keys();
    assert!(keys.contains(&"api:cache::about:/about".to_owned()), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("/shop/")), "{keys:?}");
    let lines = larder.requests(20);
    assert!(lines.iter().any(|line| line.contains("\"GET /about HTTP/")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("/shop/")), "{lines:?}");
}

#[tokio::test]
async fn what_larder_writes_has_the_base() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, status, location) in [
        ("/old?a=b", 302, "/shop/about?from=b"),
        ("/away", 302, "https://example.com/x"),
        ("/about/", 308, "/shop/about"),
        ("/about/?a=b", 308, "/shop/about?a=b"),
        ("/slash", 308, "/shop/slash/"),
        ("/assets/deep", 308, "/shop/assets/deep/"),
        ("/docs", 308, "/shop/docs/"),
    ] {
        for path in [path.to_owned(), format!("/shop{path}")] {
            let answer = larder.get(&path).await;
            let told = (answer.status.as_u16(), answer.header("location"));
            assert_eq!(told, (status, location), "{path}");
        }
    }
    let document = larder.get("/shop/openapi.json").await.json();
    assert_eq!(document["servers"], serde_json::json!([{ "url": "/shop" }]));
    let script = larder.get("/docs/swagger-initializer.js").await;
    assert!(script.text().contains("\"/shop/openapi.json\""), "{}", script.text());
    let page = larder.get("/styled").await.text().to_owned();
    let address = page.split('"').nth(3).expect("an address");
    assert!(address.starts_with("/shop/assets/site.css?v="), "{page}");
    let sheet = larder.get(address).await;
    assert!(sheet.header("cache-control").contains("immutable"), "{address}");
}

#[tokio::test]
async fn another_base_makes_again_the_pages_that_print_it() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    for path in ["/", "/about", "/styled"] {
        larder.get(path).await;
        assert!(larder.get(path).await.is_hit(), "{path}");
    }
    drop(larder);
    let other = site();
    other.replace("routes.yaml", "base: /shop", "base: /store");
    let larder = Larder::serve(&other, &redis.url());
    assert!(larder.get("/store/about").await.is_hit());
    for path in ["/", "/styled"] {
        let answer = larder.get(path).await;
        assert!(!answer.is_hit() && answer.text().contains("\"/store/"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_edit_of_the_base_waits_for_a_restart() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    larder.get("/").await;
    larder.logs_after("server.base", || {
        site.replace("routes.yaml", "base: /shop", "base: /store");
    });
    assert!(larder.get("/old").await.header("location").starts_with("/shop/"));
    assert!(larder.get("/").await.text().contains("\"/shop/about\""));
}

#[tokio::test]
async fn live_reload_works_below_the_base() {
    let larder = Larder::dev(&site(), &[]);
    let browser =
        [("accept", "text/html"), ("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")];
    let page = larder.request("GET", "/shop/about", &browser).await;
    let tag = page.text().split("src=\"").nth(1).and_then(|rest| rest.split('"').next());
    let address = tag.expect("a script").replace("&amp;", "&");
    assert!(address.starts_with("/shop/_larder/live.js?"), "{address}");
    assert_eq!(larder.get(&address).await.status, 200);
    let missing = larder.request("GET", "/shop/abuot", &browser).await;
    assert!(missing.text().contains("href=\"/shop/about\""), "{}", missing.text());
}
