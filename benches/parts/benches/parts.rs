//! The parts of a hit and of a miss, one by one: `cargo bench -p larder-benches`.
//!
//! Absolute times are this machine's; two runs on one machine tell what a change did.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, Version};
use larder::parts::build::site_of;
use larder::parts::cache::{Cache, CacheRequest, CacheSettings, Entry, Lifetime, Rendered, record};
use larder::parts::clock::Clock;
use larder::parts::fingerprint::Fingerprint;
use larder::parts::http::live::Live;
use larder::parts::http::{Handle as _, RequestView, SiteHandler};
use larder::parts::site::Site;
use larder::parts::site::key::Facts;
use larder::parts::site::route::{RawQuery, RouteMatch};
use larder::parts::source::file::Disk;
use tokio_util::task::TaskTracker;

/// A site of a thousand routes of each kind, and the page that is asked for.
fn site(directory: &std::path::Path) -> Site {
    let mut text = String::from("routes:\n");
    for number in 0..1000 {
        let lines = format!(
            "  /page{number}: {{ body: text }}\n  \
             /p{number}/{{name}}: {{ inline: \"{{{{name}}}}\", data: {{ name: x }} }}\n"
        );
        text.push_str(&lines);
    }
    text.push_str(
        "  /hello/{name}: { inline: \"<p>{{params.name}}, {{query.lang}}</p>{{#each team}}<li>\
         {{name}}</li>{{/each}}\", content_type: text/html,\n    data: { team: [{ name: ada }, \
         { name: grace }, { name: barbara }] } }\n  \
         /rendered/{name}: { inline: \"<p>{{params.name}}</p>\", ttl: off }\n",
    );
    std::fs::write(directory.join("routes.yaml"), text).expect("written");
    let clock = Clock::system();
    let made = site_of("routes.yaml", &mut Disk::new(directory, clock.wall()), &clock);
    made.site.unwrap_or_else(|| panic!("{:?}", made.report))
}

/// What a browser sends.
fn headers() -> HeaderMap {
    let lines = [
        ("host", "larder.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari"),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("accept-language", "en;q=0.8"),
        ("sec-fetch-dest", "document"),
        ("cookie", "session=abcdefghijklmnopqrstuvwxyz; theme=dark"),
    ];
    lines
        .into_iter()
        .map(|(name, value)| (name.parse().expect("a name"), value))
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

const PATH: &str = "/hello/ada";
const QUERY: &str = "utm=x&lang=no";

fn parts(bench: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let site = Arc::new(site(directory.path()));
    let headers = headers();
    bench.bench_function("route: a literal path", |run| {
        run.iter(|| black_box(site.find("GET", black_box("/page777"))));
    });
    bench.bench_function("route: a parameter", |run| {
        run.iter(|| black_box(site.find("GET", black_box(PATH))));
    });
    let RouteMatch::Route(matched) = site.find("GET", PATH) else { panic!("a route") };
    let route = site.route(matched.target).expect("a route");
    let plan = route.key.as_ref().expect("a key");
    let facts = |run: &mut dyn FnMut(&Facts<'_>)| {
        let raw = RawQuery::parse(black_box(QUERY)).expect("a query");
        let query = route.rules.query(&raw).expect("checked");
        let mut params = matched.params.clone();
        route.rules.path(&mut params).expect("checked");
        let (path, headers) = (&matched.path, &headers);
        run(&Facts { path, params: &params, query: &query, headers, language: None, body: None });
    };
    bench.bench_function("key: query, rules and key", |run| {
        run.iter(|| facts(&mut |facts| _ = black_box(plan.build(facts))));
    });
    hit(bench, &site, &headers);
}

/// Everything between a head that is read and an answer that is to be written: from memory, and by
/// a render each time.
fn hit(bench: &mut Criterion, site: &Arc<Site>, headers: &HeaderMap) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let settings = CacheSettings {
        prefix: "api:cache".into(),
        memory_bytes: 1 << 26,
        timeout: Duration::from_millis(100),
        max_entry_bytes: 1 << 20,
        max_new_keys: 1000,
        near: true,
    };
    let cache = Cache::memory(settings, Clock::system(), TaskTracker::new());
    let live = Arc::new(Live::new(Arc::clone(site)));
    let handler = SiteHandler::new(live, cache, &site.server);
    for (name, path, query) in [
        ("hit: route, key, entry, conditions", PATH, Some(QUERY)),
        ("render: a small page, not kept", "/rendered/ada", None),
    ] {
        let request = RequestView {
            method: &Method::GET,
            path,
            query,
            version: Version::HTTP_11,
            headers,
            peer: ([127, 0, 0, 1], 9).into(),
        };
        let answer = || runtime.block_on(handler.respond(black_box(&request)).answer());
        assert_eq!(answer().status(), 200);
        bench.bench_function(name, |run| run.iter(|| black_box(answer())));
    }
}

/// To Redis and back, for a body of 1 KiB and of 64 KiB.
fn records(bench: &mut Criterion) {
    for size in [1024, 65536] {
        let request = CacheRequest {
            key: "api:cache::page:/page".into(),
            fingerprint: Fingerprint::of(b"page"),
            lifetime: Lifetime::of(Duration::from_secs(60)),
            route: "page".into(),
            path: "/page".into(),
            status: 200,
            io: false,
        };
        let (content_type, body) = ("text/plain; charset=utf-8".into(), "x".repeat(size).into());
        let rendered = Rendered {
            status: 200,
            content_type,
            body,
            inputs: Fingerprint::default(),
            left: None,
        };
        let entry = Entry::new(rendered, &request, Clock::system().wall());
        let kept = Bytes::from(record::write("api:cache::page:/page", &entry).expect("a record"));
        bench.bench_function(&format!("record: write {size} B"), |run| {
            run.iter(|| record::write("api:cache::page:/page", black_box(&entry)));
        });
        bench.bench_function(&format!("record: read {size} B"), |run| {
            run.iter(|| record::read(b"api:cache::page:/page", black_box(&kept)));
        });
    }
}

criterion_group!(benches, parts, records);
criterion_main!(benches);
