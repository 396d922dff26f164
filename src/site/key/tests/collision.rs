use super::{at, try_plan};
use crate::diagnostic::{Code, Report, Span};
use crate::site::key::{KeyPlan, collisions};

/// Routes as `path key reads…`.
fn check(routes: &[(&str, &str, &str)]) -> Report {
    let plans: Vec<(KeyPlan, Span)> = routes
        .iter()
        .map(|(path, key, reads)| {
            let name = super::pattern(path).default_name();
            let (plan, report) = try_plan(&name, path, key, reads).expect("a key");
            assert!(!report.has_errors(), "{report:?}");
            (plan, at(key).span)
        })
        .collect();
    collisions(&plans.iter().map(|(plan, span)| (plan, span)).collect::<Vec<_>>())
}

#[test]
fn routes_that_can_build_one_key_are_refused() {
    let table = [
        (("/a", "{{prefix}}:{{namespace}}:x", ""), ("/b", "{{namespace}}:x", ""), false),
        (("/a", "x{{namespace}}", ""), ("/b", "x{{namespace}}", ""), true),
        (("/a/{x}", "k:{{params.x}}", ""), ("/b/{x}", "k:{{params.x}}", ""), true),
        (("/a/{x}", "k:{{params.x}}", ""), ("/b/{x}", "l:{{params.x}}", ""), false),
        (("/a/{x}", "k:{{params.x}}", ""), ("/b/{x}", "k:x:{{params.x}}", ""), false),
        (("/a/{x}", "k:a-{{params.x}}", ""), ("/b/{x}", "k:b-{{params.x}}", ""), false),
        (("/a/{x}", "k:{{params.x}}-a", ""), ("/b/{x}", "k:{{params.x}}-b", ""), false),
        (("/a/{x}", "k:a{{params.x}}", ""), ("/b/{x}", "k:{{params.x}}b", ""), true),
        (("/a/{x}", "k:a{{params.x}}", ""), ("/b/{x}", "k:a/{{params.x}}", ""), false),
        (("/a/{x}", "k:a{{params.x}}", ""), ("/b", "k:a/b{{namespace}}", ""), false),
        (("/a/{x}", "{{route}}:{{params.x}}", ""), ("/b/{x}", "{{route}}:{{params.x}}", ""), false),
        (("/a/{x}", "{{params.x}}:{{route}}", ""), ("/b/{x}", "{{route}}:{{params.x}}", ""), true),
        (("/a/{x}", "{{path}}", ""), ("/b/{x}", "{{path}}", ""), false),
        (("/a/{x}", "{{path}}", ""), ("/b/{x}", "{{params.x}}", ""), false),
        (("/a/{x}", "{{path}}", ""), ("/b/{x}", "{{route}}", ""), false),
        (("/a/{x}", "{{path}}", ""), ("/b", "/b{{namespace}}", ""), true),
        (("/a/{x}", "{{path}}x", ""), ("/b/{x}", "{{path}}", ""), true),
        (("/a/{x}", "{{path}}?q={{query.q}}", ""), ("/b/{x}", "{{path}}", ""), false),
        (("/a/{x}", "{{path}}?{{query}}", ""), ("/b/{x}", "{{path}}#{{headers.h}}", ""), false),
        (("/a/{x}", "{{path}}:x", ""), ("/b/{x}", "{{params.x}}:{{path}}", ""), false),
        (("/a/{x}", "auto", "query.q"), ("/b/{x}", "auto", "headers.h"), false),
        (("/a/{x}", "auto", ""), ("/b/{x}", "{{params.x}}:{{path}}", ""), false),
        (("/a/{x}", "auto", ""), ("/b/{x}", "a-x:{{params.x}}", ""), false),
        (("/a/{x}", "auto", ""), ("/b/{x}", "a-x:/a/{{params.x}}", ""), true),
        (("/a/{x}", "auto", ""), ("/b/{x}", "b-x:/a/{{params.x}}", ""), false),
        (("/a/{x}", "hash", ""), ("/b/{x}", "hash", ""), false),
        (("/a/{x}", "hash", ""), ("/b/{x}", "auto", ""), false),
        (("/a/{x}", "hash", ""), ("/b/{x}", "{{params.x}}", ""), true),
        (("/a/{x}", "hash", ""), ("/b/{x}", "z{{params.x}}", ""), false),
        (("/a/{x}", "hash", ""), ("/b/{x}", "{{path}}", ""), false),
        (("/a/{x}", "k:{{params.x}}", ""), ("/b", "k:b{{namespace}}", ""), true),
    ];
    for (one, two, refused) in table {
        for routes in [[one, two], [two, one]] {
            let report = check(&routes);
            assert_eq!(report.has_errors(), refused, "{routes:?}: {report:?}");
            assert!(report.iter().all(|wrong| wrong.labels.len() == 2));
        }
    }
}

#[test]
fn the_key_that_a_person_wrote_is_marked_first() {
    let routes = [("/b/{x}", "a-x:/a/{{params.x}}", ""), ("/a/{x}", "auto", "")];
    for routes in [routes, [routes[1], routes[0]]] {
        let report = check(&routes);
        let wrong = report.iter().next().expect("a collision");
        assert_eq!(wrong.labels[0].span.text(), "a-x:/a/{{params.x}}");
        assert!(wrong.to_string().contains("put `{{route}}` into the pattern"), "{wrong}");
    }
}

#[test]
fn what_loaded_values_are_kept_under_is_no_responses_key() {
    for (key, refused) in [
        ("{{query.x}}load:{{route}}:{{path}}", true),
        ("{{query.x}}load:{{path}}", false),
        ("x~:{{path}}~x", false),
        ("{{query.x}}:{{route}}:{{path}}", false),
    ] {
        assert_eq!(check(&[("/a", key, "")]).has_errors(), refused, "{key}");
    }
    for key in ["~load:{{route}}", "x:~{{path}}", "{{path}}:~", "{{prefix}}:~lease:{{path}}"] {
        let report = try_plan("a", "/a", key, "").expect_err(key);
        let codes: Vec<_> = report.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::ReservedName], "{key}");
    }
}

#[test]
fn ten_thousand_routes_are_compared_without_comparing_each_pair() {
    for key in ["auto", "{{path}}", "hash", "x:{{query.q}}:{{route}}", "{{query.q}}:{{path}}"] {
        let paths: Vec<String> = (0..10_000).map(|n| format!("/p{n}/{{x}}")).collect();
        let routes: Vec<(&str, &str, &str)> = paths.iter().map(|path| (&**path, key, "")).collect();
        assert!(check(&routes).is_empty(), "{key}");
    }
    let paths: Vec<String> = (0..10_000).map(|n| format!("/p{n}/{{x}}")).collect();
    let routes: Vec<_> = paths.iter().map(|path| (&**path, "k:{{params.x}}", "")).collect();
    assert_eq!(check(&routes).iter().count(), 50, "told up to a bound");
}
