//! Under fire: a key that is rewritten and deleted as fast as Redis goes, and instances that are
//! killed while they write.

use std::time::Duration;

use redis::{Commands as _, Connection};

use crate::harness::{Larder, PATIENCE, Redis, Site, eventually, signal};

/// How often the key is rewritten or deleted.
const REWRITES: usize = 10_000;
/// How many instances are killed.
const KILLS: usize = 50;

fn connection(redis: &Redis) -> Connection {
    let client = redis::Client::open(redis.url()).expect("an address");
    client.get_connection().expect("a connection")
}

/// Records of the page that differ in their body: made by the program itself.
async fn records(larder: &Larder, store: &mut Connection, key: &str) -> Vec<(String, Vec<u8>)> {
    let mut made = Vec::new();
    for _ in 0..3 {
        let _: () = store.del(key).expect("DEL");
        let body = eventually("a new body", PATIENCE, async || {
            let answer = larder.get("/page").await;
            let is_new = !made.iter().any(|(known, _)| known == answer.text());
            is_new.then(|| answer.text().to_owned())
        })
        .await;
        let record = eventually("the new record", PATIENCE, async || {
            let record: Vec<u8> = store.get(key).expect("GET");
            String::from_utf8_lossy(&record).contains(&body).then_some(record)
        })
        .await;
        made.push((body, record));
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_agree_with_redis_once_the_hammering_ends() {
    let redis = Redis::start();
    let site = Site::with("routes:\n  /page: { inline: '{{now}}', ttl: 1h }\n");
    let (a, b) = (Larder::serve(&site, &redis.url()), Larder::serve(&site, &redis.url()));
    let key = "api:cache::page:/page";
    let mut store = connection(&redis);
    let records = records(&a, &mut store, key).await;
    let url = redis.url();
    let known: Vec<Vec<u8>> = records.iter().map(|(_, record)| record.clone()).collect();
    let hammer = tokio::task::spawn_blocking(move || {
        let mut store = redis::Client::open(url).expect("an address").get_connection().expect("it");
        for turn in 0..REWRITES {
            match turn % 5 {
                0 => store.del::<_, ()>(key).expect("DEL"),
                _ => store.pset_ex::<_, _, ()>(key, &known[turn % 3], 3_600_000).expect("SET"),
            }
        }
        store.pset_ex::<_, _, ()>(key, &known[1], 3_600_000).expect("SET");
    });
    while !hammer.is_finished() {
        for larder in [&a, &b] {
            assert_eq!(larder.get("/page").await.status, 200);
        }
    }
    hammer.await.expect("the hammer");
    // Within 100 ms of the last write both instances and Redis say the same, and go on to.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let last: Vec<u8> = store.get(key).expect("GET");
    for _ in 0..20 {
        for larder in [&a, &b] {
            let body = larder.get("/page").await.text().to_owned();
            let stored = String::from_utf8_lossy(&last).ends_with(&body);
            assert!(stored, "{body:?} is served, and Redis holds {last:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_killed_while_it_writes_leaves_no_key_without_an_end_and_no_wrong_body() {
    let redis = Redis::start();
    let site = Site::with("routes:\n  /n/{n}: { inline: 'body of {{params.n}}', ttl: 1h }\n");
    let mut store = connection(&redis);
    for round in 0..KILLS {
        let larder = Larder::serve(&site, &redis.url());
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let http = larder.client();
                tokio::spawn(async move {
                    for n in 0.. {
                        let path = format!("/n/{round}-{client}-{n}");
                        if http.request("GET", &path, &[]).await.is_err() {
                            return n;
                        }
                    }
                    0
                })
            })
            .collect();
        let beginning = format!("api:cache::n-n:/n/{round}-");
        eventually("it writes", PATIENCE, async || {
            let keys: Vec<String> = store.keys(format!("{beginning}*")).expect("KEYS");
            (keys.len() > 3).then_some(())
        })
        .await;
        signal(larder.pid(), "KILL");
        for client in clients {
            client.await.expect("a client");
        }
    }
    let keys: Vec<String> = store.keys("*").expect("KEYS");
    assert!(keys.len() > KILLS * 3);
    let larder = Larder::serve(&site, &redis.url());
    for (at, key) in keys.iter().enumerate() {
        let left: i64 = store.pttl(key).expect("PTTL");
        assert!(left > 0 && left <= 3_600_000, "{key} has {left} ms left");
        if at % 20 == 0 {
            let n = key.rsplit_once('/').map_or("", |(_, n)| n);
            assert_eq!(larder.get(&format!("/n/{n}")).await.text(), format!("body of {n}"));
        }
    }
}
