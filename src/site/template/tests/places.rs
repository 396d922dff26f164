//! Places of templates that are written in YAML.

use serde_json::json;

use super::{scalar, set_of};
use crate::diagnostic::At;
use crate::site::template::{Bounds, Escape};

/// The place of the first read, and of a failure, of a template in YAML.
fn place_of(text: &At<String>) -> String {
    let mut set = set_of(&[]);
    let id = set.inline("/x", text, Escape::Html).unwrap();
    let reads = set.reads(id, None);
    let read = reads.list.first().map(|read| format!("{} {}", read.place, read.place.text()));
    read.unwrap_or_default()
}

#[test]
fn a_read_is_where_it_stands_in_the_yaml_file() {
    for (yaml, written, value, expected) in [
        ("inline: <b>{{x.y}}</b>", "<b>{{x.y}}</b>", "<b>{{x.y}}</b>", "1:14 x.y"),
        ("inline: '<b>{{x}}</b>'", "'<b>{{x}}</b>'", "<b>{{x}}</b>", "1:15 x"),
        ("inline: '<b>it''s {{x}}</b>'", "'<b>it''s {{x}}</b>'", "<b>it's {{x}}</b>", "1:21 x"),
        (
            "inline: \"<b>ü\\n\\u00e4\\\" {{x}}\"",
            "\"<b>ü\\n\\u00e4\\\" {{x}}\"",
            "<b>ü\nä\" {{x}}",
            "1:27 x",
        ),
        (
            "a:\n  inline: |\n    <h1>\n      {{x}}\n",
            "<h1>\n      {{x}}\n",
            "<h1>\n  {{x}}\n",
            "4:9 x",
        ),
        (
            "a:\n  inline: |\n    <h1>\n      {{x}}\n",
            "    <h1>\n      {{x}}\n",
            "<h1>\n  {{x}}\n",
            "4:9 x",
        ),
        ("inline: |-\n  ü{{x}}\n", "ü{{x}}", "ü{{x}}", "2:6 x"),
        ("inline: |\r\n  a\r\n  {{x}}\r\n", "a\r\n  {{x}}", "a\n{{x}}\n", "3:5 x"),
    ] {
        let found = place_of(&scalar(yaml, written, value));
        assert_eq!(found, format!("routes.yaml:{expected}"), "{yaml:?}");
    }
}

#[test]
fn mistakes_and_failures_are_placed_in_the_yaml_file() {
    let yaml = "inline: |\n  <h1>\n    {{#if x}}\n";
    let text = scalar(yaml, "<h1>\n    {{#if x}}\n", "<h1>\n  {{#if x}}\n");
    let mut set = set_of(&[]);
    let found = set.inline("/x", &text, Escape::Html).unwrap_err();
    assert_eq!(
        found.to_string(),
        "routes.yaml:3:5: error[template_syntax]: the block of `if` is never closed \
          (help: close it with `{{/if}}`)"
    );
    let yaml = "inline: |\n  <h1>\n   {{upper x.y}}\n";
    let text = scalar(yaml, "<h1>\n   {{upper x.y}}\n", "<h1>\n {{upper x.y}}\n");
    let id = set.inline("/x", &text, Escape::Html).unwrap();
    let mut context = json!({"x": {"y": "ab"}}).into();
    let bounds = Bounds { bytes: 7, ..Bounds::default() };
    let why = set.render(id, None, &mut context, &bounds).unwrap_err();
    assert_eq!(why.to_string(), "routes.yaml:3:4: it prints more than 7 bytes");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_template() {
    let set = set_of(&[("a.html.hbs", "\u{feff}{{x}}")]);
    let id = set.find("a.html.hbs").unwrap();
    let text = set.render(id, None, &mut json!({"x": 1}).into(), &Bounds::default()).unwrap();
    assert_eq!(text, "1");
    assert_eq!(set.reads(id, None).list[0].place.line_column(), (1, 3));
}
