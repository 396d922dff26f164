//! Two versions of a site → what an edit would change, and how many stored entries it makes anew.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing};
use crate::clock::Clock;
use crate::site::{Route, Site, diff};

/// How many keys are counted at most.
const MAX_EXAMINED: usize = 100_000;
/// How long the count may take.
const MAX_TIME: Duration = Duration::from_secs(2);
/// How many keys are asked for at a time.
const PAGE: usize = 1000;

/// What an edit would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The routes that change, in the order of their paths.
    pub routes: Vec<PlannedRoute>,
    /// How many stored entries it would make again, all routes together.
    pub entries: u64,
    /// Whether there may be more than `entries` says: the bounds on keys or time were met.
    pub is_at_least: bool,
    /// Why nothing could be counted.
    pub store_trouble: Option<String>,
}

/// What an edit would do to a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedRoute {
    /// `+`, `~` or `-`.
    pub change: char,
    /// Its path, with the method where it is not GET.
    pub path: String,
    /// How many of its stored entries would be made again.
    pub entries: u64,
}

/// What would change from `old` to `new`, with the entries that `cache` holds of `old`.
pub(crate) async fn plan(old: &Site, new: &Site, cache: &Cache, clock: &Clock) -> Plan {
    let (before, after) = (by_name(old), by_name(new));
    // The address of the route whose entry this is, where the edit makes the entry anew.
    let remade = |info: &KeyInfo| {
        let (name, path) = (info.route.as_deref()?, info.path.as_deref()?);
        let (stored, before) = (info.fingerprint?, before.get(name)?);
        if old.expected_fingerprint(before, path) != Some(stored) {
            return None; // made by another version: it would be made again anyway
        }
        let stays = after.get(name).is_some_and(|after| {
            before.builds_same_keys(after) && new.expected_fingerprint(after, path) == Some(stored)
        });
        (!stays).then(|| before.address())
    };
    let mut plan = Plan::default();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut cursor, mut examined, began) = (None, 0, clock.now());
    loop {
        let listing = Listing { cursor, limit: PAGE, examine_limit: PAGE, ..Listing::default() };
        let page = match cache.list(listing).await {
            Ok(page) => page,
            Err(why) => {
                (plan.is_at_least, plan.store_trouble) = (true, Some(why.to_string()));
                break;
            }
        };
        for path in page.keys.iter().filter_map(&remade) {
            *counts.entry(path).or_default() += 1;
            plan.entries += 1;
        }
        examined += PAGE;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        if examined >= MAX_EXAMINED || clock.now().since(began) >= MAX_TIME {
            plan.is_at_least = true;
            break;
        }
    }
    let routes = diff(old, new).0.into_iter().map(|(change, path)| {
        let entries = counts.get(&path).copied().unwrap_or(0);
        PlannedRoute { change: change.sign(), path, entries }
    });
    plan.routes = routes.collect();
    plan
}

fn by_name(site: &Site) -> HashMap<&str, &Route> {
    site.routes.iter().map(|route| (&*route.name, route.as_ref())).collect()
}
