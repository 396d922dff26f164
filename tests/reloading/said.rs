//! What is said of an edit is what it does: the log, `plan`, `explain` and the key list.

use serde_json::{Value, json};

use crate::admin::{Admin, encoded};
use crate::harness::{Larder, MEMORY, Redis, Site, until};

const ROUTES: &str = "\
languages: [en, no]
errors: { 404: 404.html.hbs }
defaults: { ttl: 5m, headers: { X-Site: one } }
data: { title: Larder, lost: Lost }
routes:
  /: { inline: '{{title}} {{language}}' }
  /faq: { inline: 'faq {{query.q}}', ttl: 1h, query: { q: string } }
  /about: { body: About }
  /feed.xml: { body: '<a/>' }
  /old: { redirect: /about }
";

/// An edit of it (of one text to another), and what is said of it.
const EDITS: &[(&str, &str, &str)] = &[
    ("  /about:", "  /pricing: { body: 3 }\n  /about:", "+ /pricing"),
    ("  /old: { redirect: /about }\n", "", "- /old"),
    ("body: About", "body: About us", "~ /about"),
    ("title: Larder", "title: Pantry", "~ /"),
    ("body: About", "body: About, key: url", "~ /about"),
    ("body: About", "body: About, key: '{{route}}:{{path}}'", "no answer changed"),
    ("q: string", "q: { default: '9' }", "~ /faq"),
    ("body: About", "body: About, namespace: blue", "~ /about"),
    ("body: About", "body: About, name: us", "~ /about"),
    (
        "languages: [en, no]\n",
        "cache: { namespace: blue }\nlanguages: [en, no]\n",
        "~ /  ~ /about  ~ /faq  ~ /feed.xml",
    ),
    ("ttl: 1h", "ttl: 2h", "= /faq (ttl)"),
    ("ttl: 1h", "ttl: 1h, stale_while_revalidate: 5s", "= /faq (stale_while_revalidate)"),
    ("ttl: 1h", "ttl: 1h, stale_if_error: 5s", "= /faq (stale_if_error)"),
    ("ttl: 1h", "ttl: 1h, cors: '*', headers: { X-A: b }", "= /faq (cors, headers)"),
    ("ttl: 1h", "ttl: 1h, max_age: 1m", "= /faq (max_age)"),
    ("ttl: 1h", "ttl: 1h, delay: 1ms", "= /faq (delay)"),
    ("body: About", "body: About, status: 203", "~ /about"),
    ("body: About", "body: About, content_type: text/css", "~ /about"),
    ("q: string", "q: { max_length: 9 }", "= /faq (query)"),
    ("redirect: /about", "redirect: /faq", "~ /old"),
    ("redirect: /about", "redirect: /about, status: 301", "= /old (status)"),
    ("[en, no]", "[no, en]", "= languages"),
    ("X-Site: one", "X-Site: two", "= every route (defaults.headers)"),
    ("ttl: 5m", "ttl: 9m", "= / (ttl)  = /about (ttl)  = /feed.xml (ttl)"),
    ("lost: Lost", "lost: Gone", "~ errors.404"),
    (
        "errors: { 404: 404.html.hbs }",
        "errors: { 5xx: 404.html.hbs }",
        "+ errors.5xx  - errors.404",
    ),
    (
        "404: 404.html.hbs",
        "404: { template: 404.html.hbs, headers: { X-A: b } }",
        "= errors.404 (headers)",
    ),
    ("  /: {", "  # nothing\n  /: {", "no answer changed"),
];

fn site() -> Site {
    Site::with(ROUTES).file("templates/404.html.hbs", "<p>{{lost}}</p>")
}

/// What the log says of an edit, without what stands around it.
fn said(line: &str) -> &str {
    let (_, rest) = line.split_once(" ms: ").expect("a reload");
    rest.split(" generation=").next().unwrap_or(rest).trim()
}

/// What `plan` says of the file that would be.
fn foretold(admin: &Admin, text: &str) -> Value {
    let body = json!({ "file": "routes.yaml", "text": text }).to_string();
    let said = admin.post("/api/plan", &body);
    assert_eq!(said.status, 200, "{said:?}");
    said.json()
}

/// The lines of a plan as the log has them.
fn lines(plan: &Value) -> String {
    let routes = plan["routes"].as_array().expect("routes").iter();
    let lines = routes.map(|route| {
        let fields = route["fields"].as_array().expect("fields").iter();
        let fields: Vec<_> = fields.map(|field| field.as_str().expect("a name")).collect();
        let fields =
            if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
        let word = |name: &str| route[name].as_str().expect("a word").to_owned();
        format!("{} {}{fields}", word("change"), word("path"))
    });
    let lines = lines.collect::<Vec<_>>().join("  ");
    if lines.is_empty() { "no answer changed".to_owned() } else { lines }
}

#[test]
fn every_edit_that_changes_an_answer_is_said_before_and_after_it() {
    let site = site();
    let admin = Admin::serve(&site, MEMORY);
    for (from, to, expected) in EDITS {
        assert!(ROUTES.contains(from), "{from:?}");
        let text = ROUTES.replace(from, to);
        assert_eq!(lines(&foretold(&admin, &text)), *expected, "plan of {from:?} to {to:?}");
        let line = admin.larder.reloads_after(|| site.edit("routes.yaml", &text));
        assert_eq!(said(&line), *expected, "{from:?} to {to:?}");
        admin.larder.reloads_after(|| site.edit("routes.yaml", ROUTES));
    }
    let line = admin.larder.reloads_after(|| site.edit("templates/404.html.hbs", "<i>gone</i>"));
    assert_eq!(said(&line), "~ errors.404");
}

/// A site of pages that are kept, an edit, and how many of the stored entries it makes again.
#[tokio::test]
async fn a_plan_counts_what_is_made_again_and_not_what_is_of_no_use_any_more() {
    for (before, after, paths, count, said) in [
        ("q: string", "q: { default: '9' }", &["/", "/?q=1"][..], 1, "~ /"),
        ("q: { enum: [a, b] }", "q: { enum: [a] }", &["/?q=a", "/?q=b"], 0, "= / (query)"),
        ("q: string", "q: { required: true }", &["/", "/?q=1"], 0, "= / (query)"),
        ("q: string }, ttl: 1h", "q: string }, ttl: 1ms", &["/", "/?q=1"], 2, "= / (ttl)"),
    ] {
        let text = "routes:\n  /: { query: { q: string }, ttl: 1h, inline: 'a {{query.q}}' }\n";
        let text = text.replace("q: string", before.split(" }, ttl").next().unwrap_or(before));
        let admin = Admin::serve(&Site::with(&text), MEMORY);
        for path in paths {
            admin.larder.get(path).await;
        }
        let plan = foretold(&admin, &text.replace(before, after));
        assert_eq!(lines(&plan), said, "{before} to {after}");
        assert_eq!(plan["entries"], count, "{before} to {after}: {plan}");
    }
}

#[tokio::test]
async fn a_plan_counts_what_a_route_leaves_behind_whatever_the_next_one_is_called() {
    let text = "routes:\n  /: { name: page, inline: 'a {{query.q}}', ttl: 1h }\n";
    for (before, after) in [("/:", "/moved:"), ("/: { name: page", "/moved: { name: other")] {
        let admin = Admin::serve(&Site::with(text), MEMORY);
        for path in ["/", "/?q=1"] {
            admin.larder.get(path).await;
        }
        let plan = foretold(&admin, &text.replace(before, after));
        let gone = &plan["routes"][1];
        let of = |name: &str| gone[name].to_string();
        assert_eq!(["change", "path", "entries"].map(of), ["\"-\"", "\"/\"", "2"], "{plan}");
        assert_eq!(plan["entries"], 0, "{plan}");
    }
}

#[test]
fn an_edit_of_what_is_not_sent_is_in_no_answer_and_one_of_the_docs_is_said() {
    let text = "server: { docs: /docs }\ndefaults: { headers: { X-Site: one } }\nroutes:\n  \
                /a: { body: a, headers: { Cache-Control: no-store, X-A: b } }\n  \
                /b: { inline: '{{query.q}}', query: { q: string } }\n";
    let admin = Admin::serve(&Site::with(text), MEMORY);
    for (from, to, expected) in [
        ("body: a,", "body: a, max_age: 1m,", "no answer changed"),
        ("X-A: b", "x-a: b", "no answer changed"),
        ("X-Site: one", "x-site: one", "no answer changed"),
        ("q: string", "q: { max_length: 9 }", "= docs  = /b (query)"),
        ("q: string", "q: { description: What }", "= docs"),
        ("  /b:", "  /c: { body: c }\n  /b:", "+ /c  = docs"),
        ("  /a:", "  /c:", "+ /c  = docs  - /a"),
        ("body: a", "body: b", "~ /a  = docs"),
        ("body: a", "ttl: 1m, body: a", "= /a (ttl)"),
    ] {
        assert_eq!(lines(&foretold(&admin, &text.replace(from, to))), expected, "{from} to {to}");
    }
}

#[tokio::test]
async fn languages_are_told_where_a_page_or_its_key_has_one() {
    let keyed = "home, key: '{{route}}:{{language}}'";
    for (page, expected) in [("home", "no answer changed"), (keyed, "= languages")] {
        let text = format!("languages: [en, no]\nroutes:\n  /: {{ body: {page} }}\n");
        let site = Site::with(&text);
        let admin = Admin::serve(&site, MEMORY);
        let text = text.replace("[en, no]", "[no, en]");
        assert_eq!(lines(&foretold(&admin, &text)), expected);
        let line = admin.larder.reloads_after(|| site.edit("routes.yaml", &text));
        assert_eq!(said(&line), expected);
    }
}

#[tokio::test]
async fn the_order_of_routes_is_in_no_answer() {
    let head = "server: { docs: /docs }\nroutes:\n";
    let one = "  /a/{b}: { body: a }\n  POST /a/{b}: { body: p }\n";
    let two = "  POST /a/{c}: { body: q }\n  /a/{d}/e: { body: d }\n";
    let two = two.replace("{c}", "{c:int}");
    let site = Site::with(&format!("{head}{one}{two}"));
    let admin = Admin::serve(&site, MEMORY);
    let before = admin.larder.get("/openapi.json").await.text().to_owned();
    let lines_of = |text: &str| text.split_inclusive('\n').rev().collect::<String>();
    let text = format!("{head}{}{}", lines_of(&two), lines_of(one));
    assert_eq!(lines(&foretold(&admin, &text)), "no answer changed");
    let line = admin.larder.reloads_after(|| site.edit("routes.yaml", &text));
    assert_eq!(said(&line), "no answer changed");
    assert_eq!(admin.larder.get("/openapi.json").await.text(), before);
}

#[test]
fn of_ten_thousand_changes_twenty_are_named_and_the_rest_is_counted() {
    let routes = |count: usize| {
        let routes = (0..count).map(|at| format!("  /{at:05}: {{ body: a }}\n"));
        let routes = routes.collect::<Vec<_>>().concat();
        format!("routes:\n  /: {{ body: a }}\n{routes}")
    };
    let site = Site::with(&routes(0));
    let larder = Larder::serve(&site, MEMORY);
    let line = larder.reloads_after(|| site.edit("routes.yaml", &routes(2000)));
    assert!(said(&line).starts_with("+ /00000  + /00001  "), "{line}");
    assert!(said(&line).ends_with("+ /00019  and 1,980 more"), "{line}");
}

const PAGES: &str = "\
cache: { namespace: blue }
languages: [en, no]
server: { cache_status: full }
data: { title: Larder }
routes:
  /: { body: Home }
  /plain: { inline: '{{title}}' }
  /lang: { inline: '{{language}}' }
  /all: { inline: '{{#each query}}{{@key}}{{this}},{{/each}}' }
  /hash: { inline: '{{language}} {{query.a}}', key: hash }
  /own: { inline: '{{language}} {{query.a}}', key: '{{route}}:{{language}}:{{path}}?{{query}}' }
  /header: { inline: '{{headers.x-a}} {{cookies.c}}' }
  /post: { load: { post: 'posts/{{query.p}}.md' }, inline: '{{post.body}}' }
  '/tree/{*rest}': { inline: '{{params.rest}}' }
";

/// Requests of its pages: the path, and header lines.
const ASKED: &[(&str, &[&str])] = &[
    ("/", &[]),
    ("/plain", &[]),
    ("/lang", &["Accept-Language: no"]),
    ("/lang", &[]),
    ("/all?b=2&a=%20+", &[]),
    ("/hash?a=1", &["Accept-Language: nb, en;q=0.5"]),
    ("/own?a=x%3Ay", &["Accept-Language: no"]),
    ("/header", &["X-A: a b#c", "Cookie: c=1"]),
    ("/post?p=one", &[]),
    ("/tree/a/b%20c", &[]),
];

/// The keys of the answers to all requests, as their `Cache-Status` has them.
fn ask_for_all(admin: &Admin) -> Vec<String> {
    let of = |(path, lines): &(&str, &[&str])| {
        let lines = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n");
        let answer = crate::harness::raw(&admin.larder.address, &request);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        let (_, rest) = answer.split_once("key=\"").unwrap_or_else(|| panic!("no key: {answer}"));
        rest.split('"').next().expect("a key").replace("\\\\", "\\")
    };
    ASKED.iter().map(of).collect()
}

fn pages() -> Site {
    Site::with(PAGES).file("posts/one.md", "# One\n").file("posts/two.md", "# Two\n")
}

/// The keys that are listed, each with whether the site answers with it.
fn listed(admin: &Admin) -> Vec<(String, bool)> {
    let said = admin.get("/api/keys?limit=1000&namespaces=all").json();
    let rows = said["keys"].as_array().expect("keys").iter();
    rows.map(|row| {
        let key = row["key"].as_str().expect("a key").to_owned();
        (key, row["current"].as_bool().expect("a word"))
    })
    .collect()
}

#[test]
fn explain_knows_the_key_that_serves_in_every_form() {
    let redis = Redis::start();
    for store in [MEMORY, &redis.url()] {
        let admin = Admin::serve(&pages(), store);
        for ((path, lines), key) in ASKED.iter().zip(ask_for_all(&admin)) {
            let headers = lines.iter().map(|line| format!("&header={}", encoded(line)));
            let headers = headers.collect::<Vec<_>>().concat();
            let said = admin.get(&format!("/api/explain?url={}{headers}", encoded(path))).json();
            assert_eq!(said["key"], key, "{path}");
            assert!(!said["stored"].is_null() && said["miss"].is_null(), "{path}: {said}");
        }
        let said = admin.get("/api/explain?url=/all%3Fb%3D2%26a%3D1").json();
        assert_eq!(said["inputs"][0]["input"], "query", "{said}");
        assert_eq!(said["inputs"][0]["value"], "a=1&b=2", "{said}");
    }
}

#[test]
fn what_is_current_is_what_serves_after_every_kind_of_edit() {
    let redis = Redis::start();
    let site = pages();
    let admin = Admin::serve(&site, &redis.url());
    let served = ask_for_all(&admin);
    for (key, is_current) in listed(&admin) {
        assert!(is_current && served.contains(&key), "{key}");
    }
    // Where `plan` counts what is not current afterwards.
    for (from, to, gone) in [
        ("namespace: blue", "namespace: green", 10),
        ("/: { body: Home }", "/: { body: Home, key: url }", 0),
        ("/plain: { inline: '{{title}}' }", "/plain: { inline: '{{title}}', name: p }", 1),
        ("inline: '{{params.rest}}'", "inline: '{{params.rest}}', ttl: off", 1),
        ("title: Larder", "title: Pantry", 1),
        ("/all: {", "/all: { key: hash,", 1),
        ("languages: [en, no]", "languages: [no, en]", 0),
    ] {
        assert!(PAGES.contains(from), "{from:?}");
        let text = PAGES.replace(from, to);
        let plan = foretold(&admin, &text);
        assert_eq!(plan["entries"], gone, "{from:?} to {to:?}: {plan}");
        admin.larder.reloads_after(|| site.edit("routes.yaml", &text));
        let not_current = listed(&admin).iter().filter(|(_, is_current)| !is_current).count();
        assert_eq!(not_current, gone, "{from:?} to {to:?}");
        admin.larder.reloads_after(|| site.edit("routes.yaml", PAGES));
    }
    let plan = foretold(&admin, PAGES);
    assert_eq!((&plan["entries"], lines(&plan)), (&json!(0), "no answer changed".to_owned()));
    admin.larder.reloads_after(|| site.edit("posts/one.md", "# Uno\n"));
    let old: Vec<_> = listed(&admin).into_iter().filter(|(_, is_current)| !is_current).collect();
    assert!(old.len() == 1 && old[0].0.contains("/post"), "{old:?}");
}

#[test]
fn a_hash_of_a_language_that_went_is_not_current() {
    let text = "languages: [en, no]\nserver: { cache_status: full }\nroutes:\n  \
        /{p}: { inline: '{{params.p}} {{language}}', key: hash }\n";
    let site = Site::with(text);
    let admin = Admin::serve(&site, MEMORY);
    for language in ["en", "no"] {
        let lines = format!("Host: a\r\nAccept-Language: {language}\r\nConnection: close");
        crate::harness::raw(&admin.larder.address, &format!("GET /a HTTP/1.1\r\n{lines}\r\n\r\n"));
    }
    let current = || listed(&admin).iter().filter(|(_, is_current)| *is_current).count();
    assert_eq!(current(), 2);
    let edited = text.replace("[en, no]", "[no, de]");
    assert_eq!(foretold(&admin, &edited)["entries"], 1);
    admin.larder.reloads_after(|| site.edit("routes.yaml", &edited));
    assert_eq!(current(), 1);
}

#[test]
fn what_only_stands_elsewhere_is_not_said_to_be_made_again() {
    let site = pages().file("templates/gone.html.hbs", "{{language}} {{error.status}}");
    let site = site.file("templates/lost.html.hbs", "lost");
    let text = PAGES.replace("routes:\n", "errors: { 404: gone.html.hbs }\nroutes:\n");
    site.edit("routes.yaml", &text);
    let admin = Admin::serve(&site, MEMORY);
    ask_for_all(&admin);
    for (from, to, expected) in [
        ("languages: [en, no]", "languages: [en, no, de]", "= languages"),
        ("404: gone.html.hbs", "404: lost.html.hbs", "~ errors.404"),
        ("data: {", "# a\n# b\ndata:   {", "no answer changed"),
        ("  /plain", "  /new: { body: new }\n  /plain", "+ /new"),
    ] {
        assert!(text.contains(from), "{from:?}");
        let edited = text.replace(from, to);
        let plan = foretold(&admin, &edited);
        assert_eq!((&*lines(&plan), &plan["entries"]), (expected, &json!(0)), "{from:?}");
        let line = admin.larder.reloads_after(|| site.edit("routes.yaml", &edited));
        assert_eq!(said(&line), expected, "{from:?} to {to:?}");
        assert!(listed(&admin).iter().all(|(_, is_current)| *is_current), "{from:?} to {to:?}");
        admin.larder.reloads_after(|| site.edit("routes.yaml", &text));
    }
}

#[test]
fn what_has_no_route_any_more_is_not_made_again() {
    let admin = Admin::serve(&pages(), MEMORY);
    ask_for_all(&admin);
    let text = PAGES.replace("  /plain: { inline: '{{title}}' }\n", "");
    let plan = foretold(&admin, &text.replace("Home", "House"));
    assert_eq!(lines(&plan), "~ /  - /plain");
    assert_eq!(plan["entries"], 1, "{plan}");
    let of_route = |at: usize| (&plan["routes"][at]["path"], &plan["routes"][at]["entries"]);
    // What goes with its route is told beside it.
    assert_eq!(
        [of_route(0), of_route(1)],
        [(&json!("/"), &json!(1)), (&json!("/plain"), &json!(1))]
    );
}

#[test]
fn a_file_that_is_emptied_goes_live_and_is_said_to_be_empty() {
    let site = pages();
    let admin = Admin::serve(&site, MEMORY);
    admin.larder.reloads_after(|| site.edit("posts/one.md", ""));
    let said = admin.larder.line_with("is empty now");
    assert!(said.contains("posts/one.md") && said.contains("WARN"), "{said}");
    admin.larder.reloads_after(|| site.edit("posts/two.md", "# Deux\n"));
    assert_eq!(admin.larder.logged("is empty now"), 1, "{}", admin.larder.log());
}

#[test]
fn after_ttl_off_explain_and_the_list_say_that_nothing_is_served_from_the_store() {
    let site = pages();
    let admin = Admin::serve(&site, MEMORY);
    ask_for_all(&admin);
    admin
        .larder
        .reloads_after(|| site.replace("routes.yaml", "body: Home", "body: Home, ttl: off"));
    let said = admin.get("/api/explain?url=/").json();
    let miss = said["miss"].as_str().unwrap_or_default();
    assert!(miss.contains("ttl is off"), "{said}");
    let home = listed(&admin).into_iter().find(|(key, _)| key.ends_with(":/"));
    assert_eq!(home.map(|(_, is_current)| is_current), Some(false));
}

#[test]
fn what_needs_a_restart_has_no_effect_before_it() {
    let redis = Redis::start();
    let routes = "cache: { prefix: one }\nroutes:\n  /: { inline: '{{now}}' }\n  /b: { body: b }\n";
    let site = Site::with(routes);
    let admin = Admin::serve(&site, &redis.url());
    let get = || crate::harness::raw(&admin.larder.address, GET);
    get();
    let edited =
        routes.replace("prefix: one", "prefix: two, timeout: 3s").replace("body: b", "body: c");
    assert_eq!(
        foretold(&admin, &edited)["pending_restart"],
        json!(["cache.prefix", "cache.timeout"])
    );
    let line = admin.larder.reloads_after(|| site.edit("routes.yaml", &edited));
    assert_eq!(said(&line), "~ /b");
    let status = admin.get("/api/status").json();
    assert_eq!(status["pending_restart"], json!(["cache.prefix", "cache.timeout"]), "{status}");
    assert_eq!(admin.larder.logged("`cache.prefix` changed"), 1, "{}", admin.larder.log());
    // Keys, the list, what Redis tells of, and purges stay with the old one.
    assert!(get().contains("larder; hit"));
    assert_eq!(redis.keys(), ["one::index:/"]);
    assert_eq!(listed(&admin), [("one::index:/".to_owned(), true)]);
    redis.cli(&["DEL", "one::index:/"]);
    until(crate::harness::PATIENCE, "the DEL is seen", || {
        get().contains("fwd=uri-miss").then_some(())
    });
    let purged = admin.post("/api/purge", r#"{"all":true}"#).json();
    assert_eq!(purged["deleted"], 1, "{purged}");
    assert_eq!(redis.keys(), [""; 0]);
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
