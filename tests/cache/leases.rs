//! One render in the fleet, where it does I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use larder::parts::cache::{CacheRequest, CacheSettings, Namespaces, Purge, RenderFailure};
use tokio::sync::Notify;

use super::harness::{
    Bench, PREFIX, Server, body, eventually, key, page, request, settings, starts_with, status,
};

fn io(name: &str) -> CacheRequest {
    CacheRequest { io: true, ..request(name) }
}

fn lease(name: &str) -> String {
    format!("{PREFIX}:~lease:{{{}}}", key(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_one_render_that_does_io() {
    let server = Server::start(&[]);
    let benches = [Bench::ready(&server.url()).await, Bench::ready(&server.url()).await];
    let (renders, leave) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let started = Instant::now();
    let asking: Vec<_> = (0..20)
        .map(|number| {
            let cache = benches[number % 2].cache.clone();
            let (renders, leave) = (Arc::clone(&renders), Arc::clone(&leave));
            tokio::spawn(async move {
                let render = async move {
                    renders.fetch_add(1, Ordering::SeqCst);
                    leave.notified().await;
                    Ok(page("from afar"))
                };
                cache.answer(io("user"), render).await
            })
        })
        .collect();
    let waiting = || async {
        let collapsed = |bench: &Bench| bench.cache.counters().collapsed.get();
        renders.load(Ordering::SeqCst) == 1 && benches.iter().map(collapsed).sum::<u64>() == 18
    };
    assert!(eventually(waiting).await);
    let held: i64 = server.run(&["EXISTS", &lease("user")]);
    assert_eq!(held, 1);
    leave.notify_one();
    for asking in asking {
        assert_eq!(body(&asking.await.expect("an answer")), "from afar");
    }
    assert_eq!(renders.load(Ordering::SeqCst), 1, "in both");
    assert!(started.elapsed() < Duration::from_secs(2), "told, not timed out");
    let held: i64 = server.run(&["EXISTS", &lease("user")]);
    assert_eq!(held, 0, "the write gives the lease back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_holder_that_fails_takes_its_turn_at_once() {
    let server = Server::start(&[]);
    let (one, other) = (Bench::ready(&server.url()).await, Bench::ready(&server.url()).await);
    let leave = Arc::new(Notify::new());
    let failing = {
        let (cache, leave) = (one.cache.clone(), Arc::clone(&leave));
        tokio::spawn(async move {
            let render = async move {
                leave.notified().await;
                Err(RenderFailure::new(502, "down"))
            };
            cache.answer(io("user"), render).await
        })
    };
    let held = || async { server.run::<i64>(&["EXISTS", &lease("user")]) == 1 };
    assert!(eventually(held).await);
    let waiting = {
        let other = other.clone();
        tokio::spawn(async move { other.get(io("user"), "second try").await })
    };
    assert!(eventually(|| async { other.cache.state().in_flight == 1 }).await);
    leave.notify_one();
    assert_eq!(failing.await.expect("an answer").result.expect_err("it failed").status, 502);
    let answer = waiting.await.expect("an answer");
    assert_eq!(
        (body(&answer), status(&answer)),
        ("second try".into(), "fwd=uri-miss; stored".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_died_is_waited_for_until_its_lease_ends() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let _: () = server.run(&["SET", &lease("user"), "of the dead", "PX", "1500"]);
    let started = Instant::now();
    let answer = bench.get(io("user"), "mine").await;
    let took = started.elapsed();
    assert!((1300..2500).contains(&took.as_millis()), "{took:?}");
    assert_eq!((body(&answer), status(&answer)), ("mine".into(), "fwd=uri-miss; stored".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_held_for_as_long_as_its_render_takes() {
    let server = Server::start(&[]);
    let mut benches = Vec::new();
    for _ in 0..3 {
        benches.push(Bench::ready(&server.url()).await);
    }
    let renders = Arc::new(AtomicU32::new(0));
    let asking: Vec<_> = benches
        .iter()
        .map(|bench| {
            let (cache, renders) = (bench.cache.clone(), Arc::clone(&renders));
            tokio::spawn(async move {
                let render = async move {
                    renders.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(4500)).await;
                    Ok(page("slow"))
                };
                cache.answer(io("user"), render).await
            })
        })
        .collect();
    let held = || async { server.run::<i64>(&["PTTL", &lease("user")]) > 0 };
    assert!(eventually(held).await);
    let left: i64 = server.run(&["PTTL", &lease("user")]);
    assert!(left <= 3000, "who dies is waited for no longer than that: {left} ms");
    let (began, mut last) = (Instant::now(), Duration::ZERO);
    for asking in asking {
        assert_eq!(body(&asking.await.expect("an answer")), "slow");
        last = began.elapsed();
    }
    assert_eq!(renders.load(Ordering::SeqCst), 1, "one for all three");
    assert!(last < Duration::from_millis(5400), "woken by the write: {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_lease_of_ours_is_replaced() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let mut commands = 0;
    for (name, words) in
        [("forever", ["SET", "x"]), ("list", ["RPUSH", "x"]), ("set", ["SADD", "x"])]
    {
        let _: redis::Value = server.run(&[words[0], &lease(name), words[1]]);
        let started = Instant::now();
        let answer = bench.get(io(name), "mine").await;
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!(status(&answer), "fwd=uri-miss; stored", "{name}");
        let left: i64 = server.run(&["EXISTS", &lease(name)]);
        assert_eq!(left, 0);
        commands += 1;
    }
    let asked = server.calls("pttl");
    assert!(asked <= 5 * commands, "{asked} questions for {commands} pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stands_still_loses_its_lease_and_does_not_write() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let leave = Arc::new(Notify::new());
    let rendering = {
        let (cache, leave) = (bench.cache.clone(), Arc::clone(&leave));
        tokio::spawn(async move {
            let render = async move {
                leave.notified().await;
                Ok(page("too late"))
            };
            cache.answer(io("user"), render).await
        })
    };
    let held = || async { server.run::<i64>(&["EXISTS", &lease("user")]) == 1 };
    assert!(eventually(held).await);
    // As if it had ended, and another one had come.
    let _: () = server.run(&["SET", &lease("user"), "another's", "PX", "3000"]);
    leave.notify_one();
    assert_eq!(status(&rendering.await.expect("an answer")), "fwd=uri-miss");
    let token: String = server.run(&["GET", &lease("user")]);
    assert_eq!(token, "another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_redis_dead_a_page_that_does_io_is_kept_apart_too() {
    let mut server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    server.kill();
    let down = || async {
        bench.get(request("other"), "x").await;
        !bench.cache.state().up
    };
    assert!(eventually(down).await);
    bench.get(io("user"), "once").await;
    let renders = bench.rendered();
    for _ in 0..20 {
        let answer = bench.get(io("user"), "again").await;
        assert_eq!(body(&answer), "once");
        assert!(status(&answer).ends_with("detail=store-down"), "{}", status(&answer));
    }
    assert_eq!(bench.rendered(), renders);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_on_the_prefix_alone_are_enough() {
    let server = Server::start(&[]);
    let rights = ["ACL", "SETUSER", "web", "on", ">secret", "~api:cache:*", "+@all", "-@dangerous"];
    let _: () = server.run(&rights);
    let url = format!("redis://web:secret@127.0.0.1:{}", server.port);
    let (one, other) = (Bench::ready(&url).await, Bench::ready(&url).await);
    assert_eq!(status(&one.get(io("user"), "text").await), "fwd=uri-miss; stored");
    starts_with(&status(&other.get(io("user"), "x").await), "hit;");
    for what in
        [Purge::Keys(vec![key("user").into()]), Purge::Routes(vec!["user".into()]), Purge::All]
    {
        one.get(io("user"), "text").await;
        assert_eq!(one.cache.purge(what.clone(), Namespaces::All).await, Ok(1), "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_of_any_name_has_a_near_cache() {
    let server = Server::start(&[]);
    let settings = CacheSettings { prefix: "larder".into(), ..settings() };
    let bench = Bench::with(&server.url(), settings).armed().await;
    let page = |io| CacheRequest { key: "larder::page:/page".into(), io, ..request("page") };
    assert_eq!(status(&bench.get(page(true), "text").await), "fwd=uri-miss; stored");
    bench.warm(&page(false), "text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_lost_its_lease_to_a_purge_cannot_write() {
    let server = Server::start(&[]);
    let (one, other) = (Bench::ready(&server.url()).await, Bench::ready(&server.url()).await);
    for what in [
        Purge::Keys(vec![key("user").into()]),
        Purge::Routes(vec!["user".into()]),
        Purge::Glob("*user*".into()),
        Purge::All,
    ] {
        let leave = Arc::new(Notify::new());
        let rendering = {
            let (cache, leave) = (one.cache.clone(), Arc::clone(&leave));
            tokio::spawn(async move {
                let render = async move {
                    leave.notified().await;
                    Ok(page("from before"))
                };
                cache.answer(io("user"), render).await
            })
        };
        let held = || async { server.run::<i64>(&["EXISTS", &lease("user")]) == 1 };
        assert!(eventually(held).await);
        other.cache.purge(what.clone(), Namespaces::All).await.expect("Redis was told");
        leave.notify_one();
        let answer = rendering.await.expect("an answer");
        assert_eq!((body(&answer), status(&answer)), ("from before".into(), "fwd=uri-miss".into()));
        let there: i64 = server.run(&["EXISTS", &key("user")]);
        assert_eq!(there, 0, "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_delete_of_a_key_that_is_not_there_voids_nothing() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let leave = Arc::new(Notify::new());
    let rendering = {
        let (cache, leave) = (bench.cache.clone(), Arc::clone(&leave));
        tokio::spawn(async move {
            let render = async move {
                leave.notified().await;
                Ok(page("kept"))
            };
            cache.answer(io("user"), render).await
        })
    };
    let held = || async { server.run::<i64>(&["EXISTS", &lease("user")]) == 1 };
    assert!(eventually(held).await);
    let _: i64 = server.run(&["DEL", &key("user")]);
    leave.notify_one();
    assert_eq!(status(&rendering.await.expect("an answer")), "fwd=uri-miss; stored");
    starts_with(&status(&bench.get(io("user"), "x").await), "hit;");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_scripts_has_leases_too() {
    let server = Server::start(&[]);
    let _: () =
        server.run(&["ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all", "-@scripting"]);
    let url = format!("redis://web:secret@127.0.0.1:{}", server.port);
    let bench = Bench::ready(&url).await;
    for number in 0..5 {
        let started = Instant::now();
        let afar = bench.get(io(&format!("afar-{number}")), "text").await;
        assert_eq!(status(&afar), "fwd=uri-miss; stored");
        assert!(started.elapsed() < Duration::from_secs(1), "nobody waits for a dead lease");
        let left: i64 = server.run(&["EXISTS", &lease(&format!("afar-{number}"))]);
        assert_eq!(left, 0, "it is given back");
        let plain = bench.get(request(&format!("plain-{number}")), "text").await;
        assert_eq!(status(&plain), "fwd=uri-miss; stored");
    }
    assert!(bench.cache.state().up);
}
