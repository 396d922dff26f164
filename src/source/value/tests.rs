use serde_json::json;

use super::*;
use crate::fingerprint::Fingerprint;

fn file(path: &str, text: &str) -> FileContent {
    let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
    FileContent { path: path.to_owned(), digest: Fingerprint::of(&bytes), bytes, modified: None }
}

fn value(path: &str, text: &str) -> Value {
    parse(&file(path, text)).unwrap_or_else(|diagnostic| panic!("{diagnostic}"))
}

/// What is said, without the code.
fn error(path: &str, text: &str) -> String {
    let diagnostic = parse(&file(path, text)).expect_err(text);
    let said = diagnostic.to_string();
    let code = format!("error[{}]: ", diagnostic.code.as_str());
    said.replace(&code, "")
}

/// A file's path, its text, and the same as JSON.
const GOOD: &[(&str, &str, &str)] = &[
    (
        "a.yaml",
        "b: 1\na: [no, yes, true, ~, 1.5, '7', 007, 1_0]\n",
        r#"{"b": 1, "a": ["no", "yes", true, null, 1.5, "7", "007", "1_0"]}"#,
    ),
    ("a.yml", "- 18446744073709551615\n- -1\n", "[18446744073709551615, -1]"),
    (
        "a.yaml",
        "base: &b { x: 1 }\nuse: { <<: *b, y: 2 }\n",
        r#"{"base": {"x": 1}, "use": {"x": 1, "y": 2}}"#,
    ),
    ("a.yaml", "1: one\ntrue: yes\n", r#"{"1": "one", "true": "yes"}"#),
    ("a.yaml", "", "null"),
    ("a.yaml", "# nothing\n", "null"),
    ("a.YAML", "\u{feff}a: 1\n", r#"{"a": 1}"#),
    ("a.json", r#"{"b": [1, 2.5, null], "a": {}}"#, r#"{"b": [1, 2.5, null], "a": {}}"#),
    ("a.toml", "b = 1\n[a]\nf = 1.5\n", r#"{"b": 1, "a": {"f": 1.5}}"#),
    ("a.toml", "at = 2026-11-24T08:00:00Z\n", r#"{"at": "2026-11-24T08:00:00Z"}"#),
    ("a.toml", "day = 2026-11-24\n", r#"{"day": "2026-11-24"}"#),
    (
        "a.toml",
        "at = 2026-11-24 08:00:00\nt = 07:32:00.5\n",
        r#"{"at": "2026-11-24T08:00:00", "t": "07:32:00.5"}"#,
    ),
    (
        "a.toml",
        "a = 9223372036854775807\nb = 0xff\nc = 1_000\n",
        r#"{"a": 9223372036854775807, "b": 255, "c": 1000}"#,
    ),
    (
        "a.json",
        r#"["12345678901234567890123", "\"1e999", 0.1, 18446744073709551615]"#,
        r#"["12345678901234567890123", "\"1e999", 0.1, 18446744073709551615]"#,
    ),
    (
        "a.yaml",
        "a: '.inf'\nb: |\n  1e999\n12345678901234567890123: x\nc: !!str 1e999\nd: inf\n",
        r#"{"a": ".inf", "b": "1e999\n", "12345678901234567890123": "x",
          "c": "1e999", "d": "inf"}"#,
    ),
    (
        "a.yaml",
        "a: !!int '7'\nb: !!str 7\nc: ! 7\nd: !!map {x: 1}\n\
         e: !!set {y}\nf: Hi!there\ng: !!float 1\n",
        r#"{"a": 7, "b": "7", "c": "7", "d": {"x": 1}, "e": {"y": null},
          "f": "Hi!there", "g": 1.0}"#,
    ),
    (
        "a.yaml",
        "a: \u{fffd}\nb: « Hi » \u{200d}\nc: a\u{a0}b\n",
        "{\"a\": \"\u{fffd}\", \"b\": \"« Hi » \u{200d}\", \"c\": \"a\u{a0}b\"}",
    ),
    (
        "a.md",
        "+++\ntitle = 'T'\nday = 2026-11-24\n+++\n# Hi\n",
        r##"{"title": "T", "day": "2026-11-24", "body": "# Hi\n"}"##,
    ),
    ("a.md", "\u{feff}+++\r\nt = 1\r\n+++\r\nHi", r#"{"t": 1, "body": "Hi"}"#),
    ("a.md", "+++\n+++\n---\nHi\n", r#"{"body": "---\nHi\n"}"#),
    ("a.md", "+++ b\n", r#"{"body": "+++ b\n"}"#),
    ("a.toml", "[[l]]\nx = true\n", r#"{"l": [{"x": true}]}"#),
    (
        "a.csv",
        "name,age\nAda,36\n\"Grace, H.\",\n",
        r#"[{"name": "Ada", "age": "36"}, {"name": "Grace, H.", "age": ""}]"#,
    ),
    ("a.csv", "id, name\r\n1, Ada\r\n", r#"[{"id": "1", "name": " Ada"}]"#),
    ("a.csv", "\u{feff} id \u{a0},\tname\n1,\n", r#"[{"id": "1", "name": ""}]"#),
    ("a.csv", "name\n", "[]"),
    ("a.csv", "", "[]"),
    ("a.txt", "plain\n", r#""plain\n""#),
    ("a.md", "---\ntitle: T\n---\n# Hi\n", r##"{"title": "T", "body": "# Hi\n"}"##),
    ("a.md", "---\r\ntitle: T\r\n---\r\nHi", r#"{"title": "T", "body": "Hi"}"#),
    ("a.md", "---\n---\nHi", r#"{"body": "Hi"}"#),
    ("a.md", "---\ntitle: T\n---", r#"{"title": "T", "body": ""}"#),
    ("a.md", "# Hi\n\n---\n", r##"{"body": "# Hi\n\n---\n"}"##),
];

#[test]
fn each_format_gives_the_value_that_its_extension_says() {
    for (path, text, expected) in GOOD {
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(value(path, text), expected, "{path}: {text}");
    }
}

#[test]
fn mappings_keep_the_order_of_the_file() {
    for (path, text) in [
        ("a.yaml", "z: 1\na: 2\nm: 3\n"),
        ("a.json", r#"{"z": 1, "a": 2, "m": 3}"#),
        ("a.toml", "z = 1\na = 2\nm = 3\n"),
        ("a.md", "---\nz: 1\na: 2\nm: 3\n---\n"),
    ] {
        let value = value(path, text);
        let keys: Vec<&String> = value.as_object().expect("a mapping").keys().take(3).collect();
        assert_eq!(keys, ["z", "a", "m"], "{path}");
    }
}

/// A file's path, its text, and the place and the beginning of what is said.
const BAD: &[(&str, &str, &str)] = &[
    ("a.yaml", "a: 1\na: 2\n", "2:1: the key `a` is here twice"),
    ("a.json", r#"{"a": 1, "a": 2}"#, "1:12: this is not JSON: the key `a` is here twice"),
    ("a.toml", "a = 1\na = 2\n", "2:1: this is not TOML: duplicate key"),
    (
        "a.yaml",
        "a: .nan\n",
        "1:4: `.nan` is a number that JSON does not have (help: quote it: \".nan\")",
    ),
    (
        "a.yaml",
        "a:\n  - 1\n  - 12345678901234567890123\n",
        "3:5: `12345678901234567890123` does not fit a 64-bit number (help: quote it: \"1",
    ),
    ("a.yaml", "a: -9223372036854775809\n", "1:4: `-9223372036854775809` does not fit"),
    ("a.yaml", "{a: 1e999}\n", "1:5: `1e999` does not fit"),
    ("a.yaml", "a: 0xfffffffffffffffff\n", "1:4: `0xfffffffffffffffff` does not fit"),
    (
        "a.yaml",
        "a: !tag\nb: !Ref x\n",
        "1:4: `!tag` is a tag, and larder knows none of that name (help: remove it; a text",
    ),
    ("a.yaml", "a: !!timestamp 2026-11-24\n", "1:4: `!!timestamp` is a tag, and larder knows"),
    (
        "a.yaml",
        "a: !string 7\n",
        "1:4: `!string` is a tag, and larder knows none of that name (help: remove it",
    ),
    (
        "a.yaml",
        "a: !int 7\n",
        "1:4: `!int` is a tag, and larder knows none of that name (help: did you mean `!!int`?",
    ),
    ("a.yaml", "- !seq [1]\n- {}\n", "1:3: `!seq` is a tag"),
    (
        "a.yaml",
        "a: &one 1\nb: *two\n",
        "2:4: nothing is marked `&two` (help: marked are: `&one`; a text",
    ),
    (
        "a.yaml",
        "a: &base {}\nb: {<<: *bsae}\n",
        "2:9: nothing is marked `&bsae` (help: did you mean `*base`?)",
    ),
    (
        "a.yaml",
        "<<: *base\n",
        "1:5: nothing is marked `&base` (help: mark the mapping that is meant with `&base`",
    ),
    (
        "a.yaml",
        "a: *b\nc: &b 1\n",
        "1:4: `&b` is marked further down, and `*b` stands above it (help: move",
    ),
    (
        "a.yaml",
        "a:\n  \u{a0}b: 1\n",
        "2:3: U+00A0 before `b` looks like a space (help: write a space instead,",
    ),
    ("a.yaml", "\u{200b}a: 1\n", "1:1: U+200B before `a` cannot be seen (help: remove it,"),
    ("a.yaml", "a: 1\nb:\u{a0}2\n", "2:3: U+00A0 before `2` looks like a space"),
    ("a.json", "[12345678901234567890123]", "1:2: `12345678901234567890123` does not fit"),
    (
        "a.json",
        "{\"a\": -1e999}",
        "1:7: `-1e999` does not fit a 64-bit number (help: quote it: \"-1e999\")",
    ),
    ("a.json", "[1, NaN]", "1:5: `NaN` is a number that JSON does not have"),
    ("a.json", "{\"a\":\u{a0}1}", "1:6: U+00A0 before `1` looks like a space"),
    ("a.toml", "a = 18446744073709551616\n", "1:5: `18446744073709551616`"),
    (
        "a.toml",
        "a = 123_456_789_012_345_678_901_234\n",
        "1:5: `123456789012345678901234` does not fit",
    ),
    ("a.toml", "a = 1e999\n", "1:5: `1e999` does not fit a 64-bit number"),
    ("a.toml", "a = 1\nb = [1, { c = inf }]\n", "2:15: `inf` is a number"),
    ("a.toml", "a = -inf\n", "1:5: `-inf` is a number that JSON does not have"),
    ("a.toml", "a\u{a0}= 1\n", "1:2: U+00A0 before `=` looks like a space"),
    ("a.md", "---\ntitle: a: b\n---\n", "2:8: YAML reads `: ` in this value"),
    ("a.md", "---\na: 1\nb: 1e999\n---\n", "3:4: `1e999` does not fit"),
    ("a.md", "---\na: 1\n\tb: 1\n---\n", "3:1: a tab indents this line"),
    ("a.md", "+++\na = 1\nb = \n+++\n", "3:5: this is not TOML: string values must be quoted"),
    (
        "a.md",
        "+++\na = 1\n---\n",
        "1:1: front matter begins here and does not end (help: end it with a line `+++`",
    ),
    ("a.md", "+++\nbody = 1\n+++\n", "2:1: the front matter names `body`"),
    ("a.csv", "a, a \n1,2\n", "1:1: two columns are called `a`"),
    ("a.yaml", "a: [1\nb: 2\n", "1:4: the bracket that opens here is not closed"),
    ("a.yaml", "a: 1\n---\nb: 2\n", "2:1: a second document begins here (help: a file is one"),
    ("a.yaml", "a: *nope\n", "1:4: YAML reads `*` as the name of a value marked with `&`"),
    ("a.yaml", "a:\n\tb: 1\n", "2:1: a tab indents this line (help: "),
    ("a.json", "{\"a\": 1,\n  b}", "2:3: this is not JSON: key must be a string"),
    ("a.json", "", "1:1: this is not JSON: EOF while parsing a value"),
    ("a.json", "[1e999]", "1:2: `1e999` does not fit"),
    (
        "a.toml",
        "a = nan\n",
        "1:5: `nan` is a number that JSON does not have (help: quote it: \"nan\")",
    ),
    ("a.toml", "a = \n", "1:5: this is not TOML: string values must be quoted"),
    ("a.csv", "a,b\n1\n", "2:1: this row has 1 fields, the first one has 2"),
    ("a.csv", "a,a\n1,2\n", "1:1: two columns are called `a`"),
    (
        "a.md",
        "---\ntitle: T\n",
        "1:1: front matter begins here and does not end (help: end it with",
    ),
    ("a.md", "---\nx: 1\ny: 2\nx: 3\n---\n", "4:1: the key `x` is here twice"),
    ("a.md", "---\nbody: 1\n---\n", "2:1: the front matter names `body`, which is the text below"),
    ("a.md", "---\n- 1\n---\n", "1:1: front matter has to be a mapping: `title: …`"),
    ("a.xls", "", "1:1: `a.xls` has an unknown extension, so how to read it is not known (help: "),
    ("a", "", "1:1: `a` has no extension, so how to read it is not known (help: known are: yaml, "),
];

#[test]
fn a_bad_file_is_marked_where_it_is_bad_and_told_in_words() {
    for (path, text, expected) in BAD {
        let said = error(path, text);
        assert!(said.starts_with(&format!("{path}:{expected}")), "{said}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_begin() {
    let mut bad = file("a.txt", "");
    bad.bytes = bytes::Bytes::from_static(b"one\ntw\xff");
    let said = parse(&bad).expect_err("no text").to_string();
    let expected = "a.txt:2:3: error[load_failed]: `a.txt` is not UTF-8 from here on";
    assert_eq!(said, format!("{expected} (help: save the file as UTF-8)"));
}

#[test]
fn a_bomb_is_refused_within_its_budget() {
    let mut aliases = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ('b'..='k').zip('a'..) {
        let list = vec![format!("*{last}"); 10].join(", ");
        aliases.extend([format!("{this}: &{this} [{list}]\n")]);
    }
    let scalar = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(50_000));
    let (flow, block) = ("[".repeat(100_000), "- ".repeat(100_000));
    for text in [aliases, flow.clone(), block, "{a: ".repeat(10_000), scalar] {
        let said = error("a.yaml", &text);
        assert!(said.ends_with("this is deeper, larger or repeats more than a file may"), "{said}");
    }
    error("a.json", &flow);
    error("a.toml", &format!("a = {flow}"));
}

#[test]
fn an_item_of_a_glob_gets_a_slug_unless_it_has_one() {
    for (path, text, expected) in [
        ("p/first.md", "---\nt: 1\n---\nHi", json!({"t": 1, "body": "Hi", "slug": "first"})),
        ("p/a.yaml", "slug: own\n", json!({"slug": "own"})),
        ("p/a.b.json", "{}", json!({"slug": "a.b"})),
        ("p/a.txt", "Hi", json!({"body": "Hi", "slug": "a"})),
    ] {
        assert_eq!(parse_item(&file(path, text)).expect(path), expected);
    }
    let said = parse_item(&file("p/a.json", "[1]")).expect_err("a list").to_string();
    assert!(said.contains("`p/a.json` is a list, but each file that a glob names"), "{said}");
}

#[test]
fn a_table_of_two_hundred_thousand_columns_is_read_in_linear_time() {
    use std::fmt::Write as _;
    use std::time::Instant;

    let table = |columns: usize| {
        let mut text = String::new();
        for row in ["c", "v"] {
            (0..columns).for_each(|at| write!(text, "{row}{at},").expect("a text"));
            text.push_str("end\n");
        }
        let file = file("a.csv", &text);
        let started = Instant::now();
        parse(&file).unwrap_or_else(|wrong| panic!("{wrong}"));
        started.elapsed()
    };
    let small = table(20_000);
    let large = table(200_000);
    assert!(large < small * 50, "{small:?} for 20,000 columns, {large:?} for ten times as many");
}
