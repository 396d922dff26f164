//! `larder check`: every error of a file in one run, each with its place.

use std::process::Output;

use crate::harness::{Redis, Site, check};

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(both).expect("text")
}

#[test]
fn the_demo_site_has_nothing_wrong() {
    let output = check(&Site::demo(), &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("error[") && !text.contains("warning["), "{text}");
}

#[test]
fn all_errors_are_told_in_one_run_each_with_its_place() {
    let site = Site::with(
        "routes:
  /a: { body: a, ttll: 5m }
  /b: { body: b, ttl: 5 mins ago }
  /c: { template: abuot.html.hbs }
  /users/:id: { body: d }
",
    )
    .file("templates/about.html.hbs", "about");
    let output = check(&site, &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(78), "{text}");
    for (place, code, help) in [
        ("routes.yaml:2:18", "error[unknown_field]", "`ttl`"),
        ("routes.yaml:3:23", "error[bad_duration]", "5m"),
        ("routes.yaml:4:19", "error[template_missing]", "about.html.hbs"),
        ("routes.yaml:5:3", "error[foreign_syntax]", "/users/{id}"),
    ] {
        for part in [place, code, help] {
            assert!(text.contains(part), "no {part:?} in:\n{text}");
        }
    }
}

#[test]
fn a_file_that_is_missing_is_told() {
    let output = check(&Site::new(), &[]);
    assert_eq!(output.status.code(), Some(78), "{}", said(&output));
    assert!(said(&output).contains("routes.yaml"), "{}", said(&output));
}

#[test]
fn hostile_files_are_refused_and_end_nothing() {
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = n - 1;
        text + &format!("a{n}: &a{n} [*a{before}, *a{before}]\n")
    });
    for (name, text) in [
        ("an alias bomb", format!("{bomb}routes: {{ /: {{ body: *a29 }} }}\n")),
        (
            "depth",
            format!("routes: {{ /: {{ body: {}{} }} }}\n", "[".repeat(5000), "]".repeat(5000)),
        ),
        ("tabs", "routes:\n\t/: { body: x }\n".to_owned()),
        ("a key twice", "routes:\n  /: { body: x }\n  /: { body: y }\n".to_owned()),
        ("no text", "\u{0}\u{1}\u{2}".to_owned()),
        ("a list", "- routes\n".to_owned()),
    ] {
        let output = check(&Site::with(&text), &[]);
        assert_eq!(output.status.code(), Some(78), "{name}: {}", said(&output));
    }
}

#[test]
fn checking_has_no_side_effects() {
    let redis = Redis::start();
    let site = Site::with(&format!(
        "cache: {{ store: '{}' }}\nroutes: {{ /: {{ body: x }} }}\n",
        redis.url()
    ));
    let output = check(&site, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[test]
fn bytes_that_are_no_text_are_told_once_where_they_stand() {
    for (file, text) in [
        ("routes.yaml", "routes: {}\n# \n"),
        ("more/one.yaml", "routes:\n  /more: { body: \"\" }\n"),
        ("templates/page.html.hbs", "<p>{{> end}}</p>\n<i></i>\n"),
        ("templates/end.html.hbs", "\n\n"),
        ("data/team.yaml", "lead: Ada\nmore: \n"),
        ("posts/one.md", "---\ntitle: One\n---\n\n"),
    ] {
        let site = Site::with(
            "include: [more/*.yaml]
load: { team: data/team.yaml, posts: posts/*.md }
routes:
  /: page.html.hbs
  /team: { inline: '{{team.lead}} {{len posts}}' }
",
        )
        .file("more/one.yaml", "routes:\n  /more: { body: \"\u{fffd}\" }\n")
        .file("templates/page.html.hbs", "<p>{{> end}}</p>\n")
        .file("templates/end.html.hbs", "\u{fffd}\n")
        .file("data/team.yaml", "lead: Ada\n")
        .file("posts/one.md", "---\ntitle: One \u{fffd}\n---\n");
        let output = check(&site, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));

        // At the end of the last line but its break.
        let mut bytes = text.as_bytes().to_vec();
        bytes.splice(bytes.len() - 1.., *b"\xe9\n");
        std::fs::write(site.path(file), bytes).expect("writing it");
        let output = check(&site, &["--format", "json"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(78), "{file}: {text}");
        assert_eq!(text.matches("not UTF-8").count(), 1, "{file}: {text}");
        assert_eq!(text.matches("\"error\"").count(), 1, "{file}: {text}");
        assert!(text.contains(&format!("\"{file}\"")), "{file}: {text}");
        assert!(!text.contains("no such file"), "{file}: {text}");
    }
}
