//! A page sees nothing that its key does not tell.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::clock::Clock;
use crate::config::{self, memory::Memory};
use crate::site::key::{Facts, Headers};
use crate::site::route::{RawQuery, RouteMatch};
use crate::site::{RenderJob, Site, Source, compile};

/// Whatever of a request a template can print, with each builder of keys.
const SITE: &str = r#"
languages: [en, no]
routes:
  /all/{x}/{*rest}:
    inline: >-
      {{json params}}{{json query}}{{json headers}}{{json cookies}}{{language}}{{path}}
      {{#each query}}{{@key}}={{this}}&{{/each}}{{#each cookies}}{{@key}}={{this}};{{/each}}
      {{#each headers}}{{@key}}:{{this}};{{/each}}{{lookup query "q"}}{{lookup cookies headers.x-a}}
  /hashed/{x}: { key: hash, inline: "{{json query}}{{json cookies}}{{json params}}{{path}}" }
  /url/{x}: { key: url, inline: "{{json query}}{{#each query}}{{this}}{{/each}}{{params.x}}" }
  /typed/{x:int}:
    query:
      i: { type: int, default: 1 }
      n: number
      b: { type: bool, default: false }
      q: { default: a }
      e: { enum: [a, b] }
    json: { all: "{{query}}", n: "{{query.n}}", of: "{{params}}", at: "{{path}}" }
  /whole/{x}:
    inline: "{{json this}}{{#each this}}{{@key}}={{#each this}}{{@key}}{{this}};{{/each}}{{/each}}"
  /some: { inline: "{{query.q}}|{{query.r}}|{{headers.x-a}}|{{cookies.c}}|{{json query.q}}" }
  /named/{x}:
    key: "{{route}}:{{params.x}}:{{headers.accept-language}}:{{headers.cookie}}:{{query.q}}"
    inline: "{{params.x}}{{json params}}{{language}}{{json cookies}}{{json query.q}}"
  /each/{x}:
    key: "{{route}}:{{path}}:{{cookies.c}}:{{cookies.d}}:{{language}}?{{query}}"
    inline: "{{json query}}{{cookies.c}}{{cookies.d}}{{language}}"
  /of/{x}: { load: { it: { from: "content/{{params.x}}.txt", optional: true } }, inline: "{{it}}" }
"#;

fn site() -> Arc<Site> {
    let mut files = Memory::of(&[("routes.yaml", SITE), ("content/a.txt", "the a")]);
    let loaded = config::load("routes.yaml", &mut files, &|_| None);
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.report));
    let compiled = compile(&config, &mut files, &Clock::system());
    Arc::new(compiled.site.unwrap_or_else(|| panic!("{:?}", compiled.report)))
}

/// Header lines in the order in which they were sent.
struct Lines(Vec<(&'static str, String)>);

impl Headers for Lines {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        self.0.iter().filter(|(of, _)| *of == name).nth(nth).map(|(_, value)| value.as_bytes())
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        for (name, _) in &self.0 {
            if !names.contains(&Cow::Borrowed(name)) {
                names.push(Cow::Borrowed(name));
            }
        }
        names
    }
}

fn one<'t>(random: &mut Rng, of: &[&'t str]) -> &'t str {
    of[random.usize(..of.len())]
}

/// Up to `most` of them, joined.
fn some(random: &mut Rng, of: &[&str], most: usize, gap: &str) -> String {
    let count = random.usize(..=most);
    (0..count).map(|_| one(random, of)).collect::<Vec<_>>().join(gap)
}

/// Names and values that differ in what they say, or in their coding alone.
const PAIRS: &[&str] = &[
    "q=a", "q=%61", "q=b", "q", "q=", "r=1", "r=+", "r=%20", "%71=a", "i=1", "i=01", "i=2", "n=1",
    "n=1.0", "n=1e0", "n=2", "n=-0", "b=true", "b=false", "e=a", "e=b", "e", "x=%C3%A9", "x=é",
    "x=%c3%a9", "z=%26", "=v", "",
];
const PATHS: &[&str] = &[
    "/all/a/b",
    "/all/%61/b",
    "/all/a/b/",
    "/all/a%2Fb/c",
    "/all/a/",
    "/hashed/a",
    "/hashed/%61",
    "/hashed/A",
    "/url/a",
    "/url/%61",
    "/typed/1",
    "/typed/01",
    "/typed/-1",
    "/some",
    "/whole/a",
    "/whole/%61",
    "/named/a",
    "/named/%61",
    "/named/b",
    "/each/a",
    "/each/b",
    "/of/a",
    "/of/b",
    "/of/%61",
];
const COOKIES: &[&str] = &["c=1", "c=2", "d=1", "d=", "e", "c = 1", "", "=x", "f=é"];

fn request(random: &mut Rng) -> (String, Lines) {
    let mut target = one(random, PATHS).to_owned();
    match random.usize(..4) {
        0 => {}
        1 => target.push('?'),
        _ => _ = write!(target, "?{}", some(random, PAIRS, 4, "&")),
    }
    let mut lines = Vec::new();
    for _ in 0..random.usize(..5) {
        let (name, value) = match random.usize(..5) {
            0 => ("cookie", some(random, COOKIES, 3, "; ")),
            1 => ("cookie", some(random, COOKIES, 3, ";")),
            2 => ("x-a", one(random, &["c", "c, d", "d", ""]).to_owned()),
            3 => ("x-b", one(random, &["1", "2"]).to_owned()),
            _ => ("accept-language", one(random, &["no", "en", "fr, no", ""]).to_owned()),
        };
        lines.push((name, value));
    }
    (target, Lines(lines))
}

/// The key of a request, and all that its page sees and says; nothing where it is refused.
fn seen(site: &Arc<Site>, target: &str, headers: &Lines) -> Option<(String, String)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let RouteMatch::Route(mut matched) = site.find("GET", path) else { panic!("no route: {path}") };
    let route = site.route(matched.target).expect("its route");
    let raw = RawQuery::parse(query).ok()?;
    route.rules.path(&mut matched.params).ok()?;
    let query = route.rules.query(&raw).ok()?;
    let accept = headers.get("accept-language").unwrap_or_default();
    let language = if accept.contains("no") { "no" } else { "en" };
    let (path, params, query) = (&matched.path, &matched.params, &query);
    let facts = Facts { path, params, query, headers, language: Some(language), body: None };
    let Source::Page(page) = &route.source else { panic!("a page") };
    let job = RenderJob::new(site, route, page, &facts).expect("a job");
    let said = job.run(Duration::from_secs(5)).expect("a page");
    let context = serde_json::to_string(&job.request).expect("JSON");
    let said = format!("{context} {} {}", job.fingerprint, String::from_utf8_lossy(&said.body));
    Some((route.key.as_ref().expect("a key").build(&facts), said))
}

#[test]
fn requests_of_one_key_see_one_context_in_one_order() {
    let (site, mut random) = (site(), Rng::with_seed(1));
    let mut known: HashMap<String, (String, String)> = HashMap::new();
    let mut shared: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..20_000 {
        let (target, headers) = request(&mut random);
        let Some((key, said)) = seen(&site, &target, &headers) else { continue };
        let asked = format!("{target} {:?}", headers.0);
        let (first, expected) = known.entry(key.clone()).or_insert((asked.clone(), said.clone()));
        assert_eq!(said, *expected, "{key}\n{first}\n{asked}");
        if *first != asked {
            let name = target.split('/').nth(1).unwrap_or_default();
            *shared.entry(name.to_owned()).or_default() += 1;
        }
    }
    // Each route was asked in different ways for the same page.
    for name in ["all", "whole", "hashed", "url", "typed", "named", "each", "of"] {
        assert!(shared.get(name).is_some_and(|times| *times > 100), "{name}: {shared:?}");
    }
}
