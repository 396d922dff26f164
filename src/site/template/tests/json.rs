use serde_json::{Value, json};

use super::{described, lines, set_of};
use crate::config::{Node, NodeValue};
use crate::diagnostic::{At, Report, SourceFile, Span};
use crate::site::template::{Bounds, JsonTemplate, TemplateSet};

/// The YAML node of a value; each string's place is where it stands in the text.
fn node(value: &Value, file: &std::sync::Arc<SourceFile>) -> Node {
    let place = |text: &str| {
        let start = file.text.find(text).unwrap_or_default();
        Span::new(file, start..start + text.len())
    };
    let (value, span) = match value {
        Value::Null => (NodeValue::Null, place("")),
        Value::Bool(flag) => (NodeValue::Bool(*flag), place("")),
        Value::Number(number) => (NodeValue::Number(number.clone()), place("")),
        Value::String(text) => (NodeValue::Text(text.clone()), place(text)),
        Value::Array(list) => {
            (NodeValue::List(list.iter().map(|item| node(item, file)).collect()), place(""))
        }
        Value::Object(map) => {
            let field = |(key, value): (&String, &Value)| {
                (At::new(key.clone(), place(key)), node(value, file))
            };
            (NodeValue::Map(map.iter().map(field).collect()), place(""))
        }
    };
    Node { value, span }
}

fn compile(value: &Value) -> (JsonTemplate, TemplateSet, Report) {
    let file = SourceFile::new("routes.yaml", value.to_string());
    let mut set = set_of(&[("greeting.txt.hbs", "Hi {{user.name}}")]);
    let mut report = Report::default();
    let template = JsonTemplate::compile(&node(value, &file), &mut set, &mut report);
    (template, set, report)
}

#[test]
fn a_string_that_is_one_expression_keeps_its_type() {
    let (template, set, report) = compile(&json!({
        "z": "{{user.tags}}", "a": "{{user.age}}", "gone": "{{nope}}", "text": "{{user.age}} years",
        "len": "{{len user.tags}}", "old": "{{gt user.age 40}}", "plain": 1, "raw": "{ }",
        "list": ["{{ user.name }}", null, true, "\\{{x}}"],
        "helper": "{{now}}", "html": "<{{user.name}}>", "triple": "{{{user}}}",
        "item": "{{lookup user.tags 1}}", "json": "{{json user.tags}}", "spaced": " {{user.age}}",
        "partial": "{{> greeting}}", "if": "{{#if user.age}}y{{/if}}",
    }));
    assert_eq!(report, Report::default());
    let context = json!({"user": {"name": "A'da", "age": 36, "tags": ["x", {"y": 1}]}});
    let value = template.render(&set, &context.into(), &Bounds::default()).unwrap();
    let expected = json!({
        "z": ["x", {"y": 1}], "a": 36, "gone": null, "text": "36 years",
        "len": 2, "old": false, "plain": 1, "raw": "{ }",
        "list": ["A'da", null, true, "{{x}}"],
        "helper": "2026-01-01T00:00:00.000Z", "html": "<A'da>",
        "triple": {"name": "A'da", "age": 36, "tags": ["x", {"y": 1}]},
        "item": {"y": 1}, "json": "[\"x\",{\"y\":1}]", "spaced": " 36",
        "partial": "Hi A'da", "if": "y",
    });
    assert_eq!(value.to_string(), expected.to_string());
}

#[test]
fn a_typed_string_reads_the_whole_value() {
    let (template, set, _) = compile(&json!({"a": "{{user}}", "b": ["{{x.y}}!", "{{user}}"]}));
    assert_eq!(described(&template.reads(&set, None)), ["user.**", "x.y"]);
}

#[test]
fn the_digest_follows_keys_values_and_templates() {
    let digest = |value: Value| {
        let (template, set, _) = compile(&value);
        template.reads(&set, None).digest
    };
    let first = digest(json!({"a": "{{x}}", "b": 1}));
    assert_eq!(first, digest(json!({"a": "{{x}}", "b": 1})));
    for other in [
        json!({"a": "{{x}}!", "b": 1}),
        json!({"a": "{{x}}", "b": 2}),
        json!({"b": 1, "a": "{{x}}"}),
        json!({"a": "{{y}}", "b": 1}),
        json!({"a": "x", "b": 1}),
    ] {
        assert_ne!(first, digest(other.clone()), "{other}");
    }
}

#[test]
fn a_string_that_does_not_parse_is_told_at_its_place() {
    let (_, _, report) = compile(&json!({"abc": "x {{#if}}"}));
    assert_eq!(
        lines(&report),
        ["routes.yaml:1:11: error[template_syntax]: the block of `if` is never closed \
          (help: close it with `{{/if}}`)"]
    );
}

#[test]
fn a_string_that_fails_names_its_place() {
    let (template, set, _) = compile(&json!({"abc": "{{user.x}}", "d": "x{{upper user}}"}));
    let bounds = Bounds { bytes: 1, ..Bounds::default() };
    let error = template.render(&set, &json!({"user": "a"}).into(), &bounds).unwrap_err();
    assert_eq!(error.message, "it prints more than 1 bytes");
    assert_eq!(error.place, "routes.yaml:1:27");
}

#[test]
fn a_name_of_a_list_is_null() {
    let (template, set, _) = compile(&json!({
        "path": "{{user.x}}", "call": "{{default user.x 1}}", "text": "x{{user.x}}",
    }));
    let value = template.render(&set, &json!({"user": [2]}).into(), &Bounds::default()).unwrap();
    assert_eq!(value, json!({"path": null, "call": 1, "text": "x"}));
}
