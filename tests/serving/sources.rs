//! Where a response comes from, and of what type it is.

use crate::harness::{Larder, MEMORY, Site, both_stores};

fn site() -> Site {
    Site::with(
        r#"
data:
  shop: { name: "Ä & Ö", open: true, count: 3, list: [1, 2] }
load:
  yaml: data/a.yaml
  json: data/a.json
  toml: data/a.toml
  rows: data/a.csv
  text: data/a.txt
routes:
  /map: { body: { b: 1, a: [true, null, 1.5, "{{x}}"] } }
  /text: { body: "plain {{x}}" }
  /typed: { body: "<p>", content_type: text/html }
  /data.json: { body: "[1]" }
  /json:
    json: { all: "{{shop}}", n: "{{shop.count}}", t: "n={{shop.count}}", list: ["{{shop.open}}"] }
  /inline: { inline: "{{shop.name}} {{{shop.name}}}" }
  /inline.txt: { inline: "{{shop.name}}" }
  /page: page.html.hbs
  /feed: feed.xml.hbs
  /api: api.json.hbs
  /in: { template: page.html.hbs, layout: base.html.hbs }
  /file: public/note.txt
  /style: { file: public/a.css }
  /loaded: { inline: "{{yaml.v}} {{json.v}} {{toml.v}} {{rows.1.name}} {{text}}" }
  /go/{to}: { redirect: "/to/{{params.to}}?q={{query.q}}" }
  /away: { redirect: "https://example.com/x", status: 307 }
"#,
    )
    .file("templates/page.html.hbs", "<p>{{shop.name}}</p>")
    .file("templates/base.html.hbs", "<main>{{{content}}}</main>{{> partials/end}}")
    .file("templates/partials/end.html.hbs", "<i>{{shop.count}}</i>")
    .file("templates/feed.xml.hbs", "<feed>{{shop.name}}</feed>")
    .file("templates/api.json.hbs", r#"{"name":{{json shop.name}},"raw":"{{shop.name}}"}"#)
    .file("public/note.txt", "a note\n")
    .file("public/a.css", "a{}\n")
    .file("data/a.yaml", "v: from yaml\n")
    .file("data/a.json", r#"{"v":"from json"}"#)
    .file("data/a.toml", "v = 'from toml'\n")
    .file("data/a.csv", "id,name\n1,first\n2,\"second, quoted\"\n")
    .file("data/a.txt", "from txt")
}

/// A path, its content type, its body.
const PAGES: &[(&str, &str, &str)] = &[
    ("/map", "application/json", r#"{"b":1,"a":[true,null,1.5,"{{x}}"]}"#),
    ("/text", "text/plain; charset=utf-8", "plain {{x}}"),
    ("/typed", "text/html; charset=utf-8", "<p>"),
    ("/data.json", "application/json", "[1]"),
    (
        "/json",
        "application/json",
        concat!(
            r#"{"all":{"name":"Ä & Ö","open":true,"count":3,"list":[1,2]},"#,
            r#""n":3,"t":"n=3","list":[true]}"#
        ),
    ),
    ("/inline", "text/html; charset=utf-8", "Ä &amp; Ö Ä & Ö"),
    ("/inline.txt", "text/plain; charset=utf-8", "Ä & Ö"),
    ("/page", "text/html; charset=utf-8", "<p>Ä &amp; Ö</p>"),
    ("/feed", "application/xml; charset=utf-8", "<feed>Ä &amp; Ö</feed>"),
    ("/api", "application/json", r#"{"name":"Ä \u0026 Ö","raw":"Ä & Ö"}"#),
    ("/in", "text/html; charset=utf-8", "<main><p>Ä &amp; Ö</p></main><i>3</i>"),
    ("/file", "text/plain; charset=utf-8", "a note\n"),
    ("/style", "text/css; charset=utf-8", "a{}\n"),
    (
        "/loaded",
        "text/html; charset=utf-8",
        "from yaml from json from toml second, quoted from txt",
    ),
];

#[tokio::test]
async fn each_source_gives_its_bytes_and_its_type() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for turn in ["first", "second"] {
            for (path, content_type, body) in PAGES {
                let answer = larder.get(path).await;
                assert_eq!(answer.status, 200, "{turn} {path}");
                assert_eq!(answer.text(), *body, "{turn} {path}");
                assert_eq!(answer.header("content-type"), *content_type, "{turn} {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn files_and_redirects_are_not_stored() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for path in ["/file", "/style", "/away"] {
            for _ in 0..2 {
                let answer = larder.get(path).await;
                assert!(!answer.is_hit(), "{path}: {}", answer.cache());
                assert!(!answer.cache().contains("stored"), "{path}: {}", answer.cache());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_redirect_encodes_what_it_takes_from_the_request() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, status, location) in [
        ("/go/there?q=1", 302, "/to/there?q=1"),
        ("/go/a%20b?q=%26x%3D1%0D%0Ay", 302, "/to/a%20b?q=%26x%3D1%0D%0Ay"),
        ("/go/%2F%2Fevil.example", 302, "/to/%2F%2Fevil.example?q="),
        ("/away", 307, "https://example.com/x"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("location"), location, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_changes_is_served_as_it_is_now() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    let etag = larder.get("/file").await.header("etag").to_owned();
    larder.reloads_after(|| site.edit("public/note.txt", "another note\n"));
    let answer = larder.get("/file").await;
    assert_eq!(answer.text(), "another note\n");
    assert_ne!(answer.header("etag"), etag);
}
