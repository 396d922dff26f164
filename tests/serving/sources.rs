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
  /page.json: { template: page.html.hbs, content_type: application/json }
  /page.html: { template: api.json.hbs, content_type: text/html }
  /plain.txt: { template: note.txt.hbs, layout: base.html.hbs }
  /mixed: { template: note.txt.hbs, layout: base.html.hbs, content_type: text/html }
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
    .file("templates/note.txt.hbs", "{{shop.name}}")
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
    ("/page.json", "application/json", "<p>Ä & Ö</p>"),
    ("/page.html", "text/html; charset=utf-8", r#"{"name":"Ä \u0026 Ö","raw":"Ä &amp; Ö"}"#),
    ("/plain.txt", "text/plain; charset=utf-8", "<main>Ä & Ö</main><i>3</i>"),
    ("/mixed", "text/html; charset=utf-8", "<main>Ä &amp; Ö</main><i>3</i>"),
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

#[tokio::test]
async fn a_wildcard_chooses_a_file_below_the_directory_and_any_other_parameter_one_in_it() {
    let site = Site::with(
        r#"
routes:
  /docs/{*page}:
    load: { page: "content/docs/{{params.page}}.md" }
    inline: "{{page.title}}\n"
  /one/{slug}:
    load: { page: "content/docs/{{params.slug}}.md" }
    inline: "{{page.title}}\n"
  /all/{*dir}:
    load: { page: "content/{{params.dir}}/index.md" }
    inline: "{{page.title}}\n"
  /by:
    load: { page: "content/docs/{{query.name}}.md" }
    inline: "{{page.title}}\n"
"#,
    )
    .file("content/docs/start.md", "---\ntitle: Start\n---\n")
    .file("content/docs/a b/c.md", "---\ntitle: Deep\n---\n")
    .file("content/docs/a b/index.md", "+++\ntitle = 'Index'\n+++\n");
    let larder = Larder::serve(&site, MEMORY);
    for (path, status, body) in [
        ("/docs/start", 200, "Start\n"),
        ("/docs/a%20b/c", 200, "Deep\n"),
        ("/docs/a%20b%2Fc", 404, ""),
        ("/docs/a%20b//c", 404, ""),
        ("/docs/a%20b/", 404, ""),
        ("/docs/", 404, ""),
        ("/one/start", 200, "Start\n"),
        ("/one/a%20b%2Fc", 404, ""),
        ("/all/docs/a%20b", 200, "Index\n"),
        ("/all/docs", 404, ""),
        ("/by?name=start", 200, "Start\n"),
        ("/by?name=a%20b/c", 404, ""),
        ("/by", 404, ""),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(status != 200 || answer.text() == body, "{path}: {}", answer.text());
        let explained = crate::harness::run("explain", &site, &[path]);
        let said = String::from_utf8_lossy(&explained.stdout).into_owned();
        assert_eq!(said.contains("404"), status == 404, "{path}: {said}");
    }
}
