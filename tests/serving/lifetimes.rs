//! Who may keep an answer besides larder, and for how long: `Cache-Control`, `Vary`, validators.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::harness::{Larder, MEMORY, Site, both_stores, check};

const SITE: &str = r#"
defaults: { max_age: 1h }
routes:
  /default: { inline: x }
  /own: { inline: x, max_age: 90s }
  /off: { inline: x, max_age: "off" }
  /said: { inline: x, headers: { cache-CONTROL: "no-store, x=1" } }
  /cookie: { inline: "{{cookies.who}}" }
  /cookie-off: { inline: "{{cookies.who}}", max_age: "off" }
  /branch: { inline: "{{#if query.q}}{{cookies.who}}{{/if}}" }
  /layout: { inline: x, content_type: text/html, layout: base.html.hbs }
  /token: { inline: "{{headers.authorization}}" }
  /header: { inline: "{{headers.x-kind}}" }
  /said-private: { inline: "{{cookies.who}}", headers: { Cache-Control: "private, max-age=5" } }
  /file: { file: public/a.txt }
  /file-own: { file: public/a.txt, max_age: 2d }
  /assets/{*path}: { dir: public, max_age: 10s }
  /old: { redirect: /own, max_age: 1m }
  /missing/{name}: { load: { it: "public/{{params.name}}.txt" }, inline: "{{it}}" }
"#;

fn site() -> Site {
    Site::with(SITE)
        .file("templates/base.html.hbs", "{{> who}}{{{content}}}")
        .file("templates/who.html.hbs", "{{cookies.who}}")
        .file("public/a.txt", "a file\n")
}

#[tokio::test]
async fn cache_control_is_what_the_route_says_and_private_where_it_reads_who_asks() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for (path, expected) in [
            ("/default", "public, max-age=3600"),
            ("/own", "public, max-age=90"),
            ("/off", "no-cache"),
            ("/said", "no-store, x=1"),
            ("/cookie", "private, max-age=3600"),
            ("/cookie-off", "private, no-cache"),
            ("/branch", "private, max-age=3600"),
            ("/layout", "private, max-age=3600"),
            ("/token", "private, max-age=3600"),
            ("/header", "public, max-age=3600"),
            ("/said-private", "private, max-age=5"),
            ("/file", "public, max-age=3600"),
            ("/file-own", "public, max-age=172800"),
            ("/assets/a.txt", "public, max-age=10"),
            ("/old", "public, max-age=60"),
            ("/missing/a", "public, max-age=3600"),
            ("/missing/b", "no-store"),
            ("/nowhere", "no-store"),
        ] {
            for turn in ["made", "kept"] {
                let answer = larder.get(path).await;
                assert_eq!(answer.lines("cache-control"), [expected], "{path}, {turn}");
            }
        }
        for (path, name) in
            [("/cookie", "cookie"), ("/layout", "cookie"), ("/token", "authorization")]
        {
            let vary = larder.get(path).await.header("vary").to_owned();
            assert!(vary.split(", ").any(|one| one == name), "{path}: {vary}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_one_visitor_gets_is_never_what_another_is_given() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for (path, name, prefix) in [
            ("/cookie", "cookie", "who="),
            ("/token", "authorization", ""),
            ("/header", "x-kind", ""),
        ] {
            for _ in 0..2 {
                for who in ["ada", "eve", ""] {
                    let value = format!("{prefix}{who}");
                    let answer = larder.request("GET", path, &[(name, &value)]).await;
                    assert_eq!(answer.text(), who, "{path}");
                }
                assert_eq!(larder.get(path).await.text(), "", "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_says_when_it_was_changed() {
    let site = site();
    let then = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
    let file = File::options().append(true).open(site.path("public/a.txt")).expect("a file");
    file.set_modified(then).expect("setting its time");
    let larder = Larder::serve(&site, MEMORY);
    for path in ["/file", "/assets/a.txt"] {
        let answer = larder.get(path).await;
        assert_eq!(answer.header("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT", "{path}");
        for (date, status) in [
            ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 304),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
            ("Sun Nov  6 08:49:37 1994", 304),
        ] {
            let answer = larder.request("GET", path, &[("if-modified-since", date)]).await;
            assert_eq!(answer.status, status, "{path} {date}");
        }
    }
    assert_eq!(larder.get("/own").await.header("last-modified"), "", "a page has no such date");
}

#[test]
fn a_header_that_makes_a_private_page_public_is_warned_of() {
    for (value, warned) in [
        ("public, max-age=60", true),
        ("max-age=60", true),
        ("no-cache", true),
        ("Private", false),
        ("no-store", false),
    ] {
        let headers = format!("headers: {{ Cache-Control: '{value}' }}");
        let route = format!("  /: {{ inline: '{{{{cookies.a}}}}', {headers} }}");
        let site = Site::with(&format!("routes:\n{route}\n"));
        let output = check(&site, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{value}: {said}");
        assert_eq!(said.contains("warning[public_private]"), warned, "{value}: {said}");
    }
}
