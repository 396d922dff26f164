//! What others write under our keys is a miss, never an error, and is overwritten.

use std::time::Duration;

use larder::parts::cache::{Answer, CacheRequest, Lifetime, Namespaces, Purge};
use larder::parts::clock::Clock;

use super::harness::{Bench, Server, body, eventually, key, request, site, starts_with, status};

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_holds_is_an_http_response_that_a_person_can_read() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.get(request("about"), "<p>hello</p>").await;
    let text: String = server.run(&["GET", &key("about")]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["HTTP/1.1 200 OK", "content-type: text/plain; charset=utf-8"]);
    starts_with(lines[2], "etag: \"");
    starts_with(lines[3], &format!("larder: v=2; route=about; path=/about; fp={}", site("one")));
    assert_eq!(lines[4..], ["", "<p>hello</p>"]);
    let left: u64 = server.run(&["PTTL", &key("about")]);
    assert!((50_000..=60_000).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_other_types_are_misses_and_are_overwritten() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.get(request("about"), "right").await;
    let record: String = server.run(&["GET", &key("about")]);
    let cut = record.strip_suffix('t').expect("the body's end");
    let mended = record.replace("right", "wrong");
    let older = record.replace("v=2", "v=1");
    let newer = record.replace("v=2", "v=9");
    for (number, value) in ["", "garbage", cut, &mended, &newer, &older].iter().enumerate() {
        let name = format!("value-{number}");
        let _: () = server.run(&["SET", &key(&name), value, "PX", "60000"]);
        let answer = bench.get(request(&name), "right").await;
        assert_eq!(
            (body(&answer), status(&answer)),
            ("right".into(), "fwd=uri-miss; stored".into())
        );
        starts_with(&status(&bench.get(request(&name), "other").await), "hit;");
    }
    let _: () = server.run(&["RPUSH", &key("list"), "a", "b"]);
    assert_eq!(status(&bench.get(request("list"), "right").await), "fwd=uri-miss; stored");
    starts_with(&status(&bench.get(request("list"), "other").await), "hit;");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_ttl_or_with_a_longer_one_is_a_miss_and_gets_one() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    for (name, words) in [("kept", vec!["PERSIST"]), ("longer", vec!["PEXPIRE", "99000000"])] {
        bench.get(request(name), "old").await;
        let mut command = vec![words[0]];
        let key = key(name);
        command.push(&key);
        command.extend(&words[1..]);
        let _: i64 = server.run(&command);
        let new = || async { body(&bench.get(request(name), "new").await) == "new" };
        assert!(eventually(new).await);
        let left: i64 = server.run(&["PTTL", &key]);
        assert!((1..=60_000).contains(&left), "{left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_copied_to_another_key_is_not_served_there() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.get(request("ada"), "hello ada").await;
    let _: i64 = server.run(&["COPY", &key("ada"), &key("bob")]);
    let answer = bench.get(request("bob"), "hello bob").await;
    assert_eq!(
        (body(&answer), status(&answer)),
        ("hello bob".into(), "fwd=uri-miss; stored".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_status_than_the_routes_is_a_miss() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    bench.get(request("about"), "found").await;
    let other = CacheRequest { status: 404, ..request("about") };
    let one = Bench::ready(&server.url()).await;
    assert_eq!(status(&one.get(other, "not found").await), "fwd=uri-miss; stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_huge_foreign_value_no_more_is_read_than_can_be_right() {
    let server = Server::start(&[]);
    let bench = Bench::ready(&server.url()).await;
    let name = key("huge");
    // A string of 200 MB that nobody sent.
    let _: i64 = server.run(&["SETRANGE", &name, "200000000", "x"]);
    let _: i64 = server.run(&["PEXPIRE", &name, "60000"]);
    let sent = || {
        let stats: String = server.run(&["INFO", "stats"]);
        let line = stats.lines().find_map(|it| it.strip_prefix("total_net_output_bytes:"));
        line.and_then(|count| count.parse::<u64>().ok()).expect("a count")
    };
    let before = sent();
    let answer = bench.get(request("huge"), "right").await;
    assert_eq!(body(&answer), "right");
    let read = sent() - before;
    assert!(read < 3 << 20, "{read} bytes were read");
    assert!(bench.cache.state().up);
    let hit = || async { status(&bench.get(request("huge"), "right").await).starts_with("hit;") };
    assert!(eventually(hit).await, "it is overwritten");
    let len: u64 = server.run(&["STRLEN", &name]);
    assert!(len < 1000, "{len}");
}

/// Two versions of a site on one store, as while a deploy rolls; time is moved by hand.
struct Deploy {
    server: Server,
    old: Bench,
    new: Bench,
    clock: Clock,
}

impl Deploy {
    async fn start() -> Self {
        let (server, clock) = (Server::start(&[]), Clock::manual());
        let bench = || Bench::timed(&server.url(), clock.clone()).armed();
        let (old, new) = (bench().await, bench().await);
        Self { server, old, new, clock }
    }

    async fn ask_old(&self, body: &str) -> Answer {
        self.old.get(long("one"), body).await
    }

    async fn ask_new(&self, body: &str) -> Answer {
        self.new.get(long("two"), body).await
    }

    /// The old version stores, the new one overwrites that once, and the old one does the same.
    async fn contend(&self) {
        assert_eq!(status(&self.ask_old("old").await), "fwd=uri-miss; stored");
        for _ in 0..2 {
            let new = || async { body(&self.ask_new("new").await) == "new" };
            assert!(eventually(new).await);
            let old = || async { body(&self.ask_old("old").await) == "old" };
            assert!(eventually(old).await);
        }
        let both = || async {
            let hit = |answer: &Answer| status(answer).starts_with("hit;");
            hit(&self.ask_old("x").await) && hit(&self.ask_new("x").await)
        };
        assert!(eventually(both).await, "each version has its hits");
    }
}

fn long(version: &str) -> CacheRequest {
    let lifetime = Lifetime::of(Duration::from_secs(3600));
    CacheRequest { fingerprint: site(version), lifetime, ..request("about") }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_on_one_store_have_their_hits_each() {
    let deploy = Deploy::start().await;
    deploy.contend().await;
    let writes = deploy.server.calls("set");
    assert!((2..=4).contains(&writes), "each is overwritten when it is first met: {writes}");
    let (renders, mut beside) = (deploy.old.rendered() + deploy.new.rendered(), 0);
    for _ in 0..50 {
        let (old, new) = (deploy.ask_old("x").await, deploy.ask_new("x").await);
        assert_eq!((body(&old), body(&new)), ("old".into(), "new".into()));
        for answer in [&old, &new] {
            beside += u32::from(status(answer).ends_with("detail=contended"));
        }
    }
    assert_eq!(deploy.old.rendered() + deploy.new.rendered(), renders, "all were hits");
    assert_eq!(beside, 50, "one version is kept in the store, the other one beside it");
    assert_eq!(deploy.server.calls("set"), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_the_key_happens_to_both_versions() {
    let deploy = Deploy::start().await;
    let deeds: [&[&str]; 3] =
        [&["DEL", &key("about")], &["SET", &key("about"), "x", "PX", "9000"], &["FLUSHALL"]];
    for (number, deed) in deeds.into_iter().enumerate() {
        deploy.contend().await;
        let _: redis::Value = deploy.server.run(deed);
        let text = format!("after {number}");
        let anew = || async {
            body(&deploy.ask_old(&text).await) == text && body(&deploy.ask_new(&text).await) == text
        };
        assert!(eventually(anew).await, "{deed:?} reaches both");
        deploy.clock.advance(Duration::from_secs(200));
        let purged = deploy.new.cache.purge(Purge::All, Namespaces::All).await;
        assert_eq!(purged, Ok(1));
        // Those that were told begin anew; the pauses of before are over.
        let gone = || async { body(&deploy.ask_old("told").await) == "told" };
        assert!(eventually(gone).await);
        let _: i64 = deploy.server.run(&["DEL", &key("about")]);
        deploy.clock.advance(Duration::from_secs(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_by_either_version_reaches_the_other() {
    for what in [
        Purge::All,
        Purge::Keys(vec![key("about").into()]),
        Purge::Routes(vec!["about".into()]),
        Purge::Glob("about:*".into()),
    ] {
        let deploy = Deploy::start().await;
        deploy.contend().await;
        deploy.old.cache.purge(what.clone(), Namespaces::All).await.expect("told");
        let anew = || async { body(&deploy.ask_new("anew").await) == "anew" };
        assert!(eventually(anew).await, "{what:?}");
        assert_eq!(body(&deploy.ask_old("anew").await), "anew", "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_two_versions_contend_is_said_after_a_minute() {
    let deploy = Deploy::start().await;
    deploy.contend().await;
    let said = || {
        let contended = |bench: &Bench| bench.cache.state().contended;
        contended(&deploy.old) || contended(&deploy.new)
    };
    assert!(!said(), "a deploy is no news");
    for _ in 0..4 {
        deploy.clock.advance(Duration::from_secs(61));
        let both = || async {
            let hit = |answer: &Answer| status(answer).starts_with("hit;");
            let (old, new) = (deploy.ask_old("old").await, deploy.ask_new("new").await);
            assert_eq!((body(&old), body(&new)), ("old".into(), "new".into()));
            hit(&old) && hit(&new)
        };
        assert!(eventually(both).await);
    }
    assert!(said(), "two versions for minutes are");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_that_are_taken_back_again_and_again_are_no_other_site() {
    let deploy = Deploy::start().await;
    let bench = &deploy.new;
    for number in 0..8 {
        let version = if number % 2 == 0 { "one" } else { "two" };
        let answer = bench.get(long(version), version).await;
        assert_eq!(status(&answer), "fwd=uri-miss; stored", "edit {number}");
        assert_eq!(body(&answer), version);
    }
    assert!(!bench.cache.state().contended);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwriting_that_failed_is_tried_again_and_not_a_minute_later() {
    let deploy = Deploy::start().await;
    assert_eq!(body(&deploy.ask_old("old").await), "old");
    let _: () = deploy.server.run(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(body(&deploy.ask_new("new").await), "new");
    let _: () = deploy.server.run(&["CONFIG", "SET", "maxmemory", "0"]);
    // Longer than no write is tried, and shorter than a version that comes back is left alone.
    deploy.clock.advance(Duration::from_secs(2));
    let answer = deploy.ask_new("newer").await;
    assert_eq!((body(&answer), status(&answer)), ("newer".into(), "fwd=uri-miss; stored".into()));
}
