//! What templates make of what they are given: all of a context, partials within themselves, what
//! is absent, and whatever a visitor writes.

use std::time::Duration;

use crate::harness::{Larder, MEMORY, Site, eventually};

fn whole() -> Site {
    Site::with(
        r#"
languages: [en, no]
data: { shop: { name: Plums }, other: [1] }
routes:
  /json:
    inline: "{{json this}}|{{headers.x-a}}{{cookies.c}}{{language}}"
    content_type: text/plain
  /if: { inline: "{{#if this}}{{headers.x-a}}{{cookies.c}}{{language}}{{/if}}" }
  /chosen: { template: chosen.html.hbs, data: { which: all } }
  /keys: { inline: "{{#each this}}{{@key}} {{/each}}" }
  /named:
    inline: "{{#with this as |page|}}{{page.headers.x-a}}{{/with}}{{json this}}"
    content_type: text/plain
  /none: { inline: "{{json this}}", content_type: text/plain }
"#,
    )
    .file("templates/chosen.html.hbs", "{{> (lookup this \"which\")}}")
    .file("templates/all.html.hbs", "{{headers.x-a}}{{cookies.c}}{{language}}{{shop.name}}")
}

#[tokio::test]
async fn a_page_that_reads_all_it_has_has_what_it_names_in_its_key() {
    let larder = Larder::serve(&whole(), MEMORY);
    let asked = |path: &'static str, a: &'static str, c: &'static str, language: &'static str| {
        let larder = &larder;
        async move {
            let fields = [("x-a", a), ("cookie", c), ("accept-language", language)];
            larder.request("GET", path, &fields).await
        }
    };
    for (path, ends_with) in [("/json", "A1no"), ("/if", "A1no"), ("/chosen", "A1noPlums")] {
        let first = asked(path, "A", "c=1", "no").await;
        assert!(first.text().ends_with(ends_with), "{path}: {}", first.text());
        assert!(asked(path, "A", "c=1; d=2", "no, en").await.is_hit(), "{path}");
        for (a, c, language) in [("B", "c=1", "no"), ("A", "c=2", "no"), ("A", "c=1", "en")] {
            let other = asked(path, a, c, language).await;
            assert!(!other.is_hit() && other.text() != first.text(), "{path} {a} {c} {language}");
        }
    }
    let named = asked("/named", "A", "c=1", "no").await;
    assert!(named.text().starts_with('A') && named.text().contains("\"x-a\":\"A\""));
    assert!(!asked("/named", "B", "c=1", "no").await.is_hit());
    asked("/none", "A", "c=1", "no").await;
    assert!(asked("/none", "B", "c=2", "en").await.is_hit(), "what it does not name is not in it");
}

#[tokio::test]
async fn a_page_that_goes_through_all_it_has_has_all_data() {
    let site = whole();
    let larder = Larder::serve(&site, MEMORY);
    let keys = larder.get("/keys").await.text().to_owned();
    for name in ["shop", "other", "params", "query", "route"] {
        assert!(keys.split(' ').any(|key| key == name), "{keys}");
    }
    larder.reloads_after(|| site.replace("routes.yaml", "other: [1]", "more: [1]"));
    let keys = larder.get("/keys").await.text().to_owned();
    assert!(keys.contains("more ") && !keys.contains("other"), "{keys}");
}

fn tree() -> Site {
    Site::with(
        "load: { menu: menu.yaml }
routes:
  /menu: { inline: '{{> item this pages=menu}}' }
  /other: { inline: '{{#each menu}}{{title}} {{/each}}' }
  /deep: { inline: '{{> level}}', ttl: off }
",
    )
    .file("menu.yaml", "- { title: Shop, note: x, pages: [{ title: Jam, note: y, pages: [] }] }\n")
    .file("templates/level.html.hbs", "<{{#if menu}}{{> level}}{{/if}}>")
    .file(
        "templates/item.html.hbs",
        "<ul>{{#each pages}}<li>{{title}}{{#if pages}}{{> item}}{{/if}}</li>{{/each}}</ul>",
    )
}

#[tokio::test]
async fn a_partial_may_call_itself_and_its_page_is_made_again_when_what_it_shows_changes() {
    let site = tree();
    let larder = Larder::serve(&site, MEMORY);
    let page = |below: &str| format!("<ul><li>Shop<ul><li>{below}</li></ul></li></ul>");
    assert_eq!(larder.get("/menu").await.text(), page("Jam"));
    assert_eq!(larder.get("/other").await.text(), "Shop ");
    larder.reloads_after(|| site.replace("menu.yaml", "title: Jam", "title: Honey"));
    assert_eq!(larder.get("/menu").await.text(), page("Honey"));
    assert!(larder.get("/other").await.is_hit(), "which shows the first titles alone");
    larder.reloads_after(|| site.replace("menu.yaml", "note: x", "note: z"));
    assert!(larder.get("/menu").await.is_hit(), "which does not show notes");
}

#[tokio::test]
async fn partials_deeper_than_64_are_left_out_and_the_log_says_so_once() {
    let larder = Larder::serve(&tree(), MEMORY);
    for _ in 0..3 {
        let text = larder.get("/deep").await.text().to_owned();
        assert_eq!(text, "<".repeat(63) + &">".repeat(63));
    }
    assert_eq!(larder.logged("partials go deeper"), 1, "{}", larder.log());
}

#[tokio::test]
async fn the_last_draft_may_be_published() {
    let site = Site::with(
        "load: { posts: posts/*.md }
routes: { /: { inline: '{{#each posts}}{{#unless draft}}{{title}} {{/unless}}{{/each}}' } }
",
    )
    .file("posts/a.md", "---\ntitle: A\ndraft: true\n---\n")
    .file("posts/b.md", "---\ntitle: B\n---\n");
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/").await.text(), "B ");
    site.edit("posts/a.md", "---\ntitle: A\n---\n");
    eventually("both are shown", Duration::from_secs(10), async || {
        (larder.get("/").await.text() == "A B ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_template_that_no_route_uses_stops_no_edit() {
    let site =
        Site::with("routes: { /: { inline: 'one' } }").file("templates/later.html.hbs", "not yet");
    let larder = Larder::serve(&site, MEMORY);
    site.edit("templates/later.html.hbs", "{{#if x}}");
    larder.reloads_after(|| site.replace("routes.yaml", "one", "two"));
    assert_eq!(larder.get("/").await.text(), "two");
    let said = larder.logs_after("error[template_syntax]", || {
        site.edit("routes.yaml", "routes: { /: { inline: '{{> later}}' } }");
    });
    assert!(said.contains("template_syntax"), "{said}");
    assert_eq!(larder.get("/").await.text(), "two");
}

/// What visitors write.
const WRITTEN: &[&str] = &[
    "",
    "1",
    "-1",
    "007",
    "1e999",
    "NaN",
    "nope",
    "%00",
    "%F0%9F%8D%91",
    "9223372036854775808",
    "2026-02-30",
    "-",
    "0x1",
    "[]",
    "%7B%7B",
];

#[tokio::test]
async fn nothing_that_a_visitor_writes_makes_a_page_fail() {
    let site = Site::with(
        r#"
data: { list: [3, 1, 2], posts: [{ n: 1, day: 2026-01-01 }, { n: "x" }] }
routes:
  /free:
    inline: |
      {{upper query.a}}{{truncate query.a 2}}{{replace query.a query.b "x"}}
      {{join (split query.a query.b)}}{{concat query.a 1}}{{contains list query.a}}
      {{len (where posts "n" query.a)}}{{default query.a 1}}{{eq query.a 1}}
      {{#each (sort posts query.a)}}{{n}}{{/each}}{{lt query.a query.b}}
      {{#each (group posts query.a)}}{{key}}{{/each}}{{lookup list query.a}}
      {{lookup posts query.a}}{{#with (find posts "n" query.a)}}{{n}}{{/with}}
      {{urlencode query.a}}{{json query.a}}{{add query.a.b 1}}
      {{markdown query.a untrusted=true}}{{add headers.x-n 1}}
      {{date headers.x-n "%Y"}}{{slice list cookies.n}}
  /typed:
    inline: |
      {{add query.a 1}}{{div 1 query.a}}{{slice list query.a query.b}}{{date query.a}}
      {{round 1.5 query.b}}{{random query.a query.b}}
    query: { a: number, b: int }
    ttl: off
"#,
    );
    let larder = Larder::serve(&site, MEMORY);
    for (at, a) in WRITTEN.iter().enumerate() {
        let b = WRITTEN[(at * 7 + 3) % WRITTEN.len()];
        let fields = [("x-n", *a), ("cookie", "n=x")];
        let free = larder.request("GET", &format!("/free?a={a}&b={b}"), &fields).await;
        assert_eq!(free.status, 200, "{a} {b}: {}", larder.log());
        let typed = larder.get(&format!("/typed?a={a}&b={b}")).await;
        assert!([200, 422].contains(&typed.status.as_u16()), "{a} {b}: {}", larder.log());
    }
    assert_eq!(larder.logged("failed"), 0, "{}", larder.log());
}
