//! `POST /api/plan`: what an edit would change, and how many stored entries it makes anew.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::timeout;

use super::State;
use super::entries::use_of;
use super::keys::own_namespaces;
use super::reply::{self, Refusal};
use super::request::Answer;
use crate::build::{Made, site_edited};
use crate::cache::{Cache, KeyInfo, Listing};
use crate::clock::Clock;
use crate::diagnostic::render;
use crate::site::template::while_wanted;
use crate::site::{Change, Sign, Site, Use, diff};

/// How many keys are counted at most.
const MAX_EXAMINED: usize = 100_000;
/// How long the count may take.
const MAX_TIME: Duration = Duration::from_secs(2);
/// How long a plan waits for the one before it, and how long the text may take to compile.
const MAX_WAIT: Duration = Duration::from_secs(5);
const MAX_COMPILE: Duration = Duration::from_secs(20);
/// How many keys are asked for at a time.
const PAGE: usize = 1000;

/// What an edit would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What changes, in the order of signs and paths.
    pub routes: Vec<PlannedRoute>,
    /// How many stored entries it would make again, all routes together.
    pub entries: u64,
    /// Whether there may be more than `entries` says: the bounds on keys or time were met.
    pub is_at_least: bool,
    /// The fields of `server` and `cache` that differ, which only a restart changes.
    pub pending_restart: Vec<String>,
    /// Why nothing could be counted.
    pub store_trouble: Option<String>,
}

/// What an edit would do to a route, or to what is no route by its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedRoute {
    /// `+`, `~`, `=` or `-`.
    pub change: char,
    /// Its path, with the method where it is not GET; `errors.404`, `languages`.
    pub path: String,
    /// What of it is otherwise, where it is answered otherwise with what is kept.
    pub fields: Vec<String>,
    /// How many of its stored entries would be made again, or are of no use where it is gone.
    pub entries: u64,
}

/// What `POST /api/plan` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edited {
    /// Which file of the site it is; the main one where it is none of the others.
    #[serde(default)]
    file: String,
    /// Its text as it would be saved.
    text: String,
}

/// Tells whoever works for it that it is gone.
#[derive(Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Compiles the edited text, and says what it would change.
pub(super) async fn plan(state: Arc<State>, edited: Edited) -> Answer {
    let turn = timeout(MAX_WAIT, Arc::clone(&state.plans).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        let detail = "another plan is being made; ask again";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    };
    // Set when the client leaves, and with it this future.
    let unwanted = Unwanted::default();
    let flag = Arc::clone(&unwanted.0);
    let (files, clock) = (state.parts.files.clone(), state.parts.clock.clone());
    let stub = state.parts.stub.clone();
    let started = (state.parts.server.clone(), state.parts.typed_cache.clone());
    let made = tokio::task::spawn_blocking(move || {
        let edited = (&*edited.file, &*edited.text);
        let compile = || site_edited(Some(&started), &files, stub.as_deref(), edited, &clock);
        let made = while_wanted(&flag, compile);
        // The thread goes on for a moment when its client has left: its turn lasts as long.
        (made, turn)
    });
    let Ok(made) = timeout(MAX_COMPILE, made).await else {
        let detail = format!("the text takes longer than {MAX_COMPILE:?} to compile");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    let (Made { site, report, .. }, _turn) = match made {
        Ok((Ok(made), turn)) => (made, turn),
        Ok((Err(why), _)) => return Err(Refusal::new(StatusCode::BAD_REQUEST, why)),
        Err(_) => {
            let detail = "the text could not be compiled";
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
    };
    let Some(new) = site else {
        let problem = reply::json(&json!({
            "type": "about:blank",
            "title": "The text is bad",
            "status": 422,
            "detail": report.iter().find(|it| it.is_error()).map(ToString::to_string),
            "diagnostics": render::json(&report),
        }));
        return Ok(reply::with_status(StatusCode::UNPROCESSABLE_ENTITY, problem));
    };
    let (old, cache) = (state.parts.live.site(), &state.parts.cache);
    Ok(reply::json(&planned(&old, &new, cache, &state.parts.clock).await))
}

/// What would change from `old` to `new`, with the entries that `cache` holds of `old`.
async fn planned(old: &Site, new: &Site, cache: &Cache, clock: &Clock) -> Plan {
    let changes = diff(old, new).0;
    let gone = changes.iter().filter(|change| change.sign == Sign::Removed);
    let gone: HashSet<&str> = gone.map(|change| change.name.as_str()).collect();
    // The address of the route whose entry this is, where it is not served after the edit.
    let outdated = |info: &KeyInfo| {
        // What another version made would be made again anyway.
        if use_of(info, old) != Use::Served {
            return None;
        }
        let address = old.route_named(info.route.as_deref()?)?.address();
        let is_outdated = match use_of(info, new) {
            Use::Served => false,
            Use::Remade => true,
            Use::None => gone.contains(&*address),
        };
        is_outdated.then_some(address)
    };
    let mut plan = Plan::default();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut cursor, mut examined, began) = (None, 0, clock.now());
    loop {
        let namespaces = own_namespaces(old);
        let listing =
            Listing { namespaces, cursor, limit: PAGE, examine_limit: PAGE, ..Listing::default() };
        let page = match cache.list(listing).await {
            Ok(page) => page,
            Err(why) => {
                (plan.is_at_least, plan.store_trouble) = (true, Some(why.to_string()));
                break;
            }
        };
        for path in page.keys.iter().filter_map(&outdated) {
            *counts.entry(path).or_default() += 1;
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
    // What has no route any more is not made again.
    plan.entries = counts.iter().filter(|(it, _)| !gone.contains(&***it)).map(|it| it.1).sum();
    let routes = changes.into_iter().map(|Change { sign, name, fields, .. }| {
        let entries = counts.get(&name).copied().unwrap_or(0);
        PlannedRoute { change: sign.symbol(), path: name, fields, entries }
    });
    plan.routes = routes.collect();
    plan.pending_restart.clone_from(&new.pending_restart);
    plan
}
