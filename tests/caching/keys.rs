//! Which key keeps a response: `redis-cli` is the witness.

use crate::harness::{Larder, Redis, Site, check};

/// Asks for `path` with `headers` on a site of one `route` and returns the keys that this made.
async fn keys_of(route: &str, path: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with(&format!("routes:\n  {route}\n")), &redis.url());
    let answer = larder.request("GET", path, headers).await;
    assert_eq!(answer.status, 200, "{route} {path}: {}", answer.text());
    redis.keys()
}

/// The route of the table in the guide, with a key of the test's own.
fn hello(key: &str) -> String {
    let source = r#"inline: "{{params.name}} {{query.lang}}""#;
    format!(
        "/hello/{{name}}: {{ {source}, query: {{ lang: {{ enum: [en, no], default: en }} }}{key} }}"
    )
}

#[tokio::test]
async fn every_builder_makes_the_key_that_the_guide_says() {
    let path = "/hello/ada?lang=no&utm=x";
    for (key, expected) in [
        ("", "api:cache::hello-name:/hello/ada?lang=no"),
        (", key: auto", "api:cache::hello-name:/hello/ada?lang=no"),
        (", key: url", "api:cache::hello-name:/hello/ada?lang=no&utm=x"),
        (
            r#", key: "{{prefix}}:{{namespace}}:p:{{params.name}}:{{query.lang}}""#,
            "api:cache::p:ada:no",
        ),
        (
            r#", key: "{{route}}:{{path}}?{{query}}""#,
            "api:cache::hello-name:/hello/ada?lang=no&utm=x",
        ),
        (", namespace: blue", "api:cache:blue:hello-name:/hello/ada?lang=no"),
        (", name: greeting", "api:cache::greeting:/hello/ada?lang=no"),
    ] {
        assert_eq!(keys_of(&hello(key), path, &[]).await, [expected], "{key}");
    }
}

#[tokio::test]
async fn a_hashed_key_is_32_digits_and_follows_the_same_inputs() {
    let redis = Redis::start();
    let site = Site::with(&format!("routes:\n  {}\n", hello(", key: hash")));
    let larder = Larder::serve(&site, &redis.url());
    for path in ["/hello/ada?utm=1", "/hello/ada?utm=2", "/hello/ada?lang=en", "/hello/ada?lang=no"]
    {
        larder.get(path).await;
    }
    let keys = redis.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        let digits = key.strip_prefix("api:cache::").unwrap_or_default();
        assert!(digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{key}");
    }
}

#[tokio::test]
async fn variable_parts_are_written_so_that_no_two_requests_look_alike() {
    let query = r#"/s: { inline: "{{query.a}} {{query.b}}" }"#;
    for (route, path, expected) in [
        (query, "/s", "api:cache::s:/s"),
        (query, "/s?a=", "api:cache::s:/s?a="),
        (query, "/s?b=2&a=1", "api:cache::s:/s?a=1&b=2"),
        (query, "/s?a=1%26b%3D2", "api:cache::s:/s?a=1%26b%3D2"),
        (query, "/s?a=x+y%20z", "api:cache::s:/s?a=x%20y%20z"),
        (query, "/s?a=%7B%7D%23%7E%25", "api:cache::s:/s?a=%7B%7D%23%7E%25"),
        (query, "/s?a=a%0Ab", "api:cache::s:/s?a=a%0Ab"),
        (query, "/s?a=%c3%a5/A", "api:cache::s:/s?a=å%2FA"),
        ("/f/{n}: { inline: '{{params.n}}' }", "/f/%61%3ab", "api:cache::f-n:/f/a%3Ab"),
        ("/f/{n}: { inline: '{{params.n}}' }", "/f/a%2Fb", "api:cache::f-n:/f/a%2Fb"),
    ] {
        assert_eq!(keys_of(route, path, &[]).await, [expected], "{path}");
    }
}

#[tokio::test]
async fn a_long_part_becomes_its_beginning_and_a_digest() {
    let route = r#"/s: { inline: "{{query.q}}" }"#;
    let fits = "x".repeat(200);
    let keys = keys_of(route, &format!("/s?q={fits}"), &[]).await;
    assert_eq!(keys, [format!("api:cache::s:/s?q={fits}")]);
    let keys = keys_of(route, &format!("/s?q={}", "å".repeat(150)), &[]).await;
    let begins = format!("api:cache::s:/s?q={}%~", "å".repeat(50));
    assert!(keys[0].starts_with(&begins) && keys[0].len() == begins.len() + 32, "{keys:?}");
}

#[tokio::test]
async fn headers_that_are_read_follow_and_cookies_follow_as_digests() {
    let route = r#"/h: { inline: "{{headers.x-tone}} {{cookies.who}}" }"#;
    let headers = [("x-tone", "warm"), ("x-other", "1"), ("cookie", "who=ada; session=1")];
    let keys = keys_of(route, "/h", &headers).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("api:cache::h:/h#"), "{keys:?}");
    assert!(keys[0].contains("x-tone=warm"), "{keys:?}");
    assert!(!keys[0].contains("ada") && !keys[0].contains("session"), "{keys:?}");
}

#[tokio::test]
async fn two_requests_that_get_different_bytes_never_share_a_key() {
    let redis = Redis::start();
    let site = Site::with(
        r#"
routes:
  /all: { inline: "{{#each query}}{{@key}}={{this}};{{/each}}" }
  /pick: { inline: "{{lookup query query.k}}" }
  /who: { inline: "{{headers.authorization}} {{cookies.who}}" }
  /path/{*rest}: { inline: "{{path}} {{params.rest}}" }
"#,
    );
    let larder = Larder::serve(&site, &redis.url());
    let requests: &[(&str, &[(&str, &str)])] = &[
        ("/all?a=1&b=2", &[]),
        ("/all?a=1%26b%3D2", &[]),
        ("/all?a=1;b=2", &[]),
        ("/all", &[]),
        ("/all?a", &[]),
        ("/pick?k=x&x=1&y=2", &[]),
        ("/pick?k=y&x=1&y=2", &[]),
        ("/pick?k=x&x=2&y=2", &[]),
        ("/who", &[]),
        ("/who", &[("cookie", "who=ada")]),
        ("/who", &[("authorization", "ada")]),
        ("/who", &[("cookie", "who=bob"), ("authorization", "ada")]),
        ("/path/a/b", &[]),
        ("/path/a%2Fb", &[]),
        ("/path/A/b", &[]),
        ("/path/", &[]),
    ];
    let mut alone = Vec::new();
    for (path, headers) in requests {
        let answer = larder.request("GET", path, headers).await;
        assert_eq!(answer.status, 200, "{path} {headers:?}");
        redis.cli(&["FLUSHALL"]);
        alone.push(answer.body);
    }
    for turn in ["first", "second"] {
        for ((path, headers), body) in requests.iter().zip(&alone) {
            let answer = larder.request("GET", path, headers).await;
            assert_eq!(answer.body, *body, "{turn}: {path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn what_nothing_reads_and_what_does_not_exist_makes_no_entries() {
    let redis = Redis::start();
    let larder = Larder::serve(&Site::with("routes:\n  /: { inline: home }\n"), &redis.url());
    for n in 0..20 {
        larder.request("GET", &format!("/?utm={n}"), &[("cookie", "a=1"), ("x-a", "1")]).await;
        assert_eq!(larder.get(&format!("/no/{n}")).await.status, 404);
    }
    assert_eq!(redis.keys(), ["api:cache::index:/"]);
}

#[test]
fn a_key_that_leaves_out_what_the_page_reads_is_refused_with_both_places() {
    let site = Site::new()
        .file("templates/search.html.hbs", "<p>\n  {{> partials/q}}\n</p>")
        .file("templates/partials/q.html.hbs", "for {{query.q}}")
        .file("routes.yaml", "routes:\n  /search:\n    template: search.html.hbs\n    key: path\n");
    let output = check(&site, &[]);
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{text}");
    for part in ["key_ignores_input", "query.q", "routes.yaml:4", "partials/q.html.hbs:1", "auto"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn keys_that_could_be_mixed_up_are_refused() {
    for (routes, code) in [
        (
            r#"/{x}/{y}: { inline: "{{params.x}}{{params.y}}", key: "{{params.x}}{{params.y}}" }"#,
            "key_ambiguous",
        ),
        (r#"/a: { inline: x, key: "{{params.x}}" }"#, "key_unknown_input"),
        (r"/a: { inline: x, key: paht }", "key_unknown_builder"),
        (
            "/a: { inline: x, key: 'n:{{prefix}}' }\n  /b: { inline: y, key: 'n:{{prefix}}' }",
            "key_collision",
        ),
    ] {
        let output = check(&Site::with(&format!("routes:\n  {routes}\n")), &[]);
        let text =
            String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(78), "{routes}: {text}");
        assert!(text.contains(code), "{routes}: {text}");
    }
}
