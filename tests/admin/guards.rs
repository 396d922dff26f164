use super::{Admin, SITE};
use crate::harness::{MEMORY, Site, refused, signal};

const JSON: &str = "Content-Type: application/json";
const ALL: &str = r#"{"all":true}"#;

/// What would change something, in every way that a request can be wrong.
#[tokio::test]
async fn nothing_is_changed_by_who_may_not() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    admin.larder.get("/a").await;
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (method, path, lines, body, expected) in [
        ("POST", "/api/purge", &[JSON, "Origin: http://evil.example"][..], ALL, 403),
        ("POST", "/api/purge", &[JSON, "Origin: null"], ALL, 403),
        ("POST", "/api/purge", &[JSON, "Sec-Fetch-Site: cross-site"], ALL, 403),
        ("POST", "/api/purge", &[JSON, "Sec-Fetch-Site: same-site"], ALL, 403),
        ("POST", "/api/purge", &[JSON, "Host: evil.example"], ALL, 421),
        ("POST", "/api/purge", &[JSON, "Host: 127.0.0.1.evil.example"], ALL, 421),
        ("POST", "/api/purge", &["Content-Type: text/plain"], ALL, 415),
        ("POST", "/api/purge", &[form], ALL, 415),
        ("POST", "/api/purge", &[], ALL, 415),
        ("GET", "/api/purge", &[JSON], ALL, 405),
        ("HEAD", "/api/purge", &[JSON], ALL, 405),
        ("PUT", "/api/purge", &[JSON], ALL, 405),
        ("POST", "/api/purge/", &[JSON], ALL, 404),
        ("POST", "/x?y=/api/purge", &[JSON], ALL, 404),
        ("GET", "/api/reload", &[JSON], "", 405),
        ("DELETE", "/api/keys", &[], "", 405),
        ("POST", "/api/keys/api:cache::a:/a", &[JSON], "", 405),
        ("DELETE", "/api/keys/api:cache::a:/a", &["Origin: http://evil.example"], "", 403),
        ("GET", "/delete?what=filter", &[], "", 405),
        ("POST", "/delete", &[form], "what=filter", 403),
        ("POST", "/delete", &[form], "what=filter&form=0123", 403),
        ("POST", "/delete", &[JSON], "what=filter", 415),
    ] {
        let said = admin.send(method, path, lines, body);
        assert_eq!(said.status, expected, "{method} {path} {lines:?}: {said:?}");
        assert_eq!(admin.keys(""), ["api:cache::a:/a"], "{method} {path} {lines:?}");
    }
    let lines = [JSON, "Sec-Fetch-Site: same-origin", &format!("Origin: http://{}", admin.address)];
    let said = admin.send("POST", "/api/purge", &lines, ALL);
    assert_eq!((said.status, &*said.body), (200, r#"{"deleted":1}"#));
}

#[tokio::test]
async fn a_body_is_taken_up_to_a_mebibyte() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    let padded = |length: usize| format!("{ALL}{}", " ".repeat(length - ALL.len()));
    for (length, expected) in [(1024 * 1024, 200), (1024 * 1024 + 1, 413)] {
        let said = admin.send("POST", "/api/purge", &[JSON], &padded(length));
        assert_eq!(said.status, expected, "{length}: {said:?}");
    }
}

#[tokio::test]
async fn another_site_reads_nothing() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    for path in ["/", "/api/status", "/api/keys", "/metrics"] {
        for (line, expected) in [
            ("Host: evil.example", 421),
            ("Origin: http://evil.example", 403),
            ("Sec-Fetch-Site: cross-site", 403),
            ("Host: localhost:1", 200),
            ("Host: [::1]", 200),
        ] {
            let said = admin.send("GET", path, &[line], "");
            assert_eq!(said.status, expected, "{path} {line}");
            assert!(!said.head.contains("access-control"), "{path} {line}: {said:?}");
            let policy = said.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{path} {line}: {said:?}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(said.header("x-content-type-options"), "nosniff");
            assert_eq!(said.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn a_token_is_asked_of_everything_but_the_health_of_the_process() {
    let site = Site::with(&format!("server: {{ admin_token: open-sesame }}\n{SITE}"));
    let admin = Admin::serve(&site, MEMORY);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(admin.send("GET", path, &["Host: anything.example"], "").status, 200);
    }
    for path in ["/", "/key?key=a", "/metrics", "/api/status", "/api/keys", "/api/keys/a"] {
        assert_eq!(admin.get(path).status, 401, "{path}");
        let wrong = admin.send("GET", path, &["Authorization: Bearer open-sesam"], "");
        assert_eq!(wrong.status, 401, "{path}");
    }
    assert_eq!(admin.get("/api/status?token=open-sesame").status, 401);
    assert_eq!(admin.post("/api/purge", ALL).status, 401);
    let said = admin.send("GET", "/api/status", &["Authorization: Bearer open-sesame"], "");
    assert_eq!(said.status, 200);
    assert!(!said.body.contains("sesame"), "{said:?}");
    assert!(!admin.larder.log().contains("sesame"));
}

#[tokio::test]
async fn who_logs_in_gets_a_cookie_that_no_script_and_no_other_site_has() {
    let site = Site::with(&format!("server: {{ admin_token: open-sesame }}\n{SITE}"));
    let admin = Admin::serve(&site, MEMORY);
    let page = admin.get("/");
    let form = super::page::form_token(&page.body);
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let wrong = admin.send("POST", "/login", &[kind], &format!("form={form}&token=sesame"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    let right = admin.send("POST", "/login", &[kind], &format!("form={form}&token=open-sesame"));
    let cookie = right.header("set-cookie");
    assert_eq!(right.status, 303);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let line = format!("Cookie: {}", cookie.split(';').next().expect("a pair"));
    assert_eq!(admin.send("GET", "/api/status", &[&line], "").status, 200);
    let out = admin.send("POST", "/logout", &[kind, &line], &format!("form={form}"));
    assert_eq!(out.status, 303);
    assert_eq!(admin.send("GET", "/api/status", &[&line], "").status, 401);
}

#[test]
fn it_is_not_opened_to_a_network_without_a_token() {
    let listen = ["--listen", "127.0.0.1:0"];
    let (code, log) =
        refused(&Site::with(SITE), &[&listen[..], &["--admin", "0.0.0.0:0"]].concat());
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("needs server.admin_token"), "{log}");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    let listen = ["--listen", "127.0.0.1:0"];
    let (code, log) =
        refused(&Site::with(SITE), &[&listen[..], &["--admin", &admin.address]].concat());
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(&admin.address) && log.contains("another program"), "{log}");
}

#[tokio::test]
async fn readiness_ends_before_the_process_does() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    assert_eq!(admin.get("/readyz").status, 200);
    let client = admin.larder.client();
    let slow = tokio::spawn(async move { client.request("GET", "/slow", &[]).await });
    let renders = |text: &str| text.contains("larder_renders_total 1");
    crate::harness::eventually("a render", crate::harness::PATIENCE, async || {
        renders(&admin.get("/metrics").body).then_some(())
    })
    .await;
    signal(admin.larder.pid(), "TERM");
    crate::harness::eventually("not ready", crate::harness::PATIENCE, async || {
        (admin.get("/readyz").status == 503).then_some(())
    })
    .await;
    assert_eq!(admin.get("/healthz").status, 200);
    assert_eq!(slow.await.expect("the request").expect("an answer").status, 200);
}
