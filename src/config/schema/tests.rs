use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::{env, fs};

use regex::Regex;

use super::*;
use crate::config::decode;
use crate::config::section::Standalone;
use crate::config::yaml::parse as parse_yaml;
use crate::diagnostic::{Report, SourceFile};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_schema_is_the_one_that_is_made() {
    let path = root().join("routes.schema.json");
    let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "routes.schema.json is old: UPDATE_EXPECT=1 writes it anew");
}

#[test]
fn a_default_that_the_schema_tells_is_the_one_that_holds() {
    the_defaults_hold::<ServerConfig>();
    the_defaults_hold::<CacheConfig>();
}

fn the_defaults_hold<S: Standalone + Debug + PartialEq>() {
    let told = Regex::new(r"Default: ([^. ]\S*)\.$").unwrap();
    let line = |field: &Field| Some(format!("{}: {}\n", field.name, &told.captures(field.doc)?[1]));
    let text: String = S::SECTION.all().filter_map(line).collect();
    let mut report = Report::default();
    let node = parse_yaml(&SourceFile::new("r.yaml", &*text), &mut report).unwrap();
    let read: S = decode::file(&mut report, &node);
    assert!(report.is_empty() && text.lines().count() > 4, "{text}");
    assert_eq!(read, S::default(), "{text}");
}

#[test]
fn every_section_that_the_schema_names_is_defined() {
    let schema = schema();
    let references = Regex::new(r##""\$ref":"#([^"]+)""##).unwrap();
    let text = schema.to_string();
    for reference in references.captures_iter(&text) {
        assert!(schema.pointer(&reference[1]).is_some(), "{}", &reference[1]);
    }
}

#[test]
fn the_schema_takes_the_examples() {
    let example = include_str!("../example.yaml");
    assert_eq!(errors(example), Vec::<String>::new());
    let examples = fs::read_dir(root().join("examples")).into_iter().flatten();
    let examples = examples.map(|entry| entry.unwrap().path().join("routes.yaml"));
    for path in examples.filter(|path| path.exists()).chain([root().join("routes.yaml")]) {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(errors(&text), Vec::<String>::new(), "{path:?}");
    }
}

#[test]
fn the_schema_refuses_what_is_wrong_in_the_fixtures() {
    for code in
        ["unknown_field", "no_source", "two_sources", "bad_duration", "bad_size", "bad_bool"]
    {
        let path = root().join("tests/diagnostics").join(code).join("routes.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert_ne!(errors(&text), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn the_schema_refuses_one_mistake_at_a_time() {
    for text in [
        "rutes: {}",
        "server: { lissen: x }",
        "server: { tls: { crt: a } }",
        "cache: { stor: memory }",
        "defaults: { tll: 5m }",
        "routes: { /: { body: x, tll: 5m } }",
        "routes: { /: { ttl: 5m } }",
        "routes: { /: { body: x, inline: x } }",
        "routes: { a: { body: x } }",
        "routes: { /: { body: x, status: 99 } }",
        "routes: { /: { body: x, query: { a: integer } } }",
        "routes: { /: { body: x, query: { a: { typ: int } } } }",
        "load: { a: { ttl: 5m } }",
        "load: { a: { from: x, optional: yes } }",
        "upstreams: { a: { headers: {} } }",
        "load: { a: { from: x, ttl: later } }",
        "errors: { 200: x.html }",
        "errors: { 404: { dir: x } }",
        "server: { access_log: yaml }",
    ] {
        assert_ne!(errors(text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "",
        "x-mine: { any: thing }",
        "server:\ncache:\nroutes:\n",
        "server: { workers: \"${WORKERS}\", max_connections: 5 }",
        "routes: { POST /: { body: null, x-note: a }, x-note: 1 }",
        "routes: { /: { template: a, layout: null, headers: { x-a: null, b: 1 } } }",
        "load: { a: { from: x, optional: true } }",
        "include: more.yaml",
        "defaults: { ttl: \"${TTL:-5m}\", max_age: off, cors: [https://a.example] }",
    ] {
        assert_eq!(errors(text), Vec::<String>::new(), "{text}");
    }
}

/// Why the schema refuses a text, by a small validator of the words that the schema uses.
fn errors(text: &str) -> Vec<String> {
    let mut report = Report::default();
    let node = parse_yaml(&SourceFile::new("r.yaml", text), &mut report).unwrap();
    let (root, mut errors) = (schema(), Vec::new());
    validate(&root, &root, &node.to_json(), Path::new("/"), &mut errors);
    errors
}

fn validate(root: &Value, schema: &Value, value: &Value, at: &Path, errors: &mut Vec<String>) {
    let Value::Object(words) = schema else {
        if *schema == Value::Bool(false) {
            errors.push(format!("{at:?} is not known"));
        }
        return;
    };
    let passes = |schema: &Value| {
        let mut inner = Vec::new();
        validate(root, schema, value, at, &mut inner);
        inner.is_empty()
    };
    for (word, rule) in words {
        let fine = match word.as_str() {
            "$schema"
            | "title"
            | "description"
            | "$defs"
            | "properties"
            | "patternProperties"
            | "additionalProperties" => true,
            "$ref" => passes(root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap()),
            "anyOf" => rule.as_array().unwrap().iter().any(passes),
            "oneOf" => rule.as_array().unwrap().iter().filter(|rule| passes(rule)).count() == 1,
            "enum" => rule.as_array().unwrap().contains(value),
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
                kind => is_kind(kind, value),
            },
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
            "required" => value.as_object().is_none_or(|map| {
                rule.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap()))
            }),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    validate(root, rule, item, &at.join("[]"), errors);
                }
                true
            }
            other => panic!("the validator does not know {other}"),
        };
        if !fine {
            errors.push(format!("{at:?} breaks {word}: {rule}"));
        }
    }
    fields(root, schema, value, at, errors);
}

fn fields(root: &Value, schema: &Value, value: &Value, at: &Path, errors: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let mut known = false;
        if let Some(rule) = schema["properties"].get(name) {
            validate(root, rule, value, &at.join(name), errors);
            known = true;
        }
        for (form, rule) in schema["patternProperties"].as_object().into_iter().flatten() {
            if matches(form, name) {
                validate(root, rule, value, &at.join(name), errors);
                known = true;
            }
        }
        if !known && let Some(rule) = schema.get("additionalProperties") {
            validate(root, rule, value, &at.join(name), errors);
        }
    }
}

fn matches(form: &str, text: &str) -> bool {
    Regex::new(form).unwrap().is_match(text)
}

fn is_kind(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
