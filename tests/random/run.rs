//! Seeds, one after the other, on some threads, until the time is over or one fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::disk::Layout;
use super::edits;
use super::life::{Done, Failure, Scenario, live};
use super::make::Maker;
use super::process::Redis;
use super::requests;
use super::rng::Rng;
use super::shrink::{shown, shrunk};

/// How long, where nobody says.
const SECONDS: u64 = 60;

/// Scenarios at a time: each waits for quiet times more than it works.
const THREADS: usize = 4;

/// Edits of a site at most.
const EDITS: usize = 9;

/// A number that a variable of the environment holds.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn scenario(seed: u64) -> Scenario {
    let mut maker = Maker::new(Rng::new(seed, 1));
    let mut sites = vec![maker.site()];
    for _ in 0..3 + maker.rng.below(EDITS - 2) {
        let next = edits::next(&mut maker, &sites);
        if sites.last().is_some_and(|last| last.tree() != next.tree()) {
            sites.push(next);
        }
    }
    let mut rng = Rng::new(seed, 2);
    let requests = requests::all(&mut rng, &sites);
    let layout = if rng.one_in(5) { Layout::Linked } else { Layout::Plain };
    let is_redis = !rng.one_in(3);
    let versions = sites.into_iter().map(|site| (site, edits::save(&mut maker))).collect();
    Scenario { seed, layout, is_redis, versions, requests }
}

/// What the threads share.
struct Shared {
    next: AtomicU64,
    last: u64,
    until: Instant,
    is_over: AtomicBool,
    done: Mutex<Done>,
    failures: Mutex<Vec<String>>,
}

fn work(shared: &Shared) {
    let redis = Redis::start();
    while !shared.is_over.load(Ordering::Relaxed) {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        if seed > shared.last && Instant::now() > shared.until {
            return;
        }
        let scenario = scenario(seed);
        match live(&scenario, &redis) {
            Ok(done) => add(&mut shared.done.lock().expect("the sum"), done),
            Err(failure) => {
                let goes_on = setting("LARDER_RANDOM_ALL", 0) > 0;
                shared.is_over.fetch_or(!goes_on, Ordering::Relaxed);
                let report = report(scenario, failure, &redis);
                eprintln!("{report}");
                shared.failures.lock().expect("the failures").push(report);
            }
        }
    }
}

fn add(sum: &mut Done, done: Done) {
    sum.edits += done.edits;
    sum.refused += done.refused;
    sum.pairs += done.pairs;
    sum.stayed += done.stayed;
    sum.untouched += done.untouched;
}

fn report(scenario: Scenario, failure: Failure, redis: &Redis) -> String {
    let seed = scenario.seed;
    eprintln!("seed {seed} fails (`{}`); making it smaller", failure.promise);
    let (scenario, failure) =
        shrunk(scenario, failure, &mut |candidate| live(candidate, redis).map(|_| ()));
    format!(
        "{}run it again: LARDER_RANDOM_SEED={seed} LARDER_RANDOM_SECONDS=0 \
         cargo test --test random",
        shown(&scenario, &failure)
    )
}

#[test]
fn a_larder_that_lived_through_edits_answers_as_a_fresh_one() {
    let first = setting("LARDER_RANDOM_SEED", 1);
    let seconds = setting("LARDER_RANDOM_SECONDS", SECONDS);
    let begin = Instant::now();
    let shared = Shared {
        next: AtomicU64::new(first),
        last: first,
        until: begin + Duration::from_secs(seconds),
        is_over: AtomicBool::new(false),
        done: Mutex::default(),
        failures: Mutex::default(),
    };
    let threads = if seconds == 0 { 1 } else { THREADS };
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| _ = scope.spawn(|| work(&shared)));
    });
    let seeds = shared.next.load(Ordering::Relaxed) - first;
    let done = *shared.done.lock().expect("the sum");
    eprintln!("{seeds} seeds from {first} in {:?}: {done:?}", begin.elapsed());
    let failures = shared.failures.lock().expect("the failures");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    // A generator whose sites are mostly refused finds nothing.
    assert!(seconds == 0 || done.refused * 2 < done.edits, "most edits were refused: {done:?}");
}
