//! A server's answer → a value, by its content type.

use std::sync::Arc;

use serde_json::Value;

use super::{csv, json_numbers, json_value, yaml_value};
use crate::config::{Reading, inexact, surprises};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// What messages call it.
const NAME: &str = "the answer";

/// By what an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerType {
    Json,
    Yaml,
    Csv,
    Text,
}

impl AnswerType {
    /// By a `Content-Type`; what has none is taken for JSON. Nothing where it is of no value: a
    /// page of HTML is one of those, since it is mostly an error's.
    pub(crate) fn of(content_type: Option<&str>) -> Option<Self> {
        let Some(content_type) = content_type else { return Some(Self::Json) };
        let essence = content_type.split(';').next().unwrap_or_default();
        Some(match essence.trim().to_ascii_lowercase().as_str() {
            "text/html" => return None,
            "application/json" | "text/json" => Self::Json,
            it if it.ends_with("+json") => Self::Json,
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Self::Yaml,
            it if it.ends_with("+yaml") => Self::Yaml,
            "text/csv" | "application/csv" => Self::Csv,
            it if it.starts_with("text/") => Self::Text,
            _ => return None,
        })
    }
}

/// The value of an answer. A number that 64 bits do not hold is kept as its text.
///
/// # Errors
/// Where it is not what its type says: in words, with the place.
pub(crate) fn parse_answer(kind: AnswerType, body: Vec<u8>) -> Result<Value, String> {
    let text = String::from_utf8(body).map_err(|why| {
        let at = why.utf8_error().valid_up_to();
        format!("it is not UTF-8 from byte {at} on")
    })?;
    let source = match text.strip_prefix('\u{feff}') {
        Some(text) => SourceFile::new(NAME, text),
        None => SourceFile::new(NAME, text),
    };
    let value = match kind {
        AnswerType::Json => json_value(&quoted(&source, json_numbers(&source))),
        AnswerType::Yaml => {
            let found = surprises(&source, Reading::Data).into_iter();
            let numbers = found.filter(|found| found.code == Code::NumberInexact);
            let numbers: Vec<Span> = numbers.filter_map(|it| it.place().cloned()).collect();
            yaml_value(&quoted(&source, numbers.into_iter()))
        }
        AnswerType::Csv => csv(&source),
        AnswerType::Text => return Ok(Value::String(source.text.clone())),
    };
    value.map_err(|found| words(&found))
}

/// The text with the numbers in quotes that 64 bits do not hold.
fn quoted(source: &Arc<SourceFile>, numbers: impl Iterator<Item = Span>) -> Arc<SourceFile> {
    let inexact: Vec<Span> = numbers.filter(|it| inexact(it.text(), it).is_some()).collect();
    if inexact.is_empty() {
        return Arc::clone(source);
    }
    let mut text = String::with_capacity(source.text.len() + 2 * inexact.len());
    let mut done = 0;
    for range in inexact.iter().map(Span::range) {
        text.push_str(source.text.get(done..range.start).unwrap_or_default());
        text.push('"');
        text.push_str(source.text.get(range.clone()).unwrap_or_default());
        text.push('"');
        done = range.end;
    }
    text.push_str(source.text.get(done..).unwrap_or_default());
    SourceFile::new(NAME, text)
}

fn words(found: &Diagnostic) -> String {
    match found.place().map(Span::line_column) {
        Some((line, column)) => format!("{} (line {line}, column {column})", found.message),
        None => found.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content_type: &str, body: &str) -> Result<Value, String> {
        let kind = AnswerType::of(Some(content_type)).ok_or("no value")?;
        parse_answer(kind, body.as_bytes().to_vec())
    }

    #[test]
    fn an_answer_is_read_by_its_type() {
        for (content_type, body, expected) in [
            ("application/json; charset=utf-8", "{\"a\":[1,2.5,null]}", json!({"a":[1,2.5,null]})),
            ("application/problem+json", "\u{feff}true", json!(true)),
            ("Application/YAML", "a: [no, 1]\n", json!({"a":["no",1]})),
            ("text/csv", "a,b\n1,x\n", json!([{"a":"1","b":"x"}])),
            ("text/plain", "1", json!("1")),
        ] {
            assert_eq!(read(content_type, body), Ok(expected), "{content_type}");
        }
        assert_eq!(AnswerType::of(None), Some(AnswerType::Json));
        for content_type in ["text/html", "image/png", "application/octet-stream", ""] {
            assert_eq!(AnswerType::of(Some(content_type)), None, "{content_type}");
        }
    }

    #[test]
    fn a_number_that_64_bits_do_not_hold_is_kept_as_its_text() {
        let many = r#"{"a":12345678901234567890123,
            "b":[-9223372036854775809,1e999,18446744073709551615],
            "c":"99999999999999999999 \" 1"}"#;
        let kept = json!({
            "a": "12345678901234567890123",
            "b": ["-9223372036854775809", "1e999", 18_446_744_073_709_551_615_u64],
            "c": "99999999999999999999 \" 1",
        });
        assert_eq!(read("application/json", many), Ok(kept));
        let yaml = "a: 12345678901234567890123\nb: [.inf, 7]\n";
        let kept = json!({"a": "12345678901234567890123", "b": [".inf", 7]});
        assert_eq!(read("text/yaml", yaml), Ok(kept));
    }

    #[test]
    fn what_it_is_not_is_said_with_the_place() {
        let said = read("application/json", "{\"a\":\n oops}").unwrap_err();
        assert!(said.contains("not JSON") && said.contains("line 2"), "{said}");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read("application/json", &deep).unwrap_err().contains("recursion"));
        assert!(read("text/yaml", &deep).is_err());
        assert!(read("text/csv", "a,b\n1\n").unwrap_err().contains("1 fields"));
        assert!(parse_answer(AnswerType::Text, vec![b'a', 0xff]).unwrap_err().contains("byte 1"));
    }
}
