use super::{at, try_plan};
use crate::site::key::{InputKind, Inputs, KeySpec};

#[test]
fn a_key_that_is_wrong_says_what_to_write() {
    let table = [
        ("paht", "key_unknown_builder", "did you mean `path`?"),
        ("Auto", "key_unknown_builder", "did you mean `auto`?"),
        ("something", "key_unknown_builder", "auto, path, url, hash"),
        ("", "key_unknown_builder", "auto, path, url, hash"),
        ("{path}", "key_unknown_builder", "`{{path}}`"),
        ("{{paht}}", "key_unknown_input", "did you mean `path`?"),
        ("{{params}}", "key_unknown_input", "`{{params.x}}`"),
        ("{{header.x}}", "key_unknown_input", "did you mean `headers.x`?"),
        ("{{query.}}", "key_unknown_input", "query"),
        ("{{user.name}}", "key_unknown_input", "prefix, namespace, route"),
        ("{{}}", "key_unknown_input", "prefix, namespace, route"),
        ("{{path", "template_syntax", "close it"),
        ("{{{path}}}", "template_syntax", "two braces"),
        ("{a}:{{path}}", "template_syntax", "two braces"),
        ("{{path}}\n", "template_syntax", "leave it out"),
        ("{{params.a}}{{params.b}}", "key_ambiguous", "put `:` between them"),
        ("{{params.a}}-{{params.b}}", "key_ambiguous", "put `:` between them"),
        ("{{path}}/{{query.x}}", "key_ambiguous", "put `:` between them"),
        ("{{route}}{{path}}", "key_ambiguous", "put `:` between them"),
        ("{{query}}:{{path}}", "key_ambiguous", "put `{{query}}` last"),
        ("{{query}}-", "key_ambiguous", "put `{{query}}` last"),
    ];
    for (key, code, says) in table {
        let report = KeySpec::parse(&at(key)).expect_err(key);
        let wrong = report.iter().next().expect("a diagnostic");
        assert_eq!(wrong.code.as_str(), code, "{key}");
        assert!(wrong.to_string().contains(says), "{key}: {wrong}");
    }
    for key in ["{{params.a}}:{{params.b}}", "x-{{params.a}}y?z{{query.q}}&{{query}}", "{{ path }}"]
    {
        assert!(KeySpec::parse(&at(key)).is_ok(), "{key}");
    }
}

#[test]
fn the_mark_is_under_the_variable() {
    let report = KeySpec::parse(&at("a:{{paht}}:{{quer.y}}")).expect_err("two mistakes");
    let marks: Vec<_> = report.iter().map(|wrong| wrong.labels[0].span.text()).collect();
    assert_eq!(marks, ["{{paht}}", "{{quer.y}}"]);
}

#[test]
fn a_key_that_leaves_out_what_is_read_marks_both_places_and_says_the_mend() {
    let table = [
        ("/search", "path", "query.q", "`key: auto`, or name it: `\"…{{query.q}}\"`"),
        ("/search", "url", "headers.x", "`key: auto`, or name it"),
        ("/search", "path", "headers", "`key: auto`"),
        ("/search", "r:{{path}}", "query.q", "`\"r:{{path}}:{{query.q}}\"`"),
        ("/search", "r:{{path}}?{{query}}", "cookies.c", "`\"…{{cookies.c}}\"`"),
        ("/u/{id}", "r:{{route}}", "params.id", "`\"r:{{route}}:{{params.id}}\"`"),
        ("/u/{id}", "r:{{route}}", "params", "`\"…{{path}}\"`"),
        ("/u/{id}", "r:{{params.id}}", "path", "{{path}}"),
        ("/search", "r:{{path}}:{{query.a}}", "query", "{{query}}"),
        ("/search", "path", "language", "{{language}}"),
    ];
    for (path, key, reads, says) in table {
        let (_, report) = try_plan("r", path, key, reads).expect("a key");
        let wrong = report.iter().next().unwrap_or_else(|| panic!("{key} covers {reads}"));
        assert_eq!(wrong.code.as_str(), "key_ignores_input");
        assert!(wrong.help.as_deref().is_some_and(|help| help.contains(says)), "{wrong}");
        let marks: Vec<_> = wrong.labels.iter().map(|label| label.span.text()).collect();
        assert_eq!(marks, [key, &format!("{{{{{reads}}}}}"), "{{> a}}"]);
    }
    let (_, report) = try_plan("r", "/search", "path", "query.q").expect("a key");
    let message = &report.iter().next().expect("refused").message;
    assert_eq!(
        message,
        "route `/search` renders `query.q` (a.hbs:1:4) but its key `path` (routes.yaml:1:1) \
         leaves it out: visitors would get each other's pages"
    );
}

#[test]
fn each_input_that_is_left_out_is_told() {
    let (_, report) =
        try_plan("r", "/u/{id}", "r:{{route}}", "params.id query.a query.b path").expect("a key");
    assert_eq!(report.iter().count(), 4);
}

#[test]
fn a_key_may_only_name_parameters_that_the_path_has() {
    let table = [
        ("/u/{id}", "r:{{params.di}}:{{params.id}}", "did you mean `params.id`?"),
        ("/u/{id}", "r:{{params.other}}", "the path has: id"),
        ("/u", "r:{{params.id}}", "no parameters"),
    ];
    for (path, key, says) in table {
        let (_, report) = try_plan("r", path, key, "").expect("a key");
        let wrong = report.iter().next().expect("a diagnostic");
        assert_eq!(wrong.code.as_str(), "key_unknown_input");
        assert!(wrong.to_string().contains(says), "{wrong}");
    }
}

#[test]
fn a_key_without_bound_is_a_warning() {
    let table = [
        ("url", "", "query"),
        ("{{path}}?{{query}}", "", "query"),
        ("auto", "query", "query"),
        ("auto", "headers.user-agent", "headers.user-agent"),
        ("auto", "headers.accept-language", "`languages`"),
        ("auto", "headers", "headers"),
        ("{{path}}:{{headers.x}}", "", "headers.x"),
    ];
    for (key, reads, says) in table {
        let (_, report) = try_plan("r", "/a", key, reads).expect("a key");
        assert!(!report.has_errors(), "{key}");
        let wrong = report.iter().next().unwrap_or_else(|| panic!("{key} {reads}"));
        assert_eq!(wrong.code.as_str(), "key_unbounded");
        assert!(wrong.to_string().contains(says), "{wrong}");
    }
    for (key, reads) in [("auto", "query.a cookies.c language"), ("path", ""), ("hash", "")] {
        let (_, report) = try_plan("r", "/a", key, reads).expect("a key");
        assert!(report.is_empty(), "{key} {reads}: {report:?}");
    }
}

#[test]
fn ten_times_as_many_inputs_take_ten_times_as_long() {
    let mut inputs = Inputs::default();
    let name = |at: u32| InputKind::Query.named(at.to_string());
    inputs.extend((0..100_000).map(name));
    assert!((0..100_000).all(|at| inputs.contains(&name(at))));
    // By the square, that would have been minutes.
    inputs.insert(InputKind::Query.all());
    assert_eq!(inputs.iter().count(), 1);
    assert!(inputs.has(InputKind::Query, "x") && !inputs.has(InputKind::Headers, "x"));
}
