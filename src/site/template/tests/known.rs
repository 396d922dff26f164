use std::sync::Arc;

use serde_json::{Value, json};

use super::{id, lines, set_of};
use crate::site::template::{KnownContext, check_known};

fn one(template: &str) -> Vec<String> {
    let values = json!({
        "user": {"name": "Ada", "email": "x"},
        "site": {"title": "T", "nothing": null, "list": [], "empty": {}},
        "posts": [{"title": "A", "tags": ["x"]}, {"title": "B", "date": "2026"}],
        "params": {"slug": ""},
    });
    let Value::Object(values) = values else { unreachable!() };
    let known = KnownContext {
        values: values.into_iter().map(|(name, value)| (name, Arc::new(value))).collect(),
        open: ["query", "headers", "weather"].map(ToOwned::to_owned).into(),
    };
    let files = [("page.html.hbs", template), ("p.html.hbs", "{{tilte}}")];
    let set = set_of(&files);
    let report = check_known(&set.reads(id(&set, "page.html.hbs"), None), &known);
    let line = |line: String| {
        line.trim_start_matches("templates/").replace("error[unknown_variable]: ", "")
    };
    lines(&report).into_iter().map(line).collect()
}

#[test]
fn a_read_that_nothing_provides_is_told_with_what_there_is() {
    for (template, expected) in [
        (
            "{{user.nmae}}",
            "page.html.hbs:1:3: `{{user.nmae}}`: nothing provides `nmae` \
            (help: did you mean `name`? `user` has: email, name)",
        ),
        (
            "{{#if user.nmae}}{{/if}}",
            "page.html.hbs:1:7: `{{user.nmae}}`: nothing provides `nmae` \
            (help: did you mean `name`? `user` has: email, name)",
        ),
        (
            "{{usr.name}}",
            "page.html.hbs:1:3: `{{usr.name}}`: nothing provides `usr` \
            (help: did you mean `user`?)",
        ),
        ("{{banner}}", "page.html.hbs:1:3: nothing provides `banner`"),
        (
            "{{#each posts}}{{../ttile}}{{tilte}}{{/each}}",
            "page.html.hbs:1:18: `{{../ttile}}`: nothing provides `ttile`",
        ),
        (
            "{{#each posts}}{{tilte}}{{/each}}",
            "page.html.hbs:1:18: `{{tilte}}`: nothing provides \
            `tilte` (help: did you mean `title`? an item of `posts` has: date, tags, title)",
        ),
        (
            "{{user.name.first}}",
            "page.html.hbs:1:3: `{{user.name.first}}`: nothing provides \
            `first` (help: `user.name` is a single value)",
        ),
        (
            "{{posts.title}}",
            "page.html.hbs:1:3: `{{posts.title}}`: nothing provides `title` \
            (help: `posts` is a list: `{{#each posts}}`)",
        ),
        (
            "{{#each posts}}{{> p}}{{/each}}",
            "p.html.hbs:1:3: `{{tilte}}`: nothing provides `tilte` \
            (help: did you mean `title`? an item of `posts` has: date, tags, title)",
        ),
        (
            "{{upper site.empty.x}}",
            "page.html.hbs:1:9: `{{site.empty.x}}`: nothing provides `x` \
            (help: `site.empty` has no names)",
        ),
        (
            "{{> p user}}",
            "p.html.hbs:1:3: `{{tilte}}`: nothing provides `tilte` \
            (help: `user` has: email, name)",
        ),
    ] {
        assert_eq!(one(template).first().map(String::as_str), Some(expected), "{template}");
    }
}

#[test]
fn what_is_not_certain_is_not_told() {
    for template in [
        "{{user.name}}{{posts.[0].title}}{{posts.[1].date}}",
        "{{#each posts}}{{date}}{{#each tags}}{{this}}{{/each}}{{/each}}",
        "{{query.x}}{{headers.y.z}}{{#each weather}}{{a.b}}{{/each}}",
        "{{site.nothing.x}}{{#each site.list}}{{x}}{{/each}}{{#each site.empty}}{{x}}{{/each}}",
        "{{default user.nick \"x\"}}{{lookup user \"nick\"}}{{default banner \"\"}}",
        "{{lookup this \"banner\"}}{{json user}}",
    ] {
        assert_eq!(one(template), Vec::<String>::new(), "{template}");
    }
}
