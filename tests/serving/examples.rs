//! The sites in `examples/`: each is one, and does what its README says. That of the blog is held
//! to the page of the guide that builds it, in `commands`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Larder, MEMORY, PATIENCE, Site, Upstream, check, eventually};

#[test]
fn every_example_is_a_site_without_a_warning_and_says_how_to_start_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the readme");
    let mut checked = 0;
    for entry in fs::read_dir(root.join("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let site = Site::example(&name);
        let output = check(&site, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
        let command = format!("larder dev --config examples/{name}/routes.yaml");
        assert!(site.read("README.md").contains(&command), "{name}: no `{command}`");
        assert!(readme.contains(&format!("(examples/{name})")), "the readme has no {name}");
        checked += 1;
    }
    assert!(checked > 3, "only {checked} examples were found");
}

/// The status page with values that are old after a second, of the APIs at two addresses.
fn status(services: &str, incidents: &str) -> Larder {
    let site = Site::example("status");
    site.replace("routes.yaml", "ttl: 10s", "ttl: 1s");
    site.replace("routes.yaml", "ttl: 30s", "ttl: 1s");
    let variables = format!("export STATUS_API=http://{services} INCIDENTS_API=http://{incidents}");
    Larder::spawn_after(&site, &variables, &["--store", MEMORY])
}

/// The status page, as soon as it holds `text`; it stands all the while.
async fn shows(larder: &Larder, text: &str) -> String {
    eventually(&format!("the page shows {text:?}"), PATIENCE, async || {
        let page = larder.get("/").await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text().contains(text).then(|| page.text().to_owned())
    })
    .await
}

#[tokio::test]
async fn the_status_page_tells_what_two_apis_say_and_stands_where_one_is_gone() {
    let services = Upstream::giving(r#"[{"name":"Shop","state":"up","ms":41}]"#);
    let incidents = Upstream::giving(r#"[{"at":"2026-11-20","title":"<b>","state":"over"}]"#);
    let larder = status(&services.address, &incidents.address);
    let page = larder.get("/").await;
    assert_eq!(page.status, 200);
    let page = page.text();
    assert!(page.contains("All services are up"), "{page}");
    assert!(page.contains(r#"<li class="up">Shop: up, 41 ms</li>"#), "{page}");
    assert!(page.contains("<li>2026-11-20: &lt;b&gt; (over)</li>"), "{page}");
    assert!(!page.contains(r#"class="old""#), "{page}");
    assert!(services.paths().iter().all(|path| path == "/services"), "{:?}", services.paths());
    assert!(incidents.paths().iter().all(|path| path == "/incidents"), "{:?}", incidents.paths());

    services.give(r#"[{"name":"Shop","state":"down"},{"name":"Mail","state":"slow","ms":900}]"#);
    let page = shows(&larder, "Some services are down").await;
    let list = "<li class=\"slow\">Mail: slow, 900 ms</li>\n<li class=\"down\">Shop: down</li>";
    assert!(page.contains(list), "{page}");

    drop(services);
    let page = shows(&larder, "The monitor does not answer. This is from 20").await;
    assert!(page.contains(list), "{page}");
    let json = larder.get("/status.json").await.json();
    assert_eq!((&json["services"][0]["name"], &json["stale"]), (&"Shop".into(), &true.into()));

    incidents.give(
        r#"[{"at":"2026-11-20","title":"Old","state":"over"},
            {"at":"2026-11-24","title":"New","state":"open"}]"#,
    );
    let page = shows(&larder, "2026-11-24: New (open)").await;
    assert!(page.contains("New (open)</li>\n<li>2026-11-20: Old"), "the newest first: {page}");
    assert!(!page.contains("There may be newer ones"), "{page}");
}

#[tokio::test]
async fn the_status_page_stands_without_any_api_and_is_made_from_stubs_offline() {
    // No program is given this port, so none is there.
    let larder = status("127.0.0.1:1", "127.0.0.1:1");
    let page = shows(&larder, "Nothing is known of the services").await;
    assert!(page.contains("None that we know of."), "{page}");

    let site = Site::example("status");
    let larder = Larder::dev(&site, &["--store", MEMORY, "--stub", "stubs"]);
    let page = larder.get("/").await;
    let page = page.text();
    assert!(page.contains("Search: slow, 870 ms"), "{page}");
    assert!(page.contains("No mail goes out (open)"), "{page}");
}

#[tokio::test]
async fn the_mock_api_answers_as_a_back_end_would() {
    let larder = Larder::serve(&Site::example("mock-api"), MEMORY);
    let jams = larder.get("/jars?kind=jam&size=1&page=2").await;
    assert_eq!(jams.header("content-type"), "application/json");
    assert_eq!(jams.header("access-control-allow-origin"), "*");
    let jams = jams.json();
    assert_eq!((&jams["total"], &jams["page"]), (&2.into(), &2.into()));
    let fig = serde_json::json!({ "id": 4, "name": "Fig jam", "kind": "jam", "grams": 200 });
    assert_eq!(jams["jars"], serde_json::json!([fig]));
    assert_eq!(larder.get("/jars").await.json()["total"], 4);
    assert_eq!(larder.get("/jars?page=100").await.json()["jars"], serde_json::json!([]));
    assert_eq!(larder.get("/jars/4").await.json(), fig);
    for (path, status) in
        [("/jars?page=0", 422), ("/jars?kind=x", 422), ("/jars/99", 404), ("/jars/fig", 404)]
    {
        assert_eq!(larder.get(path).await.status, status, "{path}");
    }
    assert_eq!(larder.get("/down").await.status, 503);
    let begun = Instant::now();
    assert_eq!(larder.get("/slow").await.text(), r#"{"done":true}"#);
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_mock_api_takes_and_refuses_what_a_front_end_sends() {
    let larder = Larder::serve(&Site::example("mock-api"), MEMORY);
    let kind = [("content-type", "application/json")];
    let post = async |body: &str| larder.send("POST", "/jars", &kind, body).await;
    larder.get("/jars").await;
    for (body, status) in [
        (r#"{"kind":"jam"}"#, 422),
        (r#"{"name":"","kind":"jam"}"#, 422),
        (r#"{"name":"Quinces","kind":"stone"}"#, 422),
        (r#"{"name":"Quinces","kind":"jam","grams":0}"#, 422),
        (r#"{"name":"Plum jam","kind":"jam"}"#, 409),
        ("{", 400),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{body}");
    }
    assert!(larder.get("/jars").await.is_hit(), "what was refused makes nothing old");
    let made = post(r#"{"name":"Quinces","kind":"jam"}"#).await;
    assert_eq!(made.status, 201);
    let expected = r#"{"ok":true,"name":"Quinces","kind":"jam","grams":250}"#;
    assert_eq!(made.text(), expected);
    assert!(!larder.get("/jars").await.is_hit(), "a new jar makes the list old");
    assert_eq!(larder.request("DELETE", "/jars/4", &[]).await.status, 200);
    assert_eq!(larder.request("DELETE", "/jars/99", &[]).await.status, 404);

    let asks = [
        ("origin", "http://localhost:5173"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let preflight = larder.request("OPTIONS", "/jars", &asks).await;
    assert_eq!((preflight.status.as_u16(), preflight.text()), (204, ""));
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), "content-type");

    assert_eq!(larder.get("/").await.header("location"), "/docs/");
    assert_eq!(larder.get("/docs/").await.status, 200);
    let document = larder.get("/openapi.json").await.json();
    assert_eq!(document["info"]["title"], "The shelf");
    let made = &document["paths"]["/jars"]["post"];
    assert!(made["requestBody"].is_object(), "{made}");
    for status in ["201", "409", "422"] {
        assert!(made["responses"][status].is_object(), "{status}: {made}");
    }
}
