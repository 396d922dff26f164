use super::{Admin, SITE};
use crate::harness::{MEMORY, PATIENCE, Redis, Site, eventually, run};

#[tokio::test]
async fn the_status_says_what_is_served_and_from_what() {
    let redis = Redis::start();
    let site = Site::with(SITE);
    let url = redis.url().replace("redis://", "redis://:hush@");
    redis.cli(&["CONFIG", "SET", "requirepass", "hush"]);
    let admin = Admin::serve(&site, &url);
    let status = admin.get("/api/status").json();
    assert_eq!(status["listen"], admin.larder.address.as_str());
    assert_eq!(status["generation"], 1);
    assert_eq!(status["config"], "current");
    assert_eq!(status["store"]["kind"], "redis");
    assert_eq!(status["store"]["url"], redis.url());
    assert_eq!(status["digest"].as_str().map(str::len), Some(32));
    assert!(status["loaded_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    assert_eq!(status["diagnostics"], serde_json::json!([]));
    assert!(!admin.get("/").body.contains("hush"));
}

#[tokio::test]
async fn a_reload_that_was_asked_for_says_how_it_went() {
    let site = Site::with(SITE);
    let admin = Admin::serve(&site, MEMORY);
    assert_eq!(admin.post("/api/reload", "").status, 200);
    site.replace("routes.yaml", "ttl: 1h", "ttll: 1h");
    let said = admin.post("/api/reload", "");
    assert_eq!(said.status, 422, "{said:?}");
    assert_eq!(said.json()["diagnostics"][0]["code"], "unknown_field");
    let status = admin.get("/api/status").json();
    assert_eq!(status["config"], "stale");
    assert_eq!(status["generation"], 1);
    assert!(admin.get("/metrics").body.contains("larder_config_last_reload_successful 0"));
    site.replace("routes.yaml", "ttll: 1h", "ttl: 2h");
    let said = admin.post("/api/reload", "");
    assert_eq!((said.status, said.json()["generation"].as_u64()), (200, Some(2)), "{said:?}");
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_is_live() {
    let site = Site::with(SITE);
    let admin = Admin::serve(&site, MEMORY);
    let edited =
        format!("server: {{ docs: /d, max_connections: 5 }}\ncache: {{ memory: 1MiB }}\n{SITE}");
    // Both lines, in any order: a late one would be taken for that of the next edit.
    admin.larder.reloads_after(|| site.edit("routes.yaml", &edited));
    let line = admin.larder.line_with("server.max_connections");
    assert!(line.contains("restart"), "{line}");
    let pending = &admin.get("/api/status").json()["pending_restart"];
    let expected = ["server.max_connections", "server.docs", "cache.memory"];
    assert_eq!(*pending, serde_json::json!(expected));
    admin.larder.reloads_after(|| site.edit("routes.yaml", SITE));
    assert_eq!(admin.get("/api/status").json()["pending_restart"], serde_json::json!([]));
}

#[tokio::test]
async fn answers_are_counted_by_route_across_reloads() {
    let site = Site::with(SITE);
    let admin = Admin::serve(&site, MEMORY);
    for path in ["/a", "/a", "/a", "/nowhere"] {
        admin.larder.get(path).await;
    }
    admin.larder.client().request("PUT", "/a", &[]).await.expect("an answer");
    admin
        .larder
        .reloads_after(|| site.replace("routes.yaml", "  /slow", "  /new: { body: n }\n  /slow"));
    admin.larder.get("/a").await;
    let text = admin.get("/metrics").body;
    for line in [
        "larder_requests_total{route=\"a\",outcome=\"miss\"} 1",
        "larder_requests_total{route=\"a\",outcome=\"hit\"} 3",
        "larder_requests_total{route=\"\",outcome=\"unmatched\"} 2",
        "larder_renders_total 1",
        "larder_render_duration_seconds_count 1",
        "larder_memory_hits_total 3",
        "larder_memory_entries 1",
        "larder_store_errors_total{kind=\"away\"} 0",
        "larder_reloads_total 2",
        "larder_config_last_reload_successful 1",
        "larder_build_info{version=",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert!(!text.contains("# EOF"), "nobody asked for it");
    let named = text.lines().filter(|line| line.starts_with("# HELP")).count();
    assert_eq!(named, text.lines().filter(|line| line.starts_with("# TYPE")).count());
}

#[tokio::test]
async fn an_address_is_explained_and_an_edit_planned_as_the_commands_do() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    admin.larder.get("/a").await;
    let told = admin.get("/api/explain?url=/a").json();
    assert_eq!(told["key"], "api:cache::a:/a");
    assert!(told["stored"].is_object(), "{told}");
    assert_eq!(admin.get("/api/explain").status, 400);
    let edited = SITE.replace("title: Larder", "title: New");
    let plan = admin.post("/api/plan", &serde_json::json!({ "text": edited }).to_string());
    assert_eq!(plan.json()["entries"], 1, "{plan:?}");
    let bad = admin.post("/api/plan", &serde_json::json!({ "text": "routes: 1" }).to_string());
    assert_eq!(bad.status, 422, "{bad:?}");
    let none = serde_json::json!({ "file": "notes.md", "text": edited }).to_string();
    let none = admin.post("/api/plan", &none);
    assert!(none.status == 400 && none.body.contains("`notes.md` is none of"), "{none:?}");
}

#[tokio::test]
async fn a_store_that_takes_no_writes_is_up_and_in_trouble() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    admin.larder.get("/a").await;
    let store = admin.get("/api/status").json()["store"].clone();
    assert_eq!(
        (&store["state"], &store["trouble"]),
        (&"up".into(), &"takes no writes: full".into(),)
    );
    assert!(admin.get("/metrics").body.contains("\nlarder_store_up 1\n"));
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    eventually("a write succeeds", PATIENCE, async || {
        admin.larder.get("/b/ada").await;
        admin.get("/api/status").json()["store"]["trouble"].is_null().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_store_that_does_not_answer_holds_is_unknown_and_a_copy_in_memory_is_told() {
    let mut redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    eventually("it is in memory", PATIENCE, async || {
        admin.larder.get("/a").await;
        let said = admin.get("/api/explain?url=/a").json();
        assert_eq!(said["is_unknown"], false);
        (said["memory"] == "near").then_some(())
    })
    .await;
    redis.kill();
    eventually("it is kept apart", PATIENCE, async || {
        admin.larder.get("/a").await;
        let said = admin.get("/api/explain?url=/a").json();
        let is_apart = said["memory"] == "store-down";
        assert!(said["is_unknown"] == true && said["stored"].is_null(), "{said}");
        is_apart.then_some(())
    })
    .await;
    let url = format!("http://{}", admin.address);
    let output = run("explain", &Site::with(SITE), &["/a", "--admin", &url]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("stored     unknown\n"), "{said}");
}
