//! Helpers that write text.

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::Args;
use super::compare::{number, text};
use crate::site::route::RESERVED;
use crate::units::escaped;

/// JSON in which nothing ends a `<script>` or a single-quoted attribute, and which is JavaScript.
pub(super) fn json(args: &Args<'_>) -> Value {
    json_of(args.get(0))
}

pub(super) fn json_of(value: &Value) -> Value {
    let plain = value.to_string();
    let is_unsafe = |c| matches!(c, '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}');
    escaped(&plain, is_unsafe).into()
}

pub(super) fn urlencode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

pub(super) fn truncate(args: &Args<'_>) -> Value {
    let length = number(args.get(1)).and_then(|length| length.as_u64());
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
    let end = text(args.get(2)).unwrap_or("…".into());
    made(args, |text| match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}{end}", text.get(..at).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    })
}

pub(super) fn replace(args: &Args<'_>) -> Value {
    let (old, new) = (text(args.get(1)).unwrap_or_default(), text(args.get(2)).unwrap_or_default());
    made(args, |text| if old.is_empty() { text.to_owned() } else { text.replace(&*old, &new) })
}

pub(super) fn split(args: &Args<'_>) -> Value {
    let (whole, separator) = (text(args.get(0)).unwrap_or_default(), text(args.get(1)));
    match separator.unwrap_or_default() {
        _ if whole.is_empty() => Value::Array(Vec::new()),
        separator if separator.is_empty() => whole.chars().map(String::from).collect(),
        separator => whole.split(&*separator).collect(),
    }
}

pub(super) fn join(args: &Args<'_>) -> Value {
    let separator = text(args.get(1)).unwrap_or(", ".into());
    match args.get(0) {
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().map(|item| text(item).unwrap_or_default()).collect();
            texts.join(&*separator).into()
        }
        value => text(value).map_or(Value::Null, Into::into),
    }
}

pub(super) fn concat(args: &Args<'_>) -> Value {
    if args.get(0).is_array() {
        let items = args.list.iter().flat_map(|value| match value {
            Value::Array(items) => items.as_slice(),
            Value::Null => &[],
            other => std::slice::from_ref(*other),
        });
        return items.cloned().collect();
    }
    args.list.iter().filter_map(|value| text(value)).collect::<String>().into()
}

/// What is made of the first argument's text; nothing of an absent one.
pub(super) fn made(args: &Args<'_>, make: impl FnOnce(&str) -> String) -> Value {
    text(args.get(0)).map_or(Value::Null, |text| make(&text).into())
}
