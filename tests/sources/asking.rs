//! What is asked, by whom, and what becomes of the answer.

use super::site;
use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, Redis, Reply, Site, Upstream, both_stores, check, raw};

#[tokio::test]
async fn a_page_shows_what_a_server_sends_and_is_kept() {
    both_stores(async |store| {
        let upstream = Upstream::giving(r#"{"summary":"<sun>","big":12345678901234567890123}"#);
        let text = "load: { weather: 'api:/weather?city=Oslo' }
routes:
  /: { inline: '{{weather.summary}} {{weather.big}} {{weather.nothing.at.all}}.' }
  /other.json: { json: { it: '{{weather.summary}}', big: '{{weather.big}}' } }
  /none: { inline: 'none' }
";
        let larder = Larder::serve(&site(&upstream, text), store);
        assert_eq!(larder.get("/none").await.text(), "none");
        assert!(upstream.seen().is_empty(), "a page that reads nothing asks nobody");
        let first = larder.get("/").await;
        assert_eq!(first.text(), "&lt;sun&gt; 12345678901234567890123 .");
        assert!(first.cache().ends_with("stored"), "{}", first.cache());
        assert!(larder.get("/").await.is_hit());
        let json = larder.get("/other.json").await.json();
        assert_eq!(json["it"], "<sun>");
        assert_eq!(json["big"], "12345678901234567890123", "kept as its text");
        let seen = upstream.seen();
        assert_eq!(seen.len(), 1, "the value is shared: {:?}", upstream.paths());
        assert_eq!((&*seen[0].method, &*seen[0].path), ("GET", "/weather?city=Oslo"));
        assert!(seen[0].headers["user-agent"].starts_with("larder/"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_read_by_its_type_and_its_coding() {
    let upstream = Upstream::start(|seen| {
        let coded = |bytes: &[u8]| {
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut coder, bytes).expect("coding");
            coder.finish().expect("coding")
        };
        match &*seen.path {
            "/yaml" => Reply::of("application/yaml", b"a: [x, 2]\n"),
            "/csv" => Reply::of("text/csv", b"name,age\nAda,36\n"),
            "/text" => Reply::of("text/plain; charset=utf-8", b"plain"),
            "/gzip" => Reply::of("application/json", &coded(br#"{"a":"unpacked"}"#))
                .line("content-encoding", "gzip"),
            _ => Reply::status(500),
        }
    });
    let text = "routes:
  /: { inline: '{{yaml.a.[0]}} {{csv.[0].name}} {{text}} {{gzip.a}}', load: { yaml: 'api:/yaml', \
                csv: 'api:/csv', text: 'api:/text', gzip: 'api:/gzip' } }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    assert_eq!(larder.get("/").await.text(), "x Ada plain unpacked");
}

#[tokio::test]
async fn what_a_request_says_chooses_within_the_address_and_is_in_the_key() {
    let upstream = Upstream::start(|seen| Reply::json(format!("{:?}", seen.path)));
    let text = "languages: [en, no]
load: { word: 'api:/word?lang={{language}}' }
routes:
  /users/{id}:
    inline: '{{{trusted user}}}'
    load: { user: 'api:/u/{{params.id}}?q={{query.q}}' }
  /files/{*rest}:
    inline: '{{{trusted it}}}'
    load: { it: 'api:/f/{{params.rest}}?all={{params.rest}}' }
  /word: { inline: '{{{trusted word}}}' }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    for (path, expected) in [
        ("/users/7", "/u/7?q="),
        ("/users/7?q=a%26b%3Dc%23+%2F", "/u/7?q=a%26b%3Dc%23%20%2F"),
        ("/users/a%2Fb%3Fc", "/u/a%2Fb%3Fc?q="),
        ("/users/%5C..%5Cx", "/u/%5C..%5Cx?q="),
        ("/files/a/b%2Fc/d.txt", "/f/a/b%2Fc/d.txt?all=a%2Fb%2Fc%2Fd.txt"),
    ] {
        assert_eq!(larder.get(path).await.text(), expected, "{path}");
        assert!(larder.get(path).await.is_hit(), "{path}");
    }
    let before = upstream.seen().len();
    for path in ["/users/%2E%2E", "/users/.", "/files/a/%2e%2e/%2e%2e/b", "/files/a//b"] {
        // As it stands: a client of URLs would take the dots away.
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw(&larder.address, &request);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "404", "308"].contains(&status), "{path}: {status}");
    }
    assert_eq!(upstream.seen().len(), before, "an address that leads elsewhere is asked of nobody");
    let word = |language: &'static str| {
        let larder = &larder;
        async move { larder.request("GET", "/word", &[("accept-language", language)]).await }
    };
    assert_eq!(word("no").await.text(), "/word?lang=no");
    assert_eq!(word("en").await.text(), "/word?lang=en");
    assert!(word("no").await.is_hit());
    assert_eq!(word("no").await.header("content-language"), "no");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loads_of_a_page_run_together_and_those_that_need_another_after_it() {
    let upstream = Upstream::start(|seen| match &*seen.path {
        "/post" => Reply::json(r#"{"author":{"id":"a/b"},"title":"T"}"#),
        path => Reply::json(format!("{{\"path\":{path:?}}}")),
    });
    let text = "data: { city: Oslo }
routes:
  /: { inline: '{{post.title}} {{{trusted user.path}}} {{{trusted city_now.path}}}', load: {
      user: 'api:/users/{{post.author.id}}', post: 'api:/post',
      city_now: 'api:/now?city={{city}}' } }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    upstream.hold(true);
    let client = larder.client();
    let asking = tokio::spawn(async move { client.request("GET", "/", &[]).await });
    // Neither waits for the other's answer.
    let mut first: Vec<String> = upstream.wait(2).into_iter().map(|seen| seen.path).collect();
    first.sort();
    assert_eq!(first, ["/now?city=Oslo", "/post"]);
    upstream.hold(false);
    let page = asking.await.expect("a client").expect("an answer");
    assert_eq!(page.text(), "T /users/a%2Fb /now?city=Oslo");
    assert_eq!(upstream.seen().len(), 3);
}

#[tokio::test]
async fn headers_of_upstreams_and_loads_are_sent_and_never_shown() {
    const SECRETS: [&str; 3] = ["tok-upstream-1f9", "tok-load-77c", "tok-query-c21"];
    let redis = Redis::start();
    let upstream = Upstream::start(|seen| match &*seen.path {
        path if path.starts_with("/bad") => Reply::json("{"),
        _ => Reply::json(r#"{"a":"ok"}"#),
    });
    let text = format!(
        "upstreams:
  api: {{ url: 'http://{}/v1/', headers: {{ Authorization: 'Bearer {}', X-Own: no }} }}
load:
  good: {{ from: 'api:/good', headers: {{ X-Key: '{}', X-Own: yes }} }}
  bad: 'http://{}/bad?key=${{QUERY_KEY}}'
routes:
  /good: {{ inline: '{{{{good.a}}}}' }}
  /bad: {{ inline: '{{{{bad.a}}}}' }}
",
        upstream.address, SECRETS[0], SECRETS[1], upstream.address
    );
    let environment = format!("export QUERY_KEY={}", SECRETS[2]);
    let arguments = ["--store", &redis.url(), "--admin", "127.0.0.1:0"];
    let admin = Admin::of(Larder::spawn_after(&Site::with(&text), &environment, &arguments));
    let larder = &admin.larder;
    assert_eq!(larder.get("/good").await.text(), "ok");
    assert_eq!(larder.get("/bad").await.status, 502);
    let seen = upstream.seen();
    assert_eq!(seen[0].path, "/v1/good");
    assert_eq!(seen[0].headers["authorization"], format!("Bearer {}", SECRETS[0]));
    assert_eq!((&*seen[0].headers["x-key"], &*seen[0].headers["x-own"]), (SECRETS[1], "yes"));
    assert!(seen[1].path.ends_with(SECRETS[2]));
    let mut said = larder.log();
    for path in ["/api/status", "/api/explain?url=/good", "/api/explain?url=/bad", "/metrics", "/"]
    {
        let answer = admin.get(path);
        assert_eq!(answer.status, 200, "{path}");
        said.push_str(&answer.body);
    }
    assert!(said.contains("bad") && said.contains("not JSON"), "{said}");
    let keys = redis.keys();
    assert!(keys.iter().any(|key| key.starts_with("api:cache::~load:good:")), "{keys:?}");
    for key in keys {
        said.push_str(&key);
        said.push_str(&redis.cli(&["GET", &key]));
    }
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} is shown in {said}");
    }
}

#[test]
fn check_asks_nobody_and_says_what_is_wrong_with_addresses() {
    let upstream = Upstream::giving("{}");
    let text = "load: { a: 'api:/a' }\nroutes: { /: { inline: '{{a.x}}' } }\n";
    let checked = check(&site(&upstream, text), &[]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(upstream.seen().is_empty());
    for (wrong, code) in [
        ("load: { a: 'apo:/a' }", "bad_url"),
        ("load: { a: 'api:a' }", "bad_url"),
        ("load: { a: 'https://{{query.h}}/a' }", "bad_url"),
        ("load: { a: 'http://169.254.169.254/latest' }", "bad_url"),
        ("load: { a: 'api:/{{params.id}}' }", "param_unknown"),
        ("load: { a: { from: 'api:/a', timeout: 40s } }", "bad_duration"),
        ("load: { a: { from: 'api:/a', accept_status: [99] } }", "bad_status"),
        ("load: { a: { from: 'api:/a', headers: { Host: x } } }", "bad_header"),
        ("load: { a: { from: 'api:/a', headers: { a b: x } } }", "bad_header"),
        ("load: { a: 'redis:k' }", "bad_url"),
        (
            "data: { a: 1 }\nerrors: { 404: { inline: '{{b.x}}' } }\nload: { b: 'api:/b' }",
            "unknown_variable",
        ),
    ] {
        let text = format!("{wrong}\nroutes: {{ /: {{ inline: '{{{{a.x}}}}' }} }}\n");
        let said = check(&site(&upstream, &text), &[]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned()
            + &String::from_utf8_lossy(&said.stderr);
        assert!(said.contains(&format!("[{code}]")), "{wrong}: {said}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn what_a_server_sends_is_not_printed_as_markup_or_code() {
    let upstream = Upstream::giving("{}");
    for (page, code) in [
        ("{{{a.text}}}", "unescaped_input"),
        ("{{markdown a.text}}", "unescaped_input"),
        ("{{#each a.items}}{{{this}}}{{/each}}", "unescaped_input"),
        ("<a href=\"{{a.link}}\">x</a>", "input_in_code"),
        ("<script>var a = {{a.text}};</script>", "input_in_code"),
        ("{{a.text}} {{{trusted a.text}}} <script>var a = {{json a}};</script>", ""),
    ] {
        let text = format!("load: {{ a: 'api:/a' }}\nroutes: {{ /: {{ inline: '{page}' }} }}\n");
        let said = check(&site(&upstream, &text), &[]);
        let text = String::from_utf8_lossy(&said.stdout).into_owned()
            + &String::from_utf8_lossy(&said.stderr);
        let is_refused = text.contains("another server sends") && text.contains(code);
        assert_eq!(is_refused, !code.is_empty(), "{page}: {text}");
    }
    // A route's own value shadows the site's: then it is the site's own.
    let text = "load: { a: 'api:/a' }
routes: { /: { inline: '{{{a.text}}}', data: { a: { text: x } } } }
";
    assert!(check(&site(&upstream, text), &[]).status.success());
}

#[tokio::test]
async fn a_search_is_asked_for_by_a_post_with_a_fixed_body() {
    let upstream = Upstream::start(|seen| {
        let body = String::from_utf8_lossy(&seen.body);
        Reply::json(format!("{{\"said\":{:?},\"by\":{:?}}}", body, seen.method))
    });
    let text = "load:
  one: { from: 'api:/graphql', method: POST, body: { query: '{ one }' } }
  two: { from: 'api:/graphql', method: POST, body: plain }
routes:
  /: { json: { one: '{{one.said}}', by: '{{one.by}}', two: '{{two.said}}' } }
";
    let larder = Larder::serve(&site(&upstream, text), MEMORY);
    let page = larder.get("/").await.json();
    assert_eq!(page["one"], r#"{"query":"{ one }"}"#);
    assert_eq!((&page["by"], &page["two"]), (&"POST".into(), &"plain".into()));
    let mut types: Vec<_> =
        upstream.seen().into_iter().map(|mut it| it.headers.remove("content-type")).collect();
    types.sort();
    let expected = ["application/json", "text/plain; charset=utf-8"];
    assert_eq!(types, expected.map(|it| Some(it.to_owned())));
    for wrong in ["body: x", "method: PUT"] {
        let text = format!(
            "load: {{ a: {{ from: 'api:/a', {wrong} }} }}\nroutes: {{ /: {{ body: x }} }}\n"
        );
        assert_eq!(check(&site(&upstream, &text), &[]).status.code(), Some(78), "{wrong}");
    }
}

#[tokio::test]
async fn a_server_with_tls_is_asked_where_the_system_trusts_it() {
    let secured =
        "server: { tls: { cert: c.pem, key: k.pem } }\nroutes: { /x: { body: { a: it } } }";
    let secured = Site::with(secured)
        .file("c.pem", include_str!("../tls/one.cert.pem"))
        .file("k.pem", include_str!("../tls/one.key.pem"));
    let trusted = format!("export SSL_CERT_FILE={}", secured.path("c.pem").display());
    let secured = Larder::serve(&secured, MEMORY);
    let (_, port) = secured.address.rsplit_once(':').expect("a port");
    let load = format!("load: {{ it: 'https://localhost:{port}/x' }}");
    let text = load + "\nroutes: { /: { inline: '{{it.a}}' } }\n";
    let larder = Larder::spawn_after(&Site::with(&text), &trusted, &["--store", MEMORY]);
    assert_eq!(larder.get("/").await.text(), "it");
}
