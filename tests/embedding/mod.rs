//! A site inside another program, served by warp itself.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use larder::Site;
use warp::Filter as _;

const SITE: &str = r#"
errors:
  404: missing.html.hbs
routes:
  /: { body: first }
  /search: { inline: "{{query.n}}", query: { n: int } }
  /posts/{slug}: { load: { post: "posts/{{params.slug}}.md" }, inline: "{{{post.body}}}" }
  /files/{*path}: { dir: public }
  POST /sent: { fields: { name: { required: true } }, json: { sent: "{{body.name}}" } }
server: { docs: /docs, health: /alive }
"#;

/// Long enough that only a hang reaches it.
const DEADLINE: Duration = Duration::from_secs(20);

fn site() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for path in ["posts", "public", "templates"] {
        fs::create_dir(directory.path().join(path)).expect("made");
    }
    let large = "x".repeat(1 << 20);
    for (path, text) in [
        ("routes.yaml", SITE),
        ("templates/missing.html.hbs", "<p>{{path}} is not here</p>"),
        ("posts/one.md", "One"),
        ("public/large.txt", &large),
    ] {
        fs::write(directory.path().join(path), text).expect("written");
    }
    directory
}

/// Serves the site beside an API; gives its address.
async fn served(site: &Site) -> SocketAddr {
    let api = warp::path!("api" / String).map(|name| format!("api {name}"));
    let echo = warp::path("echo").and(warp::body::bytes());
    let echo = echo.map(|body: bytes::Bytes| String::from_utf8_lossy(&body).into_owned());
    let all = site.filter().or(api).or(echo).or(site.recover());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(warp::serve(all).incoming(listener).run());
    address
}

fn client() -> reqwest::Client {
    // What larder asks servers with brings TLS along, which wants a provider.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client")
}

async fn get(address: SocketAddr, path: &str) -> reqwest::Response {
    let client = client();
    let request = client.get(format!("http://{address}{path}")).header("accept", "text/html");
    request.send().await.expect("an answer")
}

async fn text(address: SocketAddr, path: &str) -> String {
    get(address, path).await.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_in_a_warp_program_answers_its_routes_and_rejects_all_else() {
    let directory = site();
    let site = Site::open(directory.path().join("routes.yaml")).await.expect("opened");
    let address = served(&site).await;
    for (path, status, body) in [
        ("/", 200, "first"),
        ("/search?n=3", 200, "3"),
        ("/search?n=x", 422, ""),
        ("/posts/one", 200, "One"),
        ("/posts/two", 404, "<p>/posts/two is not here</p>"),
        ("/alive", 200, "ok\n"),
        ("/api/ada", 200, "api ada"),
        ("/nothing", 404, "<p>/nothing is not here</p>"),
    ] {
        let answer = get(address, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let text = answer.text().await.expect("text");
        assert!(text == body || body.is_empty(), "{path}: {text}");
    }
    assert_eq!(text(address, "/files/large.txt").await.len(), 1 << 20);
    assert!(text(address, "/openapi.json").await.contains("/search"));
    let cached = get(address, "/").await;
    let cached = cached.headers()["cache-status"].to_str().expect("text").to_owned();
    assert!(cached.starts_with("larder; hit"), "{cached}");
    let client = client();
    let post = client.post(format!("http://{address}/")).send().await.expect("an answer");
    assert_eq!(
        (post.status().as_u16(), &post.headers()["allow"]),
        (405, &"GET, HEAD, OPTIONS".parse().expect("a value"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_read_by_the_route_that_answers_and_left_to_others() {
    let directory = site();
    let site = Site::open(directory.path().join("routes.yaml")).await.expect("opened");
    let address = served(&site).await;
    let client = client();
    let post = async |path: &str, body: String| {
        let request = client.post(format!("http://{address}{path}"));
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let sent = post("/sent", r#"{"name":"ada"}"#.into()).await;
    assert_eq!(sent, (200, r#"{"sent":"ada"}"#.to_owned()));
    assert_eq!(post("/sent", "{}".into()).await.0, 422);
    assert_eq!(post("/sent", "{".into()).await.0, 400);
    assert_eq!(post("/sent", format!("[{:?}]", "x".repeat(1 << 20))).await.0, 413);
    assert_eq!(post("/echo", "left alone".into()).await, (200, "left alone".to_owned()));
    assert_eq!(post("/nothing", "x".into()).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_in_a_warp_program_follows_its_edits_until_it_is_dropped() {
    let directory = site();
    let site = Site::open(directory.path().join("routes.yaml")).await.expect("opened");
    let address = served(&site).await;
    assert_eq!(text(address, "/").await, "first");
    save(directory.path(), &SITE.replace("first", "second"));
    until("the edit is live", async || text(address, "/").await == "second").await;
    assert!(is_watched(directory.path()));
    drop(site);
    until("nobody watches the files", async || !is_watched(directory.path())).await;
    assert_eq!(text(address, "/").await, "second");
}

#[tokio::test]
async fn a_site_that_is_wrong_is_not_opened_and_says_why() {
    let directory = site();
    save(directory.path(), "routes:\n  /: { boddy: x }\n");
    let error = Site::open(directory.path().join("routes.yaml")).await.expect_err("refused");
    assert!(error.to_string().contains("did you mean `body`"), "{error}");
}

fn save(directory: &Path, text: &str) {
    fs::write(directory.join("new"), text).expect("written");
    fs::rename(directory.join("new"), directory.join("routes.yaml")).expect("renamed");
}

/// Whether this process has an inotify watch on the directory.
fn is_watched(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let inode = format!("ino:{:x} ", fs::metadata(directory).expect("there").ino());
    let infos = fs::read_dir("/proc/self/fdinfo").expect("the descriptors");
    let texts = infos.filter_map(|info| fs::read_to_string(info.ok()?.path()).ok());
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .any(|line| line.starts_with("inotify ") && line.contains(&inode))
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
