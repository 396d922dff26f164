//! Keeps floods of ever-new keys out of the store.
//!
//! A route stores a number of new keys in a second on their first request. In the rest of that
//! second it stores a new key only on the key's second request within a minute. What was asked for
//! is remembered in three filters of half a minute each, of a fixed size: a key is never forgotten
//! too soon, and one that was never asked for is taken for known now and then, which costs an
//! entry.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Moment;

/// The bits of one filter: 512 KiB, of which only touched pages are real.
const BITS: usize = 1 << 22;
/// The bits that are kept together in one number.
const WORD: usize = 64;
/// How many filters there are, the current one included.
const FILTERS: usize = 3;
/// How long one filter is the current one.
const TURN: Duration = Duration::from_secs(30);
/// How many routes are counted apart; the rest share one count.
const ROUTES: usize = 16_384;

/// Decides whether a new key is stored.
pub(crate) struct Doorkeeper {
    per_second: u32,
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    second: u64,
    /// How many new keys each route has had this second.
    new: HashMap<Arc<str>, u32>,
    /// The current one first.
    filters: [Filter; FILTERS],
}

#[derive(Default)]
struct Filter {
    turn: u64,
    /// Empty, or a bit for each of [`BITS`].
    words: Vec<u64>,
}

impl Doorkeeper {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, state: Mutex::default(), hasher: RandomState::new() }
    }

    /// Counts a key that the store did not hold, and remembers it above the bound; says whether it
    /// is stored now.
    pub(crate) fn record_and_admit(&self, route: &Arc<str>, key: &str, now: Moment) -> bool {
        let mut state = self.state.lock();
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
        state.mark_seen(self.hasher.hash_one(key), turn)
    }
}

impl State {
    /// Marks a key as seen; says whether it was seen before.
    fn mark_seen(&mut self, hash: u64, turn: u64) -> bool {
        let bits = [hash, hash.rotate_left(32)].map(|hash| {
            let [low, middle, high, ..] = hash.to_le_bytes();
            u32::from_le_bytes([low, middle, high, 0]) as usize % BITS
        });
        let known = self.filters.iter().any(|filter| {
            filter.turn + FILTERS as u64 > turn && bits.iter().all(|bit| filter.has(*bit))
        });
        if self.filters[0].turn < turn {
            self.filters.rotate_right(1);
            self.filters[0] = Filter { turn, words: vec![0; BITS / WORD] };
        }
        for bit in bits {
            self.filters[0].words[bit / WORD] |= 1 << (bit % WORD);
        }
        known
    }
}

impl Filter {
    fn has(&self, bit: usize) -> bool {
        self.words.get(bit / WORD).is_some_and(|word| word & (1 << (bit % WORD)) != 0)
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
                assert_eq!(
                    door.record_and_admit(&route, &key(name), at(second)),
                    stored,
                    "{name} {start}"
                );
            }
            door.record_and_admit(&route, &key("a"), at(late));
            door.record_and_admit(&route, &key("b"), at(late));
            assert!(
                door.record_and_admit(&route, &key("fourth"), at(late)),
                "a minute after {start}"
            );
        }
    }

    #[test]
    fn what_was_asked_for_long_ago_is_new_again_and_routes_are_counted_apart() {
        let (door, route) = (Doorkeeper::new(0), Arc::from("page"));
        assert!(!door.record_and_admit(&route, "key", at(0)));
        assert!(!door.record_and_admit(&route, "key", at(120)));
        let (door, other) = (Doorkeeper::new(1), Arc::from("other"));
        assert!(
            door.record_and_admit(&route, "a", at(0)) && door.record_and_admit(&other, "b", at(0))
        );
        assert!(
            !door.record_and_admit(&route, "c", at(0))
                && !door.record_and_admit(&other, "d", at(0))
        );
    }

    #[test]
    fn a_flood_passes_for_known_now_and_then_and_never_the_other_way_round() {
        let (door, route) = (Doorkeeper::new(0), Arc::from("page"));
        let passed =
            (0..50_000).filter(|key| door.record_and_admit(&route, &key.to_string(), at(0)));
        assert!(passed.count() < 100);
        let again =
            (0..50_000).filter(|key| door.record_and_admit(&route, &key.to_string(), at(59)));
        assert_eq!(again.count(), 50_000);
    }
}
