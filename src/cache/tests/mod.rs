//! The promises as a model: two instances, a simulated store, and a schedule drawn from a seed.
//!
//! A schedule is a list of steps: asks, edits, purges, foreign writes, lost connections, time, and
//! which command, reply, invalidation or render comes next. After each step an oracle that knows
//! what was rendered, written and taken away looks at all that was answered and at all that memory
//! would give. A schedule that fails is made as short as it can be, and printed.

mod oracle;
mod run;
mod sim;

use fastrand::Rng;

use self::run::run;

/// What can happen. Numbers choose among what there is at that moment, modulo its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ask {
        instance: usize,
        key: usize,
    },
    /// The instance's next command reaches the store.
    Apply {
        instance: usize,
    },
    /// A reply arrives.
    Reply {
        pick: usize,
    },
    /// The instance hears of the next change.
    Hear {
        instance: usize,
    },
    FinishRender {
        pick: usize,
        fails: bool,
    },
    /// The instance has the next version of the site.
    Edit {
        instance: usize,
    },
    ForeignDelete {
        key: usize,
    },
    ForeignWrite {
        key: usize,
    },
    Flush,
    Sweep,
    Purge {
        instance: usize,
        key: usize,
        all: bool,
    },
    Wait {
        ms: u64,
    },
    /// The tracking connection ends; silently, it is found out only a second later.
    LoseTracking {
        instance: usize,
        silently: bool,
    },
    /// The instance finds out; it comes by itself a second after.
    FindOut {
        instance: usize,
    },
    /// The server has turned tracking on again.
    Track {
        instance: usize,
    },
    /// The instance knows it.
    Arm {
        instance: usize,
    },
    /// The instance cannot reach the store, or can again.
    Cut {
        instance: usize,
    },
    Mend {
        instance: usize,
    },
    Fill {
        full: bool,
    },
}

pub(crate) const INSTANCES: usize = 2;
pub(crate) const KEYS: usize = 3;

/// What kind of trouble a schedule has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// The store is there, tracking lives, little time passes.
    Calm,
    /// Anything goes.
    Stormy,
}

fn schedule(seed: u64, weather: Weather) -> Vec<Step> {
    let mut dice = Rng::with_seed(seed);
    let length = 40 + dice.usize(..120);
    (0..length).map(|_| step(&mut dice, weather)).collect()
}

fn step(dice: &mut Rng, weather: Weather) -> Step {
    let (instance, key, pick) = (dice.usize(..INSTANCES), dice.usize(..KEYS), dice.usize(..97));
    let flag = dice.u64(..2) == 0;
    let kinds = if weather == Weather::Calm { 80 } else { 100 };
    match dice.u64(..kinds) {
        0..18 => Step::Ask { instance, key },
        18..34 => Step::Apply { instance },
        34..48 => Step::Reply { pick },
        48..56 => Step::Hear { instance },
        56..66 => Step::FinishRender { pick, fails: weather == Weather::Stormy && pick < 10 },
        66..68 => Step::Edit { instance },
        68..71 => Step::ForeignDelete { key },
        71 => Step::ForeignWrite { key },
        72 => Step::Flush,
        73 => Step::Sweep,
        74..77 => Step::Purge { instance, key, all: flag },
        77..80 => Step::Wait { ms: 1 + dice.u64(..5) },
        80..84 => Step::Wait { ms: 50 * dice.u64(..60) },
        84..87 => Step::LoseTracking { instance, silently: flag },
        87..89 => Step::FindOut { instance },
        89..92 => Step::Track { instance },
        92..95 => Step::Arm { instance },
        95 => Step::Cut { instance },
        96..98 => Step::Mend { instance },
        _ => Step::Fill { full: flag },
    }
}

/// Leaves out what a failure does not need, longest pieces first.
fn shortest(mut steps: Vec<Step>, weather: Weather) -> Vec<Step> {
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            if run(&fewer, weather).is_err() {
                steps = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    steps
}

fn hold(weather: Weather, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let steps = schedule(seed, weather);
        if run(&steps, weather).is_err() {
            let steps = shortest(steps, weather);
            let broken = run(&steps, weather).err().unwrap_or_else(|| "not every time".into());
            let list: Vec<String> = steps.iter().map(|step| format!("  {step:?}")).collect();
            let list = list.join("\n");
            panic!("seed {seed}, {weather:?}: {broken}\n{list}");
        }
    }
}

#[test]
fn the_promises_hold_while_the_store_is_well() {
    hold(Weather::Calm, 0..1000);
}

#[test]
fn the_promises_hold_whatever_happens_to_the_store() {
    hold(Weather::Stormy, 0..1000);
}
