//! Two requests: their keys are equal exactly when all that the response reads is.

#![no_main]

use std::borrow::Cow;

use larder::diagnostic::{At, SourceFile, Span};
use larder::site::key::{Facts, Headers, Inputs, KeyContext, KeyPlan, KeySpec, Names};
use larder::site::route::rules::Rules;
use larder::site::route::{Found, Pattern, RawQuery, Router, RouterBuilder};
use libfuzzer_sys::fuzz_target;

const BUILDERS: &[&str] = &["auto", "hash", "{{route}}:{{path}}?{{query.a}}&{{query.b}}"];

/// A request without headers.
struct NoHeaders;

impl Headers for NoHeaders {
    fn get(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

fn typed(text: &str) -> At<String> {
    let file = SourceFile::new("routes.yaml", text);
    At::new(text.to_owned(), Span::new(&file, 0..text.len()))
}

/// What the response reads, and the keys by all builders.
type Told = ((String, Option<String>, Option<String>), Vec<String>);

fn told(router: &Router, rules: &Rules, plans: &[KeyPlan], url: &str) -> Option<Told> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let Found::Route(matched) = router.find("GET", path) else { return None };
    let raw = RawQuery::parse(query).ok()?;
    let query = rules.query(&raw).ok()?;
    let facts = Facts {
        path: &matched.path,
        params: &matched.params,
        query: &query,
        headers: &NoHeaders,
        language: None,
    };
    let value = |name| query.get(name).map(str::to_owned);
    let reads = (matched.path.canonical(), value("a"), value("b"));
    Some((reads, plans.iter().map(|plan| plan.build(&facts)).collect()))
}

fuzz_target!(|text: &str| {
    let Some((one, two)) = text.split_once('\n') else { return };
    let pattern = Pattern::parse(&typed("/{*rest}")).expect("a pattern");
    let nowhere = Span::new(&SourceFile::new("routes.yaml", ""), 0..0);
    let mut builder = RouterBuilder::default();
    builder.add("GET", &pattern, 0, &nowhere);
    let router = builder.build();
    let (rules, _) = Rules::new(&[], &[], &pattern);
    let query: Names = ["a", "b"].into_iter().collect();
    let inputs = Inputs { query, path: true, ..Inputs::default() };
    let plans: Vec<KeyPlan> = BUILDERS
        .iter()
        .map(|text| {
            let context = KeyContext {
                prefix: "api:cache",
                namespace: "",
                route_name: "all",
                pattern: &pattern,
                inputs: &inputs,
            };
            let spec = KeySpec::parse(&typed(text)).expect("a builder");
            KeyPlan::new(context, &spec, &|_| None).0
        })
        .collect();
    let first = told(&router, &rules, &plans, one);
    let second = told(&router, &rules, &plans, two);
    if let (Some((reads, keys)), Some((other_reads, other_keys))) = (first, second) {
        for (key, other) in keys.iter().zip(&other_keys) {
            assert_eq!(reads == other_reads, key == other, "{key} {other}");
        }
    }
});
