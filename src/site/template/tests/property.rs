//! The walk is sound: random templates come out of a pruned context as out of the whole one.
//!
//! Names tell what is under them, so that most templates render: `s1` scalars, `m1` mappings, `l1`
//! lists. Few names, so that templates and contexts meet.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::diagnostic::{Code, Report, SourceFile};
use crate::site::template::{Bounds, TemplateFile, TemplateSet, Tree};

const SCALARS: &[&str] = &["s1", "s2", "s3"];
const MAPPINGS: &[&str] = &["m1", "m2", "m3"];
const LISTS: &[&str] = &["l1", "l2"];

/// A path that ends with one of `last`.
fn path(last: &'static [&'static str]) -> BoxedStrategy<String> {
    let start = prop_oneof![
        10 => Just(""), 3 => Just("../"), 1 => Just("../../"), 3 => Just("@root."),
        1 => Just("this."), 1 => Just("./"),
    ];
    let step = prop_oneof![
        4 => select(MAPPINGS).prop_map(ToOwned::to_owned),
        1 => (select(LISTS), 0..3_u8).prop_map(|(list, index)| format!("{list}.[{index}]")),
    ];
    let steps = prop_oneof![5 => vec(step.clone(), 0..1), 3 => vec(step, 1..3)];
    (start, steps, select(last))
        .prop_map(|(start, mut steps, last)| {
            steps.push(last.to_owned());
            format!("{start}{}", steps.join("."))
        })
        .boxed()
}

/// Scalar, mapping and list expressions, calls `depth` deep.
fn exprs(depth: u8) -> [BoxedStrategy<String>; 3] {
    let literal = prop_oneof![
        select(SCALARS).prop_map(|name| format!("\"{name}\"")),
        (0..3_u8).prop_map(|number| number.to_string()),
    ];
    let local = select(&["@index", "@key", "@first", "@../index", "this"][..]);
    let leaves = [
        {
            let local = local.prop_map(ToOwned::to_owned);
            prop_oneof![6 => path(SCALARS), 1 => literal, 1 => local].boxed()
        },
        prop_oneof![
            5 => path(MAPPINGS),
            1 => Just("this".to_owned()),
            1 => Just("../this".to_owned())
        ]
        .boxed(),
        path(LISTS),
    ];
    if depth == 0 {
        return leaves;
    }
    let [scalar, map, list] = exprs(depth - 1);
    let field = || select(&["s1", "s2", "m1.s1"][..]);
    let s = scalar.clone();
    let scalars = prop_oneof![
        (map.clone(), select(SCALARS)).prop_map(|(map, name)| format!("(lookup {map} \"{name}\")")),
        (map.clone(), s.clone()).prop_map(|(map, key)| format!("(lookup {map} {key})")),
        (s.clone(), s.clone()).prop_map(|(one, two)| format!("(default {one} {two})")),
        (s.clone(), s.clone()).prop_map(|(one, two)| format!("(eq {one} {two})")),
        (s.clone(), map.clone()).prop_map(|(one, two)| format!("(and {one} {two})")),
        s.clone().prop_map(|one| format!("(upper {one})")),
        prop_oneof![list.clone(), map.clone()].prop_map(|list| format!("(len {list})")),
        prop_oneof![list.clone(), map.clone()].prop_map(|list| format!("(json {list})")),
    ];
    let maps = prop_oneof![
        (list.clone(), field(), s.clone()).prop_map(|(l, f, s)| format!("(find {l} \"{f}\" {s})")),
        (map.clone(), select(MAPPINGS))
            .prop_map(|(map, name)| format!("(lookup {map} \"{name}\")")),
        (list.clone(), 0..2_u8).prop_map(|(list, index)| format!("(lookup {list} {index})")),
        (map.clone(), map.clone()).prop_map(|(one, two)| format!("(default {one} {two})")),
    ];
    let lists = prop_oneof![
        (list.clone(), -2..3_i8).prop_map(|(list, from)| format!("(slice {list} {from})")),
        (list.clone(), field()).prop_map(|(list, field)| format!("(sort {list} \"{field}\")")),
        (list.clone(), field(), s.clone()).prop_map(|(l, f, s)| format!("(where {l} \"{f}\" {s})")),
        (list.clone(), field()).prop_map(|(list, field)| format!("(where {list} \"{field}\")")),
        (map.clone(), select(LISTS)).prop_map(|(map, name)| format!("(lookup {map} \"{name}\")")),
        (list.clone(), list.clone()).prop_map(|(one, two)| format!("(default {one} {two})")),
    ];
    let [scalar, map, list] = leaves;
    [
        prop_oneof![3 => scalar, 2 => scalars].boxed(),
        prop_oneof![3 => map, 1 => maps].boxed(),
        prop_oneof![3 => list, 2 => lists].boxed(),
    ]
}

fn hash() -> impl Strategy<Value = String> {
    let [scalar, map, list] = exprs(1);
    let entry =
        prop_oneof![(select(SCALARS), scalar), (select(MAPPINGS), map), (select(LISTS), list),];
    vec(entry, 0..3).prop_map(|entries| {
        let mut seen = BTreeSet::new();
        let fresh = entries.into_iter().filter(|(name, _)| seen.insert(*name));
        fresh.map(|(name, value)| format!(" {name}={value}")).collect::<Vec<_>>().concat()
    })
}

/// A template that may call the partials `calls`.
fn template(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let [scalar, map, list] = exprs(2);
    let printed = scalar.clone().prop_map(|value| {
        match value.strip_prefix('(').and_then(|call| call.strip_suffix(')')) {
            Some(call) => format!("{{{{{call}}}}}"),
            None if value.starts_with(char::is_numeric) || value.starts_with('"') => value,
            None => format!("{{{{{{{value}}}}}}}"),
        }
    });
    let leaf = prop_oneof![
        1 => Just(" text\n".to_owned()),
        6 => printed,
        1 => prop_oneof![path(MAPPINGS), path(LISTS)].prop_map(|path| format!("{{{{{path}}}}}")),
        1 => prop_oneof![map.clone(), list.clone()]
            .prop_map(|value| format!("{{{{json {value}}}}}")),
        3 => partial(calls),
        1 => Just("{{#> @partial-block}}{{s1}}{{/@partial-block}}".to_owned()),
    ];
    let part = leaf.prop_recursive(3, 12, 3, move |inner| {
        let body = vec(inner, 1..4).prop_map(|parts| parts.concat()).boxed();
        let other = prop_oneof![
            2 => Just(String::new()),
            1 => body.clone().prop_map(|body| format!("{{{{else}}}}{body}")),
        ];
        let names = || (select(MAPPINGS), select(SCALARS));
        let bars = prop_oneof![
            3 => Just(String::new()),
            1 => names().prop_map(|(value, _)| format!(" as |{value}|")),
            1 => names().prop_map(|(value, key)| format!(" as |{value} {key}|")),
        ];
        let heads = prop_oneof![
            4 => list.clone().prop_map(|list| format!("each {list}")),
            1 => map.clone().prop_map(|map| format!("each {map}")),
            3 => map.clone().prop_map(|map| format!("with {map}")),
            2 => prop_oneof![scalar.clone(), map.clone(), list.clone()]
                .prop_map(|v| format!("if {v}")),
            1 => scalar.clone().prop_map(|value| format!("unless {value}")),
        ];
        let blocks = (heads, bars, body.clone(), other).prop_map(|(head, bars, body, other)| {
            let name = head.split(' ').next().unwrap_or_default();
            format!("{{{{#{head}{bars}}}}}{body}{other}{{{{/{name}}}}}")
        });
        let bodies = (body.clone(), body.clone(), body.clone());
        let chain = (scalar.clone(), list.clone(), bodies.0, bodies.1, bodies.2).prop_map(
            |(one, two, a, b, c)| {
                format!("{{{{#if {one}}}}}{a}{{{{else each {two}}}}}{b}{{{{else}}}}{c}{{{{/if}}}}")
            },
        );
        let inline = (select(calls), body.clone())
            .prop_map(|(name, body)| format!("{{{{#*inline \"{name}\"}}}}{body}{{{{/inline}}}}"));
        let called = (select(calls), hash(), body)
            .prop_map(|(name, hash, body)| format!("{{{{#> {name}{hash}}}}}{body}{{{{/{name}}}}}"));
        prop_oneof![8 => blocks, 1 => chain, 1 => inline, 2 => called]
    });
    vec(part, 1..4).prop_map(|parts| parts.concat())
}

fn partial(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let [_, map, list] = exprs(1);
    let context = prop_oneof![
        3 => Just(String::new()),
        3 => map.prop_map(|map| format!(" {map}")),
        1 => list.prop_map(|list| format!(" {list}")),
    ];
    (select(calls), context, hash())
        .prop_map(|(name, context, hash)| format!("{{{{> {name}{context}{hash}}}}}"))
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (0..3_i64).prop_map(Value::from),
        4 => select(&["s1", "s2", "", "x<y", "1"][..]).prop_map(Value::from),
    ]
}

/// A mapping with others down to `depth`.
fn mapping(depth: u8) -> BoxedStrategy<Value> {
    let scalars = vec((select(SCALARS), scalar()), 0..4).boxed();
    let fields = if depth == 0 {
        scalars
    } else {
        let item = prop_oneof![6 => mapping(depth - 1), 1 => scalar()];
        let maps = vec((select(MAPPINGS), mapping(depth - 1)), 0..4);
        let lists = vec((select(LISTS), vec(item, 0..4).prop_map(Value::Array)), 0..3);
        (scalars, maps, lists)
            .prop_map(|(one, two, three)| [one, two, three].concat())
            .prop_shuffle()
            .boxed()
    };
    fields
        .prop_map(|fields| {
            let named = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            Value::Object(named.collect::<Map<_, _>>())
        })
        .boxed()
}

fn context() -> impl Strategy<Value = Value> {
    mapping(3)
}

fn files() -> impl Strategy<Value = [String; 5]> {
    [
        template(&["p", "q", "i"]),
        template(&["q", "i"]),
        template(&["i"]),
        template(&["q", "i"]),
        template(&["j"]),
    ]
}

/// Files of which two call themselves and each other, inside of blocks.
fn looping_files() -> impl Strategy<Value = [String; 5]> {
    let blocks = &["if s1", "each l1", "each m1", "with m1", "with ../m1", "each l1 as |s1|"][..];
    let within = move |calls: &'static [&'static str]| {
        (select(blocks), template(calls)).prop_map(|(head, body)| {
            let name = head.split(' ').next().unwrap_or_default();
            format!("{{{{#{head}}}}}{body}{{{{/{name}}}}}")
        })
    };
    let page = template(&["p", "q"]);
    (page, within(&["p", "q", "i"]), within(&["p", "i"]), template(&["q"]), template(&["j"]))
        .prop_map(|(page, p, q, layout, i)| [page, p, q, layout, i])
}

fn compiled(files: &[String; 5]) -> Option<TemplateSet> {
    let [page, p, q, layout, i] = files;
    let layout = format!("{layout}{{{{{{content}}}}}}");
    let (set, report) = try_set(&[
        ("page.html.hbs", page),
        ("p.html.hbs", p),
        ("q.html.hbs", q),
        ("i.html.hbs", i),
        (
            "j.html.hbs",
            "{{s1}}{{json m1}}{{#each l1}}{{s2}}{{/each}}{{#> @partial-block}}-{{/@partial-block}}",
        ),
        ("layout.html.hbs", &layout),
    ]);
    let (page, layout) = (set.find("page.html.hbs")?, set.find("layout.html.hbs"));
    // What goes in circles without end is refused.
    let round = set.check(page, layout).iter().any(|found| found.code == Code::PartialCycle);
    (!report.has_errors() && !round).then_some(set)
}

/// Bytes or words: both are to be the same, but where the time ran out.
fn outcome(set: &TemplateSet, context: &Value) -> Result<String, String> {
    let (page, layout) = (set.find("page.html.hbs").unwrap(), set.find("layout.html.hbs"));
    let time = Duration::from_millis(100);
    let bounds = Bounds { bytes: 100_000, depth: 9, time };
    set.render(page, layout, &mut context.clone().into(), &bounds).map_err(|why| why.to_string())
}

fn tree(set: &TemplateSet) -> Tree {
    let (page, layout) = (set.find("page.html.hbs").unwrap(), set.find("layout.html.hbs"));
    Tree::from(&set.reads(page, layout))
}

fn try_set(files: &[(&str, &str)]) -> (TemplateSet, Report) {
    let file = |(name, text): &(&str, &str)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(*name, *text),
        wrong: None,
    };
    let set = TemplateSet::compile(files.iter().map(file).collect(), &Clock::system());
    let report = super::broken(&set);
    (set, report)
}

fn alike(one: &Result<String, String>, other: &Result<String, String>) -> bool {
    let late = |outcome: &Result<String, String>| {
        outcome.as_ref().is_err_and(|why| why.contains("it takes longer"))
    };
    late(one) || late(other) || one == other
}

/// How many cases: enough in every run; `PROPTEST_CASES` for a long one.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(100),
        failure_persistence: None,
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    }
}

/// Pieces of templates in any order.
const SNIPPETS: &str = concat!(
    "(\\{\\{|\\}\\}|[#/>*^~!&.@|()\\[\\]\"'=\\\\ {}\n]",
    "|else|if|each|a|inline|this|as|--){0,40}"
);

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pruned_context_gives_the_same_bytes(files in files(), context in context()) {
        let set = compiled(&files);
        prop_assume!(set.is_some());
        let set = set.unwrap();
        let tree = tree(&set);
        let pruned = tree.prune(&context);
        let (whole, less) = (outcome(&set, &context), outcome(&set, &pruned));
        prop_assert!(alike(&whole, &less), "{:?}\n{:?}\npruned: {}", whole, less, pruned);
        prop_assert_eq!(tree.prune(&pruned).to_string(), pruned.to_string(), "twice is once");
    }

    #[test]
    fn so_it_does_where_partials_call_themselves(files in looping_files(), context in context()) {
        let set = compiled(&files);
        prop_assume!(set.is_some());
        let set = set.unwrap();
        let pruned = tree(&set).prune(&context);
        let (whole, less) = (outcome(&set, &context), outcome(&set, &pruned));
        prop_assert!(alike(&whole, &less), "{:?}\n{:?}\npruned: {}", whole, less, pruned);
    }

    #[test]
    fn contexts_that_prune_alike_come_out_alike(
        files in files(), context in context(),
        name in select(&["s1", "s2", "m1", "l1"][..]), other in mapping(1),
    ) {
        let set = compiled(&files);
        prop_assume!(set.is_some());
        let set = set.unwrap();
        let tree = tree(&set);
        let mut edited = context.clone();
        edit(&mut edited, name, &other);
        let kept = [&context, &edited].map(|context| tree.prune(context).to_string());
        if kept[0] == kept[1] {
            let (before, after) = (outcome(&set, &context), outcome(&set, &edited));
            prop_assert!(alike(&before, &after), "{:?}\n{:?}", before, after);
        }
    }

    #[test]
    fn no_text_brings_down_the_compiler(
        text in SNIPPETS,
    ) {
        let (set, report) = try_set(&[("page.html.hbs", &text)]);
        if !report.has_errors() {
            let id = set.find("page.html.hbs").unwrap();
            let _ = set.check(id, None);
            let _ = Tree::from(&set.reads(id, None));
            let _ = set.render(id, None, &mut json!({"a": [1]}).into(), &Bounds::default());
        }
    }
}

/// Replaces every value of the key, on every level.
fn edit(value: &mut Value, name: &str, other: &Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| edit(item, name, other)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    // Of its own kind, as names are.
                    Value::Array(list) if key == name => list.push(other.clone()),
                    Value::Object(_) if key == name => value.clone_from(other),
                    scalar if key == name => *scalar = json!("edited"),
                    value => edit(value, name, other),
                }
            }
        }
        _ => {}
    }
}
