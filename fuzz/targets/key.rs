//! Two requests: their keys are equal exactly when all is equal that the key covers.
//!
//! The input is a line each: a key's pattern, a character whose bits say what the second request
//! has from the first, then for each request its address, a header `h`, the cookies and a language;
//! the last three are there where the line begins with `=`.

#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use larder::parts::diagnostic::{At, SourceFile, Span};
use larder::parts::site::key::{
    Facts, Headers, InputKind, InputName, Inputs, KeyContext, KeyPlan, KeySpec,
};
use larder::parts::site::route::rules::Rules;
use larder::parts::site::route::{RouteMatch, Pattern, RawQuery, Router, RouterBuilder};
use libfuzzer_sys::fuzz_target;

/// Builders, and what the response reads, as templates name it.
const BUILDERS: &[(&str, &str)] = &[
    ("auto", ""),
    ("auto", "query.a query.b"),
    ("auto", "query.a headers.h cookies.c language"),
    ("auto", "query headers.cookie"),
    ("auto", "headers cookies"),
    ("path", ""),
    ("url", "query"),
    ("hash", "query.a query.b cookies.c"),
    ("{{route}}:{{path}}?{{query.a}}&{{query.b}}", "query.a query.b"),
    ("{{params.a}}?{{query.a}}={{query.b}}", ""),
    ("{{headers.h}}#x{{cookies.c}}y:{{language}}={{path}}&{{query}}", ""),
];

/// The one route of the site.
struct Site {
    router: Router,
    rules: Rules,
    pattern: Pattern,
    plans: Vec<KeyPlan>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let pattern = Pattern::parse(&typed("/{a}/{*rest}")).expect("a pattern");
    let mut builder = RouterBuilder::default();
    builder.add("GET", &pattern, 0, &typed("").span);
    let (rules, _) = Rules::new(&[], &[], &pattern);
    let plan = |(key, reads): &(&str, &str)| plan(&pattern, key, reads).expect("a plan");
    let plans = BUILDERS.iter().map(plan).collect();
    Site { router: builder.build(), rules, pattern, plans }
});

fn typed(text: &str) -> At<String> {
    let file = SourceFile::new("routes.yaml", text);
    At::new(text.to_owned(), Span::new(&file, 0..text.len()))
}

fn plan(pattern: &Pattern, key: &str, reads: &str) -> Option<KeyPlan> {
    let spec = KeySpec::parse(&typed(key)).ok()?;
    let context = KeyContext {
        prefix: "api:cache",
        namespace: "",
        route_name: "all",
        pattern,
        inputs: &inputs(reads),
    };
    let (plan, report) = KeyPlan::new(context, &spec, &|_| None);
    (!report.has_errors()).then_some(plan)
}

fn inputs(list: &str) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.extend(list.split_whitespace().map(|word| InputName::parse(word).expect("an input")));
    inputs
}

/// The headers of a request, by name.
struct Lines<'l>(Vec<(&'l str, &'l str)>);

impl Headers for Lines<'_> {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        self.0.iter().filter(|(of, _)| *of == name).nth(nth).map(|(_, value)| value.as_bytes())
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.0.iter().map(|(name, _)| Cow::Borrowed(*name)).collect()
    }
}

/// Address, header, cookies, language.
type Request<'t> = [&'t str; 4];

/// What a plan covers of a request, by name.
type Seen = Vec<(InputName, Option<Vec<String>>)>;

fn seen(plan: &KeyPlan, facts: &Facts<'_>) -> Seen {
    let one = |value: Option<&str>| value.map(|value| vec![value.to_owned()]);
    let flat = |pairs: Vec<(String, String)>| {
        Some(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
    };
    let see = |input: &InputName| match (input.kind, &input.name) {
        (InputKind::Path, _) => Some(facts.path.segments().map(str::to_owned).collect()),
        (InputKind::Language, _) | (_, Some(_)) => one(facts.get(input).as_deref()),
        (InputKind::Query, None) => flat(owned(facts.query.pairs())),
        (InputKind::Cookies, None) => {
            flat(facts.all(input.kind)).filter(|list: &Vec<String>| !list.is_empty())
        }
        (kind, None) => flat(facts.all(kind)),
    };
    // The language follows from a header where that is covered: a key that has one needs no other.
    let follows = plan.covers.has(InputKind::Headers, "accept-language");
    let names = plan.covers.iter().filter(|it| !(follows && it.kind == InputKind::Language));
    names.map(|input| (input.clone(), see(input))).collect()
}

fn owned<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// For each plan what it covers of a request, and the key; nothing where the request is refused.
fn told(plans: &[&KeyPlan], [url, h, cookie, language]: Request<'_>) -> Option<Vec<(Seen, String)>> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let RouteMatch::Route(matched) = SITE.router.find("GET", path) else { return None };
    let raw = RawQuery::parse(query).ok()?;
    let query = SITE.rules.query(&raw).ok()?;
    let headers = [("h", h), ("cookie", cookie)];
    let there = headers.iter().filter_map(|(name, line)| Some((*name, line.strip_prefix('=')?)));
    let facts = Facts {
        path: &matched.path,
        params: &matched.params,
        query: &query,
        headers: &Lines(there.collect()),
        language: language.strip_prefix('='),
        body: None,
    };
    Some(plans.iter().map(|plan| (seen(plan, &facts), plan.build(&facts))).collect())
}

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (key, bits) = (next(), next().bytes().next().unwrap_or_default());
    let one: Request = std::array::from_fn(|_| next());
    let mut two: Request = std::array::from_fn(|_| next());
    for (at, part) in two.iter_mut().enumerate() {
        if bits >> at & 1 == 1 {
            *part = one[at];
        }
    }
    // Any pattern that is not refused keeps what it names apart.
    let own = if key.contains("{{") { plan(&SITE.pattern, key, "") } else { None };
    let plans: Vec<&KeyPlan> = SITE.plans.iter().chain(&own).collect();
    let (Some(first), Some(second)) = (told(&plans, one), told(&plans, two)) else { return };
    for ((saw, key), (other_saw, other)) in first.iter().zip(&second) {
        assert_eq!(saw == other_saw, key == other, "{key} {other}\n{saw:?}\n{other_saw:?}");
        assert!(key.len() <= 1_024 && key.starts_with("api:cache::"), "{key}");
        assert!(!key.contains(|c: char| c.is_control() || c.is_whitespace()), "{key}");
    }
});
