use super::{Admin, SITE};
use crate::harness::{Larder, MEMORY, Site, refused, signal};

const JSON: &str = "Content-Type: application/json";
const ALL: &str = r#"{"all":true}"#;
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const TOKEN: &str = "open-sesame-0123";

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
    let site = Site::with(&format!("server: {{ admin_token: open-sesame-0123 }}\n{SITE}"));
    let admin = Admin::serve(&site, MEMORY);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(admin.send("GET", path, &["Host: anything.example"], "").status, 200);
    }
    for path in ["/", "/key?key=a", "/metrics", "/api/status", "/api/keys", "/api/keys/a"] {
        assert_eq!(admin.get(path).status, 401, "{path}");
        let wrong = admin.send("GET", path, &["Authorization: Bearer open-sesame-012"], "");
        assert_eq!(wrong.status, 401, "{path}");
    }
    assert_eq!(admin.get("/api/status?token=open-sesame-0123").status, 401);
    assert_eq!(admin.post("/api/purge", ALL).status, 401);
    let said = admin.send("GET", "/api/status", &["Authorization: Bearer open-sesame-0123"], "");
    assert_eq!(said.status, 200);
    assert!(!said.body.contains("sesame"), "{said:?}");
    assert!(!admin.larder.log().contains("sesame"));
}

/// Logs in, and gives the line by which the browser is known from then on.
fn log_in(admin: &Admin) -> String {
    let said = admin.send("POST", "/login", &[FORM], &format!("token={TOKEN}"));
    assert_eq!(said.status, 303, "{said:?}");
    let cookie = said.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    format!("Cookie: {}", cookie.split(';').next().expect("a pair"))
}

fn with_token() -> Admin {
    Admin::serve(&Site::with(&format!("server: {{ admin_token: {TOKEN} }}\n{SITE}")), MEMORY)
}

#[tokio::test]
async fn who_logs_in_gets_a_cookie_that_no_script_and_no_other_site_has() {
    let admin = with_token();
    assert!(!admin.get("/").body.contains("name=\"form\""), "nothing is given who is not known");
    let wrong = admin.send("POST", "/login", &[FORM], "token=sesame");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    let (line, other) = (log_in(&admin), log_in(&admin));
    let form_of = |line: &str| {
        let page = admin.send("GET", "/", &[line], "").body;
        super::page::form_token(&page).to_owned()
    };
    let (form, of_other) = (form_of(&line), form_of(&other));
    let purge = |line: &str, form: &str| {
        admin.send("POST", "/delete", &[FORM, line], &format!("form={form}&what=filter")).status
    };
    assert_eq!((purge(&line, &of_other), purge(&line, &form)), (403, 303));
    let twice = [&*line, &*other];
    assert_eq!(admin.send("GET", "/api/status", &twice, "").status, 400);
    let lines = [FORM, "Cookie: theme=dark", &line];
    assert_eq!(admin.send("POST", "/logout", &lines, &format!("form={form}")).status, 303);
    for (line, expected) in [(&line, 401), (&other, 200)] {
        assert_eq!(admin.send("GET", "/api/status", &[line], "").status, expected);
    }
}

#[test]
fn a_login_takes_a_token_and_not_a_body() {
    let admin = with_token();
    let padded = |length: usize| format!("token={TOKEN}&x={}", "x".repeat(length - 25));
    for (length, expected) in [(4096, 303), (4097, 413)] {
        let said = admin.send("POST", "/login", &[FORM], &padded(length));
        assert_eq!(said.status, expected, "{length}: {said:?}");
        let chunks = format!(
            "POST /login HTTP/1.1\r\nHost: {}\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n",
            admin.address,
            padded(length)
        );
        let answer = crate::harness::raw(&admin.address, &chunks);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{length}: {answer}");
    }
    // Of a body without an end no more is waited for than is taken.
    let endless = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\n{FORM}\r\nContent-Length: 900000\r\n\r\n{}",
        admin.address,
        padded(5000)
    );
    let answer = crate::harness::raw(&admin.address, &endless);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    while admin.send("POST", "/login", &[FORM], "token=x").status != 429 {}
    let answer = crate::harness::raw(&admin.address, &endless.replace(&padded(5000), ""));
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
}

#[tokio::test]
async fn guesses_at_the_token_are_few_and_told_once() {
    let admin = with_token();
    let line = log_in(&admin);
    let guess = |at: usize| {
        let bearer = format!("Authorization: Bearer guess-{at:010}");
        let path = ["/api/status", "/"][at % 2];
        admin.send("GET", path, &[&bearer], "").status
    };
    let answers: Vec<u16> = (0..30).map(guess).collect();
    assert_eq!(answers[..10], [401; 10], "{answers:?}");
    // One may come back while they are sent.
    assert!(answers.iter().filter(|status| **status == 429).count() >= 18, "{answers:?}");
    let right = format!("Authorization: Bearer {TOKEN}");
    let said = admin.send("GET", "/api/status", &[&right], "");
    assert_eq!((said.status, said.header("retry-after")), (429, "6"));
    assert_eq!(admin.send("POST", "/login", &[FORM], &format!("token={TOKEN}")).status, 429);
    assert_eq!(admin.send("GET", "/api/status", &[&line], "").status, 200);
    assert_eq!(admin.larder.logged("wrong admin tokens"), 1, "{}", admin.larder.log());
    assert!(!admin.larder.log().contains("guess-"));
}

#[test]
fn a_body_is_not_waited_for_before_its_sender_is_known() {
    let admin = with_token();
    for lines in ["", "Origin: http://evil.example\r\n", "Authorization: Bearer x\r\n"] {
        let head = format!(
            "POST /api/purge HTTP/1.1\r\nHost: {}\r\n{lines}Content-Type: application/json\r\n\
             Content-Length: 1000\r\nConnection: close\r\n\r\n",
            admin.address
        );
        let answer = crate::harness::raw(&admin.address, &head);
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["401", "403"].contains(&status), "{lines}: {answer}");
    }
}

#[test]
fn a_network_reads_nothing_of_what_is_said_to_the_admin_listener() {
    let tls = |name: &str| {
        let path = format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a file")
    };
    let text = format!(
        "server: {{ admin_token: {TOKEN}, admin: 0.0.0.0:1, \
         tls: {{ cert: a.crt, key: a.key }} }}\n{SITE}"
    );
    let site = Site::with(&text)
        .file("a.crt", &tls("one.cert"))
        .file("a.key", &tls("one.key"))
        .file("other.crt", &tls("two.cert"));
    let listen = ["--store", MEMORY, "--listen", "127.0.0.1:0", "--admin"];
    let far = Larder::spawn(&site, &[&listen[..], &["0.0.0.0:0"]].concat());
    let line = far.line_with("admin on https://");
    let port = line.rsplit(':').next().and_then(|rest| rest.split(' ').next()).expect("a port");
    let admin = format!("https://127.0.0.1:{port}");
    let ask = |config: &str, more: &[&str]| {
        let ask = ["keys", "--config", config, "--admin", &admin];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_larder"));
        command.current_dir(site.path(".")).args(ask).args(more);
        let said = command.env("LARDER_ADMIN_TOKEN", TOKEN).output().expect("larder");
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    assert_eq!(ask("routes.yaml", &[]).0, Some(0), "{:?}", ask("routes.yaml", &[]));
    let (code, said) = ask("routes.yaml", &["--admin-ca", "other.crt"]);
    assert_eq!(code, Some(1), "{said}");
    site.edit("a.crt", &tls("two.cert"));
    let (code, said) = ask("routes.yaml", &[]);
    assert!(code == Some(1) && said.contains("another certificate"), "{said}");
}

#[test]
fn a_token_that_is_short_is_refused_wherever_it_is_set() {
    for admin in ["127.0.0.1:0", "0.0.0.0:0", "off"] {
        let text = format!("server: {{ admin: '{admin}', admin_token: fifteen-letters }}\n{SITE}");
        let (code, log) = refused(&Site::with(&text), &["--listen", "127.0.0.1:0"]);
        assert_eq!(code, Some(78), "{admin}: {log}");
        assert!(log.contains("shorter than 16") && !log.contains("fifteen"), "{log}");
    }
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
