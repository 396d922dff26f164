//! The promises of keys, each a sentence.

mod apart;
mod build;
mod collision;
mod injective;
mod spec;

use std::borrow::Cow;

use super::{Facts, Headers, InputName, Inputs, KeyContext, KeyPlan, KeySpec};
use crate::diagnostic::{At, Report, SourceFile, Span};
use crate::site::route::rules::Rules;
use crate::site::route::{Params, PathText, Pattern, RawQuery, RouteMatch, Router, RouterBuilder};

/// A text in a file of its own, which holds nothing else.
fn at(text: &str) -> At<String> {
    let span = Span::new(&SourceFile::new("routes.yaml", text), 0..text.len());
    At::new(text.to_owned(), span)
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(&at(text)).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Headers as a test writes them.
struct Lines<'l>(&'l [(&'l str, &'l str)]);

impl Headers for Lines<'_> {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        self.0.iter().filter(|(of, _)| *of == name).nth(nth).map(|(_, value)| value.as_bytes())
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.0.iter().map(|(name, _)| Cow::Borrowed(*name)).collect()
    }
}

/// What a list of inputs as templates name them says: `query.x headers.y path`.
fn inputs(list: &str) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.extend(list.split_whitespace().map(|word| InputName::parse(word).expect("an input")));
    inputs
}

/// A route with its plan.
struct Route {
    router: Router,
    rules: Rules,
    plan: KeyPlan,
}

fn try_plan(name: &str, path: &str, key: &str, reads: &str) -> Result<(KeyPlan, Report), Report> {
    let spec = KeySpec::parse(&at(key))?;
    let pattern = pattern(path);
    let context = KeyContext {
        prefix: "api:cache",
        namespace: "",
        route_name: name,
        pattern: &pattern,
        inputs: &inputs(reads),
    };
    Ok(KeyPlan::new(context, &spec, &|input| Some(read_at(input))))
}

/// All that is read stands in `a.hbs`, which `page.hbs` includes.
fn read_at(input: &InputName) -> (Span, Vec<Span>) {
    let partial = SourceFile::new("a.hbs", format!("<p>{{{{{input}}}}}"));
    let page = SourceFile::new("page.hbs", "{{> a}}");
    let end = partial.text.len();
    (Span::new(&partial, 3..end), vec![Span::new(&page, 0..7)])
}

impl Route {
    fn new(path: &str, key: &str, reads: &str) -> Self {
        let typed = pattern(path);
        let name = typed.default_name();
        let (plan, report) = try_plan(&name, path, key, reads).unwrap_or_else(|r| panic!("{r:?}"));
        assert!(!report.has_errors(), "{report:?}");
        let mut builder = RouterBuilder::default();
        builder.add("GET", &typed, 0, &at(path).span);
        let (rules, _) = Rules::new(&[], &[], &typed);
        Self { router: builder.build(), rules, plan }
    }

    /// The key of a request target.
    fn key(&self, target: &str, headers: &[(&str, &str)], language: Option<&str>) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let RouteMatch::Route(mut found) = self.router.find("GET", path) else {
            panic!("no route: {path}")
        };
        let raw = RawQuery::parse(query).expect("a query");
        let query = self.rules.query(&raw).expect("no rules");
        self.rules.path(&mut found.params).expect("no rules");
        let headers = Lines(headers);
        let facts = Facts {
            path: &found.path,
            params: &found.params,
            query: &query,
            headers: &headers,
            language,
            body: None,
        };
        self.plan.build(&facts)
    }
}

/// A path and its parameters, to be kept while facts point to them.
fn found<'r>(router: &'r Router, path: &'r str) -> Option<(PathText<'r>, Params<'r>)> {
    match router.find("GET", path) {
        RouteMatch::Route(found) => Some((found.path, found.params)),
        _ => None,
    }
}
