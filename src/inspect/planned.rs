//! Two versions of a site → what an edit would change, and how many stored entries it makes anew.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing};
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::site::{Route, Site, diff};

/// How many keys are counted at most.
pub const COUNT_BOUND: u64 = 100_000;
/// How long the count may take.
const TIME_BOUND: Duration = Duration::from_secs(2);
/// How many keys are asked for at a time.
const PAGE: usize = 1000;

/// What an edit would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
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
pub struct PlannedRoute {
    /// `+`, `~` or `-`.
    pub change: char,
    /// Its path, with the method where it is not GET.
    pub path: String,
    /// How many of its stored entries would be made again.
    pub entries: u64,
}

/// What would change from `old` to `new`, with the entries that `cache` holds of `old`.
pub async fn planned(old: &Site, new: &Site, cache: &Cache, clock: &Clock) -> Plan {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut plan = Plan::default();
    if let Err(why) = count(old, new, cache, clock, &mut counts, &mut plan).await {
        plan.store_trouble = Some(why);
        plan.is_at_least = true;
    }
    let routes = diff(old, new).0.into_iter().map(|(change, path)| {
        let entries = counts.get(&path).copied().unwrap_or_default();
        PlannedRoute { change: change.sign(), path, entries }
    });
    plan.routes = routes.collect();
    plan
}

async fn count(
    old: &Site,
    new: &Site,
    cache: &Cache,
    clock: &Clock,
    counts: &mut BTreeMap<String, u64>,
    plan: &mut Plan,
) -> Result<(), String> {
    let versions = Versions::new(old, new);
    let began = clock.now();
    let (mut cursor, mut seen) = (None, 0);
    loop {
        let listing = Listing { cursor, limit: PAGE, examine_limit: PAGE, ..Listing::default() };
        let page = cache.list(listing).await.map_err(|why| why.to_string())?;
        for info in &page.keys {
            if let Some(path) = versions.remade(info) {
                *counts.entry(path).or_default() += 1;
                plan.entries += 1;
            }
        }
        seen += PAGE as u64;
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(());
        }
        if seen >= COUNT_BOUND || clock.now().since(began) >= TIME_BOUND {
            plan.is_at_least = true;
            return Ok(());
        }
    }
}

/// The routes of both versions by name.
struct Versions<'s> {
    old: HashMap<&'s str, &'s Route>,
    new: HashMap<&'s str, &'s Route>,
    old_site: &'s Site,
    new_site: &'s Site,
}

impl<'s> Versions<'s> {
    fn new(old_site: &'s Site, new_site: &'s Site) -> Self {
        let by_name = |site: &'s Site| {
            site.routes.iter().map(|route| (&*route.name, route.as_ref())).collect()
        };
        Self { old: by_name(old_site), new: by_name(new_site), old_site, new_site }
    }

    /// The address of the route whose entry this is, where the edit makes the entry anew.
    fn remade(&self, info: &KeyInfo) -> Option<String> {
        let name = info.route.as_deref()?;
        let before = self.old.get(name)?;
        let stored = info.fingerprint?;
        let path = info.path.as_deref().unwrap_or_default();
        if expected(self.old_site, before, path) != Some(stored) {
            return None; // made by another version: it would be made again anyway
        }
        let stays = self.new.get(name).is_some_and(|after| {
            before.builds_same_keys(after) && expected(self.new_site, after, path) == Some(stored)
        });
        (!stays).then(|| before.address())
    }
}

fn expected(site: &Site, route: &Route, path: &str) -> Option<Fingerprint> {
    site.expected_fingerprint(route, path)
}
