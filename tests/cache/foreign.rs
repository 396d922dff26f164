//! What others write under our keys is a miss, never an error, and is overwritten.

use std::time::Duration;

use larder::parts::cache::CacheRequest;

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
    starts_with(lines[3], &format!("larder: v=1; route=about; path=/about; fp={}", site("one")));
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
    let newer = record.replace("v=1", "v=9");
    for (number, value) in ["", "garbage", cut, &mended, &newer].iter().enumerate() {
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
async fn two_sites_on_the_same_keys_overwrite_each_other_once_a_second_and_it_is_said() {
    let server = Server::start(&[]);
    let (one, other) = (Bench::ready(&server.url()).await, Bench::ready(&server.url()).await);
    let theirs = || CacheRequest { fingerprint: site("two"), ..request("about") };
    let (mut stored, started) = (0, std::time::Instant::now());
    while started.elapsed() < Duration::from_millis(1500) {
        for (bench, request, text) in [(&one, request("about"), "one"), (&other, theirs(), "two")] {
            let answer = bench.get(request, text).await;
            assert_eq!(body(&answer), text, "each serves its own");
            stored += u32::from(status(&answer).contains("stored"));
        }
    }
    assert!((3..=6).contains(&stored), "{stored} writes in a second and a half");
    let writes = server.calls("set");
    assert_eq!(writes, u64::from(stored));
    let said = || async {
        one.get(request("about"), "one").await;
        other.get(theirs(), "two").await;
        one.cache.state().contended && other.cache.state().contended
    };
    assert!(eventually(said).await, "the sites are told of each other");
}
