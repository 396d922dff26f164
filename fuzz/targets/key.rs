//! Two requests: their keys are equal exactly when all is equal that the key covers.
//!
//! The input is a line each: a key's pattern, a character whose bits say what the second request
//! has from the first, then for each request its address, a header `h`, the cookies and a language;
//! the last three are there where the line begins with `=`.

#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use larder::parts::diagnostic::{At, SourceFile, Span};
use larder::parts::site::key::{Facts, Headers, InputName, Inputs, KeyContext, KeyPlan, KeySpec, Names};
use larder::parts::site::key::cookies;
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
    for word in list.split_whitespace() {
        let (of, name) = word.split_once('.').unwrap_or((word, ""));
        let names = match of {
            "query" => &mut inputs.query,
            "headers" => &mut inputs.headers,
            "cookies" => &mut inputs.cookies,
            _ => {
                inputs.language = true;
                continue;
            }
        };
        if name.is_empty() { *names = Names::All } else { names.insert(name) }
    }
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
    let header = |name: &str| facts.headers.get(name).map(|value| vec![value.into_owned()]);
    let see = |input: &InputName| match input {
        InputName::Path => Some(facts.path.segments().map(str::to_owned).collect()),
        InputName::Param(name) => one(facts.params.get(name)),
        InputName::AllParams => flat(owned(facts.params.iter())),
        InputName::Query(name) => one(facts.query.get(name)),
        InputName::AllQuery => flat(owned(facts.query.pairs())),
        InputName::Header(name) => header(name),
        InputName::AllHeaders => {
            let mut names: Vec<_> = facts.headers.names();
            names.sort();
            flat(names.iter().filter_map(|n| Some((n.to_string(), header(n)?.concat()))).collect())
        }
        InputName::Cookie(name) => facts.cookie(name).map(|value| vec![value]),
        InputName::AllCookies => {
            let header = facts.headers.get("cookie")?;
            let mut list: Vec<(&str, &str)> = cookies(&header).collect();
            list.sort_by_key(|(name, _)| *name);
            list.dedup_by_key(|(name, _)| *name);
            flat(owned(list.into_iter())).filter(|list: &Vec<String>| !list.is_empty())
        }
        InputName::Language => one(facts.language),
    };
    // The language follows from a header where that is covered: a key that has one needs no other.
    let follows = plan.covers.headers.contains("accept-language");
    let names = plan.covers.names();
    let names = names.into_iter().filter(|name| !(follows && *name == InputName::Language));
    names.map(|input| { let value = see(&input); (input, value) }).collect()
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
