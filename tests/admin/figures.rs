//! `/metrics`, as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Admin, SITE};
use crate::harness::{MEMORY, PATIENCE, Redis, Site, until};

const OPEN_METRICS: &str = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";

/// The families of a text in either format: name → type, and the samples: name and labels → value.
/// Fails where the text is none.
fn read(text: &str) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut current = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            let known = families.insert(name.to_owned(), kind.to_owned());
            assert_eq!(known, None, "{name} comes twice");
            name.clone_into(&mut current);
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(series.starts_with(&current), "{line} stands under {current}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} comes twice");
        }
    }
    (families, samples)
}

#[tokio::test]
async fn answers_are_counted_by_status_and_outcome_and_timed_to_the_last() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for path in ["/a", "/a", "/a", "/b/x", "/nowhere"] {
        admin.larder.get(path).await;
    }
    let figures = until(PATIENCE, "all answers are sent", || {
        let (_, figures) = read(&admin.get("/metrics").body);
        let count = figures["larder_answer_duration_seconds_count"];
        (count >= 5.0).then_some(figures)
    });
    for (series, expected) in [
        ("larder_answers_total{status=\"2xx\",outcome=\"hit\"}", 2.0),
        ("larder_answers_total{status=\"2xx\",outcome=\"miss\"}", 2.0),
        ("larder_answers_total{status=\"4xx\",outcome=\"bypass\"}", 1.0),
        ("larder_answer_duration_seconds_count", 5.0),
        ("larder_answer_duration_seconds_bucket{le=\"+Inf\"}", 5.0),
        ("larder_render_duration_seconds_bucket{le=\"+Inf\"}", 2.0),
        ("larder_requests_total{route=\"a\",outcome=\"hit\"}", 2.0),
    ] {
        assert!((figures[series] - expected).abs() < 0.5, "{series}: {figures:#?}");
    }
    let calls = figures["larder_store_call_duration_seconds_bucket{le=\"+Inf\"}"];
    assert!(calls >= 4.0, "two reads and two writes at least: {calls}");
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(figures[name] > 0.0, "{name}: {figures:#?}");
    }
    assert!(!figures.keys().any(|series| series.contains("route=\"slow\"")), "nobody asked for it");
}

#[tokio::test]
async fn each_bucket_holds_those_before_it() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    admin.larder.get("/a").await;
    let (families, _) = read(&admin.get("/metrics").body);
    let text = admin.get("/metrics").body;
    let histograms: Vec<_> = families.iter().filter(|(_, kind)| *kind == "histogram").collect();
    assert_eq!(histograms.len(), 3, "{families:?}");
    for (name, _) in histograms {
        let start = format!("{name}_bucket{{");
        let counts: Vec<u64> = text
            .lines()
            .filter(|line| line.starts_with(&start))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        assert!(counts.len() > 5 && counts.is_sorted(), "{name}: {counts:?}");
    }
}

#[tokio::test]
async fn open_metrics_is_sent_only_to_who_asks_for_it() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    let plain = admin.get("/metrics");
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.body.contains("# TYPE larder_renders_total counter"), "{plain:?}");
    assert!(!plain.body.contains("# EOF"));
    let open = admin.send("GET", "/metrics", &[OPEN_METRICS], "");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), kind);
    assert!(open.body.contains("# TYPE larder_renders counter") && open.body.ends_with("# EOF\n"));
    assert_eq!(read(&plain.body).1.len(), read(&open.body).1.len());
}

#[tokio::test]
async fn a_route_that_goes_keeps_its_series_and_many_routes_share_one() {
    let routes: Vec<String> = (0..600).map(|at| format!("  /r{at}: {{ body: x }}\n")).collect();
    let site = Site::with(&format!("routes:\n{}", routes.concat()));
    let admin = Admin::serve(&site, MEMORY);
    let paths: Vec<String> = (0..600).rev().map(|at| format!("/r{at}")).collect();
    for path in &paths {
        admin.larder.get(path).await;
    }
    let text = admin.get("/metrics").body;
    assert!(text.len() < 200_000, "{}", text.len());
    let (_, figures) = read(&text);
    let route = |name: &str, did: &str| {
        format!("larder_requests_total{{route=\"{name}\",outcome=\"{did}\"}}")
    };
    // The last hundred that were asked for are not told apart.
    assert!(figures.contains_key(&route("r599", "miss")));
    assert!(!figures.contains_key(&route("r0", "miss")));
    assert!((figures[&route("(other)", "miss")] - 100.0).abs() < 0.5);
    admin.larder.reloads_after(|| site.edit("routes.yaml", "routes: { /new: { body: x } }"));
    admin.larder.get("/new").await;
    let (_, after) = read(&admin.get("/metrics").body);
    for (series, value) in figures.iter().filter(|(series, _)| series.contains("_total")) {
        assert!(after.get(series).is_some_and(|now| now >= value), "{series}");
    }
}

/// What a query names that is no word of the language or of a label.
fn metrics_of(query: &str, found: &mut BTreeSet<String>) {
    let word = regex::Regex::new(r"\b(larder|process)_[a-z_]+").expect("a pattern");
    found.extend(word.find_iter(query).map(|name| name.as_str().to_owned()));
}

fn queries_in(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        metrics_of(text, found);
                    }
                    _ => queries_in(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| queries_in(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_shows_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/grafana/larder.json");
    let dashboard = std::fs::read_to_string(path).expect("the dashboard");
    let dashboard = serde_json::from_str(&dashboard).expect("JSON");
    let mut named = BTreeSet::new();
    queries_in(&dashboard, &mut named);
    assert!(named.len() > 15, "{named:?}");
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    admin.larder.get("/a").await;
    let (_, figures) = read(&admin.get("/metrics").body);
    let known: BTreeSet<&str> =
        figures.keys().filter_map(|series| series.split('{').next()).collect();
    for name in &named {
        assert!(known.contains(&**name), "{name} is not among {known:?}");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_to_say() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    admin.larder.get("/a").await;
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("-- NOT TESTED: there is no promtool here");
        return;
    };
    let text = admin.get("/metrics").body;
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
    let said = child.wait_with_output().expect("its answer");
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
