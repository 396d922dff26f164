//! A scenario that fails → a smaller one that fails alike.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::life::{Failure, Scenario};
use super::site::{Site, Tree, value_mut};

/// Settings that are never left out: without `cache_status` no answer would say its key, and
/// without a long `timeout` a busy machine would be taken for a fault.
const KEPT: &[&str] = &["server", "cache"];

/// How long is shrunk at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes a failing scenario smaller as long as it fails alike.
pub(crate) fn shrunk(
    scenario: Scenario,
    failure: Failure,
    run: &mut dyn FnMut(&Scenario) -> Result<(), Failure>,
) -> (Scenario, Failure) {
    let begin = Instant::now();
    let (mut best, mut failure) = (scenario, failure);
    best.versions.truncate(failure.step + 1);
    let mut is_smaller = true;
    while is_smaller && begin.elapsed() < PATIENCE {
        is_smaller = false;
        let mut index = 0;
        loop {
            let Some(candidate) = candidates(&best, &failure).into_iter().nth(index) else { break };
            if begin.elapsed() > PATIENCE {
                break;
            }
            match run(&candidate) {
                Err(other) if other.promise == failure.promise => {
                    best = candidate;
                    failure = other;
                    best.versions.truncate(failure.step + 1);
                    is_smaller = true;
                }
                _ => index += 1,
            }
        }
    }
    (best, failure)
}

/// Smaller ones, the much smaller first.
fn candidates(scenario: &Scenario, failure: &Failure) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        all.push(candidate);
    };
    fewer_versions(scenario.versions.len(), &mut add);
    fewer_requests(scenario, failure, &mut add);
    less_written(scenario, &mut add);
    fewer_fields(scenario, &mut add);
    all.retain(|it| it.versions.windows(2).all(|two| two[0].0.tree() != two[1].0.tree()));
    all
}

/// Takes in a candidate by what makes it of the scenario.
type Add<'a> = &'a mut dyn FnMut(&dyn Fn(&mut Scenario));

fn fewer_versions(versions: usize, add: Add<'_>) {
    if versions > 2 {
        add(&|it| it.versions = it.versions.split_off(versions - 2));
        (0..versions - 1).for_each(|at| add(&|it| _ = it.versions.remove(at)));
    }
}

fn fewer_requests(scenario: &Scenario, failure: &Failure, add: Add<'_>) {
    let requests = scenario.requests.len();
    if requests > 1 {
        if let Some(only) = failure.request {
            add(&|it| it.requests = vec![it.requests[only].clone()]);
        }
        if requests > 3 {
            add(&|it| it.requests.truncate(requests / 2));
            add(&|it| it.requests = it.requests.split_off(requests / 2));
        }
        (0..requests).for_each(|at| add(&|it| _ = it.requests.remove(at)));
    }
    for at in 0..requests {
        for header in 0..scenario.requests[at].headers.len() {
            add(&|it| _ = it.requests[at].headers.remove(header));
        }
    }
}

/// Without a route, a load with its file, a piece of a file, a file.
fn less_written(scenario: &Scenario, add: Add<'_>) {
    let sites = || scenario.versions.iter().map(|(site, _)| site);
    for address in names(sites().flat_map(|site| site.routes.iter().map(|it| it.address.clone()))) {
        add(&|it| each(it, &|site| site.routes.retain(|route| route.address != address)));
    }
    for name in names(sites().flat_map(|site| site.load.iter().map(|(name, _)| name.clone()))) {
        add(&|it| each(it, &|site| without_load(site, &name)));
    }
    let pieces = sites().flat_map(|site| site.files.values().flatten());
    for id in pieces.map(|piece| piece.id).collect::<BTreeSet<_>>() {
        add(&|it| {
            each(it, &|site| {
                for file in site.files.values_mut() {
                    file.retain(|piece| piece.id != id);
                }
            });
        });
    }
    for path in names(sites().flat_map(|site| site.files.keys().cloned())) {
        add(&|it| each(it, &|site| _ = site.files.remove(&path)));
    }
}

fn without_load(site: &mut Site, name: &str) {
    if let Some(from) = value_mut(&mut site.load, name) {
        let path = from.as_str().unwrap_or_default().to_owned();
        site.files.remove(&path);
        site.load.retain(|(load, _)| load != name);
    }
}

/// Without a field of the main file, of included ones, or of a route.
fn fewer_fields(scenario: &Scenario, add: Add<'_>) {
    let sites = || scenario.versions.iter().map(|(site, _)| site);
    let of_site = sites().flat_map(|site| {
        let parts = site.parts.values().flatten();
        [&site.settings, &site.data, &site.load].into_iter().flatten().chain(parts)
    });
    for name in names(of_site.map(|(name, _)| name.clone()))
        .iter()
        .filter(|it| !KEPT.contains(&it.as_str()))
    {
        add(&|it| {
            each(it, &|site| {
                let parts = site.parts.values_mut();
                let own = [&mut site.settings, &mut site.data, &mut site.load];
                own.into_iter().chain(parts).for_each(|it| it.retain(|(field, _)| field != name));
            });
        });
    }
    let of_routes = sites().flat_map(|site| site.routes.iter()).flat_map(|route| {
        route.fields.iter().map(|(name, _)| format!("{}\t{name}", route.address))
    });
    for word in names(of_routes) {
        let (address, name) = word.split_once('\t').expect("an address and a field");
        add(&|it| {
            each(it, &|site| {
                if let Some(route) = site.route_mut(address) {
                    route.fields.retain(|(field, _)| field != name);
                }
            });
        });
    }
}

fn each(scenario: &mut Scenario, change: &dyn Fn(&mut Site)) {
    scenario.versions.iter_mut().for_each(|(site, _)| change(site));
}

fn names(all: impl Iterator<Item = String>) -> BTreeSet<String> {
    all.collect()
}

/// The scenario for people: the first version whole, then what each edit changes.
pub(crate) fn shown(scenario: &Scenario, failure: &Failure) -> String {
    let mut text = String::new();
    let mut before = Tree::new();
    for (step, (site, how)) in scenario.versions.iter().enumerate() {
        let _infallible = writeln!(text, "== version {step}, saved {how:?}, {:?}", scenario.layout);
        let tree = site.tree();
        for (path, content) in tree.iter().filter(|(path, it)| before.get(*path) != Some(it)) {
            let _infallible = write!(text, "-- {path}\n{}\n", content.trim_end());
        }
        for path in before.keys().filter(|path| !tree.contains_key(*path)) {
            let _infallible = writeln!(text, "-- {path} is gone");
        }
        before = tree;
    }
    for (at, request) in scenario.requests.iter().enumerate() {
        let mark = if failure.request == Some(at) { ">>" } else { "  " };
        let _infallible =
            writeln!(text, "{mark} {} {} {:?}", request.method, request.target, request.headers);
    }
    let store = if scenario.is_redis { "Redis" } else { "memory" };
    text + &format!(
        "store: {store}\n`{}` fails at version {}: {}\n",
        failure.promise, failure.step, failure.words
    )
}
