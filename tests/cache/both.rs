//! What holds for the memory store and for Redis alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use larder::parts::cache::{Cache, CacheRequest, Lifetime, RenderFailure};
use tokio::sync::Notify;

use super::harness::{
    Bench, PATIENCE, Server, body, eventually, is_in, key, page, request, site, starts_with, status,
};

/// Both stores; `age` makes what is stored older.
#[derive(Debug)]
struct Store {
    bench: Bench,
    server: Option<Server>,
}

impl Store {
    async fn both() -> [Self; 2] {
        let server = Server::start(&[]);
        let bench = Bench::ready(&server.url()).await;
        [Self { bench: Bench::memory(), server: None }, Self { bench, server: Some(server) }]
    }

    fn kind(&self) -> &'static str {
        self.bench.cache.state().kind
    }

    /// As if `by` had passed since the page was stored.
    async fn age(&self, name: &str, by: Duration) {
        let Some(server) = &self.server else {
            self.bench.clock.advance(by);
            return;
        };
        let left: i64 = server.run(&["PTTL", &key(name)]);
        let less = left - i64::try_from(by.as_millis()).expect("a span");
        let before = self.bench.cache.counters().invalidations.get();
        let _: i64 = server.run(&["PEXPIRE", &key(name), &less.to_string()]);
        // Told in order: when the second of these has come, so has what went before.
        let _: () = server.run(&["SET", &key("~after"), "", "PX", "1000"]);
        let seen = || async { self.bench.cache.counters().invalidations.get() >= before + 2 };
        assert!(eventually(seen).await, "PEXPIRE is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_rendered_once_and_then_served_from_the_store() {
    for store in Store::both().await {
        let bench = &store.bench;
        let first = bench.get(request("about"), "hello").await;
        assert_eq!(status(&first), "fwd=uri-miss; stored");
        assert_eq!(first.outcome.age_seconds(), None);
        for _ in 0..5 {
            let hit = bench.get(request("about"), "other").await;
            assert_eq!(body(&hit), "hello");
            is_in(&hit.outcome.ttl_seconds(), &[Some(59), Some(60)]);
            assert_eq!(hit.outcome.age_seconds(), Some(0));
        }
        assert_eq!(bench.rendered(), 1, "{}", store.kind());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn age_and_ttl_are_told_of_hits() {
    for store in Store::both().await {
        store.bench.get(request("about"), "hello").await;
        store.age("about", Duration::from_secs(13)).await;
        let hit = store.bench.get(request("about"), "other").await;
        starts_with(&status(&hit), "hit; ttl=4");
        let age = hit.outcome.age_seconds().expect("an age");
        assert!((13..20).contains(&age), "{age} in {}", store.kind());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_rendered_again() {
    for store in Store::both().await {
        store.bench.get(request("about"), "old").await;
        store.age("about", Duration::from_secs(60)).await;
        let fresh = store.bench.get(request("about"), "new").await;
        assert_eq!(body(&fresh), "new");
        starts_with(&status(&fresh), "fwd=uri-miss; stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_ttl_applies_to_what_is_stored() {
    for store in Store::both().await {
        store.bench.get(request("about"), "old").await;
        store.age("about", Duration::from_secs(20)).await;
        let lifetime = Lifetime::of(Duration::from_secs(10));
        let answer = store.bench.get(CacheRequest { lifetime, ..request("about") }, "new").await;
        assert_eq!((body(&answer), status(&answer)), ("new".into(), "fwd=stale; stored".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_fingerprints_entry_is_never_served() {
    for store in Store::both().await {
        store.bench.get(request("about"), "old").await;
        let after_edit = CacheRequest { fingerprint: site("two"), ..request("about") };
        let answer = store.bench.get(after_edit.clone(), "new").await;
        assert_eq!((body(&answer), status(&answer)), ("new".into(), "fwd=uri-miss; stored".into()));
        let failing = CacheRequest { fingerprint: site("three"), ..request("about") };
        let lifetime = Lifetime { stale_if_error: Duration::from_secs(60), ..failing.lifetime };
        let failure = RenderFailure::new(502, "down");
        let answer = store.bench.get_failing(CacheRequest { lifetime, ..failing }, failure).await;
        assert_eq!(answer.result.expect_err("not even as stale").status, 502);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_in_a_row_are_each_stored_and_are_no_sign_of_another_site() {
    for store in Store::both().await {
        for edit in 0..8 {
            let request =
                || CacheRequest { fingerprint: site(&edit.to_string()), ..request("about") };
            let answer = store.bench.get(request(), &edit.to_string()).await;
            assert_eq!(status(&answer), "fwd=uri-miss; stored", "edit {edit}");
            assert_eq!(body(&store.bench.get(request(), "again").await), edit.to_string());
        }
        assert!(!store.bench.cache.state().contended);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_stored_is_rendered_for_each() {
    for store in Store::both().await {
        let off = Lifetime { ttl: None, ..request("about").lifetime };
        for _ in 0..3 {
            let answer =
                store.bench.get(CacheRequest { lifetime: off, ..request("about") }, "now").await;
            assert_eq!(status(&answer), "fwd=bypass");
        }
        assert_eq!(store.bench.rendered(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_over_the_bound_is_served_and_not_stored() {
    for store in Store::both().await {
        let large = "x".repeat((1 << 20) + 1);
        for _ in 0..2 {
            assert_eq!(status(&store.bench.get(request("large"), &large).await), "fwd=uri-miss");
        }
        assert_eq!(store.bench.rendered(), 2);
        let fits = "x".repeat(1 << 20);
        let answer = store.bench.get(request("fits"), &fits).await;
        assert_eq!(status(&answer), "fwd=uri-miss; stored");
        starts_with(&status(&store.bench.get(request("fits"), &fits).await), "hit;");
    }
}

/// A render that waits for leave.
fn slow(
    renders: &Arc<AtomicU32>,
    leave: &Arc<Notify>,
) -> impl Future<Output = Result<larder::parts::cache::Rendered, RenderFailure>> + Send + 'static {
    let (renders, leave) = (Arc::clone(renders), Arc::clone(leave));
    async move {
        renders.fetch_add(1, Ordering::SeqCst);
        leave.notified().await;
        Ok(page("made once"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_ask_at_once_make_one_render_though_the_first_one_leaves() {
    for store in Store::both().await {
        let (cache, renders, leave) = (store.bench.cache.clone(), Arc::default(), Arc::default());
        let first = {
            let (cache, render) = (cache.clone(), slow(&renders, &leave));
            tokio::spawn(async move { cache.answer(request("slow"), render).await })
        };
        assert!(eventually(|| async { renders.load(Ordering::SeqCst) == 1 }).await);
        let others: Vec<_> = (0..100)
            .map(|_| {
                let (cache, render) = (cache.clone(), slow(&renders, &leave));
                tokio::spawn(async move { cache.answer(request("slow"), render).await })
            })
            .collect();
        assert!(eventually(|| async { cache.counters().collapsed.get() == 100 }).await);
        first.abort();
        assert!(first.await.is_err(), "the first one has left");
        leave.notify_one();
        for other in others {
            let answer = tokio::time::timeout(PATIENCE, other).await.expect("woken").expect("told");
            assert_eq!(body(&answer), "made once");
            assert_eq!(status(&answer), "fwd=uri-miss; stored; collapsed");
        }
        assert_eq!(renders.load(Ordering::SeqCst), 1, "{}", store.kind());
    }
}

async fn ask_five(cache: &Cache, leave: &Arc<Notify>) -> Vec<u16> {
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (cache, leave) = (cache.clone(), Arc::clone(leave));
            tokio::spawn(async move {
                let render = async move {
                    leave.notified().await;
                    let pages: [larder::parts::cache::Rendered; 0] = [];
                    let first = pages.first().cloned();
                    Ok(first.expect("a render that panics"))
                };
                cache.answer(request("bad"), render).await
            })
        })
        .collect();
    assert!(eventually(|| async { cache.counters().collapsed.get() == 4 }).await);
    leave.notify_one();
    let mut statuses = Vec::new();
    for task in tasks {
        let answer = tokio::time::timeout(PATIENCE, task).await.expect("woken").expect("told");
        statuses.push(answer.result.expect_err("no response").status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_render_wakes_all_with_an_error_and_stores_nothing() {
    for store in Store::both().await {
        let statuses = ask_five(&store.bench.cache, &Arc::default()).await;
        assert_eq!(statuses, [500; 5]);
        let after = store.bench.get(request("bad"), "well again").await;
        assert_eq!(status(&after), "fwd=uri-miss; stored");
    }
}

fn stale(revalidate: u64, if_error: u64) -> Lifetime {
    Lifetime {
        ttl: Some(Duration::from_secs(60)),
        stale_while_revalidate: Duration::from_secs(revalidate),
        stale_if_error: Duration::from_secs(if_error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_answer_is_served_while_one_refresh_runs() {
    for store in Store::both().await {
        let request = || CacheRequest { lifetime: stale(30, 0), ..request("news") };
        store.bench.get(request(), "old").await;
        store.age("news", Duration::from_secs(72)).await;
        let (renders, leave) = (Arc::default(), Arc::default());
        for _ in 0..10 {
            let answer = store.bench.cache.answer(request(), slow(&renders, &leave)).await;
            assert_eq!(body(&answer), "old");
            starts_with(&status(&answer), "hit; ttl=-1");
            let age = answer.outcome.age_seconds().expect("an age");
            assert!((72..80).contains(&age), "{age}");
        }
        assert!(eventually(|| async { renders.load(Ordering::SeqCst) == 1 }).await);
        leave.notify_one();
        let new = || async { body(&store.bench.get(request(), "never").await) == "made once" };
        assert!(eventually(new).await, "the new one is there in {}", store.kind());
        assert_eq!(renders.load(Ordering::SeqCst), 1);
        assert_eq!(store.bench.rendered(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_keeps_the_old_one_without_lengthening_its_life_and_backs_off() {
    for store in Store::both().await {
        let request = || CacheRequest { lifetime: stale(30, 0), ..request("news") };
        store.bench.get(request(), "old").await;
        store.age("news", Duration::from_secs(70)).await;
        for _ in 0..50 {
            let failure = RenderFailure::new(502, "the upstream is down");
            let answer = store.bench.get_failing(request(), failure).await;
            assert_eq!(body(&answer), "old");
            starts_with(&status(&answer), "hit; ttl=-1");
            let settled = || async { store.bench.cache.state().in_flight == 0 };
            assert!(eventually(settled).await);
        }
        let tries = store.bench.rendered();
        assert!((2..5).contains(&tries), "one render, and a refresh or two: {tries}");
        store.age("news", Duration::from_secs(20)).await;
        let failure = RenderFailure::new(502, "the upstream is down");
        let gone = store.bench.get_failing(request(), failure).await;
        assert_eq!(gone.result.expect_err("too old").status, 502);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_answer_stands_in_for_a_failed_render_where_the_route_allows_it() {
    for store in Store::both().await {
        let request = || CacheRequest { lifetime: stale(0, 600), ..request("weather") };
        store.bench.get(request(), "sunny").await;
        store.age("weather", Duration::from_secs(90)).await;
        let failure = RenderFailure::new(502, "the upstream is down");
        let answer = store.bench.get_failing(request(), failure.clone()).await;
        assert_eq!(body(&answer), "sunny");
        assert_eq!(status(&answer), "fwd=stale; fwd-status=502; detail=stale-if-error");
        assert!(answer.outcome.age_seconds().expect("an age") >= 90);
        let well = store.bench.get(request(), "rainy").await;
        assert_eq!((body(&well), status(&well)), ("rainy".into(), "fwd=stale; stored".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_memory_has_no_room_for_is_not_said_to_be_stored() {
    let mut settings = super::harness::settings();
    settings.memory_bytes = 64 << 10;
    let (clock, tasks) =
        (larder::parts::clock::Clock::manual(), tokio_util::task::TaskTracker::new());
    let cache = Cache::memory(settings, clock, tasks);
    let bench = Bench { cache, ..Bench::memory() };
    let large = "x".repeat(66_000);
    for _ in 0..2 {
        assert_eq!(status(&bench.get(request("large"), &large).await), "fwd=uri-miss");
    }
    assert_eq!(status(&bench.get(request("small"), "x").await), "fwd=uri-miss; stored");
    starts_with(&status(&bench.get(request("small"), "x").await), "hit;");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_new_keys_is_stored_only_on_the_second_request() {
    let mut settings = super::harness::settings();
    settings.max_new_keys = 10;
    let server = Server::start(&[]);
    let memory = Cache::memory(
        settings.clone(),
        larder::parts::clock::Clock::manual(),
        tokio_util::task::TaskTracker::new(),
    );
    let redis = Bench::with(&server.url(), settings).armed().await;
    for cache in [memory, redis.cache.clone()] {
        let bench = Bench { cache, ..redis.clone() };
        let flood = |name: String| {
            let bench = bench.clone();
            async move {
                let request = CacheRequest { route: "flood".into(), ..request(&name) };
                status(&bench.get(request, "x").await).contains("stored")
            }
        };
        let mut stored = 0;
        for number in 0..200 {
            stored += u32::from(flood(format!("flood-{number}")).await);
        }
        assert!((10..60).contains(&stored), "{stored} of 200 in a second or two");
        let mut again = 0;
        for number in 0..200 {
            again += u32::from(flood(format!("flood-{number}")).await);
        }
        assert_eq!(stored + again, 200, "the second request stores the rest");
    }
}
