//! Keeps floods of ever-new keys out of the store (TRAPS 14).
//!
//! Up to a number of new keys a second and route all are stored; above it a key is stored only on
//! its second request within a minute. What was asked for is remembered in three filters of half a
//! minute each, of a fixed size: a key is never forgotten too soon, and one that was never asked
//! for is taken for known now and then, which costs an entry.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

/// The bits of one filter: 512 KiB, of which only touched pages are real.
const BITS: u64 = 1 << 22;
/// How many filters there are, the current one included.
const FILTERS: usize = 3;
/// How long one filter is the current one.
const TURN: Duration = Duration::from_secs(30);
/// How many routes are counted apart; the rest share one count.
const ROUTES: usize = 16_384;

/// Decides whether a new key is stored.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    per_second: u32,
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct State {
    second: u64,
    /// How many new keys each route has had this second.
    new: HashMap<Arc<str>, u32>,
    filters: [Filter; FILTERS],
}

#[derive(Debug, Default)]
struct Filter {
    turn: u64,
    words: Vec<u64>,
}

impl Doorkeeper {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, state: Mutex::default(), hasher: RandomState::new() }
    }

    /// Whether a key that the store did not hold is stored now.
    pub(crate) fn admits(&self, route: &Arc<str>, key: &str, now: Moment) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.as_micros() / 1_000_000;
        if state.second != second {
            state.second = second;
            state.new.clear();
        }
        let route = if state.new.len() < ROUTES { Arc::clone(route) } else { Arc::from("") };
        let new = state.new.entry(route).or_default();
        *new = new.saturating_add(1);
        if *new <= self.per_second {
            return true;
        }
        let turn = second / TURN.as_secs() + FILTERS as u64;
        state.seen_before(self.hasher.hash_one(key), turn)
    }
}

impl State {
    /// Whether the filters know the key; they do from now on.
    fn seen_before(&mut self, hash: u64, turn: u64) -> bool {
        let bits = [hash % BITS, (hash >> 32).wrapping_mul(0x9e37_79b9) % BITS];
        let known = self.filters.iter().any(|filter| {
            filter.turn + FILTERS as u64 > turn && bits.iter().all(|bit| filter.has(*bit))
        });
        let current = usize::try_from(turn % FILTERS as u64).unwrap_or(0);
        if let Some(filter) = self.filters.get_mut(current) {
            if filter.turn != turn {
                filter.turn = turn;
                filter.words = vec![0; usize::try_from(BITS / 64).unwrap_or(0)];
            }
            for bit in bits {
                filter.set(bit);
            }
        }
        known
    }
}

impl Filter {
    fn has(&self, bit: u64) -> bool {
        let word = usize::try_from(bit / 64).ok().and_then(|at| self.words.get(at));
        word.is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    fn set(&mut self, bit: u64) {
        if let Some(word) = usize::try_from(bit / 64).ok().and_then(|at| self.words.get_mut(at)) {
            *word |= 1 << (bit % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn above_the_bound_a_key_is_stored_on_its_second_request_within_a_minute() {
        let (door, route) = (Doorkeeper::new(2), Arc::from("page"));
        for start in [0, 29, 30, 59, 90, 1000] {
            let late = start + 60;
            let key = |name: &str| format!("{name}-{start}");
            for (second, name, stored) in [
                (start, "first", true),
                (start, "second", true),
                (start, "third", false),
                (start, "third", true),
                (start, "fourth", false),
            ] {
                assert_eq!(door.admits(&route, &key(name), at(second)), stored, "{name} {start}");
            }
            door.admits(&route, &key("a"), at(late));
            door.admits(&route, &key("b"), at(late));
            assert!(door.admits(&route, &key("fourth"), at(late)), "a minute after {start}");
        }
    }

    #[test]
    fn what_was_asked_for_long_ago_is_new_again_and_routes_are_counted_apart() {
        let (door, route) = (Doorkeeper::new(0), Arc::from("page"));
        assert!(!door.admits(&route, "key", at(0)));
        assert!(!door.admits(&route, "key", at(120)));
        let (door, other) = (Doorkeeper::new(1), Arc::from("other"));
        assert!(door.admits(&route, "a", at(0)) && door.admits(&other, "b", at(0)));
        assert!(!door.admits(&route, "c", at(0)) && !door.admits(&other, "d", at(0)));
    }

    #[test]
    fn a_flood_passes_for_known_now_and_then_and_never_the_other_way_round() {
        let (door, route) = (Doorkeeper::new(0), Arc::from("page"));
        let passed = (0..50_000).filter(|key| door.admits(&route, &key.to_string(), at(0)));
        assert!(passed.count() < 100);
        let again = (0..50_000).filter(|key| door.admits(&route, &key.to_string(), at(59)));
        assert_eq!(again.count(), 50_000);
    }
}
