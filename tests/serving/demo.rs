//! The demo site, and the two pages of the recipe with exactly their results.

use crate::harness::{Larder, MEMORY, Redis, Site, both_stores};

#[tokio::test]
async fn the_two_pages_of_the_recipe_are_as_written() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::demo(), store);
        let hello = larder.get("/").await;
        assert_eq!(hello.status, 200);
        assert_eq!(hello.header("content-type"), "application/json");
        assert_eq!(hello.text(), r#"{"message":"Hello, world!"}"#);
        let about = larder.get("/about").await;
        assert_eq!(about.status, 200);
        assert_eq!(about.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(about.text(), r#"<p style="color: blue;">This is the about page.</p>"#);
    })
    .await;
}

#[tokio::test]
async fn the_two_pages_of_the_recipe_are_kept_under_keys_that_a_person_can_read() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::demo(), &redis.url());
    larder.get("/").await;
    larder.get("/about").await;
    assert_eq!(redis.keys(), ["api:cache::index:/", "api:cache::main:about:/about"]);
    for (key, seconds) in [("api:cache::index:/", 300), ("api:cache::main:about:/about", 3600)] {
        assert_eq!(redis.cli(&["TYPE", key]), "string");
        let left: i64 = redis.cli(&["PTTL", key]).parse().expect("a number");
        assert!((seconds * 1000 - 20_000..=seconds * 1000).contains(&left), "{key}: {left}");
    }
}

/// Every page of the demo site, with its status and content type.
const PAGES: &[(&str, u16, &str)] = &[
    ("/", 200, "application/json"),
    ("/about", 200, "text/html; charset=utf-8"),
    ("/welcome", 200, "text/html; charset=utf-8"),
    ("/hello/ada", 200, "text/html; charset=utf-8"),
    ("/hello/ada?lang=no", 200, "text/html; charset=utf-8"),
    ("/hello/ada?lang=xx", 422, "application/problem+json"),
    ("/shelf", 200, "text/html; charset=utf-8"),
    ("/shelf?kind=honey", 200, "text/html; charset=utf-8"),
    ("/jars/quince-jelly", 200, "text/html; charset=utf-8"),
    ("/jars/air", 404, "application/problem+json"),
    ("/shelf.json", 200, "application/json"),
    ("/now.txt", 200, "text/plain; charset=utf-8"),
    ("/slow", 200, "text/html; charset=utf-8"),
    ("/old", 301, ""),
    ("/assets/site.css", 200, "text/css; charset=utf-8"),
    ("/icon.svg", 200, "image/svg+xml"),
    ("/robots.txt", 200, "text/plain; charset=utf-8"),
    ("/nowhere", 404, "application/problem+json"),
];

#[tokio::test]
async fn every_page_of_the_demo_site_answers() {
    let larder = Larder::serve(&Site::demo(), MEMORY);
    for (path, status, content_type) in PAGES {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, *status, "{path}: {}", answer.text());
        if *status != 301 {
            let given = answer.header("content-type");
            assert!(given.starts_with(content_type), "{path}: {given}");
        }
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = larder.send("POST", "/orders", &form, "jar=plum+jam").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (201, r#"{"jar":"plum jam","count":1}"#));
    assert_eq!(larder.request("POST", "/orders", &[]).await.status, 422);
    assert!(!larder.get("/shelf").await.is_hit(), "an order makes the shelf old");
}

#[tokio::test]
async fn the_demo_site_shows_what_its_files_hold() {
    let larder = Larder::serve(&Site::demo(), MEMORY);
    let hello = larder.get("/hello/ada?lang=no").await;
    assert!(hello.text().contains("<h1>Hei, ada!</h1>"), "{}", hello.text());
    assert!(hello.text().contains("<title>Hello · Larder</title>"), "{}", hello.text());
    let shelf = larder.get("/shelf?kind=honey").await;
    assert!(shelf.text().contains("Heather honey"), "{}", shelf.text());
    assert!(!shelf.text().contains("Plum jam"), "{}", shelf.text());
    let jar = larder.get("/jars/quince-jelly").await;
    assert!(jar.text().contains("quinces, sugar, lemon"), "{}", jar.text());
    let json = larder.get("/shelf.json").await.json();
    assert_eq!(json["count"], 5);
    assert_eq!(json["jars"][0]["name"], "Quince jelly");
}

#[tokio::test]
async fn people_are_given_the_sites_own_error_page() {
    let larder = Larder::serve(&Site::demo(), MEMORY);
    let answer = larder.request("GET", "/nowhere", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.text().contains("There is no page at <code>/nowhere</code>"));
}
