//! How long values live, who shares them, and which pages they make again.

use std::time::Duration;

use super::site;
use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, PATIENCE, Redis, Reply, Upstream, both_stores, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_of_three_instances_make_one_request() {
    let (redis, upstream) = (Redis::start(), Upstream::giving(r#"{"a":"one"}"#));
    let text = "load: { it: { from: 'api:/it', timeout: 15s } }
routes:
  /: { inline: '{{it.a}}' }
  /{n}: { inline: '{{it.a}}' }
";
    let site = site(&upstream, text);
    let fleet: Vec<Larder> = (0..3).map(|_| Larder::serve(&site, &redis.url())).collect();
    upstream.hold(true);
    let asking: Vec<_> = (0..100)
        .map(|n| {
            let client = fleet[n % 3].client();
            let path = if n % 2 == 0 { "/".to_owned() } else { format!("/{}", n % 10) };
            tokio::spawn(async move { client.request("GET", &path, &[]).await })
        })
        .collect();
    upstream.wait(1);
    upstream.hold(false);
    for asked in asking {
        let answer = asked.await.expect("a client").expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "one"));
    }
    assert_eq!(upstream.seen().len(), 1, "{:?}", upstream.paths());
    let loaded: Vec<String> =
        redis.keys().into_iter().filter(|key| key.starts_with("api:cache::~load:it:")).collect();
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    let left: u64 = redis.cli(&["PTTL", &loaded[0]]).parse().expect("a number");
    assert!((50_000..=60_000).contains(&left), "{left} ms");
    assert!(redis.cli(&["GET", &loaded[0]]).ends_with(r#"{"a":"one"}"#));
}

#[tokio::test]
async fn a_page_lives_no_longer_than_what_it_read() {
    both_stores(async |store| {
        let upstream = Upstream::giving(r#"{"a":"one"}"#);
        let text = "load: { it: { from: 'api:/it', ttl: 2s } }
routes:
  /: { inline: '{{it.a}}', ttl: 1h }
";
        let larder = Larder::serve(&site(&upstream, text), store);
        assert_eq!(larder.get("/").await.text(), "one");
        assert!(larder.get("/").await.is_hit());
        upstream.give(r#"{"a":"two"}"#);
        eventually("the new value", PATIENCE, async || {
            (larder.get("/").await.text() == "two").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_value_of_which_no_page_reads_what_changed_makes_nothing_again() {
    both_stores(async |store| {
        let feed = |counter: usize, title: &str| {
            let items: Vec<String> =
                (0..1000).map(|n| format!("{{\"n\":{n},\"title\":{title:?}}}")).collect();
            format!("{{\"counter\":{counter},\"items\":[{}]}}", items.join(","))
        };
        let upstream = Upstream::giving(&feed(0, "T"));
        let text = "load: { feed: { from: 'api:/feed', ttl: 1s } }
routes:
  /: { inline: '{{#each feed.items}}{{title}}{{/each}} {{len feed.items}}', ttl: 1h }
  /told: { inline: '{{loaded.feed.at}} {{feed.items.[0].title}}', ttl: 1h }
";
        let admin = Admin::serve(&site(&upstream, text), store);
        let larder = &admin.larder;
        let first = larder.get("/").await;
        assert!(first.text().starts_with("TTTT"));
        let told = larder.get("/told").await.text().to_owned();
        upstream.give(&feed(1, "T"));
        eventually("a renewal", PATIENCE, async || {
            let page = larder.get("/").await;
            assert_eq!(page.text(), first.text());
            (admin.metric("larder_renewals_total") >= 1).then_some(())
        })
        .await;
        eventually("a hit of what went on", PATIENCE, async || {
            larder.get("/").await.is_hit().then_some(())
        })
        .await;
        eventually("another time", PATIENCE, async || {
            (larder.get("/told").await.text() != told).then_some(())
        })
        .await;
        upstream.give(&feed(1, "U"));
        eventually("the new titles", PATIENCE, async || {
            larder.get("/").await.text().starts_with("UUUU").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_purge_of_what_a_page_uses_removes_the_value_and_the_page() {
    both_stores(async |store| {
        let upstream = Upstream::giving(r#"{"a":"one"}"#);
        let text = "load: { weather: { from: 'api:/w', ttl: 1h } }
routes:
  /: { inline: '{{weather.a}}', ttl: 1h }
  /other: { inline: 'other', ttl: 1h }
";
        let admin = Admin::serve(&site(&upstream, text), store);
        let larder = &admin.larder;
        assert_eq!(larder.get("/").await.text(), "one");
        larder.get("/other").await;
        assert!(admin.keys("").iter().all(|key| !key.contains("~load")));
        assert_eq!(admin.keys("match=*~load:weather:*").len(), 1);
        upstream.give(r#"{"a":"two"}"#);
        let purged = admin.post("/api/purge", r#"{"uses":"weather"}"#);
        assert_eq!(purged.json()["deleted"], 2);
        assert_eq!(larder.get("/").await.text(), "two");
        assert!(larder.get("/other").await.is_hit());
        assert_eq!(upstream.seen().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_before_a_purge_is_not_kept() {
    both_stores(async |store| {
        let upstream = Upstream::giving(r#"{"a":"old"}"#);
        let text = "load: { it: { from: 'api:/it', ttl: 1h, timeout: 15s } }
routes: { /: { inline: '{{it.a}}', ttl: 1h } }
";
        let admin = Admin::serve(&site(&upstream, text), store);
        upstream.hold(true);
        let client = admin.larder.client();
        let asking = tokio::spawn(async move { client.request("GET", "/", &[]).await });
        upstream.wait(1);
        assert_eq!(admin.post("/api/purge", r#"{"uses":"it"}"#).status, 200);
        upstream.hold(false);
        assert_eq!(asking.await.expect("a client").expect("an answer").text(), "old");
        upstream.give(r#"{"a":"new"}"#);
        assert_eq!(admin.larder.get("/").await.text(), "new");
    })
    .await;
}

#[tokio::test]
async fn a_popular_value_is_asked_for_anew_before_it_ends() {
    let upstream = Upstream::giving(r#"{"a":"one"}"#);
    let text = "load: { it: { from: 'api:/it', ttl: 20s, timeout: 25s } }
routes: { /: { inline: '{{it.a}}', ttl: 1h } }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    assert_eq!(larder.get("/").await.text(), "one");
    upstream.hold(true);
    // In the last two of its twenty seconds who reads it has the old one.
    eventually("it is asked for", Duration::from_secs(40), async || {
        let begun = std::time::Instant::now();
        assert_eq!(larder.get("/").await.text(), "one");
        assert!(begun.elapsed() < Duration::from_secs(2), "somebody waited {:?}", begun.elapsed());
        (upstream.seen().len() == 2).then_some(())
    })
    .await;
    upstream.give(r#"{"a":"two"}"#);
    upstream.hold(false);
    eventually("the new value", PATIENCE, async || {
        (larder.get("/").await.text() == "two").then_some(())
    })
    .await;
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn an_edit_of_a_load_is_one_of_the_pages_that_read_it() {
    let upstream = Upstream::start(|seen| Reply::json(format!("{{\"a\":{:?}}}", seen.path)));
    let text = "load: { it: { from: 'api:/one', ttl: 1h } }
routes:
  /: { inline: '{{{trusted it.a}}}', ttl: 1h }
  /other: { inline: 'x', ttl: 1h }
";
    let site = site(&upstream, text);
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/").await.text(), "/one");
    let line = larder.reloads_after(|| site.replace("routes.yaml", "api:/one", "api:/two"));
    assert!(line.contains("~ /") && !line.contains("/other"), "{line}");
    assert_eq!(larder.get("/").await.text(), "/two");
    let line = larder.reloads_after(|| {
        site.replace("routes.yaml", "ttl: 1h } }\nroutes", "ttl: 2h } }\nroutes");
    });
    assert!(line.contains("= / (load)"), "{line}");
    assert!(larder.get("/").await.is_hit());
}

#[tokio::test]
async fn a_server_may_say_how_long_its_value_lives() {
    both_stores(async |store| {
        let upstream = Upstream::start(|seen| {
            let reply = Reply::json(format!("{:?}", seen.path));
            match &*seen.path {
                "/long" => reply.line("cache-control", "public, max-age=1, s-maxage=3600"),
                _ => reply.line("cache-control", "no-store"),
            }
        });
        let text = "load:
  long: { from: 'api:/long', ttl: upstream }
  short: { from: 'api:/short', ttl: upstream }
routes:
  /long: { inline: '{{long}}', ttl: 1d }
  /short: { inline: '{{short}}', ttl: 1d }
";
        let larder = Larder::serve(&site(&upstream, text), store);
        larder.get("/long").await;
        let count = |path: &str| upstream.paths().iter().filter(|seen| *seen == path).count();
        eventually("what must not be kept is asked for again", PATIENCE, async || {
            assert_eq!(larder.get("/short").await.status, 200);
            (count("/short") >= 3).then_some(())
        })
        .await;
        assert_eq!(count("/long"), 1);
        let kept = larder.get("/long").await;
        assert!(kept.is_hit(), "{}", kept.cache());
        let left = kept.header("cache-status").split("ttl=").nth(1).expect("its life");
        let left: u64 = left.split(';').next().expect("a number").parse().expect("a number");
        // The last tenth of its life is for asking anew.
        assert!((3000..=3240).contains(&left), "{left}");
    })
    .await;
}

#[tokio::test]
async fn a_value_with_a_tag_is_asked_for_only_where_it_is_another() {
    both_stores(async |store| {
        let upstream =
            Upstream::start(|seen| match seen.headers.get("if-none-match").map(String::as_str) {
                Some("\"v1\"") => Reply::status(304).line("etag", "\"v1\""),
                _ => Reply::json(r#"{"a":"one"}"#).line("etag", "\"v1\""),
            });
        let text = "load: { it: { from: 'api:/it', ttl: 1s } }
routes: { /: { inline: '{{it.a}}', ttl: 1h } }
";
        let larder = Larder::serve(&site(&upstream, text), store);
        eventually("it is asked for by its tag again and again", PATIENCE, async || {
            assert_eq!(larder.get("/").await.text(), "one", "{}", larder.log());
            (upstream.seen().len() >= 4).then_some(())
        })
        .await;
        let tags: Vec<_> =
            upstream.seen().into_iter().map(|mut it| it.headers.remove("if-none-match")).collect();
        assert_eq!(tags[0], None);
        assert!(tags[1..].iter().all(|tag| tag.as_deref() == Some("\"v1\"")), "{tags:?}");
        upstream.answer(|_| Reply::json(r#"{"a":"two"}"#).line("etag", "\"v2\""));
        eventually("the new value", PATIENCE, async || {
            (larder.get("/").await.text() == "two").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_for_so_much_at_once_and_one_load_for_half_of_it() {
    let upstream = Upstream::start(|seen| Reply::json(format!("{:?}", seen.path)));
    let route = |name: &str| {
        format!(
            "  /{name}/{{n}}: {{ inline: '{{{{it_{name}}}}}', load: {{ it_{name}: {{ from: \
             'api:/{name}/{{{{params.n}}}}', timeout: 14s }} }} }}\n"
        )
    };
    let text = format!("routes:\n{}{}{}", route("a"), route("b"), route("c"));
    let admin = Admin::serve(&site(&upstream, &text), MEMORY);
    upstream.hold(true);
    let asking: Vec<_> = (0..60)
        .map(|n| {
            let (client, path) =
                (admin.larder.client(), format!("/{}/{n}", ["a", "b", "c"][n % 3]));
            tokio::spawn(async move { (client.request("GET", &path, &[]).await, path) })
        })
        .collect();
    // Each page, and its value.
    admin.until_metric("larder_in_flight", 120);
    let seen = upstream.wait(32);
    assert_eq!(seen.len(), 32, "{:?}", upstream.paths());
    for name in ["/a/", "/b/", "/c/"] {
        let of_load = seen.iter().filter(|seen| seen.path.starts_with(name)).count();
        assert!(of_load <= 16, "{name}: {of_load}");
    }
    upstream.hold(false);
    for asked in asking {
        let (answer, path) = asked.await.expect("a client");
        assert_eq!(answer.expect("an answer").text(), path);
    }
    assert_eq!(upstream.seen().len(), 60);
}
