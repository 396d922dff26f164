//! `GET /metrics`: what was counted, as Prometheus reads it.
//!
//! Nothing here is in the way of a request: routes count into atomics of their own
//! ([`RouteCounts`]), the cache into its [`Counters`](crate::cache::counters::Counters), and both
//! are read when somebody asks.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::request::{at, read, resource, with};
use super::{Parts, State, reply};
use crate::http::counts::RouteCounts;
use crate::reload::ReloadState;
use crate::telemetry;

/// The type of the text, `OpenMetrics`, which Prometheus asks for first.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`.
pub(super) fn metrics(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let text = |state: Arc<State>| reply::typed(CONTENT_TYPE, state.metrics.text());
    resource(at("/metrics"), read().and(with(state)).map(text))
}

/// The metrics of a process.
#[derive(Debug)]
pub(super) struct Metrics(Registry);

impl Metrics {
    pub(super) fn new(parts: &Parts) -> Self {
        let mut registry = Registry::with_prefix("larder");
        registry.register_collector(Box::new(Source(parts.clone())));
        Self(registry)
    }

    /// All of them, as text.
    fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string fails only where a metric says something that is none.
        if let Err(why) = encode(&mut text, &self.0) {
            tracing::error!(%why, "the metrics could not be written");
        }
        text
    }
}

#[derive(Debug)]
struct Source(Parts);

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let out = &mut encoder;
        self.requests(out)?;
        self.cache(out)?;
        self.near(out)?;
        self.store_errors(out)?;
        self.config(out)?;
        let help = "Lines of the log and the access log that were dropped: nobody read them";
        counter(out, "log_lines_dropped", help, telemetry::lines_dropped())?;
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
            counter(out, name, help, count.get())?;
        }
        let timings = cache.render_time.read();
        let help = "How long renders took";
        let unit = prometheus_client::registry::Unit::Seconds;
        out.encode_descriptor("render_duration", help, Some(&unit), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(timings.sum, timings.count, &timings.buckets, None)
    }

    fn near(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        let state = self.0.cache.state();
        let near = state.near.figures;
        gauge(out, "memory_entries", "Entries in this process's memory", near.entries)?;
        gauge(out, "memory_bytes", "Bytes of the entries in memory, estimated", near.bytes)?;
        let help = "The bound on the bytes of the entries in memory";
        gauge(out, "memory_capacity_bytes", help, near.capacity_bytes)?;
        let help = "Entries that left memory for want of room";
        counter(out, "memory_evictions", help, near.evictions)?;
        gauge(out, "store_up", "Whether the store can be used", u64::from(state.up))?;
        let help = "Renders and look-ups under way";
        gauge(out, "in_flight", help, state.in_flight as u64)
    }

    fn store_errors(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        let errors = self.0.cache.counters().store_errors();
        let errors = errors.map(|(kind, count)| ([("kind", kind.name())], count));
        counters(out, "store_errors", "Calls of the store that failed, by kind", errors)
    }

    fn config(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        let status = self.0.reload.status();
        counter(out, "reloads", "Versions of the site put live", status.generation)?;
        let good = u64::from(status.state == ReloadState::Current);
        let help = "Whether the files on disk are what is served";
        gauge(out, "config_last_reload_successful", help, good)?;
        let at = status.loaded_at.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let help = "When the site that is served was loaded";
        let at = at.unwrap_or_default().as_secs();
        gauge(out, "config_last_reload_success_timestamp_seconds", help, at)
    }
}

fn counter(out: &mut DescriptorEncoder, name: &str, help: &str, count: u64) -> fmt::Result {
    let value = ConstCounter::new(count);
    value.encode(out.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauge(out: &mut DescriptorEncoder, name: &str, help: &str, count: u64) -> fmt::Result {
    let value = ConstGauge::new(count);
    value.encode(out.encode_descriptor(name, help, None, MetricType::Gauge)?)
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
