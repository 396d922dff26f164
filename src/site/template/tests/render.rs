use std::time::Duration;

use serde_json::{Value, json};

use super::{id, render, set_of};
use crate::clock::Clock;
use crate::diagnostic::{Report, SourceFile};
use crate::site::media;
use crate::site::template::{Bounds, Context, RenderError, TemplateFile, TemplateSet};

fn context() -> Value {
    json!({
        "title": "T & <b>",
        "list": [1, 2, 3],
        "none": [],
        "user": {"name": "Ada", "tags": ["x", "y"]},
        "posts": [
            {"slug": "b", "title": "Bee", "date": "2026-02-01", "n": 2, "draft": true},
            {"slug": "a", "title": "Ay", "date": "2026-01-01", "n": 1},
        ],
        "map": {"z": 1, "a": 2},
        "len": "shadowed",
        "zero": 0,
        "md": "# Hi\n\n<i>x</i> *y*",
        "when": "2026-01-31T23:30:00+02:00",
        "evil": "</script><!-- '\u{2028}",
        "id": "7",
        "num": 7,
        "key": "name",
    })
}

fn one(template: &str) -> String {
    match render(&[("page.html.hbs", template)], "page.html.hbs", &context()) {
        Ok(text) => text,
        Err(why) => format!("! {why}"),
    }
}

#[test]
fn the_dialect_is_as_the_guide_says() {
    for (template, expected) in [
        ("{{title}} {{{title}}} {{&title}}", "T &amp; &lt;b&gt; T & <b> T & <b>"),
        ("{{user}} {{list}} {{user.tags}} {{nope}}", "[object] [1, 2, 3] [x, y] "),
        (
            "{{#each list}}{{this}}{{@index}}{{@first}}{{@last}};{{/each}}",
            "10truefalse;21falsefalse;32falsetrue;",
        ),
        ("{{#each map}}{{@key}}={{this}} {{/each}}", "z=1 a=2 "),
        ("{{#each none}}x{{else}}empty{{/each}}", "empty"),
        ("{{#each list as |v i|}}{{i}}:{{v}} {{/each}}", "0:1 1:2 2:3 "),
        ("{{#each user.tags}}{{#with ../user}}{{name}}{{/with}}{{/each}}", "AdaAda"),
        ("{{#with user}}{{name}}{{@root.title}}{{/with}}", "AdaT &amp; &lt;b&gt;"),
        ("{{#with user as |u|}}{{u.name}}{{/with}}", "Ada"),
        ("{{#if zero}}a{{else if list}}b{{else}}c{{/if}}", "b"),
        ("{{#unless zero}}a{{/unless}}", "a"),
        ("{{#each list}}{{#if (eq this 2)}}{{../title}}{{/if}}{{/each}}", "T &amp; &lt;b&gt;"),
        ("{{this.len}}", "shadowed"),
        ("{{user.[name]}} {{user/name}} {{list.[1]}} {{list.1}}", "Ada Ada 2 2"),
        ("a {{~title~}} b", "aT &amp; &lt;b&gt;b"),
        ("\\{{title}} {{{{raw}}}}{{x}}{{{{/raw}}}} {{! no }}{{!-- }} --}}.", "{{title}} {{x}} ."),
        ("{{#*inline \"p\"}}<{{name}}>{{/inline}}{{> p user}}", "<Ada>"),
        ("{{lookup user key}} {{lookup list 1}} {{lookup user \"nope\"}}.", "Ada 2 ."),
        ("{{#each list}}{{#if @first}}f{{/if}}{{/each}}", "f"),
        ("{{(lookup user \"name\")}}", "Ada"),
    ] {
        assert_eq!(one(template), expected, "{template}");
    }
}

#[test]
fn helpers_do_what_the_reference_says() {
    for (template, expected) in [
        ("{{json user}}", r#"{"name":"Ada","tags":["x","y"]}"#),
        ("{{json evil}}", r#""\u003c/script\u003e\u003c!-- \u0027\u2028""#),
        ("{{json nope}}", "null"),
        ("{{date when}} {{date when \"%d.%m.%y %H:%M\"}}", "2026-01-31 31.01.26 23:30"),
        ("{{date 0 \"%Y\"}} {{date \"1700000000\"}} {{date nope}}.", "1970 2023-11-14 ."),
        ("{{date \"2026-01-02\" \"%A, %B %-d\"}}", "Friday, January 2"),
        ("{{now}}", "2026-01-01T00:00:00.000Z"),
        (
            "{{default nope \"d\"}} {{default title \"d\"}} {{default zero 5}}",
            "d T &amp; &lt;b&gt; 0",
        ),
        ("{{add 1 2}} {{sub num 1}} {{add id 1}} {{add 0.5 1}}", "3 6 8 1.5"),
        ("{{upper user.name}}{{lower user.name}}{{upper nope}}", "ADAada"),
        ("{{urlencode \"a b/ü?&=\"}}", "a%20b%2F%C3%BC%3F%26%3D"),
        ("{{markdown md}}", "<h1>Hi</h1>\n<p><i>x</i> <em>y</em></p>\n"),
        ("{{#with (find posts \"slug\" \"a\")}}{{title}}{{/with}}", "Ay"),
        ("{{#with (find posts \"n\" \"2\")}}{{title}}{{/with}}", "Bee"),
        ("{{#each (where posts \"draft\")}}{{slug}}{{/each}}", "b"),
        ("{{#each (where posts \"n\" 1)}}{{slug}}{{/each}}", "a"),
        ("{{#each (sort posts \"date\")}}{{slug}}{{/each}}", "ab"),
        ("{{#each (sort posts \"n\" desc=true)}}{{slug}}{{/each}}", "ba"),
        ("{{#each (sort list desc=true)}}{{this}}{{/each}}", "321"),
        ("{{#each (slice list 1)}}{{this}}{{/each}} {{slice title 0 1}}", "23 T"),
        ("{{slice list -2}} {{slice list 0 -1}} {{slice list 5}}", "[2, 3] [1, 2] []"),
        ("{{len list}} {{len map}} {{len \"üb\"}} {{len nope}}", "3 2 2 0"),
        ("{{#if (and list (not none) (or zero num) (gt num 6) (lte 1 1))}}y{{/if}}", "y"),
        ("{{#eq num 7}}seven{{else}}other{{/eq}} {{eq id 7}} {{ne id 7}}", "seven false true"),
    ] {
        assert_eq!(one(template), expected, "{template}");
    }
}

#[test]
fn a_helper_that_refuses_names_its_place() {
    for (template, expected) in [
        (
            "a\n {{date \"soon\"}}",
            "templates/page.html.hbs:2:2: `date` takes a date like \
          2026-01-31 or 2026-01-31T12:00:00Z, not `soon`",
        ),
        ("{{date when \"%!\"}}", "templates/page.html.hbs:1:1: `date` cannot format by `%!`"),
        (
            "{{#if (upper user)}}{{/if}}",
            "templates/page.html.hbs:1:1: `upper` takes text, not a mapping",
        ),
        (
            "{{#each posts}}\n{{add title 1}}{{/each}}",
            "templates/page.html.hbs:2:1: `add` takes numbers, not `Bee`",
        ),
        (
            "{{find user \"a\" 1}}",
            "templates/page.html.hbs:1:1: `find` takes a list, not a mapping",
        ),
        (
            "{{list.first}}",
            "templates/page.html.hbs:1:1: `first` is read of a list, which has \
          numbers for names",
        ),
    ] {
        let found = one(template);
        let found = found.strip_prefix("! ").unwrap_or_else(|| panic!("{template}: {found}"));
        assert!(found.starts_with(expected), "{template}: {found}");
    }
}

#[test]
fn an_error_names_the_partial_that_it_is_in() {
    let files = [
        ("page.html.hbs", "{{#*inline \"x\"}}\n{{upper list}}{{/inline}}\n{{> p}}"),
        ("p.html.hbs", "\n\n{{> x}}"),
        ("q.html.hbs", "{{> r}}"),
        ("r.html.hbs", "\n  {{upper list}}"),
    ];
    let error = render(&files, "page.html.hbs", &context()).unwrap_err();
    assert!(error.place.starts_with("templates/page.html.hbs:2:"), "{error}");
    let error = render(&files, "q.html.hbs", &context()).unwrap_err();
    assert_eq!(error.to_string(), "templates/r.html.hbs:2:3: `upper` takes text, not a list");
}

#[test]
fn partials_are_found_by_the_kind_of_the_page() {
    let files = [
        ("page.html.hbs", "{{> partials/nav}}{{> partials/nav.xml}}{{> plain}}"),
        ("page.xml.hbs", "{{> partials/nav}}{{> partials/nav.html.hbs}}{{> plain}}"),
        ("partials/nav.html.hbs", "html {{q}} "),
        ("partials/nav.xml.hbs", "xml {{q}} "),
        ("plain.hbs", "plain {{q}}"),
    ];
    let context = json!({"q": "'"});
    assert_eq!(
        render(&files, "page.html.hbs", &context).unwrap(),
        "html &#x27; xml &#x27; plain &#x27;"
    );
    assert_eq!(
        render(&files, "page.xml.hbs", &context).unwrap(),
        "xml &apos; html &apos; plain &apos;"
    );
}

#[test]
fn escaping_and_content_type_come_from_the_inner_extension() {
    let names = ["a.html.hbs", "a.xml.hbs", "a.json.hbs", "a.txt.hbs", "a.css.hbs", "a.hbs"];
    let files: Vec<_> = names.iter().map(|name| (*name, "{{q}}")).collect();
    let set = set_of(&files);
    for (name, text, content_type) in [
        ("a.html.hbs", "&lt;&#x27;", Some("text/html; charset=utf-8")),
        ("a.xml.hbs", "&lt;&apos;", Some("application/xml; charset=utf-8")),
        ("a.json.hbs", "<'", Some("application/json")),
        ("a.txt.hbs", "<'", Some("text/plain; charset=utf-8")),
        ("a.css.hbs", "<'", Some("text/css; charset=utf-8")),
        ("a.hbs", "&lt;&#x27;", None),
    ] {
        let id = id(&set, name);
        let page =
            set.render(id, None, &mut json!({"q": "<'"}).into(), &Bounds::default()).unwrap();
        let found = media::of_template(name);
        assert_eq!((page.as_str(), found.as_deref()), (text, content_type), "{name}");
    }
}

#[test]
fn a_layout_sees_the_context_and_the_page_as_content() {
    let files = [
        ("page.html.hbs", "<p>{{title}}</p>{{content}}"),
        ("base.html.hbs", "<title>{{title}}</title>{{{content}}}"),
    ];
    let set = set_of(&files);
    let (page, layout) = (id(&set, "page.html.hbs"), id(&set, "base.html.hbs"));
    let context = json!({"title": "T", "content": "data"});
    let mut kept = Context::from(context.clone());
    for _ in 0..2 {
        let text = set.render(page, Some(layout), &mut kept, &Bounds::default()).unwrap();
        assert_eq!(text, "<title>T</title><p>T</p>data");
        assert_eq!(kept.data(), &context, "as it was");
    }
}

#[test]
fn a_partial_goes_over_its_arguments_in_one_order() {
    let files = [
        ("page.html.hbs", "{{> p b=1 a=2 d=3 c=4}}|{{> p user z=1 y=2}}|{{> p \"xy\" b=1 a=2}}"),
        ("p.html.hbs", "{{#each this}}{{@key}} {{/each}}{{b}}"),
    ];
    let context = json!({"user": {"name": "x", "y": 0}});
    for _ in 0..20 {
        let text = render(&files, "page.html.hbs", &context).unwrap();
        assert_eq!(text, "user a b c d 1|name y z |0 1 a b 1");
    }
}

fn bounded(files: &[(&str, &str)], bounds: Bounds) -> String {
    outcome(files, bounds).map_or_else(|why| why.message, |text| format!("{} bytes", text.len()))
}

fn outcome(files: &[(&str, &str)], bounds: Bounds) -> Result<String, RenderError> {
    let file = |(name, text): &(&str, &str)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(*name, *text),
    };
    let files = files.iter().map(file).collect();
    let (set, report) = TemplateSet::compile(files, &Clock::system());
    assert_eq!(report, Report::default());
    let many: Vec<u32> = (0..1000).collect();
    let context = json!({"many": many, "name": "loop", "one": [1], "names": {"x": "loop"}});
    set.render(id(&set, "page.html.hbs"), None, &mut context.into(), &bounds)
}

#[test]
fn output_is_bounded_also_in_the_body_of_a_partial() {
    let bounds = Bounds { bytes: 3999, ..Bounds::default() };
    let page = "{{#each many}}abcd{{/each}}";
    let wrapped = format!("{{{{#> p}}}}{page}{{{{/p}}}}");
    for page in [page, wrapped.as_str()] {
        let files = [("page.html.hbs", page), ("p.html.hbs", "nothing")];
        assert_eq!(bounded(&files, bounds), "it prints more than 3999 bytes");
    }
    let fits = Bounds { bytes: 4000, ..Bounds::default() };
    assert_eq!(bounded(&[("page.html.hbs", page)], fits), "4000 bytes");
}

#[test]
fn time_is_bounded_in_loops_that_print_nothing() {
    let bounds = Bounds { time: Duration::from_millis(20), ..Bounds::default() };
    let inner = "{{#each @root.many}}{{#each @root.many}}{{/each}}{{/each}}";
    let page = format!("{{{{#each many}}}}{inner}{{{{/each}}}}");
    assert_eq!(bounded(&[("page.html.hbs", &page)], bounds), "it takes longer than 20ms");
}

#[test]
fn a_render_that_ran_out_of_time_says_so_and_another_failure_does_not() {
    let loops = "{{#each names}}{{#each @root.many}}{{len (sort @root.many)}}{{/each}}{{/each}}";
    let bounds = Bounds { time: Duration::from_millis(2), ..Bounds::default() };
    let outcome = |page: &str| outcome(&[("page.html.hbs", page)], bounds);
    assert!(outcome(loops).unwrap_err().out_of_time);
    assert!(!outcome("{{upper many}}").unwrap_err().out_of_time);
}

#[test]
fn depth_is_bounded_where_partials_are_chosen_at_run_time() {
    let files = [
        ("page.html.hbs", "{{> (lookup this \"name\")}}"),
        ("loop.html.hbs", "{{> (lookup this \"name\")}}"),
    ];
    let bounds = Bounds::default();
    assert_eq!(bounded(&files, bounds), "partials go deeper than 32");
}

#[test]
fn the_deepest_templates_that_are_allowed_fit_a_thread_s_stack() {
    for (open, close) in [("{{#each @root.one}}", "{{/each}}"), ("{{#if @root.many}}", "{{/if}}")] {
        let (open, close) = (open.repeat(23), close.repeat(23));
        let call = "{{> (lookup @root.names \"x\")}}";
        let body = "{{#> (lookup @root.names \"x\")}}{{/loop}}";
        for call in [call, body] {
            let call = call.replace("/loop", "/");
            let text = format!("{open}{call}{close}");
            let files = [("page.html.hbs", text.as_str()), ("loop.html.hbs", text.as_str())];
            // Half of what a thread of the runtime has.
            let found = std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(1 << 20);
                let render = || bounded(&files, Bounds::default());
                thread.spawn_scoped(scope, render).unwrap().join().unwrap()
            });
            assert_eq!(found, "partials and blocks go deeper than 64", "{text}");
        }
    }
}

#[test]
fn partials_that_include_each_other_do_not_bring_down_a_render() {
    let files =
        [("page.html.hbs", "{{> a}}"), ("a.html.hbs", "{{> b}}"), ("b.html.hbs", "{{> a}}")];
    assert_eq!(bounded(&files, Bounds::default()), "partials go deeper than 32");
}
