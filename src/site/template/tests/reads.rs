use serde_json::json;

use super::{described, id, reads_of, set_of};
use crate::site::template::Tree;

const PARTIALS: &[(&str, &str)] = &[
    ("name.html.hbs", "{{name}}"),
    ("up.html.hbs", "{{../name}}"),
    ("card.html.hbs", "{{title}}{{#if wide}}w{{/if}}"),
    ("wrap.html.hbs", "<{{kind}}>{{> @partial-block}}"),
    ("whole.html.hbs", "{{json this}}"),
    ("leak.html.hbs", "{{p.x}}"),
    ("outer.html.hbs", "{{> card wide=flag}}"),
];

fn one(template: &str) -> Vec<String> {
    let mut files = PARTIALS.to_vec();
    files.push(("page.html.hbs", template));
    reads_of(&files, "page.html.hbs")
}

/// A template, and what it may read.
const READS: &[(&str, &[&str])] = &[
    ("text {{! {{x}} }} \\{{y}} {{{{raw}}}}{{z}}{{{{/raw}}}}", &[]),
    ("{{a}} {{b.c}} {{b.[d e]}}", &["a", "b.c", "b.d e"]),
    ("{{this.a}}{{./b}}{{@root.c}}{{../d}}", &["a", "b", "c", "d"]),
    ("{{a}}{{a}}", &["a"]),
    (
        "{{#if a}}{{b}}{{else if c}}{{d}}{{else}}{{e}}{{/if}}",
        &["a test optional", "b", "c test optional", "d", "e"],
    ),
    ("{{#unless a.b}}{{/unless}}", &["a.b test optional"]),
    (
        "{{#each posts}}{{title}}{{@index}}{{@key}}{{else}}{{none}}{{/each}}",
        &["none", "posts keys", "posts.*.title"],
    ),
    ("{{#each posts}}{{this}}{{../x}}{{@root.y}}{{/each}}", &["posts keys", "posts.*", "x", "y"]),
    (
        "{{#each posts as |p i|}}{{p.title}}{{i}}{{title}}{{/each}}",
        &["posts keys", "posts.*.title"],
    ),
    (
        "{{#each a}}{{#each b}}{{c}}{{../d}}{{../../e}}{{@../index}}{{/each}}{{/each}}",
        &["a keys", "a.*.b keys", "a.*.b.*.c", "a.*.d", "e"],
    ),
    (
        "{{#each a}}{{../../b}}{{#with c}}{{../../d}}{{/with}}{{/each}}",
        &["a keys", "a.*.b", "a.*.c test optional", "d"],
    ),
    ("{{#if a}}{{../b}}{{/if}}", &["a test optional", "b"]),
    ("{{#with a}}{{b}}{{../c}}{{else}}{{d}}{{/with}}", &["a test optional", "a.b", "c", "d"]),
    ("{{#with a as |x|}}{{x.b}}{{../x.c}}{{/with}}", &["a test optional", "a.b", "x.c"]),
    ("{{now}}{{len}}", &["len"]),
    ("{{this.now}}{{len a}}", &["a keys", "now"]),
    ("{{upper a.b}}{{json c}}", &["a.b.**", "c.**"]),
    ("{{json this}}", &["**"]),
    ("{{eq (upper a) b}}", &["a.**", "b.** optional"]),
    ("{{#each this}}{{x}}{{/each}}", &[" keys", "*.x"]),
    ("{{lookup query \"q\"}}", &["query touch", "query.q optional"]),
    ("{{lookup query k}}", &["k", "query keys", "query.* optional"]),
    ("{{#each (lookup a k)}}{{b}}{{/each}}", &["a keys", "a.* keys optional", "a.*.*.b", "k"]),
    (
        "{{default a \"x\"}}{{default b c}}",
        &["a optional", "a test optional", "b optional", "b test optional", "c"],
    ),
    (
        "{{#with (find posts \"slug\" params.slug)}}{{title}}{{/with}}",
        &[
            "params.slug.**",
            "posts keys",
            "posts.* test",
            "posts.*.slug.** optional",
            "posts.*.title",
        ],
    ),
    (
        "{{#each (slice (sort posts \"date\") 0 5)}}{{title}}{{/each}}",
        &["posts keys", "posts.*.date.** optional", "posts.*.title"],
    ),
    (
        "{{#each (where posts \"tag\" query.tag)}}{{title}}{{/each}}",
        &["posts keys", "posts.*.tag.** optional", "posts.*.title", "query.tag.**"],
    ),
    ("{{slice a 1}}", &["a keys", "a.*"]),
    ("{{> name}}{{> name user}}", &["name", "user.name"]),
    ("{{#each a}}{{> name}}{{> name ../b}}{{/each}}", &["a keys", "a.*.name", "b.name"]),
    ("{{#each a}}{{> up}}{{/each}}", &["a keys", "a.*.name"]),
    ("{{> card post wide=query.w}}", &["post.title", "query.w test optional", "query.w touch"]),
    ("{{> card title=x}}", &["wide test optional", "x"]),
    ("{{> outer}}", &["flag test optional", "flag touch", "title"]),
    ("{{> name unused=x}}", &["name", "x touch"]),
    ("{{> whole user k=x}}", &["user.**", "x.**"]),
    ("{{#each a as |p|}}{{> leak b}}{{/each}}", &["a keys", "a.*.b.p.x"]),
    ("{{#> wrap user}}{{inner}}{{/wrap}}", &["user.inner", "user.kind"]),
    ("{{#> nope user}}{{inner}}{{/nope}}", &["user.inner"]),
    (
        "{{#*inline \"row\"}}{{cell}}{{../z}}{{/inline}}{{#each a}}{{> row}}{{/each}}",
        &["a keys", "a.*.cell", "a.*.z"],
    ),
    (
        "{{#each a}}{{> row}}{{#*inline \"row\"}}{{cell}}{{/inline}}{{/each}}",
        &["a keys", "a.*.cell"],
    ),
    ("{{> (lookup this \"kind\")}}", &["**"]),
    ("{{#eq a 1}}{{b}}{{else}}{{c}}{{/eq}}", &["a.** optional", "b", "c"]),
    ("{{(lookup a \"b\")}}", &["a touch", "a.b optional"]),
];

#[test]
fn the_walk_finds_what_a_template_may_read() {
    for (template, expected) in READS {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let found: Vec<_> = one(template);
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn a_read_says_where_it_is_and_through_which_partials() {
    let files = [
        ("page.html.hbs", "<h1>\n  {{> a title=query.t}}"),
        ("a.html.hbs", "{{#if x}}\n{{else if  (eq query.q 1) }}{{> b}}{{/if}}"),
        ("b.html.hbs", "{{{ query.z }}}"),
    ];
    let set = set_of(&files);
    let reads = set.reads(id(&set, "page.html.hbs"), None);
    let place = |path: &str| {
        let read = reads
            .list
            .iter()
            .find(|read| read.path.iter().any(|step| format!("{step:?}").contains(path)));
        let read = read.unwrap();
        let via: Vec<_> = read.via.iter().map(ToString::to_string).collect();
        format!("{} via {}", read.place, via.join(", "))
    };
    assert_eq!(place("\"t\""), "templates/page.html.hbs:2:15 via ");
    assert_eq!(place("\"q\""), "templates/a.html.hbs:2:16 via templates/page.html.hbs:2:7");
    assert_eq!(
        place("\"z\""),
        "templates/b.html.hbs:1:5 via templates/page.html.hbs:2:7, templates/a.html.hbs:2:33"
    );
}

#[test]
fn a_layout_reads_too_but_for_the_page_itself() {
    let files = [
        ("page.html.hbs", "{{a}}"),
        (
            "base.html.hbs",
            "{{site.title}}{{{content}}}{{#each nav}}{{@root.content}}{{url}}{{/each}}",
        ),
    ];
    let set = set_of(&files);
    let reads = set.reads(id(&set, "page.html.hbs"), Some(id(&set, "base.html.hbs")));
    assert_eq!(described(&reads), ["a", "nav keys", "nav.*.url", "site.title"]);
    let names: Vec<_> = reads.templates.iter().map(String::as_str).collect();
    assert_eq!(names, ["base.html.hbs", "page.html.hbs"]);
}

#[test]
fn the_digest_follows_the_texts_that_take_part_and_no_others() {
    let digest = |partial: &str, other: &str| {
        let files =
            [("page.html.hbs", "{{> p}}"), ("p.html.hbs", partial), ("other.html.hbs", other)];
        let set = set_of(&files);
        set.reads(id(&set, "page.html.hbs"), None).digest
    };
    assert_eq!(digest("a", "b"), digest("a", "c"));
    assert_ne!(digest("a", "b"), digest("A", "b"));
}

/// A page with the partials `item` and `other`; some of what it may read, and what it does not.
type Loop = ([&'static str; 3], &'static [&'static str], &'static [&'static str]);

const LOOPS: &[Loop] = &[
    (["{{> item}}", "{{> page}}{{> item}}{{x}}", ""], &["x"], &["**"]),
    (
        [
            "{{> item pages=menu}}",
            "{{#each pages}}{{title}}{{#if pages}}{{> item}}{{/if}}{{/each}}",
            "",
        ],
        &["menu keys", "menu.*.title", "menu.*.pages keys", "menu.*.pages.*.title"],
        &["**", "menu.**", "menu.*.**"],
    ),
    (
        [
            "{{> item}}",
            "{{a}}{{#with b}}{{> other}}{{/with}}",
            "{{c}}{{#if e}}{{> item}}{{/if}}{{../d}}",
        ],
        &["a", "b.c", "b.a", "b.b.c", "b.d"],
        &["**", "b.**"],
    ),
    (
        ["{{> item n=1}}", "{{n}}{{#if more}}{{> item n=2}}{{/if}}", ""],
        &["more test optional"],
        &["**"],
    ),
];

#[test]
fn partials_that_call_themselves_read_what_they_name_and_what_they_hand_on() {
    for ([page, item, other], some, none) in LOOPS {
        let files =
            [("page.html.hbs", *page), ("item.html.hbs", *item), ("other.html.hbs", *other)];
        let found = reads_of(&files, "page.html.hbs");
        let has = |read: &&&str| found.iter().any(|known| known == **read);
        assert_eq!(some.iter().find(|read| !has(read)), None, "{item} {found:?}");
        assert_eq!(none.iter().find(has), None, "{item} {found:?}");
    }
}

#[test]
fn past_the_bounds_of_the_walk_what_a_page_names_of_the_request_is_still_found() {
    let page = format!("{}{{{{headers.x}}}}{{{{this.cookies.c}}}}", "{{> p}}".repeat(2_000));
    let files = [("page.html.hbs", &*page), ("p.html.hbs", &"{{a}}".repeat(100))];
    let set = set_of(&files);
    let tree = Tree::from(&set.reads(id(&set, "page.html.hbs"), None));
    assert!(tree.is_open(), "all data is read");
    assert_eq!(tree.named("headers").names(), Some(vec!["x"]));
    assert_eq!(tree.named("cookies").names(), Some(vec!["c"]));
}

#[test]
fn a_walk_that_branches_without_end_ends() {
    let call = "{{#each l}}{{> a (default b c) x=this}}{{> b x=d y=(default x e)}}{{/each}}";
    let files = [("page.html.hbs", "{{> a}}"), ("a.html.hbs", call), ("b.html.hbs", call)];
    let start = std::time::Instant::now();
    let reads = reads_of(&files, "page.html.hbs");
    assert!(reads.contains(&"**".to_owned()) || reads.len() < 10_000);
    assert!(start.elapsed().as_secs() < 30, "took {:?}", start.elapsed());
}

#[test]
fn pruning_keeps_what_may_be_read_and_is_canonical() {
    let context = json!({
        "site": {"year": 2026, "title": "T", "secret": "s"},
        "user": {"name": "Ada", "mail": "x"},
        "posts": [{"title": "A", "body": "…", "tags": ["x"]}, {"body": "…"}],
        "map": {"z": {"n": 1, "m": 2}, "a": {"n": 2}},
        "flag": {"on": 1},
        "other": [1, 2],
    });
    for (template, expected) in [
        ("{{site.year}}{{site.title}}", json!({"site": {"title": "T", "year": 2026}})),
        ("{{#if flag}}{{/if}}", json!({"flag": {"": null}})),
        ("{{#if other}}{{/if}}", json!({"other": [null]})),
        ("{{len other}}", json!({"other": [null, null]})),
        ("{{other.[1]}}{{other.01}}", json!({"other": [null, 2]})),
        ("{{#each posts}}{{title}}{{/each}}", json!({"posts": [{"title": "A"}, {}]})),
        ("{{#each posts}}{{#if tags}}{{/if}}{{/each}}", json!({"posts": [{"tags": [null]}, {}]})),
        ("{{#each map}}{{n}}{{/each}}", json!({"map": {"z": {"n": 1}, "a": {"n": 2}}})),
        ("{{json user}}", json!({"user": {"name": "Ada", "mail": "x"}})),
        ("{{posts}}", json!({"posts": [{}, {}]})),
        ("nothing", json!({})),
    ] {
        let set = set_of(&[("page.html.hbs", template)]);
        let tree = Tree::from(&set.reads(id(&set, "page.html.hbs"), None));
        let pruned = tree.prune(&context);
        assert_eq!(pruned.to_string(), expected.to_string(), "{template}");
    }
}

#[test]
fn a_tree_tells_which_inputs_a_page_has() {
    let names = |template: &str, root: &str| {
        let set = set_of(&[("page.html.hbs", template), ("p.html.hbs", "{{q}}")]);
        let tree = Tree::from(&set.reads(id(&set, "page.html.hbs"), None));
        tree.sub(root).names().map(|names| names.join(" "))
    };
    assert_eq!(names("{{query.b}}{{#if query.a}}{{/if}}", "query").as_deref(), Some("a b"));
    assert_eq!(names("{{lookup query \"q\"}}", "query").as_deref(), Some("q"));
    assert_eq!(names("{{> p query}}", "query").as_deref(), Some("q"));
    assert_eq!(names("{{a}}", "query").as_deref(), Some(""));
    for all in [
        "{{json query}}",
        "{{#each query}}{{/each}}",
        "{{lookup query k}}",
        "{{json this}}",
        "{{#if query}}{{/if}}",
        "{{> (lookup this \"p\")}}",
    ] {
        assert_eq!(names(all, "query"), None, "{all}");
    }
}

#[test]
fn the_files_that_a_page_names_are_found_wherever_they_stand() {
    let files = [
        ("a.html.hbs", "{{asset \"1\"}}{{> b x=(asset \"2\")}}{{> (lookup page \"x\")}}"),
        ("b.html.hbs", "{{#if (eq (asset \"3\") page.x)}}{{else}}{{asset \"4\"}}{{/if}}"),
        (
            "c.html.hbs",
            "{{#*inline \"i\"}}{{#each (slice page.l (len (asset \"5\")))}}{{/each}}{{/inline}}",
        ),
        ("d.html.hbs", "{{#each page}}{{#> b}}{{asset \"6\"}}{{/b}}{{/each}}"),
    ];
    let set = set_of(&files);
    for (page, expected) in [("a", "1 2 3 4 5 6"), ("b", "3 4"), ("c", "5"), ("d", "3 4 6")] {
        let reads = set.reads(id(&set, &format!("{page}.html.hbs")), None);
        let named: Vec<_> = reads.assets.keys().map(String::as_str).collect();
        assert_eq!(named.join(" "), expected, "{page}");
    }
}
