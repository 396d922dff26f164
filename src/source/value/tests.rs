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

fn error(path: &str, text: &str) -> String {
    parse(&file(path, text)).expect_err(text).to_string().replace("error[load_failed]: ", "")
}

#[test]
fn each_format_gives_the_value_that_its_extension_says() {
    for (path, text, expected) in [
        (
            "a.yaml",
            "b: 1\na: [no, yes, true, ~, 1.5, '7', 007, 1_0]\n",
            json!({"b": 1, "a": ["no", "yes", true, null, 1.5, "7", "007", "1_0"]}),
        ),
        ("a.yml", "- 18446744073709551615\n- -1\n", json!([18_446_744_073_709_551_615_u64, -1])),
        (
            "a.yaml",
            "base: &b { x: 1 }\nuse: { <<: *b, y: 2 }\n",
            json!({"base": {"x": 1}, "use": {"x": 1, "y": 2}}),
        ),
        ("a.yaml", "1: one\ntrue: yes\n", json!({"1": "one", "true": "yes"})),
        ("a.yaml", "", json!(null)),
        ("a.yaml", "# nothing\n", json!(null)),
        ("a.YAML", "\u{feff}a: 1\n", json!({"a": 1})),
        (
            "a.json",
            r#"{"b": [1, 2.5, "x", null, true], "a": {}}"#,
            json!({"b": [1, 2.5, "x", null, true], "a": {}}),
        ),
        (
            "a.toml",
            "b = 1\n[a]\nat = 2026-11-24T08:00:00Z\nday = 2026-11-24\nf = 1.5\n[[l]]\nx = true\n",
            json!({
                "b": 1,
                "a": {"at": "2026-11-24T08:00:00Z", "day": "2026-11-24", "f": 1.5},
                "l": [{"x": true}]
            }),
        ),
        (
            "a.csv",
            "name,age\nAda,36\n\"Grace, H.\",\n",
            json!([{"name": "Ada", "age": "36"}, {"name": "Grace, H.", "age": ""}]),
        ),
        ("a.csv", "name\n", json!([])),
        ("a.csv", "", json!([])),
        ("a.txt", "plain\n", json!("plain\n")),
        ("a.md", "---\ntitle: T\n---\n# Hi\n", json!({"title": "T", "body": "# Hi\n"})),
        ("a.md", "---\r\ntitle: T\r\n---\r\nHi", json!({"title": "T", "body": "Hi"})),
        ("a.md", "---\n---\nHi", json!({"body": "Hi"})),
        ("a.md", "---\ntitle: T\n---", json!({"title": "T", "body": ""})),
        ("a.md", "# Hi\n\n---\n", json!({"body": "# Hi\n\n---\n"})),
    ] {
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
        let keys: Vec<String> =
            value(path, text).as_object().expect("a mapping").keys().cloned().collect();
        assert_eq!(keys.get(..3).expect("three"), ["z", "a", "m"], "{path}");
    }
}

#[test]
fn a_bad_file_is_marked_where_it_is_bad_and_told_in_words() {
    for (path, text, expected) in [
        ("a.yaml", "a: 1\na: 2\n", "a.yaml:2:1: the key `a` is here twice"),
        (
            "a.json",
            r#"{"a": 1, "a": 2}"#,
            "a.json:1:12: this is not JSON: the key `a` is here twice",
        ),
        ("a.toml", "a = 1\na = 2\n", "a.toml:2:1: this is not TOML: duplicate key"),
        (
            "a.yaml",
            "a: .nan\n",
            "a.yaml:1:4: `.nan` is a number that JSON does not have \
             (help: put quotes around it: \".nan\")",
        ),
        (
            "a.yaml",
            "a: [1\nb: 2\n",
            "a.yaml:2:2: this is not YAML: illegal placement of ':' indicator",
        ),
        ("a.yaml", "a: 1\n---\nb: 2\n", "a.yaml:3:1: this is not YAML: there is a second document"),
        ("a.yaml", "a: *nope\n", "a.yaml:1:4: this is not YAML: there is no anchor of this name"),
        (
            "a.yaml",
            "a:\n\tb: 1\n",
            "a.yaml:2:2: this is not YAML: tabs disallowed within this context (block indentation)",
        ),
        ("a.json", "{\"a\": 1,\n  b}", "a.json:2:3: this is not JSON: key must be a string"),
        ("a.json", "", "a.json:1:1: this is not JSON: EOF while parsing a value"),
        ("a.json", "[1e999]", "a.json:1:6: this is not JSON: number out of range"),
        (
            "a.toml",
            "a = nan\n",
            "a.toml:1:5: this is not TOML: `nan` is a number that JSON does not have",
        ),
        (
            "a.toml",
            "a = \n",
            "a.toml:1:5: this is not TOML: string values must be quoted, expected literal string",
        ),
    ] {
        assert_eq!(error(path, text), expected);
    }
}

#[test]
fn a_bad_table_or_page_is_marked_where_it_is_bad() {
    for (path, text, expected) in [
        ("a.csv", "a,b\n1\n", "a.csv:2:1: this row has 1 fields, the first one has 2"),
        ("a.csv", "a,a\n1,2\n", "a.csv:1:1: two columns are called `a`"),
        (
            "a.md",
            "---\ntitle: T\n",
            "a.md:1:1: front matter begins here and does not end (help: end it with a line `---`)",
        ),
        ("a.md", "---\nx: 1\ny: 2\nx: 3\n---\n", "a.md:4:1: the key `x` is here twice"),
        (
            "a.md",
            "---\nbody: 1\n---\n",
            "a.md:2:1: the front matter names `body`, which is the text below it \
             (help: give it another name)",
        ),
        ("a.md", "---\n- 1\n---\n", "a.md:1:1: front matter has to be a mapping: `title: …`"),
        (
            "a.xlsx",
            "",
            "a.xlsx:1:1: `a.xlsx` has an unknown extension, so how to read it is not known",
        ),
        ("README", "", "README:1:1: `README` has no extension, so how to read it is not known"),
    ] {
        let said = error(path, text);
        assert_eq!(said.split(" (help: known are").next(), Some(expected));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_begin() {
    let mut bad = file("a.txt", "");
    bad.bytes = bytes::Bytes::from_static(b"one\ntw\xff");
    let said = parse(&bad).expect_err("no text").to_string();
    assert_eq!(said, "a.txt:2:3: error[load_failed]: `a.txt` is not UTF-8 from here on");
}

#[test]
fn a_bomb_is_refused_within_its_budget() {
    let mut aliases = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ('b'..='k').zip('a'..) {
        let list = vec![format!("*{last}"); 10].join(", ");
        aliases.extend([format!("{this}: &{this} [{list}]\n")]);
    }
    let scalar = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(50_000));
    for text in [aliases, "[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(10_000), scalar]
    {
        let said = error("a.yaml", &text);
        assert!(said.ends_with("this is deeper, larger or repeats more than a file may"), "{said}");
    }
    error("a.json", &"[".repeat(100_000));
    error("a.toml", &format!("a = {}", "[".repeat(100_000)));
}

#[test]
fn an_item_of_a_glob_gets_a_slug_unless_it_has_one() {
    for (path, text, expected) in [
        (
            "p/first-post.md",
            "---\nt: 1\n---\nHi",
            json!({"t": 1, "body": "Hi", "slug": "first-post"}),
        ),
        ("p/a.yaml", "slug: own\n", json!({"slug": "own"})),
        ("p/a.b.json", "{}", json!({"slug": "a.b"})),
        ("p/a.txt", "Hi", json!({"body": "Hi", "slug": "a"})),
    ] {
        assert_eq!(parse_item(&file(path, text)).expect(path), expected);
    }
    let said = parse_item(&file("p/a.json", "[1]")).expect_err("a list").to_string();
    assert_eq!(
        said,
        "p/a.json:1:1: error[load_failed]: `p/a.json` is a list, \
         but each file that a glob names has to be a mapping"
    );
}
