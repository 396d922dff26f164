use super::{at, pattern};
use crate::site::route::kind::MAX_PARAMS;
use crate::site::route::{ParamKind, Pattern};

/// A pattern, its default name, its parameters.
type Row<'r> = (&'r str, &'r str, &'r [(&'r str, ParamKind)]);

#[test]
fn a_pattern_knows_its_parameters_and_a_name() {
    use ParamKind::{Date, Int, Rest, Slug, Text, Uuid};
    let table: &[Row<'_>] = &[
        ("/", "index", &[]),
        ("/about", "about", &[]),
        ("/feed.xml", "feed.xml", &[]),
        ("/hello/{name}", "hello-name", &[("name", Text)]),
        ("/users/{id:int}", "users-id", &[("id", Int)]),
        ("/assets/{*path}", "assets-path", &[("path", Rest)]),
        ("/{*rest}", "rest", &[("rest", Rest)]),
        ("/v{n}", "v-n", &[("n", Text)]),
        ("/{slug}.html", "slug.html", &[("slug", Text)]),
        ("/a/{x:uuid}/{y:date}/{z:slug}", "a-x-y-z", &[("x", Uuid), ("y", Date), ("z", Slug)]),
        ("/Über uns", "ber-uns", &[]),
        ("/a--b", "a-b", &[]),
        ("/about/", "about", &[]),
        ("/a:b", "a-b", &[]),
        ("/100%", "100", &[]),
        ("/中", "index", &[]),
    ];
    for (typed, name, params) in table {
        let pattern = pattern(typed);
        let found: Vec<_> = pattern.params().iter().map(|p| (&*p.name, p.kind)).collect();
        assert_eq!(found, *params, "{typed}");
        assert_eq!(pattern.default_name(), *name, "{typed}");
        assert_eq!(pattern.as_str(), *typed);
        assert_eq!(pattern.is_literal(), params.is_empty(), "{typed}");
    }
}

#[test]
fn what_is_no_pattern_says_what_to_write() {
    let table = [
        ("about", "bad_pattern", "write `/about`"),
        ("get /about", "bad_pattern", "`GET /about`"),
        ("https://example.com/x", "bad_pattern", "without a host"),
        ("/a//b", "bad_pattern", "two slashes"),
        ("//", "bad_pattern", "two slashes"),
        ("/a/../b", "bad_pattern", "gets 400"),
        ("/./b", "bad_pattern", "gets 400"),
        ("/a?x=1", "bad_pattern", "under `query`"),
        ("/a#x", "bad_pattern", "under `query`"),
        ("/a%20b", "bad_pattern", "the character itself"),
        ("/{a", "bad_pattern", "without `}`"),
        ("/a}", "bad_pattern", "without `{`"),
        ("/{}", "bad_pattern", "no name"),
        ("/{1a}", "bad_pattern", "not beginning with a digit"),
        ("/{a-b}", "bad_pattern", "letters, digits"),
        ("/{a}-{b}", "bad_pattern", "one parameter a segment"),
        ("/{a}/{a}", "bad_pattern", "stands twice"),
        ("/{*rest}/x", "bad_pattern", "put it last"),
        ("/x{*rest}", "bad_pattern", "segment of its own"),
        ("/{a:itn}", "bad_pattern", "did you mean `int`?"),
        ("/{a:colour}", "bad_pattern", "uuid, date, int, slug"),
        ("/a\u{7}b", "bad_pattern", "control character"),
        ("/_larder", "reserved_path", "another path"),
        ("/_larder/x", "reserved_path", "for itself"),
        ("/users/:id", "foreign_syntax", "`/users/{id}`"),
        ("/users/:id?", "foreign_syntax", "`/users/{id}`"),
        ("/files/*", "foreign_syntax", "`/files/{*rest}`"),
        ("/files/*path", "foreign_syntax", "`/files/{*path}`"),
        ("/users/<id>", "foreign_syntax", "`/users/{id}`"),
        ("/users/<int:id>", "foreign_syntax", "`/users/{id:int}`"),
        ("/users/<id:int>", "foreign_syntax", "`/users/{id:int}`"),
        ("/files/<path:p>", "foreign_syntax", "`/files/{*p}`"),
        ("/files/{p:path}", "foreign_syntax", "`/files/{*p}`"),
        ("/files/{p...}", "foreign_syntax", "`/files/{*p}`"),
        ("/files/{**p}", "foreign_syntax", "`/files/{*p}`"),
        ("/u/{id:[0-9]+}", "foreign_syntax", "`/u/{id:int}`"),
        ("/u/{id:[a-z]{2}}", "foreign_syntax", "`/u/{id}`"),
        ("/u/[id]", "foreign_syntax", "`/u/{id}`"),
        ("/u/[...p]", "foreign_syntax", "`/u/{*p}`"),
        ("/u/{id?}", "foreign_syntax", "`/u/{id}`"),
        ("/u/{id:guid}", "foreign_syntax", "`/u/{id:uuid}`"),
    ];
    for (typed, code, says) in table {
        let wrong = Pattern::parse(&at(typed.to_owned())).expect_err(typed);
        assert_eq!(wrong.code.as_str(), code, "{typed}");
        assert!(wrong.to_string().contains(says), "{typed}: {wrong}");
    }
}

#[test]
fn the_mark_is_under_the_segment_that_is_wrong() {
    let wrong = Pattern::parse(&at("/über/{a:itn}/x".to_owned())).expect_err("no type itn");
    assert_eq!(wrong.labels[0].span.text(), "{a:itn}");
}

#[test]
fn a_pattern_has_a_bounded_number_of_parameters() {
    let typed = |count| (0..count).map(|n| format!("/{{p{n}}}")).collect::<Vec<_>>().concat();
    assert_eq!(pattern(&typed(MAX_PARAMS)).params().len(), MAX_PARAMS);
    assert!(Pattern::parse(&at(typed(MAX_PARAMS + 1))).is_err());
}

#[test]
fn kinds_accept_what_they_say() {
    use ParamKind::{Date, Int, Slug, Text, Uuid};
    let table: &[(ParamKind, &[&str], &[&str])] = &[
        (
            Uuid,
            &["f47ac10b-58cc-4372-a567-0e02b2c3d479", "F47AC10B-58CC-4372-A567-0E02B2C3D479"],
            &["", "f47ac10b58cc4372a5670e02b2c3d479", "g47ac10b-58cc-4372-a567-0e02b2c3d479"],
        ),
        (
            Date,
            &["2026-11-23", "2024-02-29", "2000-02-29", "0000-01-01"],
            &["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-1", ""],
        ),
        (
            Int,
            &["0", "7", "007", "-7", "9223372036854775807", "-9223372036854775808"],
            &["", "-", "+7", "7.0", "9223372036854775808", "1e3", "٣", " 7"],
        ),
        (Slug, &["a", "a-b", "A_9", "-"], &["", "a b", "a.b", "é", "a/b"]),
        (Text, &["a", "é", "a/b", " "], &[""]),
    ];
    for (kind, good, bad) in table {
        good.iter().for_each(|text| assert!(kind.accepts(text), "{kind} {text}"));
        bad.iter().for_each(|text| assert!(!kind.accepts(text), "{kind} {text}"));
    }
}
