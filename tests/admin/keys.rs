use super::{Admin, SITE, encoded};
use crate::harness::{MEMORY, Redis, Site, both_stores};

#[tokio::test]
async fn keys_are_listed_with_all_that_is_known_of_them() {
    both_stores(async |store| {
        let admin = Admin::serve(&Site::with(SITE), store);
        admin.larder.get("/a").await;
        admin.larder.get("/b/ada").await;
        assert_eq!(admin.keys(""), ["api:cache::a:/a", "api:cache::b:/b/ada"]);
        assert_eq!(admin.keys("match=*ada"), ["api:cache::b:/b/ada"]);
        assert_eq!(admin.keys("match=b:*"), ["api:cache::b:/b/ada"]);
        assert_eq!(admin.keys("route=a"), ["api:cache::a:/a"]);
        assert_eq!(admin.keys("limit=1").len(), 2);
        let row = &admin.get("/api/keys?route=b").json()["keys"][0];
        assert_eq!(row["path"], "/b/ada");
        assert_eq!(row["status"], 200);
        assert_eq!(row["current"], true);
        assert!(row["content_type"].as_str().is_some_and(|kind| kind.starts_with("text/")));
        assert!(row["ttl_ms"].as_u64().is_some_and(|ms| (3_590_000..=3_600_000).contains(&ms)));
        assert!(row["age_ms"].as_u64().is_some_and(|ms| ms < 10_000));
        assert!(row["size_bytes"].as_u64().is_some_and(|bytes| bytes >= 6));
        assert_eq!(admin.get("/api/keys?limit=0").status, 400);
        assert_eq!(admin.get("/api/keys?limit=many").status, 400);
        assert_eq!(admin.get("/api/keys?cursor=garbage").status, 400);
        assert_eq!(admin.get("/api/keys?cursor=3").status, 400);
    })
    .await;
}

#[tokio::test]
async fn what_a_key_does_not_show_is_not_said_to_be_of_no_use() {
    let long = "x".repeat(300);
    let site = Site::with(
        "routes:
  /hash: { key: hash, query: { q: { required: true } }, inline: '{{query.q}}' }
  /cut: { query: { q: { required: true, max_length: 900 } }, inline: '{{query.q}}' }
  /unread: { query: { q: { required: true } }, body: x }
  /deep/{a}/{b}/{c}/{d}/{e}: { key: hash, inline: '{{params.e}}' }
",
    );
    let admin = Admin::serve(&site, MEMORY);
    let cut = format!("/cut?q={long}");
    for path in ["/hash?q=1", &cut, "/unread?q=1", "/deep/a/b/c/d/e%2Ff%2Fg"] {
        admin.larder.get(path).await;
        assert!(admin.larder.get(path).await.is_hit(), "{path}");
    }
    let rows = admin.get("/api/keys").json();
    let rows = rows["keys"].as_array().expect("a list");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["current"] == true), "{rows:#?}");
}

#[tokio::test]
async fn what_is_left_of_a_life_is_by_the_site_and_below_zero_where_it_is_stale() {
    both_stores(async |store| {
        let text = "routes:\n  /: { body: x, ttl: 1h, stale_while_revalidate: 1h }\n  \
                    /b: { body: x, ttl: 1h }\n";
        let site = Site::with(text);
        let admin = Admin::serve(&site, store);
        admin.larder.get("/").await;
        admin.larder.get("/b").await;
        admin.larder.reloads_after(|| site.replace("routes.yaml", "ttl: 1h", "ttl: 1ms"));
        let row =
            |name: &str| admin.get(&format!("/api/keys?route={name}")).json()["keys"][0].clone();
        let (stale, over) = (row("index"), row("b"));
        for row in [&stale, &over] {
            assert!(row["ttl_ms"].as_i64().is_some_and(|left| (-60_000..0).contains(&left)));
        }
        assert_eq!((&stale["current"], &over["current"]), (&true.into(), &false.into()));
        let said = admin.get("/api/explain?url=/").json();
        assert!(said["stale_ms"].as_i64().is_some_and(|left| left > 3_500_000), "{said}");
        assert!(said["stored"]["ttl_ms"].as_i64().is_some_and(|left| left < 0), "{said}");
        let said = admin.get("/api/explain?url=/b").json();
        assert!(said["miss"].as_str().is_some_and(|why| why.contains("kept for 1ms")), "{said}");
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_shown_and_deleted_by_its_address() {
    both_stores(async |store| {
        let admin = Admin::serve(&Site::with(SITE), store);
        let address = "/api/keys/api:cache::b:/b/ada";
        assert_eq!(admin.get(address).status, 404);
        admin.larder.get("/b/ada").await;
        let entry = admin.get(address).json();
        assert_eq!(entry["body"], "hi ada");
        assert!(entry["headers"]["etag"].as_str().is_some_and(|etag| etag.starts_with('"')));
        let gone = admin.send("DELETE", address, &[], "");
        assert_eq!((gone.status, &*gone.body), (200, r#"{"deleted":1}"#));
        assert_eq!(admin.send("DELETE", address, &[], "").status, 404);
        assert!(!admin.larder.get("/b/ada").await.is_hit());
    })
    .await;
}

#[tokio::test]
async fn a_purge_takes_what_it_names_and_says_how_many() {
    both_stores(async |store| {
        let admin = Admin::serve(&Site::with(SITE), store);
        for (body, deleted) in [
            (r#"{"keys":["api:cache::a:/a","api:cache::none"]}"#, 1),
            (r#"{"route":"b"}"#, 2),
            (r#"{"match":"*ada*"}"#, 1),
            (r#"{"uses":"site"}"#, 1),
            (r#"{"uses":"other"}"#, 2),
            (r#"{"all":true}"#, 3),
        ] {
            for path in ["/a", "/b/ada", "/b/bob"] {
                admin.larder.get(path).await;
            }
            let said = admin.post("/api/purge", body);
            assert_eq!(said.status, 200, "{body}: {said:?}");
            assert_eq!(said.json()["deleted"], deleted, "{body}");
            assert_eq!(admin.keys("").len(), 3 - deleted, "{body}");
        }
        for (body, status) in [
            ("{}", 422),
            (r#"{"all":false}"#, 422),
            (r#"{"route":"a","match":"b"}"#, 422),
            (r#"{"tags":["a"]}"#, 422),
            ("not json", 422),
            (r#"{"route":"bb"}"#, 404),
            (r#"{"uses":"nothing"}"#, 404),
        ] {
            assert_eq!(admin.post("/api/purge", body).status, status, "{body}");
        }
    })
    .await;
}

/// Keys that would be patterns, markup or no text are what they are.
#[tokio::test]
async fn a_strange_key_is_listed_and_deleted_as_itself() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for key in [
        "api:cache::x:*",
        "api:cache::x:[a-z]?",
        "api:cache::x:\"'",
        "api:cache::x:<script>alert(1)</script>",
        "api:cache::x:a b%41+&=#?",
        "api:cache::x:\u{202e}ø",
    ] {
        redis.cli(&["SET", key, "v"]);
        redis.cli(&["SET", "api:cache::x:other", "v"]);
        assert_eq!(admin.keys(""), {
            let mut both = vec![key.to_owned(), "api:cache::x:other".to_owned()];
            both.sort();
            both
        });
        let encoded = encoded(key);
        let gone = admin.send("DELETE", &format!("/api/keys/{encoded}"), &[], "");
        assert_eq!((gone.status, &*gone.body), (200, r#"{"deleted":1}"#), "{key}");
        assert_eq!(redis.keys(), ["api:cache::x:other"], "{key}");
    }
}

#[tokio::test]
async fn a_key_that_is_no_text_is_deleted_by_its_bytes() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    let script = "redis.call('SET', 'api:cache::x:\\255*', 'v'); \
                  redis.call('SET', 'api:cache::x:\\254*', 'v')";
    redis.cli(&["EVAL", script, "0"]);
    let page = admin.get("/api/keys").json();
    let rows = page["keys"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["key"] == "api:cache::x:\u{fffd}*"));
    let encoded = rows.iter().filter_map(|row| row["key_encoded"].as_str());
    let one = encoded.into_iter().find(|key| key.contains("%FF")).expect("its address").to_owned();
    let gone = admin.send("DELETE", &format!("/api/keys/{one}"), &[], "");
    assert_eq!(gone.status, 200, "{gone:?}");
    let left = admin.get("/api/keys").json();
    assert_eq!(left["keys"].as_array().map(Vec::len), Some(1));
    assert!(left["keys"][0]["key_encoded"].as_str().is_some_and(|key| key.contains("%FE")));
}

#[tokio::test]
async fn keys_beside_the_prefix_are_neither_shown_nor_deleted() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for key in ["session:1", "api:cacheX:a", "api:cache2::a:/a"] {
        redis.cli(&["SET", key, "v"]);
        assert_eq!(admin.get(&format!("/api/keys/{key}")).status, 404, "{key}");
        assert_eq!(admin.send("DELETE", &format!("/api/keys/{key}"), &[], "").status, 404);
    }
    assert!(admin.keys("").is_empty() && admin.keys("match=*").is_empty());
    assert_eq!(admin.post("/api/purge", r#"{"all":true}"#).json()["deleted"], 0);
    assert_eq!(admin.post("/api/purge", r#"{"match":"*"}"#).json()["deleted"], 0);
    assert_eq!(redis.keys().len(), 3);
}

#[tokio::test]
async fn a_purge_that_redis_was_not_told_is_an_error() {
    let mut redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    admin.larder.get("/a").await;
    redis.kill();
    assert_eq!(admin.post("/api/purge", r#"{"all":true}"#).status, 503);
    assert_eq!(admin.get("/api/keys").status, 503);
    assert_eq!(admin.get("/readyz").status, 200);
    assert_eq!(admin.get("/").status, 200);
    assert_eq!(admin.get("/api/status").json()["store"]["kind"], "redis");
}

#[tokio::test]
async fn an_entry_of_an_older_version_is_not_current() {
    let redis = Redis::start();
    let site = Site::with(SITE);
    let admin = Admin::serve(&site, &redis.url());
    admin.larder.get("/a").await;
    admin.larder.get("/b/ada").await;
    admin.larder.reloads_after(|| site.replace("routes.yaml", "title: Larder", "title: New"));
    for (route, current) in [("a", false), ("b", true)] {
        let row = &admin.get(&format!("/api/keys?route={route}")).json()["keys"][0];
        assert_eq!(row["current"], current, "{route}");
    }
    assert_eq!(Admin::serve(&Site::with(SITE), MEMORY).keys(""), [] as [&str; 0]);
}
