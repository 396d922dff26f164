//! `GET /metrics`: what was counted, as Prometheus reads it.
//!
//! Nothing here is in the way of a request: routes count into atomics of their own
//! ([`RouteCounts`]), the cache into its [`Counters`](crate::cache::counters::Counters), and both
//! are read when somebody asks.

use std::fmt;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use warp::reply::Response;

use super::{Parts, reply};
use crate::http::counts::RouteCounts;
use crate::reload::ReloadState;
use crate::telemetry;

/// The type of the text, `OpenMetrics`, which Prometheus asks for first.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const RELOAD_GOOD: &str = "config_last_reload_successful";
const RELOADED_AT: &str = "config_last_reload_success_timestamp_seconds";

/// All of them, as text.
pub(super) fn text(parts: &Parts) -> Response {
    let mut registry = Registry::with_prefix("larder");
    registry.register_collector(Box::new(Source(parts.clone())));
    let mut text = String::new();
    // Writing into a string fails only where a metric says something that is none.
    if let Err(why) = encode(&mut text, &registry) {
        tracing::error!(%why, "the metrics could not be written");
    }
    reply::typed(CONTENT_TYPE, text)
}

#[derive(Debug)]
struct Source(Parts);

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let out = &mut encoder;
        self.requests(out)?;
        self.cache(out)?;
        self.state(out)?;
        let errors = self.0.cache.counters().store_errors();
        let errors = errors.map(|(kind, count)| ([("kind", kind.name())], count));
        counters(out, "store_errors", "Calls of the store that failed, by kind", errors)?;
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        let help = "The version of the program";
        let mut info = out.encode_descriptor("build", help, None, MetricType::Info)?;
        info.encode_info(&labels)
    }
}

impl Source {
    fn requests(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Answers of the site, by route and by what the cache did";
        let served = self.0.live.load();
        let counts = served.counts().flat_map(|(name, counts)| {
            counts
                .each()
                .map(move |(outcome, count)| ([("route", name), ("outcome", outcome)], count))
        });
        let unmatched = [("route", ""), ("outcome", RouteCounts::UNMATCHED)];
        let unmatched = (unmatched, self.0.live.unmatched());
        counters(out, "requests", help, counts.chain([unmatched]))
    }

    fn cache(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        let cache = self.0.cache.counters();
        for (name, help, count) in [
            ("renders", "Renders begun", &cache.renders),
            ("render_failures", "Renders that failed", &cache.render_failures),
            ("refreshes", "Renders in the background of stale answers", &cache.refreshes),
            ("collapsed", "Answers that waited for another request's render", &cache.collapsed),
            ("memory_hits", "Fresh answers from this process's memory", &cache.memory_hits),
            ("store_hits", "Answers that Redis had", &cache.store_hits),
            ("stale_answers", "Answers from stale entries", &cache.stale_served),
            ("stored", "Entries written to the store", &cache.stored),
            ("too_large", "Entries not stored, being over max_entry", &cache.too_large),
            ("kept_out", "Entries not stored, being new above max_new_keys", &cache.kept_out),
            ("flawed_records", "Values under our keys that are no records", &cache.flawed),
            ("invalidations", "Invalidations that Redis sent", &cache.invalidations),
            ("tracking_losses", "Times that Redis stopped telling", &cache.tracking_lost),
        ] {
            number(out, MetricType::Counter, name, help, count.get())?;
        }
        let timings = cache.render_time.read();
        let help = "How long renders took";
        out.encode_descriptor("render_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(timings.sum, timings.count, &timings.buckets, None)
    }

    /// How the process is, and what is counted elsewhere.
    fn state(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        use MetricType::{Counter, Gauge};
        let (state, status) = (self.0.cache.state(), self.0.reload.status());
        let near = state.near;
        let is_good = u64::from(status.state == ReloadState::Current);
        let at = status.loaded_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let (at, dropped) = (at.unwrap_or_default().as_secs(), telemetry::lines_dropped());
        for (kind, name, help, value) in [
            (Gauge, "memory_entries", "Entries in this process's memory", near.entries),
            (Gauge, "memory_bytes", "Bytes of the entries in memory, estimated", near.bytes),
            (Gauge, "memory_capacity_bytes", "The bound on those bytes", near.capacity_bytes),
            (Counter, "memory_evictions", "Entries that left memory for room", near.evictions),
            (Gauge, "store_up", "Whether the store can be used", state.up.into()),
            (Gauge, "in_flight", "Renders and look-ups under way", state.in_flight as u64),
            (Counter, "reloads", "Versions of the site put live", status.generation),
            (Gauge, RELOAD_GOOD, "Whether the files on disk are what is served", is_good),
            (Gauge, RELOADED_AT, "When the site that is served was loaded", at),
            (Counter, "log_lines_dropped", "Lines of the logs that nobody read in time", dropped),
        ] {
            number(out, kind, name, help, value)?;
        }
        Ok(())
    }
}

/// One number without labels.
fn number(
    out: &mut DescriptorEncoder,
    kind: MetricType,
    name: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    let mut encoder = out.encode_descriptor(name, help, None, kind)?;
    match kind {
        MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        _ => encoder.encode_gauge(&value),
    }
}

/// A counter for each of some labels.
fn counters<'l, const N: usize>(
    out: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = ([(&'l str, &'l str); N], u64)>,
) -> fmt::Result {
    let mut family = out.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}
