//! `{{asset "site.css"}}`: addresses that change with the file, and pages that change with them.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Larder, MEMORY, PATIENCE, Site, both_stores, check, eventually, run};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn site() -> Site {
    Site::with(
        r#"
errors:
  404: { inline: '{{asset "site.css"}}' }
routes:
  /assets/{*path}: { dir: public, max_age: 1h }
  /more/{*path}: { dir: more }
  /fixed/{*path}: { dir: fixed, headers: { Cache-Control: no-cache } }
  /t/{tenant}/{*path}: { dir: tenants }
  /style: { inline: '<link href="{{asset "site.css"}}">' }
  /laid: { inline: laid, content_type: text/html, layout: base.html.hbs }
  /script: { inline: '<script src="{{asset "js/a b.js"}}">' }
  /data: { json: { css: "{{asset \"site.css\"}}", more: "{{asset \"more.css\"}}" } }
  /if: { inline: '{{#if query.x}}{{default query.y (asset "site.css")}}{{/if}}' }
  /none: { inline: none }
  /fixed: { inline: '{{asset "fixed.css"}}' }
"#,
    )
    .file("templates/base.html.hbs", r#"{{> head css=(asset "more.css")}} {{{content}}}"#)
    .file("templates/head.html.hbs", r#"{{css}} {{{asset "large.bin"}}}"#)
    .file("public/site.css", "p { color: blue }")
    .file("public/js/a b.js", "1")
    .file("public/large.bin", &"0123456789".repeat(60_000))
    .file("more/site.css", "never reached by its name")
    .file("more/more.css", "more")
    .file("tenants/tenant.css", "no address")
    .file("fixed/fixed.css", "fixed")
}

/// The address in a page that holds one.
fn address(page: &str) -> &str {
    let text = page.trim_start_matches(|c| c != '/');
    assert!(!text.is_empty(), "no address in {page}");
    text.split(['"', ' ']).next().unwrap_or_default()
}

#[tokio::test]
async fn an_asset_is_kept_for_ever_by_its_digest_and_for_the_routes_time_by_another() {
    both_stores(async |store| {
        let site = site();
        let larder = Larder::serve(&site, store);
        let page = larder.get("/style").await;
        let css = address(page.text());
        assert_eq!(page.text(), format!("<link href=\"{css}\">"));
        let (path, version) = css.split_once("?v=").expect("a version");
        assert_eq!((path, version.len()), ("/assets/site.css", 16));
        for (address, expected) in [
            (css, FOR_EVER),
            (path, "public, max-age=3600"),
            ("/assets/site.css?v=0123456789abcdef", "public, max-age=3600"),
            ("/assets/site.css?v=", "public, max-age=3600"),
            ("/more/site.css", "no-cache"),
            (&format!("/more/site.css?v={version}"), "no-cache"),
        ] {
            let answer = larder.get(address).await;
            assert_eq!(answer.status, 200, "{address}");
            assert_eq!(answer.header("cache-control"), expected, "{address}");
        }
        let tag = larder.get(css).await.header("etag").to_owned();
        let again = larder.request("GET", css, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status.as_u16(), again.header("cache-control")), (304, FOR_EVER));
        let wrong = larder.request("GET", css, &[("if-match", "\"x\"")]).await;
        assert_eq!((wrong.status.as_u16(), wrong.header("cache-control")), (412, "no-store"));

        let laid = larder.get("/laid").await;
        let large = laid.text().split(' ').nth(1).unwrap_or_default();
        assert_eq!(larder.get(address(large)).await.header("cache-control"), FOR_EVER);
        let ranged = larder.request("GET", address(large), &[("range", "bytes=0-1")]).await;
        assert_eq!((ranged.status.as_u16(), ranged.header("cache-control")), (206, FOR_EVER));
        let fixed = larder.get("/fixed").await;
        assert_eq!(larder.get(address(fixed.text())).await.header("cache-control"), "no-cache");
    })
    .await;
}

#[tokio::test]
async fn an_asset_is_found_in_every_place_of_a_page() {
    let larder = Larder::serve(&site(), MEMORY);
    let script = larder.get("/script").await;
    let js = address(script.text());
    assert!(js.starts_with("/assets/js/a%20b.js?v="), "{js}");
    assert_eq!(larder.get(js).await.text(), "1");
    let data = larder.get("/data").await.json();
    assert_eq!(data["css"], address(larder.get("/style").await.text()));
    assert!(data["more"].as_str().is_some_and(|more| more.starts_with("/more/more.css?v=")));
    let error = larder.request("GET", "/nowhere", &[("accept", "text/html")]).await;
    assert_eq!(error.text(), address(larder.get("/style").await.text()));
}

const PAGES: &[&str] = &["/style", "/laid", "/script", "/data", "/if?x=1", "/none"];

/// The pages that are not hits now.
async fn made_again(larder: &Larder) -> Vec<&'static str> {
    let mut missed = Vec::new();
    for page in PAGES {
        if !larder.get(page).await.is_hit() {
            missed.push(*page);
        }
    }
    missed
}

#[tokio::test]
async fn an_edit_of_an_asset_makes_again_exactly_the_pages_that_name_it() {
    both_stores(async |store| {
        let site = site();
        let larder = Larder::serve(&site, store);
        for (path, text, pages) in [
            ("public/site.css", "p { color: rose }", &["/style", "/data", "/if?x=1"][..]),
            ("public/js/a b.js", "2", &["/script"]),
            ("public/large.bin", "small", &["/laid"]),
            ("more/more.css", "less", &["/laid", "/data"]),
        ] {
            eventually("every page is a hit", PATIENCE, async || {
                made_again(&larder).await.is_empty().then_some(())
            })
            .await;
            let before = larder.get("/style").await;
            larder.reloads_after(|| site.edit(path, text));
            assert_eq!(made_again(&larder).await, pages, "{path}");
            let after = larder.get("/style").await;
            assert_eq!(path == "public/site.css", before.text() != after.text(), "{path}");
            if path == "public/site.css" {
                let old = larder.get(address(before.text())).await;
                assert_eq!(old.text(), text);
                assert_eq!(old.header("cache-control"), "public, max-age=3600");
                let new = larder.get(address(after.text())).await;
                assert_eq!(new.header("cache-control"), FOR_EVER);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_compressed_neighbour_is_part_of_what_the_address_stands_for() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    let before = larder.get("/style").await;
    larder.reloads_after(|| site.edit("public/site.css.br", "coded"));
    let after = larder.get("/style").await;
    assert_ne!(before.text(), after.text());
    let (old, new) = (address(before.text()), address(after.text()));
    let br = [("accept-encoding", "br")];
    let answer = larder.request("GET", new, &br).await;
    assert_eq!((answer.text(), answer.header("cache-control")), ("coded", FOR_EVER));
    let answer = larder.request("GET", old, &br).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
}

#[tokio::test]
async fn what_no_page_names_changes_without_a_reload() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    fs::write(site.path("more/site.css"), "edited").expect("an edit");
    assert_eq!(larder.get("/more/site.css").await.text(), "edited");
    // This edit is the next that is heard of: had the other been one, it would be heard of first.
    larder.reloads_after(|| site.edit("more/more.css", "edited"));
    assert_eq!(larder.logged("reloaded"), 1);
}

#[tokio::test]
async fn purging_by_a_files_name_finds_the_pages_that_name_it() {
    let redis = crate::harness::Redis::start();
    let site = site();
    let larder = Larder::serve(&site, &redis.url());
    for page in PAGES {
        larder.get(page).await;
    }
    let store = redis.url();
    let arguments = ["--store", store.as_str(), "--uses", "public/site.css"];
    let output = run("purge", &site, &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said} {output:?}");
    let left: Vec<_> = redis.keys();
    for (route, there) in [("style", false), ("data", false), ("if", false), ("laid", true)] {
        let found = left.iter().any(|key| key.contains(&format!("::{route}:")));
        assert_eq!(found, there, "{route}: {left:?}");
    }
}

#[test]
fn an_address_that_another_route_answers_is_refused() {
    let site = Site::with(
        r#"
routes:
  /a/{*path}: { dir: public }
  /a/site.css: public/site.css
  /page: { inline: '{{asset "site.css"}}' }
"#,
    )
    .file("public/site.css", "");
    let output = check(&site, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("another route answers the address of the asset `site.css`"), "{said}");
}

#[test]
fn an_asset_that_is_a_link_out_of_its_directory_is_refused() {
    let site = Site::with(
        r#"
routes:
  /a/{*path}: { dir: public }
  /in: { inline: '{{asset "in.css"}}' }
  /out: { inline: '{{asset "out.css"}}' }
  /hidden: { inline: '{{asset "hidden.css"}}' }
"#,
    )
    .file("public/site.css", "")
    .file("public/.hidden.css", "")
    .file("other/site.css", "");
    for (from, to) in [("in", "site.css"), ("out", "../other/site.css"), ("hidden", ".hidden.css")]
    {
        symlink(to, site.path(&format!("public/{from}.css"))).expect("a link");
    }
    let output = check(&site, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for (name, expected) in [("in", 0), ("out", 1), ("hidden", 1)] {
        let words = format!("`public/{name}.css` is a link out of the served directory");
        assert_eq!(said.matches(&words).count(), expected, "{said}");
    }
}

#[tokio::test]
async fn an_asset_that_is_deleted_keeps_the_site_that_was_served() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    let before = larder.get("/style").await;
    larder.logs_after("no served directory has `large.bin`", || site.remove("public/large.bin"));
    assert_eq!(larder.get("/style").await.text(), before.text());
    larder.reloads_after(|| site.edit("public/large.bin", "back"));
}

#[tokio::test]
async fn an_edited_asset_is_not_sent_for_ever_by_the_digest_that_it_had() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    for turn in 0..5 {
        let text = format!("p {{ color: #{turn} }}");
        site.edit_in_place("public/site.css", &text);
        let old = eventually("the address of what is there", PATIENCE, async || {
            let page = larder.get("/style").await;
            let answer = larder.get(address(page.text())).await;
            let is_it = answer.text() == text && answer.header("cache-control") == FOR_EVER;
            is_it.then(|| address(page.text()).to_owned())
        })
        .await;
        site.edit_in_place("public/site.css", "p { color: #x }");
        // Until the reload the site still gives the old address.
        for _ in 0..5 {
            let answer = larder.get(&old).await;
            assert_eq!(answer.text(), "p { color: #x }", "turn {turn}");
            assert_eq!(answer.header("cache-control"), "public, max-age=3600", "turn {turn}");
        }
    }
}
