use super::{builder, router};
use crate::site::route::{PathText, RouteMatch};

/// What was found, in a line.
fn show(found: &RouteMatch<'_>) -> String {
    match found {
        RouteMatch::Route(matched) => {
            let params = matched.params.iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", matched.target, params.collect::<String>())
        }
        RouteMatch::Redirect { to } => format!("to {to}"),
        RouteMatch::Method { allow } => format!("allow {allow}"),
        RouteMatch::NotFound => "404".to_owned(),
        RouteMatch::Malformed => "400".to_owned(),
    }
}

fn check(list: &[&str], table: &[(&str, &str)]) {
    let router = router(list);
    for (request, expected) in table {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        assert_eq!(show(&router.find(method, path)), *expected, "{request} among {list:?}");
    }
}

#[test]
fn the_most_specific_segment_wins_whatever_the_order() {
    let mut list = [
        "/x/{*rest}",
        "/x/{name}",
        "/x/{s:slug}",
        "/x/{n:int}",
        "/x/{d:date}",
        "/x/{u:uuid}",
        "/x/new",
        "/x/{p}.html",
        "/x/v{v}",
        "/x/v{v}.html",
    ];
    let table = [
        ("/x/new", "/x/new"),
        ("/x/f47ac10b-58cc-4372-a567-0e02b2c3d479", "/x/{u:uuid}"),
        ("/x/2026-11-23", "/x/{d:date}"),
        ("/x/2026-11-31", "/x/{s:slug}"),
        ("/x/42", "/x/{n:int}"),
        ("/x/nEw", "/x/{s:slug}"),
        ("/x/a%20b", "/x/{name}"),
        ("/x/a.html", "/x/{p}.html"),
        ("/x/.html", "/x/{name}"),
        ("/x/v1", "/x/v{v}"),
        ("/x/v", "/x/{s:slug}"),
        ("/x/v1.html", "/x/v{v}.html"),
        ("/x/v.html", "/x/{p}.html"),
        ("/x/a/b", "/x/{*rest}"),
        ("/x/", "/x/{*rest}"),
    ];
    for _ in 0..list.len() {
        list.rotate_left(1);
        let router = router(&list);
        for (path, expected) in table {
            let RouteMatch::Route(matched) = router.find("GET", path) else { panic!("{path}") };
            assert_eq!(list[matched.target as usize], expected, "{path}");
        }
    }
}

#[test]
fn what_does_not_fit_further_on_is_tried_another_way() {
    check(
        &["/a/{x:int}/c", "/a/{y}/d", "/{z}/{*rest}", "/a/b/c/d", "/a/b/{q}"],
        &[
            ("/a/1/c", "0 x=1"),
            ("/a/1/d", "1 y=1"),
            ("/a/1/e", "2 z=a rest=1/e"),
            ("/a/b/c", "4 q=c"),
            ("/a/b/d", "4 q=d"),
            ("/a/b/c/d", "3"),
            ("/a/b/c/e", "2 z=a rest=b/c/e"),
            ("/a", "to /a/"),
            ("/a/", "2 z=a rest="),
            ("//", "404"),
        ],
    );
}

#[test]
fn a_value_of_another_type_does_not_match() {
    check(
        &["/users/{id:int}", "/d/{day:date}"],
        &[("/users/ada", "404"), ("/users/7", "0 id=7"), ("/d/2026-02-30", "404")],
    );
}

#[test]
fn a_path_with_a_slash_more_or_less_is_redirected_to_the_form_that_exists() {
    check(
        &["/", "/about", "/docs/", "/u/{id}", "/f/{*rest}", "POST /form", "/both", "/both/"],
        &[
            ("/about/", "to /about"),
            ("HEAD /about/", "to /about"),
            ("/docs", "to /docs/"),
            ("/u/a%2Fb/", "to /u/a%2Fb"),
            ("/u/%C3%A9/", "to /u/%C3%A9"),
            ("/u/é/", "to /u/%C3%A9"),
            ("/u/%2F", "3 id=/"),
            ("/u/", "404"),
            ("/f", "to /f/"),
            ("/f/", "4 rest="),
            ("/f/a/", "4 rest=a/"),
            ("POST /form/", "to /form"),
            ("/form/", "to /form"),
            ("POST /about/", "to /about"),
            ("/both", "6"),
            ("/both/", "7"),
            ("/about//", "404"),
            ("/", "0"),
        ],
    );
}

#[test]
fn a_redirect_never_leads_to_another_host() {
    check(
        &["/{name}", "/{a}/{b}"],
        &[
            ("//evil.example/", "404"),
            ("/\\evil.example/", "to /%5Cevil.example"),
            ("/%5Cevil.example/", "to /%5Cevil.example"),
            ("/%2Fevil.example/", "404"),
            ("/a\"b<c>/", "to /a%22b%3Cc%3E"),
            ("/a\r\nx:y/", "to /a%0D%0Ax:y"),
            ("/a%0D%0Ax/", "to /a%0D%0Ax"),
        ],
    );
}

#[test]
fn other_methods_are_told_and_head_comes_with_get() {
    check(
        &["/a", "POST /a", "PUT /b", "/u/{id}", "DELETE /u/me", "HEAD /h", "/h", "OPTIONS /o"],
        &[
            ("HEAD /a", "0"),
            ("POST /a", "1"),
            ("PUT /a", "allow GET, HEAD, POST, OPTIONS"),
            ("OPTIONS /a", "allow GET, HEAD, POST, OPTIONS"),
            ("GET /b", "allow PUT, OPTIONS"),
            ("GET /u/me", "3 id=me"),
            ("PATCH /u/me", "allow GET, HEAD, DELETE, OPTIONS"),
            ("HEAD /h", "5"),
            ("GET /h", "6"),
            ("OPTIONS /o", "7"),
            ("PUT /nope", "404"),
        ],
    );
}

#[test]
fn a_path_is_decoded_once_and_an_encoded_slash_stays_in_its_segment() {
    check(
        &["/{a}", "/{a}/{b}", "/café", "/100%", "/r/{*rest}"],
        &[
            ("/caf%C3%A9", "2"),
            ("/café", "2"),
            ("/100%25", "3"),
            ("/a%2Fb", "0 a=a/b"),
            ("/a%2fb/c", "1 a=a/b b=c"),
            ("/%2561", "0 a=%61"),
            ("/a+b", "0 a=a+b"),
            ("/r/a%2Fb/c", "4 rest=a/b/c"),
        ],
    );
}

#[test]
fn what_cannot_be_a_path_is_malformed() {
    let table = [
        "",
        "*",
        "a",
        "/%",
        "/%2",
        "/%zz",
        "/%ff",
        "/%C3",
        "/%00",
        "/\0",
        "/.",
        "/..",
        "/./a",
        "/a/../b",
        "/a/..",
        "/%2e",
        "/%2E%2e/a",
        "/.%2e/a",
        "/a%2F..%2Fb",
        "/..%2Fa",
    ];
    for path in table {
        check(&["/{*rest}"], &[(path, "400")]);
    }
    check(
        &["/{*rest}"],
        &[("/...", "0 rest=..."), ("/.a/b..", "0 rest=.a/b.."), ("/a.", "0 rest=a.")],
    );
}

#[test]
fn the_canonical_path_keeps_apart_what_differs() {
    let table = [
        ("/", "/", 1),
        ("/hello/ada", "/hello/ada", 2),
        ("/a/", "/a/", 2),
        ("/a%2Fb", "/a%2Fb", 1),
        ("/a/b", "/a/b", 2),
        ("/a%2F/b", "/a%2F/b", 2),
        ("/%3A:%25", "/%3A%3A%25", 1),
        ("/a%20b{c}~", "/a%20b%7Bc%7D%7E", 1),
        ("/é%3F%23&=", "/é%3F%23%26%3D", 1),
        ("/a%C2%A0b", "/a%C2%A0b", 1),
    ];
    for (raw, canonical, segments) in table {
        let path = PathText::parse(raw).expect(raw);
        assert_eq!(super::canonical(&path), canonical, "{raw}");
        assert_eq!(path.segments().count(), segments, "{raw}");
    }
}

#[test]
fn routes_for_the_same_paths_are_told_with_both_places() {
    let table: &[(&[&str], &str, &str)] = &[
        (&["/a", "/a"], "duplicate_route", "`/a` is defined twice"),
        (&["/u/{id}", "/u/{name}"], "ambiguous_route", "`{name:int}`"),
        (&["/u/{id:int}", "/u/{n:int}"], "ambiguous_route", "merge them"),
        (&["/v{a}", "/v{b}"], "ambiguous_route", "match the same paths"),
        (&["/f/{*a}", "/f/{*b}"], "ambiguous_route", "match the same paths"),
        (&["POST /u/{a}", "POST /u/{b}"], "ambiguous_route", "`POST /u/{a}` and `POST /u/{b}`"),
    ];
    for (routes, code, says) in table {
        let report = builder(routes).check();
        let wrong = report.iter().next().expect("a diagnostic");
        assert_eq!(wrong.code.as_str(), *code, "{routes:?}");
        assert!(wrong.to_string().contains(says), "{wrong}");
        assert_eq!(wrong.labels.len(), 2);
        assert_eq!(wrong.labels[0].span.text(), routes[1], "the later one is to be mended");
        assert_eq!(wrong.labels[1].span.text(), routes[0]);
    }
    router(&["/u/{id}", "POST /u/{name}", "/u/{id:int}", "/u/{id}/", "/u/{id}.x"]);
}

#[test]
fn a_route_that_others_cover_wholly_is_told() {
    let digits: Vec<String> =
        (0..10).flat_map(|n| [format!("/x/{n}{{a}}"), format!("/x/{n}")]).collect();
    let mut routes: Vec<&str> = digits.iter().map(String::as_str).collect();
    routes.extend(["/x/-{a}", "/x/{id:int}"]);
    let report = builder(&routes).check();
    let wrong = report.iter().next().expect("a diagnostic").to_string();
    assert!(wrong.contains("unreachable_route"), "{wrong}");
    assert!(wrong.contains("nothing can reach `/x/{id:int}`"), "{wrong}");
    routes.retain(|route| *route != "/x/7{a}");
    assert!(builder(&routes).check().is_empty());
}

#[test]
fn ten_thousand_routes_of_all_kinds_are_told_apart() {
    let list: Vec<String> = (0..10_000)
        .map(|n| match n % 4 {
            0 => format!("/page/{n}"),
            1 => format!("/p{n}/{{a}}/x"),
            2 => format!("/q/{{a:int}}/{n}/{{b:date}}"),
            _ => format!("/r{n}/{{*rest}}"),
        })
        .collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let router = router(&list);
    assert_eq!(show(&router.find("GET", "/q/5/9998/2026-11-23")), "9998 a=5 b=2026-11-23");
    assert_eq!(show(&router.find("GET", "/r7/a/b")), "7 rest=a/b");
}

#[test]
fn a_path_made_to_be_slow_is_answered_all_the_same() {
    let router = router(&["/{a}/{b}/{c}/{d}/x", "/a{a}/a{b}/a{c}/a{d}/y", "/{*rest}", "/x"]);
    let long = "/%2F".repeat(20_000) + "/" + &"a/".repeat(20_000);
    assert!(matches!(router.find("GET", &long), RouteMatch::Route(_)));
}
