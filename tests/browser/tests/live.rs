//! Live reload under `larder dev`, as a browser sees it.

use fantoccini::Locator;
use fantoccini::wd::TimeoutConfiguration;

use crate::harness::{Browser, Workshop, passes_axe, shows};

const CONNECTED: &str = "return document.querySelector('script[src^=\"/_larder/\"]').dataset.state";
const TEXT: &str = "return document.body.innerText.trim()";
/// Gone after a reload.
const MARK: &str = "window.mark = 'kept'; return ''";
const MARKED: &str = "return String(window.mark ?? 'new')";

const SITE: &str = "\
data: { title: One }
routes:
  /: { inline: '<html><body><h1>{{title}}</h1></body></html>' }
  /about: { body: '<html><body>about</body></html>', content_type: text/html }
  /bare: { inline: '<p>bare {{title}}' }
";

/// Goes to a page, marks it, and waits until its socket is there.
async fn visit(browser: &Browser, workshop: &Workshop, path: &str) {
    browser.client.goto(&workshop.url(path)).await.expect("the page");
    shows(browser, CONNECTED, "connected").await;
    browser.client.execute(MARK, Vec::new()).await.expect("a mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_that_changed_are_reloaded() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    let page = &browser.client;
    visit(&browser, &workshop, "/about").await;
    let about = page.window().await.expect("a window");
    let home = page.new_window(true).await.expect("a window").handle;
    page.switch_to_window(home.clone()).await.expect("it");
    visit(&browser, &workshop, "/").await;

    workshop.edit("routes.yaml", &SITE.replace("One", "Two"));
    shows(&browser, TEXT, "Two").await;
    shows(&browser, MARKED, "new").await;
    page.switch_to_window(about.clone()).await.expect("it");
    // What was told after the swap has been heard: the next edit reloads this page.
    shows(&browser, MARKED, "kept").await;
    workshop.edit("routes.yaml", &SITE.replace(">about<", ">more<"));
    shows(&browser, TEXT, "more").await;
    shows(&browser, MARKED, "new").await;
    let asked = workshop.log.count(" GET /about ");
    assert_eq!(asked, 2, "it was loaded {asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_an_end_of_its_body_is_reloaded_too() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/bare").await;
    workshop.edit("routes.yaml", &SITE.replace("One", "Two"));
    shows(&browser, TEXT, "bare Two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_route_comes_or_goes_is_reloaded() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/late").await;
    shows(&browser, "return document.querySelector('h1').innerText", "No route for /late").await;
    workshop.edit("routes.yaml", &format!("{SITE}  /late: {{ inline: '<p>here' }}\n"));
    shows(&browser, TEXT, "here").await;
    workshop.edit("routes.yaml", SITE);
    shows(&browser, "return document.querySelector('h1')?.innerText", "No route for /late").await;
}

const STYLED: &str = "\
routes:
  /: { template: home.html.hbs }
  /site.css: { file: public/site.css, max_age: 1h }
  /made.css: made.css.hbs
  /assets/{*path}: { dir: public, max_age: 1h }
  /app.js: { file: public/app.js, max_age: 1h }
";
const LINKS: &str = "<html><head>
<link rel=stylesheet href=/site.css><link rel=stylesheet href=/made.css>
<link rel=stylesheet href='/assets/more.css'><link rel=stylesheet href='{{asset \"kit.css\"}}'>
<script src=/app.js defer></script></head>
<body><h1>a</h1><h2>b</h2><h3>c</h3><h4>d</h4><input id=i></body></html>";

fn styled() -> Workshop {
    Workshop::open(&[
        ("routes.yaml", STYLED),
        ("templates/home.html.hbs", LINKS),
        ("public/site.css", "h1 { color: rgb(1, 0, 0) }"),
        ("templates/made.css.hbs", "h2 { color: rgb(1, 0, 0) }"),
        ("public/more.css", "h3 { color: rgb(1, 0, 0) }"),
        ("public/kit.css", "h4 { color: rgb(1, 0, 0) }"),
        ("public/app.js", "document.title = 'first'"),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stylesheet_is_swapped_and_the_page_keeps_its_state() {
    let workshop = styled();
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    let typed = browser.client.find(Locator::Id("i")).await.expect("the input");
    typed.send_keys("typed").await.expect("typing");
    for (file, element) in [
        ("public/site.css", "h1"),
        ("templates/made.css.hbs", "h2"),
        ("public/more.css", "h3"),
        ("public/kit.css", "h4"),
    ] {
        let color = format!("return getComputedStyle(document.querySelector('{element}')).color");
        shows(&browser, &color, "rgb(1, 0, 0)").await;
        for shade in ["2", "3"] {
            workshop.write(file, &format!("{element} {{ color: rgb({shade}, 0, 0) }}"));
            shows(&browser, &color, &format!("rgb({shade}, 0, 0)")).await;
        }
        shows(&browser, MARKED, "kept").await;
        shows(&browser, "return document.getElementById('i').value", "typed").await;
    }
    let sheets = "return String(document.querySelectorAll('link').length)";
    shows(&browser, sheets, "4").await;
    assert_eq!(workshop.log.count(" GET /  "), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_a_file_of_a_directory_is_reloaded() {
    let workshop = styled();
    workshop.write("public/index.html", "<h1>first</h1>");
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/assets/").await;
    shows(&browser, TEXT, "first").await;
    for text in ["second", "third"] {
        workshop.write("public/index.html", &format!("<h1>{text}</h1>"));
        shows(&browser, TEXT, text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_changed_reloads_its_page_in_spite_of_its_max_age() {
    let workshop = styled();
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    shows(&browser, "return document.title", "first").await;
    workshop.write("public/app.js", "document.title = 'second'");
    shows(&browser, "return document.title", "second").await;
    shows(&browser, MARKED, "new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_in_a_long_page_outlives_a_reload() {
    let long = |word: &str| {
        let lines = "<p>line</p>".repeat(300);
        let manual = "<script>history.scrollRestoration = 'manual'</script>";
        format!("routes:\n  /: {{ inline: \"<html><body>{manual}{lines}{word}</body></html>\" }}\n")
    };
    let workshop = Workshop::open(&[("routes.yaml", &long("one"))]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    browser.client.execute("scrollTo(0, 1234); return ''", vec![]).await.expect("scrolling");
    workshop.edit("routes.yaml", &long("two"));
    shows(&browser, MARKED, "new").await;
    shows(&browser, "return String(Math.round(scrollY))", "1234").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_outlives_a_reload_and_a_password_is_nowhere_kept() {
    let site = |word: &str| {
        format!(
            "routes:\n  /: {{ inline: '<p>{word}</p><input id=a value=x><input id=f value={word}>\
             <input id=b type=checkbox>\
             <textarea id=c></textarea><select id=d><option>1<option>2</select>\
             <input id=e type=password>' }}\n"
        )
    };
    let workshop = Workshop::open(&[("routes.yaml", &site("one"))]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    for (id, keys) in [("a", "y"), ("b", " "), ("c", "long"), ("d", "2"), ("e", "secret")] {
        let field = browser.client.find(Locator::Id(id)).await.expect(id);
        field.send_keys(keys).await.expect("typing");
    }
    let typed = "const of = (id) => document.getElementById(id);\
        return [of('a').value, of('b').checked, of('c').value, of('d').value, \
        of('e').value, of('f').value].join()";
    shows(&browser, typed, "xy,true,long,2,secret,one").await;
    workshop.edit("routes.yaml", &site("two"));
    shows(&browser, "return document.querySelector('p').innerText", "two").await;
    shows(&browser, typed, "xy,true,long,2,,two").await;
    shows(&browser, "return JSON.stringify(sessionStorage)", "{}").await;
}

const OVERLAY: &str = "const overlay = document.querySelector('larder-overlay');\
    return overlay ? overlay.shadowRoot.querySelector('dialog').innerText : 'none'";

async fn overlay_holds(browser: &Browser, text: &str) {
    let script = format!(
        "{}.includes({text:?})",
        OVERLAY.replace("return overlay ?", "return (overlay ?").replace("'none'", "'none')")
    );
    shows(browser, &script, "true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_covers_the_page_and_clears_itself() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    shows(&browser, OVERLAY, "none").await;

    workshop
        .write("routes.yaml", &SITE.replace("body: '", "boby: '<script>document.title=1</script>"));
    for text in
        ["unknown_field", "routes.yaml:4:13", "/about: { boby: '<script>", "help: ", "`body`"]
    {
        overlay_holds(&browser, text).await;
    }
    let role = "const dialog = document.querySelector('larder-overlay').shadowRoot\
        .querySelector('dialog'); return dialog.getAttribute('role') + dialog.matches(':modal')";
    shows(&browser, role, "alertdialogtrue").await;
    // Another error replaces it.
    workshop.write("routes.yaml", &SITE.replace("{{title}}</h1>", "{{titel}}</h1>"));
    overlay_holds(&browser, "titel").await;
    // The old bytes again: it goes, and the page was never reloaded.
    workshop.write("routes.yaml", SITE);
    shows(&browser, OVERLAY, "none").await;
    shows(&browser, MARKED, "kept").await;
    shows(&browser, "return document.title", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escape_hides_the_overlay_until_there_is_another_error() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    workshop.write("routes.yaml", &SITE.replace("body: '", "boby: '"));
    overlay_holds(&browser, "boby").await;
    let at = browser.client.active_element().await.expect("what is focused");
    at.send_keys(&fantoccini::key::Key::Escape.to_string()).await.expect("escape");
    let open = "return String(document.querySelector('larder-overlay').shadowRoot\
        .querySelector('dialog').open)";
    shows(&browser, open, "false").await;
    workshop.write("routes.yaml", &SITE.replace("body: '", "budy: '"));
    overlay_holds(&browser, "budy").await;
    shows(&browser, open, "true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_broken_at_the_start_shows_why_and_heals() {
    let broken = SITE.replace("body: '", "boby: '<b>");
    let workshop = Workshop::open(&[("routes.yaml", &broken)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/about").await;
    let shown = "return document.body.innerText.includes('unknown_field')\
        && document.body.innerText.includes(\"/about: { boby: '<b><html>\")";
    shows(&browser, shown, "true").await;
    shows(&browser, OVERLAY, "none").await;
    // Other errors are shown in their place.
    workshop.write("routes.yaml", &SITE.replace("body: '", "budy: '"));
    shows(&browser, "return document.body.innerText.includes('budy')", "true").await;
    workshop.write("routes.yaml", SITE);
    shows(&browser, TEXT, "about").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_back_when_larder_does_and_shows_what_changed_meanwhile() {
    let mut workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    workshop.kill();
    shows(&browser, CONNECTED, "lost").await;
    // Another page changed: this one stays as it is.
    workshop.write("routes.yaml", &SITE.replace(">about<", ">more<"));
    workshop.start();
    shows(&browser, CONNECTED, "connected").await;
    shows(&browser, MARKED, "kept").await;
    workshop.kill();
    shows(&browser, CONNECTED, "lost").await;
    workshop.write("routes.yaml", &SITE.replace("One", "Two"));
    workshop.start();
    shows(&browser, TEXT, "Two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_tabs_are_reloaded_at_once() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    let page = &browser.client;
    // A browser opens six connections to a host: a seventh that waits for one would hang here.
    let short = TimeoutConfiguration::new(None, Some(crate::harness::PATIENCE), None);
    page.update_timeouts(short).await.expect("a deadline");
    let mut tabs = vec![page.window().await.expect("a window")];
    for _ in 1..8 {
        tabs.push(page.new_window(true).await.expect("a window").handle);
    }
    for tab in &tabs {
        page.switch_to_window(tab.clone()).await.expect("it");
        visit(&browser, &workshop, "/").await;
    }
    workshop.edit("routes.yaml", &SITE.replace("One", "Two"));
    for tab in &tabs {
        page.switch_to_window(tab.clone()).await.expect("it");
        shows(&browser, TEXT, "Two").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_policy_allows_script_socket_overlay_and_sheets() {
    for policy in [
        "default-src 'none'; style-src 'self'; require-trusted-types-for 'script'",
        "default-src 'self'; script-src 'none'; connect-src 'none'",
        "script-src 'nonce-abc' 'strict-dynamic'; connect-src example.com; style-src 'self'",
    ] {
        let site = |word: &str| {
            format!(
                "routes:\n  /: {{ inline: '<link rel=stylesheet href=/a.css><p>{word}', \
                 headers: {{ Content-Security-Policy: \"{policy}\" }} }}\n  /a.css: a.css\n"
            )
        };
        let workshop = Workshop::open(&[
            ("routes.yaml", &site("one")),
            ("a.css", "p { color: rgb(1, 0, 0) }"),
        ]);
        let browser = Browser::start(true).await;
        visit(&browser, &workshop, "/").await;
        workshop.edit("a.css", "p { color: rgb(2, 0, 0) }");
        let color = "return getComputedStyle(document.querySelector('p')).color";
        shows(&browser, color, "rgb(2, 0, 0)").await;
        shows(&browser, MARKED, "kept").await;
        workshop.write("routes.yaml", &site("one").replace("inline", "inlin"));
        overlay_holds(&browser, "inlin").await;
        let width = "return getComputedStyle(document.querySelector('larder-overlay').shadowRoot\
            .querySelector('dialog')).borderTopWidth";
        shows(&browser, width, "4px").await;
        workshop.write("routes.yaml", &site("two"));
        shows(&browser, TEXT, "two").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_what_is_shown_to_who_works_on_a_site() {
    let page = "<!doctype html><html lang=en><title>a</title><body><main><h1>{{title}}</h1></main>";
    let site = SITE.replace("<html><body><h1>{{title}}</h1></body></html>", page);
    let workshop = Workshop::open(&[("routes.yaml", &site.replace("body: '", "boby: '"))]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    passes_axe(&browser, "what is wrong at the start").await;
    workshop.edit("routes.yaml", &site);
    shows(&browser, TEXT, "One").await;
    visit(&browser, &workshop, "/abuot").await;
    passes_axe(&browser, "an address without a route").await;
    visit(&browser, &workshop, "/").await;
    workshop.write("routes.yaml", &site.replace("body: '", "boby: '"));
    overlay_holds(&browser, "boby").await;
    passes_axe(&browser, "the overlay").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_gets_what_is_stored_and_nothing_else() {
    let workshop = Workshop::open(&[("routes.yaml", SITE)]);
    let browser = Browser::start(true).await;
    visit(&browser, &workshop, "/").await;
    let fetch = "const done = arguments[arguments.length - 1];\
        fetch('/about', { headers: { Accept: 'text/html' } }).then(async answer => \
        done(await answer.text() + answer.headers.get('cache-control')))";
    let got = browser.client.execute_async(fetch, Vec::new()).await.expect("an answer");
    assert_eq!(got, "<html><body>about</body></html>no-cache");
}
