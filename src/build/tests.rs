//! What is made of an edit is what would be made of the same files afresh: places too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::config::memory::Memory;
use crate::site::key::Facts;
use crate::site::route::{RawQuery, RouteMatch};
use crate::site::{RenderJob, Source};

/// The same, with what makes that no YAML file is read in parts.
fn read_as_a_whole(mut files: Memory) -> Memory {
    let yaml =
        files.0.iter_mut().filter(|(path, _)| path.ends_with("s.yaml") || path.starts_with("part"));
    yaml.for_each(|(_, text)| text.push_str("# &mark\n"));
    files
}

/// Lines of a section, of which one is chosen; most are good, some are odd, few are wrong.
const SECTIONS: &[&[&str]] = &[
    &["", "# A comment\n\n", "---\n", "x-own: { a: 1 }\n"],
    &["data:\n  site: { title: T, n: 1 }\n", "data:\n  # T\n  site:\n    title: U\n    n: 1\n", ""],
    &["", "", "languages: [en, no]\n", "cache: { namespace: n }\n", "include: ['part*.yaml']\n"],
    &["", "defaults: { ttl: 1h }\n", "defaults:\n  headers: { x-a: b }\n  layout: l.html.hbs\n"],
    &["routes:\n", "routes: # all\n  # first\n", "routes:\n\n"],
];

/// Routes: `@` is their number.
const ROUTES: &[&str] = &[
    "  /r@: { body: 'page @' }\n",
    "  /r@: { body: 'other @', ttl: off } # remark\n",
    "  # above\n  /r@:\n    # inside\n    body: |\n      text\n  # below\n",
    "  /r@: { inline: '{{site.title}} {{query.q}}' }\n",
    "  /r@: { inline: '{{site.title}} {{missing}}' }\n",
    "  /r@:\n    inline: >-\n      {{#if query.q}}<b>{{query.q}}</b>{{/if}}\n      {{> nav}}\n",
    "  /r@/{a}: { template: t.html.hbs, query: { q: int, unread: int } }\n",
    "  /r@/{b}: { template: u.html.hbs, layout: l.html.hbs }\n",
    "  /r@: { json: { q: '{{query.q}}', t: '{{site.title}}', l: ['{{len site}}'] } }\n",
    "  /r@: { load: { it: it.yaml }, inline: '{{it.a}} {{it.b}}' }\n",
    "  /r@: { redirect: '/r1?q={{query.q}}' }\n",
    "  /r@: { name: same, body: '{{x}}', key: 'k:{{path}}' }\n",
    "  POST /r@: { body: posted, headers: { x-b: '{{c}}' } }\n",
    "  \"/r@\":\n    body: a\n      b\n    ttl: 5m\n",
    "  /r@: t.html.hbs\n  /s@: { body: $HOME, summary: \"${PATH:-x}\" }\n",
    "  /r@:\n",
    "  /r@: { bdoy: x }\n",
    "  /r@: 'never closed\n",
    "  /r@: &mark { body: x }\n  /s@: *mark\n",
    "  /r@: { body: [1, 2,\n  3] }\n",
    "\n\n  /r@: { body: x }\n# at the edge\n",
    "  - /r@\n",
];
/// So many of the first ones are never an error by themselves.
const GOOD: usize = 15;

/// Files beside: the texts that they may have.
const FILES: &[(&str, &[&str])] = &[
    ("templates/t.html.hbs", &["{{params.a}} {{query.q}} {{> nav}}", "t {{site.n}} {{query.q}}"]),
    ("templates/u.html.hbs", &["{{site.title}} {{params.b}}", "u {{> nav}}"]),
    ("templates/l.html.hbs", &["<{{{content}}}>", "<p>{{{content}}}</p>"]),
    ("templates/nav.html.hbs", &["nav {{site.title}}", "nav {{query.z}}", "{{#if}}"]),
    ("it.yaml", &["a: 1\n", "b: 2\n", "a: ]\n"]),
    (
        "part1.yaml",
        &["routes:\n  /p1: { body: p }\n", "routes: { /p1: { inline: '{{site.n}}' } }\n"],
    ),
    ("part2.yaml", &["defaults: { ttl: 2h }\nroutes:\n  /p2: { body: p }\n  /p3: t.html.hbs\n"]),
];

/// What is edited.
struct Draft {
    sections: Vec<usize>,
    routes: Vec<(usize, usize)>,
    files: Vec<usize>,
}

impl Draft {
    fn edit(&mut self, random: &mut Rng) {
        let kind = |random: &mut Rng| {
            let bound = if random.usize(..8) == 0 { ROUTES.len() } else { GOOD };
            random.usize(..bound)
        };
        match random.usize(..10) {
            0 => {
                let at = random.usize(..SECTIONS.len());
                self.sections[at] = random.usize(..SECTIONS[at].len());
            }
            1 => {
                let at = random.usize(..FILES.len());
                self.files[at] = random.usize(..FILES[at].1.len());
            }
            2 if self.routes.len() > 2 => _ = self.routes.remove(random.usize(..self.routes.len())),
            3 if self.routes.len() > 2 => {
                let (one, two) =
                    (random.usize(..self.routes.len()), random.usize(..self.routes.len()));
                self.routes.swap(one, two);
            }
            4 | 5 => {
                let number = random.usize(..40);
                let place = random.usize(..=self.routes.len());
                if self.routes.iter().all(|(known, _)| *known != number) {
                    self.routes.insert(place, (number, kind(random)));
                }
            }
            // What is wrong is mostly mended next.
            6 | 7 => self.routes.iter_mut().for_each(|(_, kind)| *kind %= GOOD),
            _ => {
                let at = random.usize(..self.routes.len());
                self.routes[at].1 = kind(random);
            }
        }
    }

    fn files(&self) -> Memory {
        let sections = SECTIONS.iter().zip(&self.sections).map(|(texts, at)| texts[*at]);
        let routes = self
            .routes
            .iter()
            .map(|(number, kind)| ROUTES[*kind].replace('@', &number.to_string()));
        let main = sections.map(str::to_owned).chain(routes).collect();
        let beside = FILES.iter().zip(&self.files);
        let beside = beside.map(|((path, texts), at)| ((*path).to_owned(), texts[*at].to_owned()));
        Memory(beside.chain([("routes.yaml".to_owned(), main)]).collect())
    }
}

/// All that a person or a visitor could see of what was made.
fn seen(made: Made) -> String {
    let mut seen = String::new();
    made.report.iter().for_each(|found| _ = writeln!(seen, "{found}"));
    let Some(site) = made.site.map(Arc::new) else { return seen };
    for route in &site.routes {
        let (name, place, digest, key) = (&route.name, &route.place, route.digest, &route.key);
        let _ = writeln!(seen, "{name} {} {place} {digest} {key:?}", route.address());
        let (headers, life, uses) = (&route.headers, route.lifetime, &route.uses);
        let _ = writeln!(seen, "  {headers:?} {} {life:?} {uses:?}", route.cache_control);
        route.reads.iter().for_each(|it| _ = writeln!(seen, "  {:?} {}", it.input, it.place));
        let path = route.pattern.as_str().replace(['{', '}'], "");
        let _ = writeln!(seen, "  {}", answer(&site, &route.method, &path));
    }
    seen
}

fn answer(site: &Arc<Site>, method: &str, path: &str) -> String {
    let RouteMatch::Route(mut matched) = site.find(method, path) else { return "none".to_owned() };
    let route = site.route(matched.target).expect("its route");
    let Source::Page(page) = &route.source else { return route.name.to_string() };
    let raw = RawQuery::parse("q=7").expect("a query");
    let (Ok(()), Ok(query)) = (route.rules.path(&mut matched.params), route.rules.query(&raw))
    else {
        return "refused".to_owned();
    };
    let (path, params, query) = (&matched.path, &matched.params, &query);
    let facts = Facts {
        path,
        params,
        query,
        headers: &http::HeaderMap::new(),
        language: Some("en"),
        body: None,
    };
    match RenderJob::new(site, route, page, &facts).and_then(|job| job.run(Duration::from_secs(9)))
    {
        Ok(said) => format!("{} {}", route.name, String::from_utf8_lossy(&said.body)),
        Err(why) => format!("{} {why}", route.name),
    }
}

#[test]
fn an_edit_makes_what_the_same_files_make_afresh() {
    let (mut good, mut kept) = (0, 0);
    for seed in 0..20 {
        let mut random = Rng::with_seed(seed);
        let (sections, files) = (vec![0, 0, 0, 0, 0], vec![0; FILES.len()]);
        let routes = (0..6).map(|number| (number, random.usize(..GOOD))).collect();
        let mut draft = Draft { sections, routes, files };
        let mut before = Before::default();
        let mut routes_before: Vec<Arc<crate::site::Route>> = Vec::new();
        for step in 0..25 {
            draft.edit(&mut random);
            let files = draft.files();
            let clock = Clock::system();
            let mut again =
                site_after(&mut before, None, "routes.yaml", (&mut files.clone(), &clock));
            let fresh = site_of("routes.yaml", &mut files.clone(), &clock);
            if let Some(site) = &mut again.site {
                let is_kept = |it: &&Arc<crate::site::Route>| {
                    routes_before.iter().any(|before| Arc::ptr_eq(before, it))
                };
                good += site.routes.len();
                kept += site.routes.iter().filter(is_kept).count();
                routes_before.clone_from(&site.routes);
            }
            let whole = site_of("routes.yaml", &mut read_as_a_whole(files.clone()), &clock);
            let (again, fresh, whole) = (seen(again), seen(fresh), seen(whole));
            let text = &files.0["routes.yaml"];
            assert!(again == fresh, "seed {seed} step {step}\n{text}\n{again}\nafresh:\n{fresh}");
            assert!(whole == fresh, "seed {seed} step {step}\n{text}\n{whole}\nin parts:\n{fresh}");
        }
    }
    // And it was no fresh one each time.
    assert!(kept * 3 > good, "of {good} routes {kept} were kept");
}

#[test]
fn an_edit_that_is_refused_asks_for_no_restart() {
    let clock = Clock::manual();
    let made = |text: &str, started: Option<&Started>| {
        let mut files = Memory(BTreeMap::from([("routes.yaml".to_owned(), text.to_owned())]));
        site_beside(started, "routes.yaml", &mut files, &clock)
    };
    let routes = "routes: { /: { body: x } }\n";
    let first = made(&format!("server: {{ listen: 127.0.0.1:9 }}\n{routes}"), None);
    let config = first.config.expect("a config");
    let started = (config.server, config.cache);
    for (text, expected) in [(routes, 1), ("# nothing\n", 0), ("routes: { /: { boddy: x } }\n", 0)]
    {
        let report = made(text, Some(&started)).report;
        let asked = report.iter().filter(|found| found.code == Code::RestartNeeded).count();
        assert_eq!(asked, expected, "{text}: {report:?}");
    }
}
