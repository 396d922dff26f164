use super::{Lines, Route, at, found, pattern};
use crate::config::{ParamConfig, ParamType};
use crate::diagnostic::At;
use crate::fingerprint::Fingerprint;
use crate::site::key::facts::cookie;
use crate::site::key::{Facts, KeyContext, KeyPlan, KeySpec, cookies};
use crate::site::route::rules::Rules;
use crate::site::route::{RawQuery, RouterBuilder};

#[test]
fn keys_are_what_the_contract_says() {
    let table = [
        (
            "/hello/{name}",
            "auto",
            "query.lang",
            "/hello/ada?lang=no&utm=x",
            "api:cache::hello-name:/hello/ada?lang=no",
        ),
        (
            "/hello/{name}",
            "auto",
            "",
            "/hello/ada?lang=no&utm=x",
            "api:cache::hello-name:/hello/ada",
        ),
        (
            "/hello/{name}",
            "path",
            "",
            "/hello/ada?lang=no&utm=x",
            "api:cache::hello-name:/hello/ada",
        ),
        (
            "/hello/{name}",
            "url",
            "query.lang",
            "/hello/ada?utm=x&lang=no",
            "api:cache::hello-name:/hello/ada?lang=no&utm=x",
        ),
        ("/hello/{name}", "url", "", "/hello/ada", "api:cache::hello-name:/hello/ada"),
        (
            "/about",
            "{{prefix}}:{{namespace}}:main:{{route}}:{{path}}",
            "",
            "/about",
            "api:cache::main:about:/about",
        ),
        ("/about", "main:{{route}}:{{ path }}", "", "/about", "api:cache::main:about:/about"),
        ("/about", "{{prefix}}:x", "", "/about", "api:cache::api:cache:x"),
        ("/u/{id}", "user:{{params.id}}", "params.id", "/u/a%2Fb", "api:cache::user:a%2Fb"),
        ("/s", "s:{{query.q}}", "query.q", "/s?q=a+b&q=c", "api:cache::s:a%20b"),
        ("/s", "s:{{query.q}}", "query.q", "/s?q=", "api:cache::s:"),
        ("/s", "s:{{query.q}}", "query.q", "/s", "api:cache::s:~"),
        ("/s", "s:{{query.q}}", "query.q", "/s?q=~", "api:cache::s:%7E"),
        ("/s", "s:{{path}}?{{query}}", "query", "/s?b=2&a=1&b=1", "api:cache::s:/s?a=1&b=2&b=1"),
        ("/s", "auto", "query.b query.a", "/s?b=2&a=", "api:cache::s:/s?a=&b=2"),
        ("/s", "auto", "query.b query.a", "/s?b=x:y%3Fz", "api:cache::s:/s?b=x%3Ay%3Fz"),
        ("/s", "auto", "query", "/s?b=2&a=1&b=1", "api:cache::s:/s?a=1&b=2&b=1"),
        ("/{*rest}", "auto", "", "/a/b%2Fc/", "api:cache::rest:/a/b%2Fc/"),
        ("/{*rest}", "auto", "", "/A b:c", "api:cache::rest:/A%20b%3Ac"),
        ("/", "auto", "", "/", "api:cache::index:/"),
    ];
    for (path, key, reads, request, expected) in table {
        assert_eq!(Route::new(path, key, reads).key(request, &[], None), expected, "{key}");
    }
}

#[test]
fn headers_and_language_follow_and_secrets_are_digests() {
    let headers = [
        ("accept-language", "no"),
        ("authorization", "Bearer s3cret"),
        ("cookie", "sid=s3cret; theme=dark; sid=other"),
        ("language", "en#x"),
    ];
    let secret = Fingerprint::of(b"s3cret");
    let bearer = Fingerprint::of(b"Bearer s3cret");
    let table = [
        ("auto", "headers.accept-language", "/a#accept-language=no".to_owned()),
        ("auto", "headers.x-none", "/a".to_owned()),
        ("auto", "headers.authorization", format!("/a#authorization={bearer}")),
        ("auto", "cookies.sid", format!("/a#cookies.sid={secret}")),
        ("auto", "cookies.none", "/a".to_owned()),
        ("auto", "language", "/a#language=nb".to_owned()),
        ("auto", "language headers.language", "/a#headers.language=en%23x#language=nb".to_owned()),
        ("auto", "headers.accept-language query.q", "/a?q=1#accept-language=no".to_owned()),
        ("{{path}}#{{headers.Authorization}}", "", format!("/a#{bearer}")),
        ("{{path}}#{{cookies.sid}}", "", format!("/a#{secret}")),
        ("{{path}}#{{cookies.none}}", "", "/a#~".to_owned()),
        ("{{path}}#{{headers.none}}", "", "/a#~".to_owned()),
        ("{{path}}#{{language}}", "", "/a#nb".to_owned()),
    ];
    for (key, reads, expected) in table {
        let lead = if key == "auto" { "api:cache::a:" } else { "api:cache::" };
        let built = Route::new("/a", key, reads).key("/a?q=1", &headers, Some("nb"));
        assert_eq!(built, format!("{lead}{expected}"), "{key} {reads}");
        assert!(!built.contains("s3cret"));
    }
}

#[test]
fn all_headers_and_all_cookies_come_in_one_order() {
    let one = [("b", "2"), ("a", "1"), ("cookie", "y=2; x=1; x=3")];
    let two = [("cookie", "x=1; y=2; y=9"), ("a", "1"), ("b", "2")];
    let route = Route::new("/a", "auto", "headers.a cookies");
    let key = route.key("/a", &one, None);
    assert_eq!(key, route.key("/a", &two, None));
    assert!(key.starts_with("api:cache::a:/a#a=1#cookies.x="), "{key}");
    let route = Route::new("/a", "auto", "headers");
    let key = route.key("/a", &one, None);
    assert!(key.starts_with("api:cache::a:/a#a=1#b=2#cookie="), "{key}");
    assert_ne!(key, route.key("/a", &two, None), "another cookie header");
}

#[test]
fn a_long_part_and_a_long_whole_are_cut_and_tell_apart_what_they_told() {
    let route = Route::new("/s", "auto", "query.q");
    let whole = "x".repeat(200);
    assert_eq!(
        route.key(&format!("/s?q={whole}"), &[], None),
        format!("api:cache::s:/s?q={whole}")
    );
    let long = "x".repeat(201);
    let digest = Fingerprint::of(long.as_bytes());
    let cut = format!("api:cache::s:/s?q={}%~{digest}", "x".repeat(100));
    assert_eq!(route.key(&format!("/s?q={long}"), &[], None), cut);
    assert_ne!(route.key(&format!("/s?q={long}y"), &[], None), cut);

    let accents = route.key(&format!("/s?q=x{}", "é".repeat(100)), &[], None);
    assert!(accents.contains(&format!("x{}%~", "é".repeat(49))), "{accents}");
    let escapes = route.key(&format!("/s?q={}", "%3A".repeat(100)), &[], None);
    assert!(escapes.contains(&format!("{}%~", "%3A".repeat(33))), "{escapes}");

    let route = Route::new("/s", "url", "");
    let pair = |n: usize| format!("{n:02}={}", "v".repeat(150));
    let query: Vec<String> = (0..8).map(pair).collect();
    let query = query.join("&");
    let full = format!("api:cache::s:/s?{query}");
    let key = route.key(&format!("/s?{query}"), &[], None);
    let (head, digest) = key.split_once("%~").expect("cut");
    assert_eq!(
        (head, digest),
        (full.get(..100).expect("ASCII"), &*Fingerprint::of(full.as_bytes()).to_string())
    );
    assert_ne!(route.key(&format!("/s?{query}&z"), &[], None), key);
}

#[test]
fn a_cut_key_stays_under_its_prefix_and_namespace() {
    let pattern = pattern("/s");
    let spec = KeySpec::parse(&at("url")).expect("a builder");
    let namespace = "n".repeat(150);
    let context = KeyContext {
        prefix: "api:cache",
        namespace: &namespace,
        route_name: "s",
        pattern: &pattern,
        inputs: &super::inputs(""),
    };
    let (plan, _) = KeyPlan::new(context, &spec, &|_| None);
    let mut builder = RouterBuilder::default();
    builder.add("GET", &pattern, 0, &at("/s").span);
    let router = builder.build();
    let (path, params) = found(&router, "/s").expect("a route");
    let text = (0..20).map(|n| format!("{n}={}", "v".repeat(100))).collect::<Vec<_>>().join("&");
    let rules = Rules::default();
    let query = rules.query(&RawQuery::parse(&text).expect("a query")).expect("no rules");
    let facts = Facts {
        path: &path,
        params: &params,
        query: &query,
        headers: &Lines(&[]),
        language: None,
        body: None,
    };
    let key = plan.build(&facts);
    assert!(key.starts_with(&format!("api:cache:{namespace}:")), "{key}");
    assert!(key.len() < 1_024, "{key}");
}

#[test]
fn hash_is_the_digest_of_the_auto_key() {
    let auto = Route::new("/hello/{name}", "auto", "query.lang");
    let hash = Route::new("/hello/{name}", "hash", "query.lang");
    let target = "/hello/ada?lang=no&utm=x";
    let digest = Fingerprint::of(auto.key(target, &[], None).as_bytes());
    assert_eq!(hash.key(target, &[], None), format!("api:cache::{digest}"));
    assert_eq!(auto.plan.covers, hash.plan.covers);
}

#[test]
fn an_absent_parameter_is_its_default_and_canonical_values_are_one() {
    let declared = ParamConfig {
        name: at("page"),
        kind: At::new(ParamType::Int, at("int").span),
        default: Some(at("1")),
        required: false,
        choices: Vec::new(),
        min: None,
        max: None,
        max_length: 200,
        pattern: None,
        description: None,
    };
    let mut route = Route::new("/s/{id:int}", "auto", "query.page");
    (route.rules, _) = Rules::new(&[declared], &[], &pattern("/s/{id:int}"));
    for target in ["/s/7", "/s/7?page=1", "/s/7?page=01", "/s/7?x=y"] {
        assert_eq!(route.key(target, &[], None), "api:cache::s-id:/s/7?page=1", "{target}");
    }
}

#[test]
fn what_nothing_reads_changes_nothing() {
    let route = Route::new("/s", "auto", "query.q headers.h cookies.c");
    let one = route.key("/s?q=1", &[("h", "1"), ("cookie", "c=1")], None);
    let other = [("h", "1"), ("x", "y"), ("cookie", "z=9; c=1; c=2")];
    assert_eq!(one, route.key("/s?a=b&q=1&q=2", &other, Some("no")));
}

#[test]
fn a_key_covers_what_a_render_may_be_given() {
    let table = [
        ("/a/{x}", "auto", "query.q headers.h", "query.q headers.h path params"),
        ("/a/{x}", "path", "", "path params"),
        ("/a/{x}", "url", "", "path params query"),
        ("/a/{x}", "hash", "language", "path params language"),
        ("/a/{x}/{y}", "k:{{params.x}}", "", "params.x"),
        ("/a/{x}/{y}", "k:{{params.x}}:{{params.y}}", "", "params"),
        ("/a", "k", "", "refused"),
        ("/a", "{{route}}", "", "path params"),
        ("/a", "{{route}}?{{query.q}}", "", "path params query.q"),
        ("/a", "{{route}}?{{query}}", "", "path params query"),
        (
            "/a",
            "{{route}}:{{headers.accept-language}}",
            "",
            "path params headers.accept-language language",
        ),
        ("/a", "{{route}}:{{headers.cookie}}", "", "path params headers.cookie cookies"),
        ("/a", "{{route}}:{{cookies.c}}", "", "path params cookies.c"),
    ];
    for (path, key, reads, covers) in table {
        match super::try_plan("r", path, key, reads) {
            Ok((plan, _)) => assert_eq!(plan.covers, super::inputs(covers), "{key}"),
            Err(_) => assert_eq!(covers, "refused", "{key}"),
        }
    }
}

#[test]
fn the_first_cookie_of_a_name_counts_and_their_number_is_bounded() {
    let header = "a=1; b = 2 ;a=3;;c;=4; d=e=f; g=\"h\"";
    let table = [
        ("a", Some("1")),
        ("b", Some("2")),
        ("c", None),
        ("", None),
        ("d", Some("e=f")),
        ("g", Some("\"h\"")),
    ];
    for (name, value) in table {
        assert_eq!(cookie(header, name), value, "{name}");
    }
    let many: String = "c=1; ".repeat(199) + "last=1; past=1";
    assert_eq!(cookies(&many).count(), 200);
    assert_eq!(cookie(&many, "last"), Some("1"));
    assert_eq!(cookie(&many, "past"), None);
}
