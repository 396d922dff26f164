//! `GET /metrics`: what was counted, as Prometheus reads it.
//!
//! Nothing here is in the way of a request: answers are counted into atomics ([`Answers`]), the
//! cache counts into its [`Counters`](crate::cache::counters::Counters), and both are read when
//! somebody asks.
//!
//! [`Answers`]: crate::http::counts::Answers

mod process;
mod text;

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use warp::reply::Response;

use self::text::{Format, Kind, Text};
use super::sources::TOLD_AT_MOST;
use super::{State, reply};
use crate::reload::ReloadState;
use crate::telemetry;

const RELOAD_GOOD: &str = "larder_config_last_reload_successful";
const RELOADED_AT: &str = "larder_config_last_reload_success_timestamp_seconds";

/// All of them, in the format that a request asks for.
pub(super) fn answer(state: &State, headers: &HeaderMap) -> Response {
    let format = Format::wanted(headers);
    let mut out = Text::new(format);
    requests(state, &mut out);
    cache(state, &mut out);
    process::write(&mut out);
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    out.family(Kind::Info, "larder_build", "The version of the program", [(labels, 1)]);
    reply::typed(format.content_type(), out.end())
}

fn requests(state: &State, out: &mut Text) {
    let live = &state.parts.live;
    let help = "Answers of the main listener, by class of status and by what the cache did";
    let answers = live.answers();
    let each = answers.each();
    let each = each.map(|(status, did, count)| ([("status", status), ("outcome", did)], count));
    out.family(Kind::Counter, "larder_answers", help, each);
    let help = "How long answers took, from the end of the head to the end of the answer";
    out.histogram("larder_answer_duration_seconds", help, &answers.took());
    out.number(Kind::Gauge, "larder_connections", "Open connections", answers.connections());
    let help = "Answers of the site, by route and by what the cache did";
    let series = live.series().each();
    let each =
        series.iter().map(|(route, did, count)| ([("route", &**route), ("outcome", *did)], *count));
    let unmatched = ([("route", ""), ("outcome", "unmatched")], live.unmatched());
    out.family(Kind::Counter, "larder_requests", help, each.chain([unmatched]));
    let help = "Wrong tokens that were sent to the admin listener, and those not looked at";
    let [wrong, refused] = state.guard.wrong_tokens();
    let tokens = [([("result", "wrong")], wrong), ([("result", "throttled")], refused)];
    out.family(Kind::Counter, "larder_admin_wrong_tokens", help, tokens);
}

fn cache(state: &State, out: &mut Text) {
    let counted = state.parts.cache.counters();
    for (name, help, count) in [
        ("larder_renders", "Renders begun", &counted.renders),
        ("larder_render_failures", "Renders that failed", &counted.render_failures),
        ("larder_renewals", "Pages that went on as they were", &counted.renewals),
        ("larder_refreshes", "Renders in the background of stale answers", &counted.refreshes),
        ("larder_collapsed", "Answers that waited for another's render", &counted.collapsed),
        ("larder_memory_hits", "Fresh answers from memory", &counted.memory_hits),
        ("larder_store_hits", "Answers that Redis had", &counted.store_hits),
        ("larder_stale_answers", "Answers from stale entries", &counted.stale_served),
        ("larder_stored", "Entries written to the store", &counted.stored),
        ("larder_too_large", "Entries not stored, being over max_entry", &counted.too_large),
        ("larder_kept_out", "Entries not stored, new above max_new_keys", &counted.kept_out),
        ("larder_flawed_records", "Values that are no records", &counted.flawed),
        ("larder_invalidations", "Invalidations that Redis sent", &counted.invalidations),
        ("larder_tracking_losses", "Times that Redis stopped telling", &counted.tracking_lost),
    ] {
        out.number(Kind::Counter, name, help, count.get());
    }
    let help = "How long renders took";
    out.histogram("larder_render_duration_seconds", help, &counted.render_time.get());
    let help = "How long calls of the store took";
    out.histogram("larder_store_call_duration_seconds", help, &counted.store_time.get());
    let errors = counted.store_errors().map(|(kind, count)| ([("kind", kind.name())], count));
    let help = "Calls of the store that failed, by kind";
    out.family(Kind::Counter, "larder_store_errors", help, errors);
    sources(state, out);
    how_it_is(state, out);
}

/// What came of asking servers.
fn sources(state: &State, out: &mut Text) {
    let all = state.parts.live.sources().states().all();
    let all = &all[..all.len().min(TOLD_AT_MOST)];
    if all.is_empty() {
        return;
    }
    let counts = all.iter().flat_map(|(name, from, state)| {
        let labels = |result| [("source", &**name), ("from", &**from), ("result", result)];
        state.counts().map(move |(result, count)| (labels(result), count))
    });
    let help = "Requests to servers that pages read from, by what came of them";
    out.family(Kind::Counter, "larder_source_fetches", help, counts);
    let up = all.iter().map(|(name, from, state)| {
        ([("source", &**name), ("from", &**from)], u64::from(!state.last().is_failing))
    });
    out.family(Kind::Gauge, "larder_source_up", "Whether the last request gave a value", up);
}

/// How the cache and the site's files are, and what is counted elsewhere.
fn how_it_is(state: &State, out: &mut Text) {
    use Kind::{Counter, Gauge};
    let (now, status) = (state.parts.cache.state(), state.parts.reload.status());
    let near = now.near;
    let is_good = u64::from(status.state == ReloadState::Current);
    let at = status.loaded_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let (at, dropped) = (at.unwrap_or_default().as_secs(), telemetry::lines_dropped());
    let on_its_way = now.in_flight as u64;
    for (kind, name, help, value) in [
        (Gauge, "larder_memory_entries", "Entries in this process's memory", near.entries),
        (Gauge, "larder_memory_bytes", "Bytes of the entries in memory, estimated", near.bytes),
        (Gauge, "larder_memory_capacity_bytes", "The bound on those bytes", near.capacity_bytes),
        (Counter, "larder_memory_evictions", "Entries that left memory for room", near.evictions),
        (Gauge, "larder_store_up", "Whether the store can be used", now.up.into()),
        (Gauge, "larder_in_flight", "Renders and look-ups under way", on_its_way),
        (Counter, "larder_reloads", "Versions of the site put live", status.generation),
        (Gauge, RELOAD_GOOD, "Whether the files on disk are what is served", is_good),
        (Gauge, RELOADED_AT, "When the site that is served was loaded", at),
        (Counter, "larder_log_lines_dropped", "Lines of the logs that nobody read", dropped),
    ] {
        out.number(kind, name, help, value);
    }
}
