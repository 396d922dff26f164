use serde_json::json;

use super::{at, pattern, router};
use crate::config::{ParamConfig, ParamType};
use crate::diagnostic::{At, SourceFile, Span};
use crate::site::route::rules::Rules;
use crate::site::route::{RawQuery, RouteMatch};

pub(super) fn declare(name: &str, kind: ParamType) -> ParamConfig {
    ParamConfig {
        name: at(name.to_owned()),
        kind: At::new(kind, at(String::new()).span),
        default: None,
        required: false,
        choices: Vec::new(),
        min: None,
        max: None,
        max_length: 200,
        pattern: None,
        description: None,
    }
}

fn text(value: &str) -> At<String> {
    at(value.to_owned())
}

pub(super) fn declared() -> Vec<ParamConfig> {
    vec![
        ParamConfig {
            default: Some(text("en")),
            choices: vec![text("en"), text("no")],
            ..declare("lang", ParamType::String)
        },
        ParamConfig {
            default: Some(text("01")),
            min: Some(at(1.0)),
            max: Some(at(100.0)),
            ..declare("page", ParamType::Int)
        },
        declare("x", ParamType::Number),
        declare("on", ParamType::Bool),
        ParamConfig {
            pattern: Some(text("[a-z]+|[0-9]+")),
            max_length: 3,
            ..declare("code", ParamType::String)
        },
    ]
}

fn rules(query: &[ParamConfig]) -> Rules {
    let (rules, report) = Rules::new(query, &[], &pattern("/"));
    assert!(report.is_empty(), "{report:?}");
    rules
}

#[test]
fn declared_parameters_are_canonical_and_absent_ones_are_their_defaults() {
    let rules = rules(&declared());
    let table = [
        ("", "lang=en page=1"),
        ("lang=en&page=1", "lang=en page=1"),
        ("page=007&lang=no", "lang=no page=7"),
        ("x=1.50", "lang=en page=1 x=1.5"),
        ("x=1e3", "lang=en page=1 x=1000"),
        ("x=-0.0", "lang=en page=1 x=0"),
        ("x=1e300", "lang=en page=1 x=1e300"),
        ("on=true&z=1&a=2&z=0", "a=2 lang=en on=true page=1 z=1 z=0"),
        ("code=abc", "code=abc lang=en page=1"),
        ("code=12", "code=12 lang=en page=1"),
    ];
    for (raw, expected) in table {
        let raw = RawQuery::parse(raw).expect("a query");
        let query = rules.query(&raw).expect(expected);
        let pairs: Vec<String> =
            query.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs.join(" "), expected);
    }
}

#[test]
fn values_have_their_types() {
    let rules = rules(&declared());
    let raw = RawQuery::parse("page=2&x=1.50&on=false&free=1").expect("a query");
    let query = rules.query(&raw).expect("valid");
    let table = [
        ("page", json!(2)),
        ("x", json!(1.5)),
        ("on", json!(false)),
        ("free", json!("1")),
        ("lang", json!("en")),
    ];
    for (name, value) in table {
        assert_eq!(query.json(name), Some(value), "{name}");
    }
    let raw = RawQuery::parse("x=2.0").expect("a query");
    assert_eq!(rules.query(&raw).expect("valid").json("x"), Some(json!(2)));
}

#[test]
fn a_value_that_breaks_a_rule_names_the_parameter() {
    let mut list = declared();
    list.push(ParamConfig { required: true, ..declare("must", ParamType::String) });
    let rules = rules(&list);
    let table = [
        ("", "must is required"),
        ("must=&lang=de", "lang must be one of: en, no"),
        ("must=&lang=en&lang=en", "lang is given more than once"),
        ("must=&lang=", "lang must be one of: en, no"),
        ("must=&page=x", "page must be a whole number"),
        ("must=&page=+7", "page must be a whole number"),
        ("must=&page=%2B7", "page must be a whole number"),
        ("must=&page=0", "page must be at least 1"),
        ("must=&page=101", "page must be at most 100"),
        ("must=&x=nan", "x must be a number"),
        ("must=&x=inf", "x must be a number"),
        ("must=&x=1e999", "x must be a number"),
        ("must=&on=yes", "on must be true or false"),
        ("must=&code=ab1", "code does not have the form that is asked for"),
        ("must=&code=", "code does not have the form that is asked for"),
        ("must=&code=abcd", "code has more than 3 characters"),
    ];
    for (raw, says) in table {
        let parsed = RawQuery::parse(raw).expect("a query");
        let broken = rules.query(&parsed).expect_err(raw);
        assert_eq!(format!("{} {}", broken.name, broken.detail), says, "{raw}");
    }
}

#[test]
fn values_of_a_path_are_canonical_and_typed() {
    let router = router(&["/u/{id:int}/{tag}"]);
    let params = [ParamConfig { max: Some(at(10.0)), ..declare("id", ParamType::String) }];
    let (rules, report) = Rules::new(&[], &params, &pattern("/u/{id:int}/{tag}"));
    assert!(report.is_empty(), "{report:?}");
    let RouteMatch::Route(mut found) = router.find("GET", "/u/007/b%2Fc") else {
        panic!("a route")
    };
    assert_eq!(found.params.get("id"), Some("007"));
    rules.path(&mut found.params).expect("valid");
    let values = found.params;
    assert_eq!(values.iter().collect::<Vec<_>>(), [("id", "7"), ("tag", "b/c")]);
    assert_eq!(values.json("id"), Some(json!(7)));
    assert_eq!(values.json("tag"), Some(json!("b/c")));
    assert_eq!(values.json("nope"), None);
    let RouteMatch::Route(mut found) = router.find("GET", "/u/11/b") else { panic!("a route") };
    let broken = rules.path(&mut found.params).expect_err("above the bound");
    assert_eq!(format!("{} {}", broken.name, broken.detail), "id must be at most 10");
}

#[test]
fn an_int_of_a_path_is_a_number_without_a_rule() {
    let router = router(&["/u/{id:int}"]);
    let (rules, _) = Rules::new(&[], &[], &pattern("/u/{id:int}"));
    let RouteMatch::Route(mut found) = router.find("GET", "/u/-0") else { panic!("a route") };
    rules.path(&mut found.params).expect("valid");
    let values = found.params;
    assert_eq!((values.get("id"), values.json("id")), (Some("0"), Some(json!(0))));
}

#[test]
fn declarations_that_make_no_sense_are_told() {
    use ParamType::{Bool, Int, Number, String};
    let query: Vec<(ParamConfig, &str)> = vec![
        (ParamConfig { min: Some(at(1.0)), ..declare("a", String) }, "bounds numbers"),
        (ParamConfig { min: Some(at(2.0)), max: Some(at(1.0)), ..declare("a", Int) }, "greater"),
        (ParamConfig { default: Some(text("x")), ..declare("a", Int) }, "the default `x` of `a`"),
        (ParamConfig { choices: vec![text("x")], ..declare("a", Bool) }, "the choice `x`"),
        (ParamConfig { pattern: Some(text("a")), ..declare("a", Number) }, "is for strings"),
        (
            ParamConfig { pattern: Some(text("a(")), ..declare("a", String) },
            "no regular expression",
        ),
        (
            ParamConfig { pattern: Some(text("a)|(b")), ..declare("a", String) },
            "no regular expression",
        ),
        (ParamConfig { pattern: Some(text("(?=a)")), ..declare("a", String) }, "look-around"),
        (
            ParamConfig { pattern: Some(text("\\w{1000}{1000}")), ..declare("a", String) },
            "too large",
        ),
        (
            ParamConfig { required: true, default: Some(text("x")), ..declare("a", String) },
            "its default is never used",
        ),
        (ParamConfig { choices: vec![text("7"), text("07")], ..declare("a", Int) }, "stands twice"),
    ];
    for (typed, says) in query {
        let (_, report) = Rules::new(&[typed], &[], &pattern("/"));
        let all: Vec<_> =
            report.iter().map(|wrong| format!("{wrong} {:?}", wrong.labels)).collect();
        assert!(report.has_errors() && all.concat().contains(says), "{says}: {all:?}");
    }
    let params: Vec<(ParamConfig, &str, &str)> = vec![
        (declare("naem", String), "/{name}", "param_unknown]: `naem` is no parameter of the path"),
        (declare("naem", String), "/{name}", "did you mean `name`?"),
        (declare("lang", String), "/", "under `query`"),
        (
            ParamConfig { default: Some(text("x")), ..declare("a", String) },
            "/{a}",
            "part of the path",
        ),
        (declare("a", Int), "/{a:uuid}", "is uuid in the path"),
    ];
    for (typed, path, says) in params {
        let (_, report) = Rules::new(&[], &[typed], &pattern(path));
        let all: Vec<_> = report.iter().map(ToString::to_string).collect();
        assert!(report.has_errors() && all.concat().contains(says), "{says}: {all:?}");
    }
}

#[test]
fn an_expression_matches_the_whole_value_also_with_a_comment() {
    let table = [
        ("a|b", "b", "ab"),
        ("(?x) a # b", "a", "aa"),
        ("a$", "a", "a\n"),
        ("(?i)ä", "Ä", "a"),
        ("\\p{L}+", "é", "1"),
    ];
    for (regex, good, bad) in table {
        let rules =
            rules(&[ParamConfig { pattern: Some(text(regex)), ..declare("q", ParamType::String) }]);
        let query = |value: &str| {
            let raw = format!("q={}", value.replace('\n', "%0A"));
            rules.query(&RawQuery::parse(&raw).expect("a query")).is_ok()
        };
        assert!(query(good) && !query(bad), "{regex}");
    }
}

#[test]
fn what_the_environment_filled_in_is_in_no_message() {
    let file = SourceFile::new("routes.yaml", "${TOKEN}");
    let filled = |text: &str| At::new(text.to_owned(), Span::new(&file, 0..8));
    let string = || declare("a", ParamType::String);
    let query = [
        ParamConfig { default: Some(filled("s3cret")), ..declare("a", ParamType::Int) },
        ParamConfig { choices: vec![filled("s3cret"), filled("s3cret")], ..string() },
        ParamConfig { pattern: Some(filled("(s3cret")), ..string() },
    ];
    for param in query {
        let (_, report) = Rules::new(&[param], &[], &pattern("/"));
        let shown = report.iter().map(ToString::to_string).collect::<String>();
        assert!(shown.contains("`${TOKEN}`") && !shown.contains("s3cret"), "{shown}");
    }
}
