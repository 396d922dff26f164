use super::{id, lines, set_of, try_set};

/// What is said of the page `page.html.hbs` beside some partials.
fn check(template: &str) -> Vec<String> {
    let set = set_of(&[
        ("page.html.hbs", template),
        ("partials/nav.html.hbs", "nav"),
        ("feed.xml.hbs", "feed"),
        ("loop.html.hbs", "{{> loop2}}"),
        ("loop2.html.hbs", "{{> loop}}"),
        ("tree.html.hbs", "{{#each below}}{{> tree2}}{{/each}}"),
        ("tree2.html.hbs", "{{> tree}}"),
        ("defines.html.hbs", "{{#*inline \"defined\"}}{{/inline}}{{> defined}}"),
        ("wrap.html.hbs", "{{> slot}}{{> @partial-block}}{{#if x}}{{> slot}}{{/if}}"),
        ("unused.html.hbs", "{{nope 1}}{{> nope}}"),
    ]);
    let report = set.check(id(&set, "page.html.hbs"), None);
    lines(&report).iter().map(|line| line.replace("templates/page.html.hbs:", "")).collect()
}

/// A template, and what is said of what it calls.
const CALLS: &[(&str, &str)] = &[
    (
        "{{uper x}}",
        "1:3: error[unknown_helper]: there is no helper `uper` \
        (help: did you mean `upper`?)",
    ),
    ("{{#if (exists x)}}{{/if}}", "1:8: error[unknown_helper]: there is no helper `exists`"),
    (
        "{{#posts}}{{/posts}}",
        "1:4: error[unknown_helper]: there is no helper `posts` (help: \
        for a variable write `{{#if posts}}`, `{{#with posts}}` or `{{#each posts}}`)",
    ),
    (
        "{{upper(a)}}",
        "1:9: error[unknown_helper]: there is no helper `a` \
        (help: a variable stands without parentheses: `a`)",
    ),
    ("{{a[0]}}", "1:3: error[unknown_helper]: there is no helper `a` (help: write `a.[0]`)"),
    ("{{picture \"x\"}}", "1:3: error[unknown_helper]: there is no helper `picture`"),
    (
        "{{json (asset (lower \"X\"))}}",
        "1:9: error[template_syntax]: `asset` takes the name of a file, not one that is computed \
        (help: write its name in quotes, as it stands below a directory that a `dir` route \
        serves: `{{asset \"site.css\"}}`)",
    ),
    (
        "{{date a \"rfc3339\"}}",
        "1:10: warning[bad_date]: the format `rfc3339` has no `%`, and is printed as it stands \
        (help: a format has the parts of a date behind `%`: `\"%d.%m.%Y\"`; RFC 3339 is \
        `\"%Y-%m-%dT%H:%M:%S%:z\"`)",
    ),
    (
        "{{date a '%Y-%Ö'}}",
        "1:10: warning[bad_date]: the format `%Y-%Ö` is no strftime format \
        (help: a format has the parts of a date behind `%`: `\"%d.%m.%Y\"`; RFC 3339 is \
        `\"%Y-%m-%dT%H:%M:%S%:z\"`)",
    ),
    (
        "{{upper (date)}}",
        "1:10: error[template_syntax]: `date` takes 1 to 2 arguments, not 0 \
        (help: a variable stands without parentheses: `date`)",
    ),
    (
        "{{#if a b}}{{/if}}",
        "1:4: error[template_syntax]: `if` takes one argument, not 2 \
        (help: write `{{#if value}}…{{/if}}`)",
    ),
    (
        "{{#upper a}}{{/upper}}",
        "1:4: error[template_syntax]: `upper` is no block \
        (help: as a condition: `{{#if (upper …)}}…{{/if}}`)",
    ),
    (
        "{{if a}}",
        "1:3: error[template_syntax]: `if` is a block and gives no value \
        (help: write `{{#if value}}…{{/if}}`)",
    ),
    (
        "{{sort a up=true}}",
        "1:3: error[template_syntax]: `sort` has no argument `up` \
        (help: write `{{sort list field?}}`)",
    ),
    (
        "{{> partials/nva}}",
        "1:5: error[unknown_partial]: there is no partial `partials/nva` \
        (help: did you mean `partials/nav`?)",
    ),
    (
        "{{> feed}}",
        "1:5: error[unknown_partial]: there is no partial `feed` \
        (help: `feed.xml.hbs` is of another kind than this page: write its whole name)",
    ),
    (
        "{{> ./nav.html}}",
        "1:5: error[unknown_partial]: there is no partial `./nav.html` \
        (help: it is `{{> partials/nav}}`: names begin below the templates' directory)",
    ),
    (
        "{{> quite/else}}",
        "1:5: error[unknown_partial]: there is no partial `quite/else` \
        (help: a partial is a file like `quite/else.html.hbs` beside the templates)",
    ),
    (
        "{{> loop}}",
        "templates/loop2.html.hbs:1:5: error[partial_cycle]: partials include \
        each other: loop.html.hbs → loop2.html.hbs → loop.html.hbs, in no `if`, `each` or `with`: \
        that would never end (calls loop2.html.hbs: templates/loop.html.hbs:1:5) \
        (help: put the call into the `{{#if …}}` or `{{#each …}}` that ends \
        it)",
    ),
    (
        "{{> page}}",
        "1:5: error[partial_cycle]: `page.html.hbs` includes itself, in no `if`, `each` or `with`: \
        that would never end (help: put the call into the `{{#if …}}` or `{{#each …}}` that ends \
        it)",
    ),
    (
        "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}",
        "1:21: error[partial_cycle]: `a` includes itself, in no `if`, `each` or `with`: \
        that would never end (help: put the call into the `{{#if …}}` or `{{#each …}}` that ends \
        it)",
    ),
    (
        "{{#*inlin \"a\"}}{{/inlin}}",
        "1:5: error[unknown_helper]: there is no decorator `inlin` \
        (help: the only one is `{{#*inline \"name\"}}…{{/inline}}`)",
    ),
    (
        "{{json @root}}",
        "1:8: error[unknown_variable]: nothing provides `@root` \
        (help: `@root` stands before a name: `@root.site`)",
    ),
    (
        "{{#if a}}{{#*inline \"in\"}}{{/inline}}{{> in}}{{/if}}{{> in}}",
        "1:57: error[unknown_partial]: `in` is not known here: it is written in place elsewhere \
        (known in the block that this is in, and in what is called there: 1:14) \
        (help: write it in this file, outside of any block, or in a file of its own)",
    ),
    (
        "{{> defines}}{{> defined}}",
        "1:18: error[unknown_partial]: `defined` is not known here: it is written in place \
        elsewhere (known in the block that this is in, and in what is called there: \
        templates/defines.html.hbs:1:5) \
        (help: write it in this file, outside of any block, or in a file of its own)",
    ),
    (
        "{{#if a}}{{> @partial-block}}{{/if}}",
        "1:14: error[unknown_partial]: `@partial-block` is what a partial's caller gives it, and \
        this is a page (help: it stands in a partial that is called as `{{#> name}}…{{/name}}`; \
        the page in a layout is `{{{content}}}`)",
    ),
    (
        "{{> partials/nav a b}}",
        "1:5: error[template_syntax]: a partial takes one context \
        (help: name further arguments: `{{> card post wide=true}}`)",
    ),
];

#[test]
fn what_a_page_calls_must_be_there() {
    for (template, expected) in CALLS {
        assert_eq!(check(template), [*expected], "{template}");
    }
}

#[test]
fn what_is_there_is_fine_and_other_files_do_not_matter() {
    for template in [
        "{{> partials/nav}}{{> partials/nav.html}}{{> partials/nav.html.hbs}}{{> feed.xml}}",
        "{{#> missing}}fallback{{/missing}}{{#*inline \"row\"}}{{/inline}}{{> row}}",
        "{{#*inline \"l\"}}{{/inline}}{{#> wrap}}{{#*inline \"slot\"}}{{> l}}{{/inline}}{{/wrap}}",
        "{{#if a}}{{> in}}{{#each b}}{{> in}}{{/each}}{{#*inline \"in\"}}{{/inline}}{{/if}}",
        "{{#each a}}{{@index}}{{@key}}{{@first}}{{@last}}{{@../index}}{{/each}}",
        "{{date}}{{group}}{{upper date}}{{> tree}}{{date a \"%Y-%m-%dT%H:%M:%S%:z\"}}{{date a b}}",
        "{{#*inline \"a\"}}{{#if b}}{{> a}}{{/if}}{{/inline}}{{> a}}",
        "{{now}}{{#if (and a b c)}}{{/if}}{{#eq a b}}{{else}}{{/eq}}{{> 'partials/nav'}}",
    ] {
        assert_eq!(check(template), Vec::<String>::new(), "{template}");
    }
}

/// A template, and what is said of it.
const UNPARSED: &[(&str, &str)] = &[
    (
        "a {{",
        "1:3: `{{` is never closed (help: end it with `}}`; write `\\{{` for braces that \
        are text)",
    ),
    ("{{#if a}}\nb", "1:1: the block of `if` is never closed (help: close it with `{{/if}}`)"),
    (
        "{{#if a}}\n{{/each}}",
        "2:1: `{{/each}}` closes a block of `if` \
        (opened here: 1:1) (help: close it with `{{/if}}` first)",
    ),
    (
        "{{#each a}}{{#if b}}{{/each}}{{/if}}",
        "1:21: `{{/each}}` closes a block of `if` \
        (opened here: 1:12) (help: close it with `{{/if}}` first)",
    ),
    ("x {{/if}}", "1:3: `{{/if}}` closes nothing"),
    ("{{else}}", "1:1: `else` stands outside of any block"),
    ("{{}}", "1:1: there is nothing between the braces"),
    (
        "{{ name | upper }}",
        "1:1: `|` is no operator of templates \
        (help: helpers come first: `{{upper name}}`)",
    ),
    (
        "{{#if a == 1}}{{/if}}",
        "1:1: `==` is no operator of templates \
        (help: helpers come first: `(eq a b)`)",
    ),
    (
        "{{#if (a && b)}}{{/if}}",
        "1:1: `&&` is no operator of templates \
        (help: helpers come first: `(and a b)`)",
    ),
    (
        "{{#if !a}}{{/if}}",
        "1:1: `!` is no operator of templates \
        (help: helpers come first: `(not a)`)",
    ),
    ("{{upper \"a}}", "1:1: a quote is never closed"),
    ("{{#if (eq a b}}{{/if}}", "1:1: a parenthesis is never closed"),
    (
        "{{#if a}} {{elsewhere}}{{/if}}",
        "1:11: `{{elsewhere}}` is read as `else`, and a block `where` \
        (help: a variable whose name begins so is `{{this.elsewhere}}`)",
    ),
    (
        "{{#if a}}{{elseif a}}{{/if}}",
        "1:10: `{{elseif a}}` is read as `else`, and a block `if a` (help: write `{{else if a}}`)",
    ),
    (
        "{{> \"blog/sidebar\" x}}",
        "1:1: a partial's name stands without quotes (help: write `{{> blog/sidebar x}}`)",
    ),
    (
        "{{x.a[0]}}",
        "1:1: `x.a[` is no path \
        (help: write `x.a.[0]` or `x.a.[a b]`; `lookup` for a computed key)",
    ),
    (
        "{{\"a\"}}",
        "1:1: a text alone is nothing to print \
        (help: write the text itself, without braces)",
    ),
    (
        "{{#user.posts}}{{/user.posts}}",
        "1:1: `user.posts` is no block helper (help: write \
        `{{#each user.posts}}`, `{{#with user.posts}}` or `{{#if user.posts}}`)",
    ),
    (
        "{{user.name 1}}",
        "1:1: `user.name` is a path and takes no arguments \
        (help: the helper comes first: `{{upper user.name}}`)",
    ),
    ("{{^a}}{{/a}}", "1:1: `{{^x}}` is not known here (help: write `{{#unless x}}…{{/unless}}`)"),
    ("{{json .}}", "1:1: `.` alone is no path (help: the current value is `this`)"),
    (
        "{{#each a as |v, i|}}{{/each}}",
        "1:1: a comma stands between names \
        (help: write `as |value key|`, without a comma)",
    ),
    (
        "\n{{ü}} {{a#b}}",
        "2:7: `{{a#b}}` is nothing that a template can hold (help: write \
        `{{name}}`, `{{helper name}}` or `{{#block name}}…{{/block}}`; `\\{{` for braces that \
        are text)",
    ),
];

#[test]
fn what_does_not_parse_is_told_in_words() {
    for (template, expected) in UNPARSED {
        let (set, report) = try_set(&[("page.html.hbs", template)]);
        let found: Vec<_> = lines(&report)
            .iter()
            .map(|line| {
                line.replace("templates/page.html.hbs:", "").replace("error[template_syntax]: ", "")
            })
            .collect();
        assert_eq!(found, [*expected], "{template}");
        assert!(set.find("page.html.hbs").is_some(), "it is there, if broken");
    }
}

#[test]
fn all_files_that_do_not_parse_are_told_at_once() {
    let (_, report) =
        try_set(&[("a.html.hbs", "{{"), ("b.html.hbs", "ok"), ("c.html.hbs", "{{/x}}")]);
    assert_eq!(lines(&report).len(), 2);
}

#[test]
fn nesting_without_end_is_refused_before_the_parser_runs() {
    let blocks: String = "{{#if a}}".repeat(100_000);
    let parentheses = format!("{{{{upper {}a{}}}}}", "(upper ".repeat(50_000), ")".repeat(50_000));
    for text in [blocks, parentheses] {
        let (_, report) = try_set(&[("a.html.hbs", &text)]);
        assert!(lines(&report)[0].contains("are inside each other more than"), "{report:?}");
    }
}

#[test]
fn a_long_template_takes_bounded_time() {
    let start = std::time::Instant::now();
    let bytes = 1 << 17;
    for part in ["{{[}}", "{{a}}", "{{a", "{{#", "}}", "\u{fc}{{\"", "{{!--", "\\{{"] {
        let text = part.repeat(bytes / part.len());
        let (set, _) = try_set(&[("a.html.hbs", &text)]);
        assert!(set.find("a.html.hbs").is_some());
    }
    let line = "\u{fc} {{a.b}} ".repeat(1_000);
    assert_eq!(lines(&try_set(&[("a.html.hbs", &line)]).1), Vec::<String>::new());
    assert!(start.elapsed().as_secs() < 30, "took {:?}", start.elapsed());
}

#[test]
fn a_set_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<crate::site::template::TemplateSet>();
    shared::<crate::site::template::JsonTemplate>();
}
