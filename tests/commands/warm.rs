//! `larder warm`: it counts what is kept, of the site that runs.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::admin::Admin;
use crate::harness::{Larder, Redis, Site, run};

fn site(more: &str) -> Site {
    let routes = "routes:\n  /: { body: home }\n  /gone: { body: gone, status: 404 }\n  \
                  /off: { body: off, ttl: off }\n  \
                  /find: { query: { q: { required: true } }, inline: '{{query.q}}' }\n  \
                  /n/{n:int}: { inline: \"{{params.n}}\" }\n";
    Site::with(&format!("{more}{routes}"))
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn warm_counts_what_is_kept_and_fails_where_that_is_not_all() {
    let (redis, site) = (Redis::start(), site(""));
    let admin = Admin::serve(&site, &redis.url());
    let url = format!("http://{}", admin.address);
    let (code, out, error) = said(&run("warm", &site, &["--admin", &url, "/n/1", "/off"]));
    assert!(error.contains("/off: 200, and not kept"), "{error}");
    assert_eq!((code, out.as_str()), (Some(1), "3 of 4 pages kept\n"));
    for path in ["/", "/gone", "/n/1"] {
        assert!(admin.larder.get(path).await.is_hit(), "{path}");
    }
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let (code, out, error) = said(&run("warm", &site, &["--admin", &url, "/n/7"]));
    assert!(error.contains("/n/7: 200, and not kept"), "{error}");
    assert_eq!((code, out.as_str()), (Some(1), "2 of 3 pages kept\n"));
}

#[test]
fn larders_own_addresses_answer_and_are_not_kept() {
    let site = site("server: { health: /healthz, docs: /docs }\n");
    let admin = Admin::serve(&site, crate::harness::MEMORY);
    for (path, status, what) in [
        ("/healthz", 200, "(health)"),
        ("/docs", 308, "(documentation)"),
        ("/docs/", 200, "(documentation)"),
        ("/docs/nothing", 404, "(documentation)"),
        ("/openapi.json?x=y", 200, "(documentation)"),
    ] {
        let warmed = admin.post("/api/warm", &serde_json::json!({ "url": path }).to_string());
        let expected = format!("{{\"status\":{status},\"kept\":false}}");
        assert_eq!((warmed.status, &*warmed.body), (200, &*expected), "{path}");
        let told = admin.get(&format!("/api/explain?url={path}")).json();
        let answer = told["answer"].as_str().expect("an answer");
        assert!(answer.starts_with("larder itself answers here") && answer.contains(what));
        assert!(told["key"].is_null(), "{told}");
    }
}

#[tokio::test]
async fn warm_takes_a_list_and_keeps_more_new_pages_than_a_second_may_bring() {
    let (redis, site) = (Redis::start(), site("cache: { max_new_keys: 10 }\n"));
    let admin = Admin::serve(&site, &redis.url());
    let mut warm = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["warm", "--admin", &format!("http://{}", admin.address), "-"])
        .current_dir(site.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the larder program");
    let mut stdin = warm.stdin.take().expect("its input");
    for n in 0..200 {
        writeln!(stdin, "/n/{n}").expect("the list");
    }
    drop(stdin);
    let (_, out, error) = said(&warm.wait_with_output().expect("its end"));
    assert_eq!(out, "202 of 202 pages kept\n", "{error}");
    assert_eq!(redis.keys().len(), 202);
}

#[tokio::test]
async fn warm_works_while_the_file_on_disk_is_broken() {
    let (redis, site) = (Redis::start(), site(""));
    let admin = Admin::serve(&site, &redis.url());
    site.edit("routes.yaml", "routes: [\n");
    let url = format!("http://{}", admin.address);
    let (code, out, error) = said(&run("warm", &site, &["--admin", &url]));
    assert_eq!((code, out.as_str()), (Some(0), "2 of 2 pages kept\n"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_asks_over_tls_and_with_a_token() {
    let (redis, token) = (Redis::start(), "open-sesame-0123");
    let site = site("server: { admin_token: '${TOKEN}', tls: { cert: a.crt, key: a.key } }\n")
        .file("a.crt", include_str!("../tls/one.cert.pem"))
        .file("a.key", include_str!("../tls/one.key.pem"))
        .file("other.crt", include_str!("../tls/two.cert.pem"));
    let larder = Larder::spawn_after(
        &site,
        &format!("export TOKEN={token}"),
        &["--store", &redis.url(), "--admin", "0.0.0.0:0"],
    );
    let line = larder.line_with("admin on https://");
    let port = line.rsplit(':').next().and_then(|rest| rest.split(' ').next()).expect("a port");
    let admin = format!("https://127.0.0.1:{port}");
    let warm = |token: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.args(["warm", "--admin", &admin, "/n/1"]).args(more).current_dir(site.path(""));
        // What the file is read with; what the command says is the other.
        command.env("TOKEN", "another-one-0123").env("LARDER_ADMIN_TOKEN", token);
        said(&command.output().expect("the larder program"))
    };
    for (token, more, why) in [
        ("", &[][..], "set LARDER_ADMIN_TOKEN"),
        ("open-sesame-0124", &[], "says 401"),
        (token, &["--admin-ca", "other.crt"], "another certificate"),
    ] {
        let (code, out, error) = warm(token, more);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("sesame"), "{error}");
        assert_eq!(redis.keys(), Vec::<String>::new());
    }
    let (code, out, error) = warm(token, &[]);
    assert_eq!((code, out.as_str()), (Some(0), "3 of 3 pages kept\n"), "{error}");
    let names = ["gone:/gone", "index:/", "n-n:/n/1"].map(|name| format!("api:cache::{name}"));
    assert_eq!(redis.keys(), names);
}
