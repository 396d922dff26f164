//! Purging and listing, in memory and in Redis.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::parts::cache::{Cache, CacheRequest, Listing, Namespaces, Purge};
use larder::parts::clock::Clock;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::harness::{
    Bench, PREFIX, Server, body, eventually, free_port, key, page, request, status,
};

async fn both() -> [(Bench, Option<Server>); 2] {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    [(Bench::memory(), None), (bench, Some(server))]
}

fn of(route: &str, name: &str) -> CacheRequest {
    CacheRequest { route: route.into(), key: format!("{PREFIX}::{route}:/{name}"), ..request(name) }
}

async fn keys(bench: &Bench, listing: Listing) -> BTreeSet<String> {
    let (mut all, mut cursor) = (BTreeSet::new(), None);
    loop {
        let listing = Listing { cursor, examine_limit: 10_000, ..listing.clone() };
        let page = bench.cache.list(listing.clone()).await.expect("a page");
        assert!(page.keys.len() <= listing.limit);
        for info in page.keys {
            assert!(all.insert(info.key), "a key twice");
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_says_how_many_it_removed_and_removes_no_others() {
    let cases: [(Purge, &[&str]); 7] = [
        (Purge::Keys(vec![format!("{PREFIX}::blog:/a").into(), "elsewhere".into()]), &["blog:/a"]),
        (Purge::Glob(format!("{PREFIX}::blog:*")), &["blog:/a", "blog:/b"]),
        (Purge::Glob("blog:*".into()), &["blog:/a", "blog:/b"]),
        (Purge::Glob("*/a".into()), &["blog:/a", "shop:/a"]),
        (Purge::Routes(vec!["shop".into()]), &["shop:/a"]),
        (Purge::Routes(vec!["unknown".into()]), &[]),
        (Purge::All, &["blog:/a", "blog:/b", "shop:/a"]),
    ];
    for (bench, server) in both().await {
        for (what, gone) in &cases {
            for request in [of("blog", "a"), of("blog", "b"), of("shop", "a")] {
                bench.get(request.clone(), "x").await;
                bench.get(request, "x").await;
            }
            if let Some(server) = &server {
                for foreign in ["elsewhere", "api:cached:x", "api:cache", "api-cache::blog:/a"] {
                    let _: () = server.run(&["SET", foreign, "mine"]);
                }
            }
            let before = keys(&bench, Listing { limit: 10, ..Listing::default() }).await;
            let count = bench.cache.purge(what.clone(), Namespaces::All).await.expect("told");
            let after = keys(&bench, Listing { limit: 10, ..Listing::default() }).await;
            let went: Vec<_> = before.difference(&after).cloned().collect();
            let meant: Vec<_> = gone.iter().map(|key| format!("{PREFIX}::{key}")).collect();
            assert_eq!((went, count), (meant, gone.len() as u64), "{what:?}");
            if let Some(server) = &server {
                let left: i64 = server.run(&[
                    "EXISTS",
                    "elsewhere",
                    "api:cached:x",
                    "api:cache",
                    "api-cache::blog:/a",
                ]);
                assert_eq!(left, 4);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_began_before_a_purge_is_neither_stored_nor_joined_after() {
    for (bench, _server) in both().await {
        for what in
            [Purge::Keys(vec![key("page").into()]), Purge::All, Purge::Routes(vec!["page".into()])]
        {
            let leave = Arc::new(Notify::new());
            let (cache, wait) = (bench.cache.clone(), Arc::clone(&leave));
            let before = tokio::spawn(async move {
                let render = async move {
                    wait.notified().await;
                    Ok(page("from before"))
                };
                cache.answer(request("page"), render).await
            });
            assert!(eventually(|| async { bench.cache.state().in_flight == 1 }).await);
            bench.cache.purge(what, Namespaces::All).await.expect("told");
            let after = bench.get(request("page"), "from after").await;
            assert_eq!(
                (body(&after), status(&after)),
                ("from after".into(), "fwd=uri-miss; stored".into())
            );
            leave.notify_one();
            let before = before.await.expect("an answer");
            assert_eq!(
                (body(&before), status(&before)),
                ("from before".into(), "fwd=uri-miss".into())
            );
            assert_eq!(body(&bench.get(request("page"), "x").await), "from after");
            bench.cache.purge(Purge::All, Namespaces::All).await.expect("told");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_redis_was_not_told_of_is_an_error() {
    let bench = Bench::on(&format!("redis://127.0.0.1:{}", free_port()));
    for what in [Purge::All, Purge::Keys(vec![key("page").into()])] {
        assert!(bench.cache.purge(what, Namespaces::All).await.is_err());
    }
    assert!(bench.cache.list(Listing { limit: 1, ..Listing::default() }).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_list_tells_of_each_entry_page_by_page() {
    for (bench, server) in both().await {
        for number in 0..250 {
            bench.get(of("many", &format!("page-{number:03}")), "0123456789").await;
        }
        bench.get(of("few", "one"), "0123456789").await;
        let all = keys(&bench, Listing { limit: 7, ..Listing::default() }).await;
        assert_eq!(all.len(), 251);
        let few = Listing { route: Some("few".into()), limit: 100, ..Listing::default() };
        let page =
            bench.cache.list(Listing { examine_limit: 10_000, ..few }).await.expect("a page");
        let [info] = page.keys.try_into().expect("one");
        assert_eq!(info.key, format!("{PREFIX}::few:/one"));
        assert_eq!((info.route.as_deref(), info.path.as_deref()), (Some("few"), Some("/one")));
        assert_eq!(info.stored.status, Some(200));
        assert_eq!(info.stored.content_type.as_deref(), Some("text/plain; charset=utf-8"));
        assert_eq!(info.fingerprint, Some(super::harness::site("one")));
        assert!(info.stored.ttl_ms.is_some_and(|ttl| (50_000..=60_000).contains(&ttl)));
        assert!(info.stored.age_ms.is_some_and(|age| age < 10_000) && info.stored.size_bytes >= 10);
        let glob =
            Listing { match_glob: Some("*page-00?".into()), limit: 100, ..Listing::default() };
        assert_eq!(keys(&bench, glob).await.len(), 10);
        let found = bench
            .cache
            .inspect(format!("{PREFIX}::few:/one").as_bytes(), Namespaces::All)
            .await
            .expect("told");
        let found = found.expect("it is there");
        assert_eq!(found.info.route.as_deref(), Some("few"));
        assert_eq!(&found.entry.expect("a record").body[..], b"0123456789");
        assert!(found.text.ends_with(b"\n\n0123456789"));
        assert!(
            bench
                .cache
                .inspect(key("nothing").as_bytes(), Namespaces::All)
                .await
                .expect("told")
                .is_none()
        );
        if let Some(server) = &server {
            let _: () = server.run(&["SET", "api:cache::~load:weather:ab", "sunny", "PX", "10000"]);
            let _: () = server.run(&["RPUSH", "api:cache::list", "a"]);
            let all = keys(&bench, Listing { limit: 100, ..Listing::default() }).await;
            assert_eq!(all.len(), 252, "what is no record is listed, what was loaded is not");
            let glob = Some("*~load:*".into());
            let loaded = Listing { match_glob: glob, limit: 100, ..Listing::default() };
            assert_eq!(keys(&bench, loaded).await.len(), 1);
            assert!(
                bench.cache.inspect(b"elsewhere", Namespaces::All).await.expect("told").is_none()
            );
        }
    }
}

fn in_namespace(name: &str, page: &str) -> CacheRequest {
    CacheRequest { key: format!("{PREFIX}:{name}:page:/{page}"), ..request(page) }
}

fn of_namespaces(names: &[&str]) -> Namespaces {
    Namespaces::Of(Arc::new(names.iter().map(|name| (*name).to_owned()).collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_walls() {
    for (bench, _server) in both().await {
        let blog = || of_namespaces(&["", "blog"]);
        for what in [
            Purge::All,
            Purge::Routes(vec!["page".into()]),
            Purge::Glob("*page*".into()),
            Purge::Keys(vec![format!("{PREFIX}:shop:page:/page").into()]),
        ] {
            for name in ["", "blog", "shop", "blogs"] {
                bench.get(in_namespace(name, "page"), name).await;
                bench.get(in_namespace(name, "page"), name).await;
            }
            let listing = Listing { limit: 10, namespaces: blog(), ..Listing::default() };
            let seen = keys(&bench, listing).await;
            let own = ["", "blog"].map(|name| format!("{PREFIX}:{name}:page:/page"));
            assert_eq!(seen, own.into());
            let theirs = format!("{PREFIX}:shop:page:/page");
            let found = bench.cache.inspect(theirs.as_bytes(), blog()).await.expect("told");
            assert!(found.is_none());
            let gone = bench.cache.purge(what.clone(), blog()).await.expect("told");
            assert_eq!(gone, if matches!(what, Purge::Keys(_)) { 0 } else { 2 }, "{what:?}");
            for name in ["shop", "blogs"] {
                let answer = bench.get(in_namespace(name, "page"), "lost").await;
                assert_eq!(body(&answer), name, "{what:?} leaves others' pages");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_long_path_is_purged_by_its_route() {
    for (bench, _server) in both().await {
        let path = format!("/{}", "segment/".repeat(550));
        let long = CacheRequest { path: path.clone(), route: "long".into(), ..request("long") };
        bench.get(long.clone(), "text").await;
        let listing = Listing { limit: 10, route: Some("long".into()), ..Listing::default() };
        let listing = Listing { examine_limit: 1000, ..listing };
        let page = bench.cache.list(listing).await.expect("a page");
        assert_eq!(page.keys.first().and_then(|info| info.path.clone()), Some(path));
        let purge = Purge::Routes(vec!["long".into()]);
        assert_eq!(bench.cache.purge(purge, Namespaces::All).await, Ok(1));
        assert_eq!(body(&bench.get(long, "anew").await), "anew");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_as_it_is_shown_anywhere_can_be_purged_and_shown() {
    for (bench, _server) in both().await {
        for (name, shown) in [
            ("caf\u{e9}", "caf%C3%A9"),
            ("it's", "it\\'s"),
            ("say-\"hi\"", "say-\\\"hi\\\""),
            ("plain%20space", "plain%20space"),
            ("\u{7f}", "%7F"),
        ] {
            let page = || CacheRequest { key: format!("{PREFIX}::p:/{name}"), ..request("p") };
            for form in [name, shown] {
                bench.get(page(), "text").await;
                let form = format!("{PREFIX}::p:/{form}").into_bytes();
                let found = bench.cache.inspect(&form, Namespaces::All).await.expect("told");
                assert!(found.is_some(), "{shown}");
                let purged = bench.cache.purge(Purge::Keys(vec![form]), Namespaces::All).await;
                assert_eq!(purged, Ok(1), "{shown}");
                assert_eq!(body(&bench.get(page(), "anew").await), "anew");
                bench.cache.purge(Purge::All, Namespaces::All).await.expect("told");
            }
        }
    }
}

/// Others are asked meanwhile, on the only thread that serves.
#[tokio::test]
async fn a_purge_of_very_many_keys_lets_others_go_on() {
    let mut settings = super::harness::settings();
    (settings.memory_bytes, settings.max_new_keys) = (512 << 20, u32::MAX);
    let clock = Clock::manual();
    let cache = Cache::memory(settings, clock.clone(), TaskTracker::new());
    let bench = Bench { cache, clock, ..Bench::memory() };
    let named = |number: u32| of("many", &format!("page-{number}"));
    for number in 0..100_000 {
        bench.get(named(number), "text").await;
    }
    let keys = (0..20_000).map(|number| named(number).key.into_bytes()).collect();
    let began = Instant::now();
    assert_eq!(bench.cache.purge(Purge::Keys(keys), Namespaces::All).await, Ok(20_000));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "in time proportional to what it purges: {took:?}");
    let (cache, mut longest, mut answered) = (bench.cache.clone(), Duration::ZERO, 0);
    let glob = Purge::Glob(format!("{}*b", "*a".repeat(100)));
    let purging = tokio::spawn(async move { cache.purge(glob, Namespaces::All).await });
    while !purging.is_finished() {
        let asked = Instant::now();
        let request = named(50_000);
        let hit = bench.cache.peek(&request.key, &request.fingerprint, &request.lifetime);
        assert!(hit.is_some());
        answered += 1;
        tokio::task::yield_now().await;
        longest = longest.max(asked.elapsed());
    }
    assert_eq!(purging.await.expect("a purge"), Ok(0));
    assert!(answered > 100, "others were answered {answered} times meanwhile");
    assert!(longest < Duration::from_secs(1), "others stood for {longest:?}");
}
