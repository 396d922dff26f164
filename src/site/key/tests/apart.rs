//! What is not refused cannot collide: all keys of two routes, side by side.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Route, at, try_plan};
use crate::site::key::{KeySpec, collisions};

/// Values that look like parts of keys.
const VALUES: [&str; 8] = ["a", "b", "a-x", "b-x", "%2Fa%2F1", "1", "%7E", "a-"];

const BITS: [&str; 14] = [
    "a",
    "b",
    "-",
    "a-x",
    "/a/",
    "/a/1",
    "/",
    "{{route}}",
    "{{path}}",
    "{{params.x}}",
    "{{query.q}}",
    "{{namespace}}",
    "~",
    "load",
];

/// Two keys that differ in few places: those are the ones that could meet.
fn two_keys() -> impl Strategy<Value = (String, String)> {
    let bit = prop::sample::select(BITS.to_vec());
    let separator = prop_oneof![4 => Just(":"), 1 => Just("?"), 2 => Just("")];
    let end = prop_oneof![4 => Just(""), 1 => Just("?{{query}}"), 1 => Just(":{{query}}")];
    let named = prop::option::weighted(0.1, prop::sample::select(vec!["auto", "path", "hash"]));
    let bits = prop::collection::vec((bit.clone(), separator, bit, 0..3), 1..5);
    (bits, end, named).prop_map(|(bits, end, named)| {
        let (mut one, mut two) = (String::new(), String::new());
        for (first, separator, second, same) in bits {
            one.push_str(first);
            two.push_str(if same > 0 { first } else { second });
            one.push_str(separator);
            two.push_str(separator);
        }
        (one + end, named.map_or(two + end, str::to_owned))
    })
}

/// A route, where the key is one.
fn route(path: &str, key: &str) -> Option<Route> {
    let reads = if matches!(key, "auto" | "hash") { "query.q" } else { "" };
    KeySpec::parse(&at(key)).ok()?;
    let (_, report) = try_plan("r", path, key, reads).ok()?;
    (!report.has_errors()).then(|| Route::new(path, key, reads))
}

/// The keys of all requests for a route that can be made of the values.
fn keys(route: &Route, path: &str) -> BTreeSet<String> {
    let mut queries: Vec<String> = VALUES.iter().map(|value| format!("?q={value}")).collect();
    queries.extend([String::new(), "?q=".to_owned()]);
    let targets = VALUES
        .iter()
        .flat_map(|value| queries.iter().map(move |query| path.replace("{x}", value) + query));
    targets.map(|target| route.key(&target, &[], None)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn routes_that_are_not_refused_never_share_a_key(
        (first, second) in two_keys(), literal in any::<bool>(),
    ) {
        let (one, two) = ("/a/{x}", if literal { "/b" } else { "/b/{x}" });
        let routes = (route(one, &first), route(two, &second));
        let (Some(first_route), Some(second_route)) = routes else {
            return Ok(());
        };
        let span = at("key").span;
        let report = collisions(&[(&first_route.plan, &span), (&second_route.plan, &span)]);
        let (keys_of_one, keys_of_two) = (keys(&first_route, one), keys(&second_route, two));
        let shared = keys_of_one.intersection(&keys_of_two).next();
        prop_assert!(
            shared.is_none() || report.has_errors(),
            "{} and {} share {:?}", first, second, shared
        );
        let loaded = keys_of_one.iter().find(|key| {
            key.strip_prefix("api:cache::~load:").is_some_and(|rest| rest.matches(':').count() == 1)
        });
        prop_assert!(loaded.is_none() || report.has_errors(), "{} gives {:?}", first, loaded);
    }
}
