//! The access log, and the path that tells whether larder is well.

use serde_json::{Value, json};

use crate::harness::{FAILS, Larder, MEMORY, Redis, Site, raw, too_much};

const ROUTES: &str = "
routes:
  /: { body: hello }
  /{page}: { body: 'a page that the health path hides' }
  POST /form: { status: 201, body: '' }
";

fn serve(access_log: &str) -> Larder {
    let server = format!("server: {{ access_log: {access_log}, health: /well }}\n");
    Larder::serve(&Site::with(&format!("{server}{ROUTES}")), MEMORY)
}

/// Two requests, and one with everything in it that could break a line.
async fn ask(larder: &Larder) {
    larder.get("/").await;
    larder.request("HEAD", "/?q=1", &[("user-agent", "test/1"), ("referer", "http://r/")]).await;
    larder.request("POST", "/form", &[]).await;
    let hostile = "GET /a\"b/%0aX HTTP/1.1\r\nhost: x\r\nuser-agent: a\"b\\c\t\u{e9}\r\n\
                   connection: close\r\n\r\n";
    raw(&larder.address, hostile);
}

#[tokio::test]
async fn the_text_log_has_a_line_a_request_in_the_combined_format() {
    let larder = serve("text");
    ask(&larder).await;
    let lines = larder.requests(4);
    let common = regex::Regex::new(concat!(
        r#"^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" "#,
        r#"(\d{3}) (\d+) ("[^"]*") ("(?:[^"\\]|\\.)*") ("[^"]*") \d+\.\d{6} \S+ "[^"]*" \S+$"#,
    ))
    .expect("a pattern");
    let expected = [
        ("GET / HTTP/1.1", "200", "5", "\"-\"", "\"-\"", "\"larder; fwd=uri-miss; stored\""),
        ("HEAD /?q=1 HTTP/1.1", "200", "0", "\"http://r/\"", "\"test/1\"", "\"larder; hit; "),
        ("POST /form HTTP/1.1", "201", "0", "\"-\"", "\"-\"", "\"larder; fwd=bypass\""),
    ];
    for (line, expected) in lines.iter().zip(expected) {
        let parts = common.captures(line).unwrap_or_else(|| panic!("{line}"));
        let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
        let (request, status, bytes, referer, agent, cache) = expected;
        assert_eq!([part(1), part(2), part(3)], [request, status, bytes], "{line}");
        assert_eq!([part(4), part(5)], [referer, agent], "{line}");
        assert!(part(6).starts_with(cache), "{line}");
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].is_ascii() && lines[3].contains(r#""a\"b\\c\x09\xC3\xA9""#), "{}", lines[3]);
    assert!(lines[3].contains(r#""GET /a\"b/%0aX HTTP/1.1" 404 "#), "{}", lines[3]);
}

#[tokio::test]
async fn the_json_log_has_an_object_a_request() {
    let larder = serve("json");
    ask(&larder).await;
    let lines = larder.requests(4);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let lines: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
    for line in &lines {
        assert_eq!((&line["peer"], &line["version"]), (&json!("127.0.0.1"), &json!("HTTP/1.1")));
        assert!(line["took_us"].is_u64(), "{line}");
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    let told = |index: usize, names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| lines[index][name].clone()).collect()
    };
    let names = ["method", "target", "status", "bytes", "referer", "user_agent"];
    let null = Value::Null;
    assert_eq!(
        told(0, &names),
        [json!("GET"), json!("/"), json!(200), json!(5), null.clone(), null]
    );
    let second = [json!("HEAD"), json!("/?q=1"), json!(200), json!(0), json!("http://r/")];
    assert_eq!(told(1, &names[..5]), second);
    assert_eq!(lines[0]["cache_status"], "larder; fwd=uri-miss; stored");
    assert_eq!(lines[3]["target"], "/a\"b/%0aX");
    assert_eq!(lines[3]["user_agent"], "a\"b\\c\t\u{e9}");
}

#[tokio::test]
async fn there_is_no_access_log_where_none_is_asked_for() {
    let larder = Larder::serve(&Site::with(ROUTES), MEMORY);
    larder.get("/").await;
    assert!(larder.requests(0).is_empty());
    // It is a page, where no health path hides it.
    assert_eq!(larder.get("/well").await.text(), "a page that the health path hides");
}

#[tokio::test]
async fn the_health_path_answers_whatever_else_is_there_or_is_down() {
    let redis = Redis::start();
    let site = Site::with(&format!("server: {{ health: /well }}\n{ROUTES}"));
    let larder = Larder::serve(&site, &redis.url());
    let check = async || {
        for _ in 0..2 {
            let answer = larder.get("/well").await;
            assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok\n"));
            assert_eq!(answer.header("cache-control"), "no-store");
            let head = larder.request("HEAD", "/well?x=1", &[]).await;
            assert_eq!((head.status.as_u16(), head.text()), (200, ""));
            assert_eq!(head.header("content-length"), "3");
        }
    };
    check().await;
    assert!(redis.keys().is_empty(), "{:?}", redis.keys());
    drop(redis);
    check().await;
    assert_eq!(larder.request("POST", "/well", &[]).await.status, 405);
}

#[tokio::test]
async fn nothing_that_a_client_sends_begins_a_line_of_the_log_or_reaches_a_terminal() {
    const SITE: &str = r#"
errors: { 404: { inline: '{{path}}FAILS' } }
routes:
  /fails: { inline: "{{query.q}}FAILS" }
  /log: { inline: "{{log query.q}}" }
  /load/{name}: { load: { it: "data/{{params.name}}.txt" }, inline: "{{it}}" }
  POST /fails: { name: post, inline: "{{query.q}}FAILS" }
"#;
    let text = "%0a2026-11-24T00:00:00Z%20ERROR%20forged%0d%1b%5b2J%1b%5d0;x%07%c2%9b31m%e2%80%ae";
    let site = Site::with(&(too_much() + &SITE.replace("FAILS", FAILS)));
    let site = site.file("data/a.txt", "a");
    for format in ["text", "json"] {
        let larder = Larder::spawn(&site, &["--store", MEMORY, "--log", format]);
        for path in ["/fails?q=", "/log?q=", "/load/", "/nowhere/"] {
            larder.request("GET", &format!("{path}{text}"), &[("accept", "text/html")]).await;
        }
        larder.request("POST", &format!("/fails?q={text}"), &[]).await;
        larder.line_with("it prints more than");
        let log = larder.log();
        for line in log.lines() {
            let begins = if format == "json" { line.starts_with('{') } else { is_dated(line) };
            assert!(begins && !line.starts_with("2026-11-24T00"), "{line:?}\n{log:?}");
            let dark = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.contains(dark), "{line:?}");
        }
    }
}

/// Whether a line begins with the time, as every event of the log does.
fn is_dated(line: &str) -> bool {
    line.get(..20).is_some_and(|start| start.starts_with("20") && start.contains('T'))
}

/// What a line of the access log in JSON says.
fn fields(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))
}

#[tokio::test]
async fn a_line_says_who_asked_by_which_host_for_which_route_and_what_came_of_it() {
    let site = Site::with(
        "server: { access_log: json, health: /up, trusted_proxies: [127.0.0.0/8] }\n\
         routes: { /a: { body: x, name: first } }\n",
    );
    let larder = Larder::serve(&site, MEMORY);
    let named = [("x-request-id", "r-1/x"), ("x-forwarded-for", "1.1.1.1, 203.0.113.9")];
    let answer = larder.client().request("GET", "/a", &named).await.expect("an answer");
    assert_eq!(answer.header("x-request-id"), "r-1/x");
    larder.get("/up").await;
    let unnamed = larder.get("/a").await;
    assert_eq!(unnamed.header("x-request-id"), "", "a name that larder made is for the log alone");
    larder.get("/nowhere").await;
    let lines = larder.requests(3);
    let [first, second, third] = [0, 1, 2].map(|at| fields(&lines[at]));
    assert_eq!(first["request_id"], "r-1/x");
    assert_eq!((&first["client"], &first["peer"]), (&"203.0.113.9".into(), &"127.0.0.1".into()));
    assert_eq!((&first["route"], &first["outcome"]), (&"first".into(), &"miss".into()));
    assert_eq!(first["host"], larder.address);
    assert_eq!((&second["route"], &second["outcome"]), (&"first".into(), &"hit".into()));
    assert!(second["request_id"].as_str().is_some_and(|id| id.len() == 16), "{second}");
    assert_ne!(second["request_id"], third["request_id"]);
    // Health is left out.
    assert_eq!((&third["target"], &third["status"]), (&"/nowhere".into(), &404.into()));
}

#[test]
fn what_is_refused_is_named_and_told_as_any_other_answer() {
    let site = Site::with("server: { access_log: json }\nroutes: { /a: { body: x } }\n");
    let larder = Larder::serve(&site, MEMORY);
    let long = format!("GET /{} HTTP/1.1\r\nHost: a", "x".repeat(10_000));
    let requests = [
        (414, long.as_str()),
        (400, "GET /a HTTP/1.1\r\nHost: a\r\nHost: b"),
        (400, "GET /%zz HTTP/1.1\r\nHost: a"),
        (204, "OPTIONS * HTTP/1.1\r\nHost: a"),
        (413, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000"),
        (501, "CONNECT a:1 HTTP/1.1\r\nHost: a:1"),
    ];
    for (status, head) in requests {
        let head = format!("{head}\r\nX-Request-Id: r-7\r\nConnection: close\r\n\r\n");
        let answer = raw(&larder.address, &head).to_ascii_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{status}: {answer}");
        for line in ["\r\nx-request-id: r-7\r\n", "\r\ncache-status: larder; fwd=bypass\r\n"] {
            assert!(answer.contains(line), "{status} without {line}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_name_that_could_break_a_line_is_neither_sent_back_nor_logged() {
    let site = Site::with("server: { access_log: text }\nroutes: { /a: { body: x } }\n");
    let larder = Larder::serve(&site, MEMORY);
    let long = "x".repeat(129);
    for id in ["a b", "a\tb", "\u{e9}", &long] {
        let lines = [("x-request-id", id)];
        let answer = larder.client().request("GET", "/a", &lines).await.expect("an answer");
        assert_eq!(answer.header("x-request-id"), "", "{id}");
    }
    for line in larder.requests(4) {
        let name = line.rsplit(' ').next().unwrap_or_default();
        assert!(name.len() == 16 && name.bytes().all(|it| it.is_ascii_hexdigit()), "{line}");
    }
}
