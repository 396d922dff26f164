use std::time::Duration;

use serde_json::{Value, json};

use super::{id, render, set_of};
use crate::clock::Clock;
use crate::diagnostic::{Report, SourceFile};
use crate::site::media;
use crate::site::template::functions::HelperForm;
use crate::site::template::{
    Bounds, Context, DEEP_STACK, RenderError, TemplateFile, TemplateSet, on_deep_stack, was_cut,
};

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
        (
            "{{markdown '<b> [x](javascript:y) [z](/z) <https://h/>' untrusted=true}}",
            "<p>&lt;b&gt; <a href=\"\">x</a> <a href=\"/z\">z</a> \
             <a href=\"https://h/\">https://h/</a></p>\n",
        ),
        ("{{trusted title}}", "T &amp; &lt;b&gt;"),
        ("<i a=\"{{json title}}\">", "<i a=\"&quot;T \\u0026 \\u003cb\\u003e&quot;\">"),
        ("{{markdown md}}", "<h1 id=\"hi\">Hi</h1>\n<p><i>x</i> <em>y</em></p>\n"),
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
        ("{{#eq num 7}}seven{{else}}other{{/eq}} {{eq id 7}} {{ne id 7}}", "seven true false"),
    ] {
        assert_eq!(one(template), expected, "{template}");
    }
}

#[test]
fn no_argument_of_a_helper_fails_a_page() {
    let values = ["nope", "true", "\"\"", "\"soon\"", "id", "zero", "-1", "1e300", "user", "list"];
    for function in crate::site::template::FUNCTIONS {
        let (least, most) = function.arity();
        let most = most.unwrap_or(least + 2);
        let is_block = function.form == HelperForm::Block;
        for count in (least..=most).filter(|_| function.name != "raw" && function.name != "asset") {
            for turn in 0..values.len() * values.len() {
                let args: Vec<_> =
                    (0..count).map(|at| values[(turn >> at) * (at + 1) % values.len()]).collect();
                let call = format!("{} {}", function.name, args.join(" "));
                let template = if is_block {
                    format!("{{{{#{call}}}}}x{{{{/{}}}}}", function.name)
                } else {
                    format!("{{{{{call}}}}}")
                };
                assert!(!one(&template).starts_with('!'), "{template}: {}", one(&template));
            }
        }
    }
}

#[test]
fn what_a_helper_can_make_nothing_of_gives_nothing() {
    for template in [
        "{{date \"soon\"}}",
        "{{date when \"%!\"}}",
        "{{date user}}",
        "{{upper user}}",
        "{{add title 1}}",
        "{{add nope 1}}",
        "{{div 1 0}}",
        "{{mod 1 0}}",
        "{{round \"1x\"}}",
        "{{find user \"a\" 1}}",
        "{{truncate nope 1}}",
        "{{join (split nope \",\")}}",
        "{{random 2 1}}",
        "{{mul 1e308 10}}",
    ] {
        assert_eq!(one(template), "", "{template}");
    }
}

/// A call, and what it gives: the one rule of comparison.
const COMPARED: &[(&str, &str)] = &[
    ("eq num id", "true"),
    ("eq id \"007\"", "false"),
    ("eq num \"007\"", "false"),
    ("eq num \"7.0\"", "true"),
    ("eq num \"+7\"", "false"),
    ("eq num \" 7\"", "false"),
    ("eq num \"0x7\"", "false"),
    ("eq id \"7.0\"", "false"),
    ("eq 9007199254740993 9007199254740992", "false"),
    ("eq nope nada", "true"),
    ("eq nope \"\"", "false"),
    ("eq true \"true\"", "true"),
    ("ne num id", "false"),
    ("lt \"9\" \"10\"", "true"),
    ("lt \"9\" \"1a\"", "false"),
    ("lt nope 1", "false"),
    ("ge \"b\" \"a\"", "true"),
    ("contains list \"2\"", "true"),
    ("contains list \"02\"", "false"),
    ("contains title \"&\"", "true"),
    ("contains map \"z\"", "true"),
    ("len (where posts \"n\" \"1\")", "1"),
    ("len (where posts \"n\" \"01\")", "0"),
    ("lookup (find posts \"n\" \"2\") \"slug\"", "b"),
    ("join (sort mixed)", "-1, 9, 10, 10.5, 1a, a, b, "),
    ("join (sort mixed \"-\")", "10.5, 10, 9, -1, b, a, 1a, "),
    ("join (sort mixed desc=true)", "10.5, 10, 9, -1, b, a, 1a, "),
    ("lookup (lookup (sort posts \"-date\") 0) \"slug\"", "b"),
    ("lookup (lookup (sort posts \"-draft\") 1) \"slug\"", "a"),
    ("len (group mixed \"\")", "8"),
];

#[test]
fn values_are_compared_by_one_rule() {
    for (call, expected) in COMPARED {
        let files = [("page.txt.hbs", &*format!("{{{{{call}}}}}"))];
        let mut context = context();
        context["mixed"] = json!(["10", 9, "1a", null, "b", 10.5, "-1", "a"]);
        let found = render(&files, "page.txt.hbs", &context).unwrap();
        assert_eq!(&found, expected, "{call}");
    }
}

#[test]
fn an_error_names_the_partial_that_it_is_in() {
    let files = [
        ("page.html.hbs", "{{#*inline \"x\"}}\n{{upper names.x}}{{/inline}}\n{{> p}}"),
        ("p.html.hbs", "{{> x}}"),
    ];
    let bounds = Bounds { bytes: 1, ..Bounds::default() };
    let error = outcome(&files, bounds).unwrap_err();
    assert!(error.place.starts_with("page.html.hbs:2:"), "{error}");
    let files = [("page.html.hbs", "{{> r}}"), ("r.html.hbs", "\n  {{upper names.x}}")];
    let bounds = Bounds { bytes: 3, ..Bounds::default() };
    let error = outcome(&files, bounds).unwrap_err();
    assert_eq!(error.to_string(), "r.html.hbs:2:3: it prints more than 3 bytes");
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
        wrong: None,
    };
    let files = files.iter().map(file).collect();
    let set = TemplateSet::compile(files, &Clock::system());
    assert_eq!(super::broken(&set), Report::default());
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
    assert!(outcome(&[("page.html.hbs", loops)], bounds).unwrap_err().out_of_time);
    let bounds = Bounds { bytes: 1, ..Bounds::default() };
    assert!(!outcome(&[("page.html.hbs", "{{len many}}")], bounds).unwrap_err().out_of_time);
}

/// A page of these files, rendered on a thread with the stack that the program's have.
fn deep(files: &[(&str, &str)], context: &Value) -> (String, bool) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
        let render = || {
            on_deep_stack();
            (render(files, "page.html.hbs", context).unwrap(), was_cut())
        };
        thread.spawn_scoped(scope, render).unwrap().join().unwrap()
    })
}

#[test]
fn what_is_deeper_than_64_partials_is_left_out() {
    let item = "<{{#if below}}{{#each below}}{{> item}}{{/each}}{{/if}}>";
    let by_name = item.replace("> item", "> (lookup @root.names \"x\")");
    for item in [item, &by_name] {
        let files = [("page.html.hbs", "{{> item}}"), ("item.html.hbs", item)];
        for (levels, cut) in [(1, false), (63, false), (64, true), (200, true)] {
            let mut context = json!({});
            for _ in 1..levels {
                context = json!({"below": [context]});
            }
            context["names"] = json!({"x": "item"});
            let shown = levels.min(63);
            let expected = ("<".repeat(shown) + &">".repeat(shown), cut);
            assert_eq!(deep(&files, &context), expected, "{levels} levels");
        }
    }
}

#[test]
fn a_partial_without_end_that_is_chosen_at_run_time_ends() {
    let files = [
        ("page.html.hbs", "{{> (lookup this \"name\")}}"),
        ("loop.html.hbs", "x{{> (lookup this \"name\")}}"),
    ];
    let (text, cut) = deep(&files, &json!({"name": "loop"}));
    assert_eq!((text, cut), ("x".repeat(63), true));
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
            // What a thread of the runtime has.
            let found = std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(2 << 20);
                let render = || (bounded(&files, Bounds::default()), was_cut());
                thread.spawn_scoped(scope, render).unwrap().join().unwrap()
            });
            assert_eq!(found, ("0 bytes".to_owned(), true), "{text}");
        }
    }
}

#[test]
fn partials_are_indented_and_found_as_handlebars_does() {
    for (page, expected) in [
        ("<a>\n  {{> two}}\n</a>", "<a>\n  1\n  2\n</a>"),
        ("<pre>{{> two}}</pre>", "<pre>1\n2\n</pre>"),
        ("<b>\n  <i>{{> two}}</i>", "<b>\n  <i>1\n2\n</i>"),
        ("\tx {{> two}} y", "\tx 1\n2\n y"),
        ("a {{~> two ~}} b", "a1\n2\nb"),
        ("{{> late}}{{#*inline \"late\"}}late{{/inline}}", "late"),
        ("{{#each list}}{{> it}}{{#*inline \"it\"}}{{this}};{{/inline}}{{/each}}", "1;2;3;"),
        ("{{> shell}}|{{#> shell}}in{{/shell}}", "<>|<in>"),
        ("{{> fallback}}|{{#> fallback}}in{{/fallback}}", "<none>|<in>"),
    ] {
        let files = [
            ("page.html.hbs", page),
            ("two.html.hbs", "1\n2\n"),
            ("shell.html.hbs", "<{{> @partial-block}}>"),
            ("fallback.html.hbs", "<{{#> @partial-block}}none{{/@partial-block}}>"),
        ];
        assert_eq!(render(&files, "page.html.hbs", &context()).unwrap(), expected, "{page}");
    }
}

#[test]
fn a_name_means_what_it_means_in_the_template_that_it_stands_in() {
    for (page, expected) in [
        ("{{> list title=\"Both\" items=posts}}", "Both: Bee Ay "),
        ("{{#each posts as |title|}}{{> list items=this.none title=\"x\"}}{{/each}}", "x: x: "),
        ("{{#each posts as |slug|}}{{> slug}}{{slug.slug}} {{/each}}", "bb aa "),
        ("{{> thread comment=root}}", "<1<2<3>><4>>"),
        ("{{> tree children=tree}}", "<a<b<c>><d>>"),
        ("{{#each posts as |date|}}{{date.n}}{{this.date}} {{/each}}", "22026-02-01 12026-01-01 "),
        ("{{#with user as |u|}}{{> tags list=u.tags}}{{/with}}", "x y 2"),
        ("{{#each posts as |user|}}{{../user.name}}{{./n}} {{/each}}", "Ada2 Ada1 "),
    ] {
        let files = [
            ("page.html.hbs", page),
            ("list.html.hbs", "{{title}}: {{#each items}}{{title}} {{/each}}"),
            ("slug.html.hbs", "{{slug}}"),
            (
                "thread.html.hbs",
                "<{{comment.n}}{{#each comment.replies as |c|}}{{> thread comment=c}}{{/each}}>",
            ),
            ("tree.html.hbs", "{{#each children}}<{{name}}{{> tree}}>{{/each}}"),
            ("tags.html.hbs", "{{#each list}}{{this}} {{/each}}{{len list}}"),
        ];
        let mut context = context();
        context["root"] = json!({"n": 1, "replies": [{"n": 2, "replies": [{"n": 3}]}, {"n": 4}]});
        context["tree"] = json!([{"name": "a", "children": [
            {"name": "b", "children": [{"name": "c"}]}, {"name": "d"}
        ]}]);
        assert_eq!(render(&files, "page.html.hbs", &context).unwrap(), expected, "{page}");
    }
}

#[test]
fn markdown_has_ids_tasks_tables_and_links() {
    for (text, trusted, untrusted) in [
        (
            "# Plum's *best*, 2026\n# Plums best 2026",
            "<h1 id=\"plums-best-2026\">Plum's <em>best</em>, 2026</h1>\n\
             <h1 id=\"plums-best-2026-1\">Plums best 2026</h1>\n",
            "<h1>Plum's <em>best</em>, 2026</h1>\n<h1>Plums best 2026</h1>\n",
        ),
        (
            "see https://a.b/c_d_(e)?f&g. `http://x`",
            "<p>see <a href=\"https://a.b/c_d_(e)?f&amp;g\">https://a.b/c_d_(e)?f&amp;g</a>. \
             <code>http://x</code></p>\n",
            "<p>see <a href=\"https://a.b/c_d_(e)?f&amp;g\">https://a.b/c_d_(e)?f&amp;g</a>. \
             <code>http://x</code></p>\n",
        ),
        (
            "a[^x]\n\n[^x]: b",
            "<p>a<sup class=\"footnote-reference\"><a href=\"#x\">1</a></sup></p>\n\
             <div class=\"footnote-definition\" id=\"x\">\
             <sup class=\"footnote-definition-label\">1</sup>\n<p>b</p>\n</div>\n",
            "<p>a<a href=\"b\">^x</a></p>\n",
        ),
        (
            "<a href=\"/x\">http://a.b</a> (http://c.d)",
            "<p><a href=\"/x\">http://a.b</a> (<a href=\"http://c.d\">http://c.d</a>)</p>\n",
            "<p>&lt;a href=\"/x\"&gt;<a href=\"http://a.b\">http://a.b</a>&lt;/a&gt; \
             (<a href=\"http://c.d\">http://c.d</a>)</p>\n",
        ),
    ] {
        let context = json!({ "text": text });
        for (call, expected) in
            [("{{markdown text}}", trusted), ("{{markdown text untrusted=true}}", untrusted)]
        {
            let found = render(&[("page.html.hbs", call)], "page.html.hbs", &context).unwrap();
            assert_eq!(found, expected, "{call} {text}");
        }
    }
    assert!(one("{{markdown \"- [x] a\"}}").contains("type=\"checkbox\""));
}
