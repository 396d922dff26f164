use std::sync::Arc;

use serde_json::{Value, json};

use super::{id, lines, set_of};
use crate::site::template::{KnownContext, check_fit};

/// What is said of a page; `data` is of the main file, `posts` of files.
fn one(template: &str) -> Vec<String> {
    let values = json!({
        "data": {"since": "last year", "flag": "no", "tags": ["x"], "title": "A", "none": null},
        "posts": [
            {"slug": "a", "day": "24.11.2026", "at": "2026-11-24", "draft": "no", "tags": ["x"]},
            {"slug": "b", "day": "2026-11-24", "at": 1_764_000_000, "draft": true, "tags": []},
            {"slug": "c", "kind": ["x"], "mixed": ["x"]},
            {"slug": "d", "kind": "x", "at": "", "mixed": null},
        ],
    });
    let Value::Object(values) = values else { unreachable!() };
    let known = KnownContext {
        values: values.into_iter().map(|(name, value)| (name, Arc::new(value))).collect(),
        open: ["query".to_owned()].into(),
        loaded: ["posts".to_owned()].into(),
    };
    let set = set_of(&[("page.html.hbs", template)]);
    let reads = set.reads(id(&set, "page.html.hbs"), None);
    let found = lines(&check_fit(&reads, &known));
    let words = |line: &String| {
        let line = line.replace("templates/page.html.hbs:", "");
        line.split(" (help").next().unwrap_or_default().to_owned()
    };
    found.iter().map(words).collect()
}

#[test]
fn dates_that_are_none_and_comparisons_that_never_hold_are_told() {
    for (template, expected) in [
        (
            "{{#each posts}}{{date day}}{{/each}}",
            "1:23: warning[bad_date]: `day: 24.11.2026` of `a` is no date",
        ),
        // It may be from the environment.
        ("{{date data.since}}", "1:8: warning[bad_date]: `since` is no date"),
        ("{{date data.tags \"%Y\"}}", "1:8: warning[bad_date]: `tags` is no date"),
        (
            "{{len (where posts \"draft\" false)}}",
            "1:20: warning[never_equal]: `draft: no` of `a` is a text, and never equal to `false`",
        ),
        (
            "{{#each posts}}{{#if (eq draft true)}}{{/if}}{{/each}}",
            "1:26: warning[never_equal]: `draft: no` of `a` is a text, and never equal to `true`",
        ),
        (
            "{{#if (ne data.flag true)}}{{/if}}",
            "1:11: warning[never_equal]: `flag` is a text, and never equal to `true`",
        ),
        (
            "{{len (where posts \"tags\" \"x\")}}",
            "1:20: warning[never_equal]: `tags` is a list, and a list never equals one value",
        ),
        (
            "{{#if (eq data.tags \"x\")}}{{/if}}",
            "1:11: warning[never_equal]: `tags` is a list, and a list never equals one value",
        ),
        (
            "{{#with (find posts \"mixed\" 1)}}{{/with}}",
            "1:21: warning[never_equal]: `mixed` is a list, and a list never equals one value",
        ),
    ] {
        assert_eq!(one(template), [expected], "{template}");
    }
}

#[test]
fn what_may_hold_is_not_told() {
    for template in [
        "{{#each posts}}{{date at}}{{date nothing}}{{date slug.x}}{{/each}}{{date data.none}}",
        "{{date (now)}}{{date query.day}}{{date (default data.none \"2026\")}}",
        "{{len (where posts \"kind\" \"x\")}}{{len (where posts \"draft\")}}",
        "{{#if (eq data.flag \"no\")}}{{/if}}{{#if (eq data.title true)}}{{/if}}",
        "{{#if (contains data.tags \"x\")}}{{/if}}{{#if (eq query.tags \"x\")}}{{/if}}",
    ] {
        assert_eq!(one(template), Vec::<String>::new(), "{template}");
    }
}
