//! A hostile week in half a minute: three larders on one Redis, each behind a line of its own.
//!
//! Clients ask all the time. Meanwhile, from a seed: edits and deploys, one instance after the
//! other, purges, what people do by hand in Redis, foreign values, floods, and lines that are far,
//! narrow, silent or cut; a Redis that hangs, is full, dies, or hands over to another one. Each
//! answer is compared with what [`truth`] knows of the site, of purges and of the time.
//!
//! - `LARDER_WEEK_SECONDS=1200` goes on for longer than half a minute;
//! - `LARDER_WEEK_SEED=7` is another week. Its events are those of the seed, their moments are not.
#![cfg(test)]

#[path = "../admin/client.rs"]
#[allow(dead_code, reason = "other tests use what this one does not")]
mod admin;
mod events;
mod faults;
mod fleet;
#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "other tests use what this one does not")]
mod harness;
#[path = "../cache/proxy.rs"]
mod proxy;
#[path = "../random/rng.rs"]
#[allow(dead_code, reason = "other tests use what this one does not")]
mod rng;
mod site;
mod truth;

use std::time::{Duration, Instant};

use self::events::EVENTS;
use self::fleet::Fleet;

/// How long, where nobody says.
const SECONDS: u64 = 30;

/// A number that a variable of the environment holds.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn the_promises_hold_through_a_hostile_week() {
    let seed = setting("LARDER_WEEK_SEED", 1);
    let long = Duration::from_secs(setting("LARDER_WEEK_SECONDS", SECONDS));
    let mut fleet = Fleet::start(seed);
    fleet.is_well();
    let start = Instant::now();
    while start.elapsed() < long {
        // Each in turn, in another order each time round.
        for at in fleet.rng.order(EVENTS.len()) {
            let (name, event) = EVENTS[at];
            fleet.truth.begins(name);
            event(&mut fleet);
            fleet.is_well();
            if start.elapsed() > long {
                break;
            }
        }
    }
    fleet.ends();
}
