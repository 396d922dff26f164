//! The page for an address that no route is for.

use crate::harness::{Larder, MEMORY, Site, check};

const HTML: (&str, &str) = ("accept", "text/html");

const SITE: &str = "\
errors: { 404: { inline: '<p>our own page, {{path}}' } }
routes:
  /about: { inline: about, summary: Who we are }
  /posts/{slug}: { inline: post }
";

/// The text between two others.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).expect("its end").0
}

#[tokio::test]
async fn it_names_the_nearest_routes_and_the_lines_that_add_this_one() {
    let site = Site::with(SITE);
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let answer = larder.request("GET", "/abuot?x=1", &[HTML]).await;
    assert_eq!(answer.status, 404);
    let text = answer.text();
    for part in ["No route for <code>/abuot</code>", "<a href=\"/about\">", "Who we are"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("routes.yaml:3:3"), "{text}");
    let answer = larder.request("GET", "/post/hello", &[HTML]).await;
    assert!(answer.text().contains("<code>/posts/{slug}</code>"), "{}", answer.text());
    // Others are told as by `serve`.
    let program = larder.get("/abuot").await;
    assert_eq!(program.header("content-type"), "application/problem+json");
    assert_eq!(program.status, 404);
}

#[tokio::test]
async fn its_lines_are_a_route_that_answers() {
    for path in ["/abuot", "/caf%C3%A9", "/a%20b:%20c", "/x/%22y%22", "/yes", "/1"] {
        let site = Site::with(SITE);
        let larder = Larder::dev(&site, &["--store", MEMORY]);
        let page = larder.request("GET", path, &[HTML]).await;
        let yaml = between(page.text(), "save. This page goes there by itself.</p>\n", "</pre>");
        let yaml = yaml.split_once('>').expect("a tag").1;
        let yaml = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
            .iter()
            .fold(yaml.to_owned(), |text, (from, to)| text.replace(from, to));
        larder.reloads_after(|| {
            site.edit("routes.yaml", &SITE.replace("routes:\n", &yaml));
        });
        let output = check(&site, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{yaml}\n{said}");
        let answer = larder.get(path).await;
        assert_eq!(answer.status, 200, "{path}\n{yaml}");
    }
}

#[tokio::test]
async fn what_a_path_says_is_text() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    let path = "/%3Cscript%3Ealert(1)%3C/script%3E%22%27";
    let answer = larder.request("GET", path, &[HTML]).await;
    assert!(!answer.text().contains("<script>"), "{}", answer.text());
    assert!(answer.text().contains("&lt;script&gt;alert(1)"), "{}", answer.text());
}

#[tokio::test]
async fn the_sites_own_page_is_a_link_away() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    let page = larder.request("GET", "/abuot", &[HTML]).await;
    let link = between(page.text(), "<a href=\"/_larder/error/", "\"");
    let own = larder.request("GET", &format!("/_larder/error/{link}"), &[HTML]).await;
    assert_eq!(own.status, 404);
    assert!(own.text().contains("our own page, /abuot"), "{}", own.text());
    assert!(own.text().contains("/_larder/live.js"), "{}", own.text());
}

#[tokio::test]
async fn what_a_path_says_is_filled_into_nothing() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    let path = format!("/{}", "%7Bmain%7D%7Btitle%7D".repeat(50));
    let answer = larder.request("GET", &path, &[HTML]).await;
    assert!(answer.text().len() < 40_000, "{}", answer.text().len());
    assert!(answer.text().contains("{main}{title}{main}"), "{}", answer.text());
}

#[tokio::test]
async fn only_statuses_of_errors_have_a_page() {
    let larder = Larder::dev(&Site::with(SITE), &["--store", MEMORY]);
    for (status, expected) in [
        ("101", 404),
        ("200", 404),
        ("304", 404),
        ("404", 404),
        ("503", 503),
        ("600", 404),
        ("999", 404),
        ("1000", 404),
        ("x", 404),
    ] {
        let path = format!("/_larder/error/{status}?/a");
        let answer = larder.request("GET", &path, &[HTML]).await;
        assert_eq!(answer.status, expected, "{status}");
    }
}
