//! One render in the fleet, where it does I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use larder::parts::cache::{CacheRequest, Purge, RenderFailure};
use tokio::sync::Notify;

use super::harness::{Bench, Server, body, eventually, key, page, request, starts_with, status};

fn io(name: &str) -> CacheRequest {
    CacheRequest { io: true, ..request(name) }
}

fn lease(name: &str) -> String {
    format!("larder:lease:{{{}}}", key(name))
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
async fn a_holder_that_died_is_waited_for_two_seconds_and_then_done_without() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let _: () = server.run(&["SET", &lease("user"), "of the dead", "PX", "30000"]);
    let started = Instant::now();
    let answer = bench.get(io("user"), "mine").await;
    let took = started.elapsed();
    assert!((1900..3000).contains(&took.as_millis()), "{took:?}");
    assert_eq!((body(&answer), status(&answer)), ("mine".into(), "fwd=uri-miss".into()));
    let there: i64 = server.run(&["EXISTS", &key("user")]);
    assert_eq!(there, 0, "not stored without the lease");
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
        other.cache.purge(what.clone()).await.expect("Redis was told");
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
async fn a_server_without_scripts_stores_what_needs_no_lease_and_stays_in_use() {
    let server = Server::start(&[]);
    let _: () =
        server.run(&["ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all", "-@scripting"]);
    let url = format!("redis://web:secret@127.0.0.1:{}", server.port);
    let bench = Bench::ready(&url).await;
    for number in 0..5 {
        let started = Instant::now();
        let afar = bench.get(io("afar"), "text").await;
        assert!(status(&afar).starts_with("fwd=uri-miss") && body(&afar) == "text");
        assert!(started.elapsed() < Duration::from_secs(1), "nobody waits for a dead lease");
        let plain = bench.get(request(&format!("plain-{number}")), "text").await;
        assert_eq!(status(&plain), "fwd=uri-miss; stored");
    }
    assert!(bench.cache.state().up);
}
