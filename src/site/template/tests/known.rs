use std::sync::Arc;

use serde_json::{Value, json};

use super::{id, lines, set_of};
use crate::site::template::{KnownContext, check_known};

fn one(template: &str) -> Vec<String> {
    let values = json!({
        "user": {"name": "Ada", "email": "x"},
        "site": {"title": "T", "nothing": null, "list": [], "empty": {}},
        "posts": [{"title": "A", "tags": ["x"]}, {"title": "B", "date": "2026"}],
        "entries": [{"title": "A"}, {"title": "B", "n": 1}],
        "params": {"slug": ""},
    });
    let Value::Object(values) = values else { unreachable!() };
    let known = KnownContext {
        values: values.into_iter().map(|(name, value)| (name, Arc::new(value))).collect(),
        open: ["query", "headers", "weather"].map(ToOwned::to_owned).into(),
        loaded: ["entries".to_owned()].into(),
    };
    let files = [("page.html.hbs", template), ("p.html.hbs", "{{tilte}}")];
    let set = set_of(&files);
    let report = check_known(&set.reads(id(&set, "page.html.hbs"), None), &known);
    let line = |line: String| {
        line.trim_start_matches("templates/").replace("error[unknown_variable]: ", "")
    };
    lines(&report).into_iter().map(line).collect()
}

/// A template, and what is said of it first.
const MISSING: &[(&str, &str)] = &[
    (
        "{{user.nmae}}",
        "page.html.hbs:1:3: `{{user.nmae}}`: nothing provides `nmae` \
        (help: did you mean `name`? `user` has: email, name)",
    ),
    (
        "{{#if user.nmae}}{{/if}}",
        "page.html.hbs:1:7: warning[unknown_variable]: `{{user.nmae}}`: nothing provides \
        `nmae` (help: did you mean `name`? `user` has: email, name)",
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
        (through this partial: templates/page.html.hbs:1:20) \
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
        (through this partial: templates/page.html.hbs:1:5) \
        (help: `user` has: email, name)",
    ),
    (
        "{{#each entries}}{{subtitle}}{{/each}}",
        "page.html.hbs:1:20: warning[absent_everywhere]: no item of `entries` has `subtitle` \
        (help: did you mean `title`? an item of `entries` has: n, title)",
    ),
    (
        "{{posts.length}}",
        "page.html.hbs:1:3: `{{posts.length}}`: nothing provides `length` \
        (help: how many there are is `{{len posts}}`)",
    ),
    (
        "{{#if (eq posts.lenght 1)}}{{/if}}",
        "page.html.hbs:1:11: `{{posts.lenght}}`: nothing provides `lenght` \
        (help: `posts` is a list: `{{#each posts}}`)",
    ),
    (
        "{{#each posts}}{{#if (contains title query.q)}}{{/if}}{{/each}}",
        "page.html.hbs:1:38: warning[absent_everywhere]: no item of `posts` has `query` \
        (help: inside a block names are those of its value: the page's own is `@root.query.q`, or \
        `../query.q` one block further out)",
    ),
    (
        "{{#each entries}}{{#if query.q}}{{/if}}{{#if query.q}}{{/if}}{{/each}}",
        "page.html.hbs:1:24: warning[absent_everywhere]: no item of `entries` has `query` \
        (here too: templates/page.html.hbs:1:46) \
        (help: inside a block names are those of its value: the page's own is `@root.query.q`, or \
        `../query.q` one block further out)",
    ),
    (
        "{{#with user}}{{#if headers}}{{/if}}{{/with}}",
        "page.html.hbs:1:21: warning[absent_everywhere]: `user` has no `headers` \
        (help: inside a block names are those of its value: the page's own is `@root.headers`, or \
        `../headers` one block further out)",
    ),
    (
        "{{#each posts}}{{site.title}}{{/each}}",
        "page.html.hbs:1:18: `{{site.title}}`: nothing provides `site` \
        (help: inside a block names are those of its value: the page's own is `@root.site.title`, \
        or `../site.title` one block further out)",
    ),
    (
        "{{#each entries}}{{site.title}}{{/each}}",
        "page.html.hbs:1:20: warning[absent_everywhere]: no item of `entries` has `site` \
        (help: inside a block names are those of its value: the page's own is `@root.site.title`, \
        or `../site.title` one block further out)",
    ),
    (
        "{{#each (sort entries \"-titel\")}}{{/each}}",
        "page.html.hbs:1:23: warning[absent_everywhere]: no item of `entries` has `titel` \
        (help: did you mean `title`? an item of `entries` has: n, title)",
    ),
    (
        "{{#each (where posts 'daet' 1)}}{{/each}}",
        "page.html.hbs:1:22: warning[absent_everywhere]: no item of `posts` has `daet` \
        (help: did you mean `date`? an item of `posts` has: date, tags, title)",
    ),
    (
        "{{#with (find posts \"tittle\" 1)}}{{/with}}{{#each (group posts \"x\")}}{{/each}}",
        "page.html.hbs:1:21: warning[absent_everywhere]: no item of `posts` has `tittle` \
        (help: did you mean `title`? an item of `posts` has: date, tags, title)",
    ),
    (
        "{{#each (sort posts date)}}{{/each}}",
        "page.html.hbs:1:21: `{{date}}`: nothing provides `date` \
        (help: the name of a field stands in quotes: `\"date\"`)",
    ),
    (
        "{{#each user}}{{name}}{{/each}}",
        "page.html.hbs:1:17: `{{name}}`: nothing provides `name` (help: `user` has it, and is no \
        list: write `{{#with user}}` for `{{#each user}}`)",
    ),
    (
        "{{group}}",
        "page.html.hbs:1:3: nothing provides `group` (help: write `{{group list field}}`)",
    ),
];

#[test]
fn a_read_that_nothing_provides_is_told_with_what_there_is() {
    for (template, expected) in MISSING {
        assert_eq!(one(template).first().map(String::as_str), Some(*expected), "{template}");
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
        "{{#each entries}}{{#unless draft}}{{title}}{{/unless}}{{/each}}",
        "{{#each entries}}{{#if (eq draft true)}}{{#with author}}{{x}}{{/with}}{{/if}}{{/each}}",
        "{{#each (sort entries \"-n\")}}{{#if (and (not draft) (gt n 1))}}x{{/if}}{{/each}}",
        "{{#each posts}}{{#if @root.query.q}}{{#with ../site}}{{title}}{{/with}}{{/if}}{{/each}}",
        "{{#each posts}}{{#if this.query}}{{/if}}{{/each}}",
        "{{#each weather}}{{#if query}}{{/if}}{{/each}}{{#each (sort weather \"x\")}}{{/each}}",
        "{{#each posts as |post|}}{{#if post.query}}{{/if}}{{#if title}}{{/if}}{{/each}}",
        "{{#*inline \"q\"}}{{#if query.q}}{{/if}}{{/inline}}{{> q}}{{#each posts}}{{> q}}{{/each}}",
        "{{#each site.list}}{{#if query.q}}{{/if}}{{/each}}{{len (sort site.list \"x\")}}",
        "{{#each (sort (group posts \"date\") \"key\")}}{{len items}}{{/each}}",
        "{{#if banner}}{{/if}}{{#with user.address}}{{street}}{{/with}}",
    ] {
        assert_eq!(one(template), Vec::<String>::new(), "{template}");
    }
}

#[test]
fn a_name_that_nothing_provides_is_told_once_and_not_again_for_what_is_below_it() {
    for (template, expected) in [
        ("{{#each pots}}{{title}}{{/each}}", "page.html.hbs:1:9: nothing provides `pots`"),
        ("{{#each b as |x|}}{{x.y}}{{x.z}}{{/each}}", "page.html.hbs:1:9: nothing provides `b`"),
        ("{{#with posst}}{{title}}{{/with}}", "page.html.hbs:1:9: warning[unknown_variable]"),
    ] {
        let found = one(template);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    }
}

#[test]
fn a_field_that_no_item_has_is_told_at_every_place() {
    let found = one("{{#each entries}}{{sub}}{{/each}}{{#each entries}}{{n}}{{sub}}{{/each}}");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("(here too: templates/page.html.hbs:1:58)"), "{found:?}");
}
