//! What is wrong, wherever it is: `check` finds what `serve` would refuse, with places as from
//! where one stands, bounded, and without a word of what the environment holds.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::harness::{Larder, MEMORY, Site, check, refused, run};

const ROUTES: &str = "routes: { /: { body: x } }\n";

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).expect("text")
}

/// A site with two certificates, their keys, and what is none.
fn with_tls(text: &str) -> Site {
    let site = Site::with(text)
        .file("one.cert.pem", include_str!("../tls/one.cert.pem"))
        .file("one.key.pem", include_str!("../tls/one.key.pem"))
        .file("two.key.pem", include_str!("../tls/two.key.pem"))
        .file("garbage.pem", "garbage\n");
    let made = Command::new("mkfifo").arg(site.path("fifo")).status();
    assert!(made.is_ok_and(|made| made.success()), "no pipe");
    site
}

#[test]
fn what_serve_would_refuse_is_found_by_check_with_its_place() {
    for (text, code, place) in [
        ("cache: { store: 'redis-cluster://h1,h2' }", "store_address", "1:17"),
        ("cache: { store: 'redis://h:1/abc' }", "store_address", "1:17"),
        ("cache: { store: 'redis://h:1/-1' }", "store_address", "1:17"),
        ("cache: { store: 'redi://h' }", "bad_store_url", "1:17"),
        ("cache: { namespace: 'a:b' }", "bad_type", "1:21"),
        ("cache: { store: 'redis://h:1?db=2' }", "store_address", "1:17"),
        ("server: { health: /_larder/h }", "bad_url", "1:19"),
        ("server: { listen: 127.0.0.1:7999, admin: 'localhost:7999' }", "same_address", "1:42"),
        ("server: { docs: /docs, health: /docs/up }", "reserved_path", "1:32"),
        ("server: { admin_token: \"0123456789abcdef\\n\" }", "bad_type", "1:24"),
        ("server: { listen: '0.0.0.0:8001' }", "same_address", "1:19"),
        ("server: { listen: '[::ffff:127.0.0.1]:8001' }", "same_address", "1:19"),
        ("server: { listen: 127.0.0.01:7999 }", "bad_url", "1:19"),
        ("server: { tls: { cert: no.pem, key: one.key.pem } }", "tls_files", "1:24"),
        ("server: { tls: { cert: one.cert.pem, key: no.pem } }", "tls_files", "1:43"),
        ("server: { tls: { cert: garbage.pem, key: one.key.pem } }", "tls_files", "1:24"),
        ("server: { tls: { cert: one.cert.pem, key: garbage.pem } }", "tls_files", "1:43"),
        ("server: { tls: { cert: one.cert.pem, key: two.key.pem } }", "tls_files", "1:43"),
        ("server: { tls: { cert: fifo, key: one.key.pem } }", "tls_files", "1:24"),
        ("load: { a: { from: a.json, fallback: 1 } }", "unknown_field", "1:28"),
        ("upstreams: { a: 'ftp://h' }", "bad_url", "1:17"),
        ("data: { a: '${B' }", "env_unclosed", "1:13"),
        ("data: { a: '${}' }", "env_missing", "1:13"),
    ] {
        let site = with_tls(&format!("{text}\n{ROUTES}")).file("a.json", "1");
        let output = check(&site, &[]);
        let checked = said(&output);
        assert_eq!(output.status.code(), Some(78), "{text}: {checked}");
        let (served, log) = refused(&site, &["--listen", "127.0.0.1:0"]);
        assert_eq!(served, Some(78), "{text}: {log}");
        for part in [format!("error[{code}]"), format!("routes.yaml:{place}")] {
            assert!(checked.contains(&part), "{text}: no {part} in\n{checked}");
            assert!(log.contains(&part), "{text}: no {part} in\n{log}");
        }
        assert!(!log.contains("listening on"), "{text}: {log}");
    }
}

#[test]
fn a_site_without_a_route_is_an_error_and_so_is_an_empty_include() {
    for text in ["", "# only\n", "---\n", "{}", "data: { a: b }\n", "routes:\n", "routes: {}\n"] {
        let output = check(&Site::with(text), &[]);
        assert_eq!(output.status.code(), Some(78), "{text:?}: {}", said(&output));
        assert!(said(&output).contains("error[no_routes]"), "{text:?}: {}", said(&output));
    }
    for (text, code) in [
        ("", 78),
        ("# only\n", 78),
        ("---\n", 78),
        ("{}\n", 78),
        ("data: {}\n", 0),
        ("x-a: 1\n", 0),
    ] {
        let site = Site::with(&format!("include: [more/*.yaml]\n{ROUTES}"));
        let output = check(&site.file("more/a.yaml", text), &[]);
        assert_eq!(output.status.code(), Some(code), "{text:?}: {}", said(&output));
        assert_eq!(said(&output).contains("error[include_empty]"), code == 78, "{text:?}");
    }
}

#[test]
fn what_can_never_be_right_is_refused() {
    let html = "content_type: 'text/html; charset";
    for (text, code) in [
        (&*format!("routes: {{ /: {{ inline: x, {html}=iso-2022-jp' }} }}"), "bad_content_type"),
        (&format!("routes: {{ /: {{ body: x, {html}=\"utf-16\"' }} }}"), "bad_content_type"),
        (&format!("errors: {{ 404: {{ inline: x, {html}=x' }} }}\n{ROUTES}"), "bad_content_type"),
        ("routes: { /: { redirect: '/\\{{query.to}}' } }", "bad_url"),
        ("routes: { /: { redirect: 'https://h\\{{query.to}}' } }", "bad_url"),
        ("routes: { /: { redirect: 'https://h?{{query.to}}@x/' } }", ""),
        ("routes: { /: { redirect: 'https://b\u{fc}cher.example/' } }", "bad_url"),
        ("routes: { '/{a}': { redirect: '/x/{{params.b}}' } }", "param_unknown"),
        (
            "routes: { '/{a}': { load: { p: 'p/{{params.b}}.md' }, inline: '{{p.body}}' } }",
            "param_unknown",
        ),
        ("routes: { '/{a}': { load: { p: 'p/{{params.a}}.md' }, inline: '{{p.body}}' } }", ""),
        ("# a tab\n\troutes: { /: { body: x } }", "yaml_tab"),
        ("data: { a: !!binary aGk= }\nroutes: { /: { body: x } }", "yaml_syntax"),
        ("routes: { /: { file: x.txt, content_type: 'text/html; charset=latin1' } }", ""),
        (&format!("routes: {{ /: {{ inline: x, {html}=UTF-8' }} }}"), ""),
    ] {
        let output = check(&Site::with(text).file("x.txt", "x").file("p/a.md", "a"), &[]);
        let said = said(&output);
        assert_eq!(output.status.success(), code.is_empty(), "{text}: {said}");
        assert_eq!(said.contains("error["), !code.is_empty(), "{text}: {said}");
        assert!(said.contains(&format!("error[{code}]")) || code.is_empty(), "{text}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_emptied_takes_no_page_away() {
    for text in ["", "# routes: { /: { body: x } }\n", "routes: {}\n"] {
        let site = Site::with(ROUTES);
        let larder = Larder::serve(&site, MEMORY);
        larder.logs_after("no_routes", || site.edit("routes.yaml", text));
        assert_eq!(larder.get("/").await.text(), "x", "{text:?}");
    }
}

#[test]
fn places_are_as_from_where_the_command_stands() {
    let site = Site::new()
        .file("site/routes.yaml", "include: [more.yaml]\nroutes: { /: { template: a.hbs } }\n")
        .file("site/more.yaml", "routes: { /b: { body: b, ttll: 1 } }\n")
        .file("site/templates/a.hbs", "\n{{nope}}\n");
    let whole = site.path("site/routes.yaml").to_string_lossy().into_owned();
    for config in ["site/routes.yaml", "./site/routes.yaml", &whole] {
        let shown = |format| said(&check(&site, &["--config", config, "--format", format]));
        let human = shown("human");
        assert!(human.contains("--> site/more.yaml:1:26"), "{human}");
        assert!(human.contains("--> site/templates/a.hbs:2:3"), "{human}");
        let json = shown("json");
        assert!(json.contains("\"file\":\"site/more.yaml\",\"line\":1,\"column\":26"), "{json}");
        let github = shown("github");
        assert!(github.contains("::error file=site/templates/a.hbs,line=2,col=3,"), "{github}");
    }
}

#[test]
fn who_calls_it_otherwise_is_told_what_to_write() {
    let site = Site::with(ROUTES).file("site/routes.yml", ROUTES);
    for (command, arguments, code, help) in [
        ("serve", &["--listen", ":8000"][..], 2, "write 127.0.0.1:8000, or 0.0.0.0:8000"),
        ("dev", &["--listen", "8000"], 2, "write 127.0.0.1:8000, or 0.0.0.0:8000"),
        ("serve", &["--admin", "localhost"], 2, "write localhost:8000"),
        ("dev", &["--host", "Phone.Test:8443"], 2, "write Phone.Test"),
        ("dev", &["--host", ""], 2, "without scheme and port"),
        ("serve", &["--listen", "http://127.0.0.1:80/"], 2, "write 127.0.0.1:80"),
        ("serve", &["--store", "redis://h:1/abc"], 2, "a database is a number"),
        ("check", &["routes.yaml"], 2, "`--config routes.yaml`"),
        ("serve", &["other"], 2, "`--config other`"),
        ("routes.yaml", &[], 2, "`--config routes.yaml`"),
        ("check", &["--config", "none.yaml"], 78, "`larder init DIR`"),
        ("check", &["--config", "no/routes.yaml"], 78, "there is no `no/routes.yaml`"),
        ("check", &["--config", "site/routes.yaml"], 78, "`--config site/routes.yml`"),
        ("check", &["--config", "site"], 78, "`site` is no regular file"),
    ] {
        let output = run(command, &site, arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{command} {arguments:?}: {text}");
        assert!(text.contains(help), "{command} {arguments:?}: no {help:?} in\n{text}");
    }
    let text = said(&run("serve", &site, &["--store", "redi://:hunter2@h"]));
    assert!(text.contains("did you mean `redis://`?") && !text.contains("hunter2"), "{text}");
}

#[test]
fn what_the_environment_holds_is_in_no_message() {
    for (value, text) in [
        ("zq9xvalue", "routes: { /: { body: x, key: '${SECRET}' } }"),
        ("zq9", "routes: { /: { body: x, key: 'a${SECRET}b' } }"),
        ("zq9xvalue", "routes: { /: { template: '${SECRET}' } }"),
        ("zq9xvalue", "routes: { /: { file: '${SECRET}' } }"),
        ("zq9xvalue", "routes: { /: { template: a.hbs, layout: '${SECRET}.hbs' } }"),
        ("zq9xvalue", "routes: { /: { body: x, load: { a: '${SECRET}.yaml' } } }"),
        (
            "zq9xvalue",
            "routes: { /: { body: x, query: { q: { enum: [a], default: '${SECRET}' } } } }",
        ),
        ("zq9xvalue", "routes: { /: { body: x, query: { q: { pattern: '(${SECRET}' } } } }"),
        ("zq9xvalue", "routes: { /: { inline: '{{${SECRET}}}' } }"),
        ("{{zq9x.value}}", "routes: { /: { inline: 'a ${SECRET} b' } }"),
        ("{{zq9x value}}", "routes: { /: { inline: '${SECRET}' } }"),
        ("{{> zq9x/value}}", "routes: { /: { inline: '<p>${SECRET}' } }"),
        ("zq9xvalue", "server: { listen: '${SECRET}', tls: { cert: '${SECRET}', key: a } }"),
        ("zq9xvalue", "cache: { store: 'redis://:${SECRET}@h:x', prefix: '${SECRET} a' }"),
        ("zq9xvalue", "include: ['${SECRET}.yaml', '${SECRET}/*.yaml']"),
        ("zq9xvalue", "languages: ['${SECRET}!']\ntemplates: '../${SECRET}'"),
    ] {
        let site = Site::with(&format!("{text}\n")).file("templates/a.hbs", "a");
        for format in ["human", "json", "github"] {
            let output = Command::new(env!("CARGO_BIN_EXE_larder"))
                .args(["check", "--format", format])
                .current_dir(site.path(""))
                .env("SECRET", value)
                .stdin(Stdio::null())
                .output()
                .expect("the larder program");
            let shown = said(&output);
            assert_eq!(output.status.code(), Some(78), "{text}: {shown}");
            assert!(!shown.contains("zq9"), "{text}: {shown}");
            // What is marked is what the file says.
            assert!(format != "human" || shown.contains("SECRET"), "{text}: {shown}");
        }
    }
}

#[test]
fn what_is_shown_of_a_bad_file_is_bounded_and_comes_soon() {
    let long = "k".repeat(1_000_000);
    let many = |one: &dyn Fn(usize) -> String| (0..20_000).map(one).collect::<String>();
    for (name, text) in [
        (
            "a long value",
            format!("routes:\n  /: {{ body: x, ttl: \"{long}\", key: \"{long}\" }}\n"),
        ),
        ("a long name", format!("routes:\n  /: {{ template: \"{long}\" }}\n")),
        ("equal keys", format!("data:\n{}{ROUTES}", many(&|_| "  a: 1\n".to_owned()))),
        ("bad routes", format!("routes:\n{}", many(&|n| format!("  /{n}: {{ ttl: 1 }}\n")))),
        ("on one line", format!("routes: {{ {} }}", many(&|n| format!("/{n}: {{ ttl: 1 }}, ")))),
    ] {
        let begun = Instant::now();
        let output = check(&Site::with(&text), &[]);
        let shown = said(&output);
        assert_eq!(output.status.code(), Some(78), "{name}");
        assert!(shown.len() < 64 * 1024, "{name}: {} bytes", shown.len());
        let is_many = !name.starts_with("a long");
        assert_eq!(shown.contains(" more\n"), is_many, "{name}: {shown}");
        assert!(shown.matches("error[").count() <= 100, "{name}");
        // Not optimised it takes some seconds; by the square of their number it took minutes.
        assert!(begun.elapsed().as_secs() < 60, "{name} took {:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_too_large_to_be_kept_is_told_once_a_route() {
    let site = Site::with(&format!(
        "cache: {{ max_entry: 64 }}
routes:
  /page: {{ inline: '{}{{{{query.q}}}}' }}
  /body: {{ body: '{}' }}
",
        "x".repeat(100),
        "y".repeat(100)
    ));
    let checked = said(&check(&site, &[]));
    assert!(checked.contains("warning[never_kept]: the body of `/body`"), "{checked}");
    let larder = Larder::serve(&site, MEMORY);
    for address in ["/page", "/page?q=1", "/page", "/body", "/body"] {
        assert!(!larder.get(address).await.is_hit(), "{address}");
    }
    larder.line_with("route=body");
    assert_eq!(larder.logged("over cache.max_entry, so it is made"), 2, "{}", larder.log());
}
