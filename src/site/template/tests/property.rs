//! The walk is sound: random templates come out of a pruned context as out of the whole one.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Duration;

use crate::clock::Clock;
use crate::diagnostic::{Report, SourceFile};
use crate::site::template::{Bounds, TemplateFile, TemplateSet, Tree};

/// Few names, so that templates and contexts meet.
const NAMES: &[&str] = &["a", "b", "c", "d", "0", "1"];
const PLAIN: &[&str] = &["a", "b", "c", "d"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES).prop_map(ToOwned::to_owned)
}

fn plain() -> impl Strategy<Value = String> {
    prop::sample::select(PLAIN).prop_map(ToOwned::to_owned)
}

fn path() -> impl Strategy<Value = String> {
    let start = prop_oneof![
        8 => Just(""), 2 => Just("../"), 1 => Just("../../"), 2 => Just("@root."),
        2 => Just("this."), 1 => Just("./"),
    ];
    let segment =
        prop_oneof![6 => name().prop_map(|name| format!("[{name}]")), 1 => Just("[this]".into())];
    let named = (start, plain(), vec(segment, 0..3)).prop_map(|(start, first, rest)| {
        std::iter::once(format!("{start}{first}")).chain(rest).collect::<Vec<_>>().join(".")
    });
    prop_oneof![
        12 => named,
        3 => Just("this".to_owned()),
        1 => Just("../this".to_owned()),
        1 => prop::sample::select(&["@index", "@key", "@first", "@../index", "@../key", "@this"][..])
            .prop_map(ToOwned::to_owned),
    ]
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        name().prop_map(|name| format!("\"{name}\"")),
        (0..3_u8).prop_map(|number| number.to_string()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("[1, \"a\"]".to_owned()),
    ]
}

/// An argument: a path, a literal, or a call.
fn argument() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![6 => path(), 2 => literal()];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let one = (
            prop::sample::select(&["json", "len", "not", "upper", "lower", "markdown"][..]),
            inner.clone(),
        );
        let two = (
            prop::sample::select(
                &[
                    "lookup", "default", "eq", "ne", "lt", "and", "or", "slice", "add", "sort",
                    "where",
                ][..],
            ),
            inner.clone(),
            inner.clone(),
        );
        let three = (
            prop::sample::select(&["find", "where"][..]),
            inner.clone(),
            prop_oneof![3 => plain().prop_map(|name| format!("\"{name}\"")), 1 => inner.clone()],
            inner.clone(),
        );
        let sorted =
            (inner, plain()).prop_map(|(list, name)| format!("(sort {list} \"{name}\" desc=true)"));
        prop_oneof![
            one.prop_map(|(helper, one)| format!("({helper} {one})")),
            two.prop_map(|(helper, one, two)| format!("({helper} {one} {two})")),
            three.prop_map(|(helper, one, two, three)| format!("({helper} {one} {two} {three})")),
            sorted,
        ]
    })
}

fn bars() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        1 => plain().prop_map(|value| format!(" as |{value}|")),
        1 => (plain(), plain()).prop_map(|(value, key)| format!(" as |{value} {key}|")),
    ]
}

fn hash() -> impl Strategy<Value = String> {
    vec((plain(), argument()), 0..3).prop_map(|list| {
        let mut seen = std::collections::BTreeSet::new();
        let fresh = list.into_iter().filter(|(name, _)| seen.insert(name.clone()));
        fresh.map(|(name, value)| format!(" {name}={value}")).collect()
    })
}

/// A template that may call the partials `calls`.
fn template(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        1 => Just(" text\n".to_owned()),
        6 => path().prop_map(|path| format!("{{{{{path}}}}}")),
        1 => path().prop_map(|path| format!("{{{{{{{path}}}}}}}")),
        3 => argument().prop_map(|value| match value.strip_prefix('(').and_then(|call| call.strip_suffix(')')) {
            Some(call) => format!("{{{{{call}}}}}"),
            None => format!("{{{{default {value} \"-\"}}}}"),
        }),
        1 => argument().prop_map(|value| format!("{{{{json {value}}}}}")),
        4 => partial(calls),
        1 => Just("{{> @partial-block}}".to_owned()),
    ];
    let part = leaf.prop_recursive(4, 24, 4, move |inner| {
        let body = vec(inner, 0..4).prop_map(|parts| parts.concat());
        let other = prop_oneof![2 => Just(String::new()), 1 => body.clone().prop_map(|b| format!("{{{{else}}}}{b}"))];
        let block = prop::sample::select(&["each", "each", "each", "with", "with", "if", "unless"][..]);
        let blocks = (block, argument(), bars(), body.clone(), other)
            .prop_map(|(block, value, bars, body, other)| {
                format!("{{{{#{block} {value}{bars}}}}}{body}{other}{{{{/{block}}}}}")
            });
        let chain = (argument(), argument(), body.clone(), body.clone(), body.clone()).prop_map(
            |(one, two, a, b, c)| {
                format!("{{{{#if {one}}}}}{a}{{{{else if {two}}}}}{b}{{{{else}}}}{c}{{{{/if}}}}")
            },
        );
        let inline = (plain(), body.clone())
            .prop_map(|(name, body)| format!("{{{{#*inline \"in-{name}\"}}}}{body}{{{{/inline}}}}"));
        let called = (prop::sample::select(calls), hash(), body)
            .prop_map(|(name, hash, body)| format!("{{{{#> {name}{hash}}}}}{body}{{{{/{name}}}}}"));
        prop_oneof![6 => blocks, 1 => chain, 1 => inline, 1 => called]
    });
    vec(part, 1..6).prop_map(|parts| parts.concat())
}

fn partial(calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let context = prop_oneof![2 => Just(String::new()), 2 => argument().prop_map(|value| format!(" {value}"))];
    let name = prop_oneof![
        6 => prop::sample::select(calls).prop_map(ToOwned::to_owned),
        2 => plain().prop_map(|name| format!("in-{name}")),
    ];
    (name, context, hash())
        .prop_map(|(name, context, hash)| format!("{{{{> {name}{context}{hash}}}}}"))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (0..3_i64).prop_map(Value::from),
        3 => prop::sample::select(&["a", "b", "", "x<y", "1"][..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::Array),
            2 => mapping(inner),
        ]
    })
}

fn mapping(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec((name(), inner), 0..5)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

fn context() -> impl Strategy<Value = Value> {
    mapping(value())
}

fn files() -> impl Strategy<Value = [String; 4]> {
    [
        template(&["p", "q", "in-a"]),
        template(&["q", "in-b"]),
        template(&["in-a", "nope"]),
        template(&["p"]),
    ]
}

fn compiled(files: &[String; 4]) -> Option<TemplateSet> {
    let [page, p, q, layout] = files;
    let layout = format!("{layout}{{{{{{content}}}}}}");
    let (set, report) = try_set(&[
        ("page.html.hbs", page),
        ("p.html.hbs", p),
        ("q.html.hbs", q),
        ("layout.html.hbs", &layout),
    ]);
    (!report.has_errors()).then_some(set)
}

/// Bytes or words: both are to be the same, but where the time ran out.
fn outcome(set: &TemplateSet, context: &Value) -> Result<String, String> {
    let (page, layout) = (set.find("page.html.hbs").unwrap(), set.find("layout.html.hbs"));
    let time = Duration::from_millis(100);
    let bounds = Bounds { bytes: 100_000, depth: 6, time };
    set.render(page, layout, context, &bounds).map_err(|why| why.to_string())
}

fn tree(set: &TemplateSet) -> Tree {
    let (page, layout) = (set.find("page.html.hbs").unwrap(), set.find("layout.html.hbs"));
    Tree::from(&set.reads(page, layout))
}

fn try_set(files: &[(&str, &str)]) -> (TemplateSet, Report) {
    let file = |(name, text): &(&str, &str)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(*name, *text),
    };
    TemplateSet::compile(files.iter().map(file).collect(), &Clock::system())
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
        cases: asked.unwrap_or(200),
        failure_persistence: None,
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    }
}

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
    fn contexts_that_prune_alike_come_out_alike(
        files in files(), context in context(), name in name(), other in value(),
    ) {
        let set = compiled(&files);
        prop_assume!(set.is_some());
        let set = set.unwrap();
        let tree = tree(&set);
        let mut edited = context.clone();
        edit(&mut edited, &name, &other);
        if tree.prune(&context).to_string() == tree.prune(&edited).to_string() {
            let (before, after) = (outcome(&set, &context), outcome(&set, &edited));
            prop_assert!(alike(&before, &after), "{:?}\n{:?}", before, after);
        }
    }

    #[test]
    fn no_text_brings_down_the_compiler(text in "(\\{\\{|\\}\\}|[#/>*^~!&.@|()\\[\\]\"'=\\\\ {}\n]|else|if|each|a|inline|this|as|--){0,40}") {
        let (set, report) = try_set(&[("page.html.hbs", &text)]);
        if !report.has_errors() {
            let id = set.find("page.html.hbs").unwrap();
            let _ = set.check(id, None);
            let _ = Tree::from(&set.reads(id, None));
            let _ = set.render(id, None, &json!({"a": [1]}), &Bounds::default());
        }
    }
}

/// Replaces every value of the key, on every level.
fn edit(value: &mut Value, name: &str, other: &Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| edit(item, name, other)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == name { value.clone_from(other) } else { edit(value, name, other) }
            }
        }
        _ => {}
    }
}
