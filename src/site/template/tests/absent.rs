//! Names and partials that are not there.

use serde_json::json;

use super::render;

fn context() -> serde_json::Value {
    json!({
        "list": [1, 2, 3],
        "user": {"name": "Ada"},
        "posts": [{"title": "Bee"}, {"title": "Ay"}],
        "map": {"z": 1},
        "zero": 0,
        "mixed": [
            {"by": {"name": "Ada"}}, {"by": [{"name": "Cyn"}]}, {"by": {"name": "Bob"}},
        ],
    })
}

#[test]
fn a_name_that_is_read_of_a_list_is_absent() {
    for (page, expected) in [
        ("{{list.x}}{{{list.x.y}}}{{upper list.x}}.", "."),
        ("{{#each mixed}}{{by.name}} {{/each}}", "Ada  Bob "),
        ("{{#each mixed as |m|}}{{default m.by.name \"-\"}}{{/each}}", "Ada-Bob"),
        (
            "{{#each mixed}}{{#if by.name}}y{{else}}{{#each by}}{{name}}{{/each}}{{/if}}{{/each}}",
            "yCyny",
        ),
        (
            "{{#each mixed}}{{#with by}}{{name}}{{#each this}}{{../name}}{{this.name}}{{/each}}\
          {{/with}};{{/each}}",
            "AdaAda;Cyn;BobBob;",
        ),
        (
            "{{#each mixed}}{{#with by as |b|}}{{b.name}}{{@root.zero}}{{/with}}{{/each}}",
            "Ada00Bob0",
        ),
        ("{{> p posts}}{{> p list name=posts.x}}{{> (lookup posts.p \"x\")}}", "[][]"),
        ("{{#> p posts}}{{name}}{{/p}}{{#*inline \"i\"}}{{list.x}}i{{/inline}}{{> i}}", "[]i"),
        (
            "  {{> p\n posts}}\n{{#each (sort mixed list.x)}}{{/each}}{{now}}{{json list.x}}",
            "  []2026-01-01T00:00:00.000Znull",
        ),
    ] {
        let files = [("page.html.hbs", page), ("p.html.hbs", "[{{name}}{{#if title.x}}!{{/if}}]")];
        assert_eq!(render(&files, "page.html.hbs", &context()).unwrap(), expected, "{page}");
    }
}

#[test]
fn a_partial_that_is_chosen_and_not_there_is_nothing_or_the_body_of_its_call() {
    for (page, expected) in [
        ("a{{> (lookup map \"z\")}}b", "ab"),
        ("a{{> (concat \"p\" \"1\")}}{{> (concat \"p\" \"2\") user}}b", "a[]b"),
        ("a{{#> (lookup user \"x\")}}c{{/}}b", "acb"),
        ("{{#> (concat \"p\" \"1\")}}c{{/}}{{> (concat \"\" \"p1\")}}", "[c][]"),
        ("{{#> (concat \"#\" \"0\")}}c{{/}}{{> (concat \"#\" \"0\")}}", "c"),
        (
            "{{> (concat \"@partial\" \"-block\")}}{{> (concat \"i\" \"\")}}\
          {{#*inline \"i\"}}in{{/inline}}",
            "in",
        ),
    ] {
        let files = [
            ("page.html.hbs", page),
            ("p1.html.hbs", "[{{#> @partial-block}}{{/@partial-block}}]"),
        ];
        assert_eq!(render(&files, "page.html.hbs", &context()).unwrap(), expected, "{page}");
    }
}
