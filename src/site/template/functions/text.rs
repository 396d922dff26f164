//! Helpers that write text.

use std::fmt::Write as _;

use percent_encoding::utf8_percent_encode;
use pulldown_cmark::{Options, Parser, html};
use serde_json::Value;

use super::{Args, kind};
use crate::site::route::RESERVED;

/// JSON in which nothing ends a `<script>` or a single-quoted attribute, and which is JavaScript.
pub(super) fn json(args: &Args<'_>) -> Result<Value, String> {
    let plain = serde_json::to_string(args.get(0)).map_err(|why| why.to_string())?;
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            _ => safe.push(c),
        }
    }
    Ok(Value::String(safe))
}

/// `CommonMark` with tables, strikethrough and footnotes.
pub(super) fn markdown(args: &Args<'_>) -> Result<Value, String> {
    let Some(text) = plain(args.get(0))? else { return Ok(Value::Null) };
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut out = String::new();
    html::push_html(&mut out, Parser::new_ext(&text, options));
    Ok(Value::String(out))
}

pub(super) fn upper(args: &Args<'_>) -> Result<Value, String> {
    Ok(plain(args.get(0))?.map_or(Value::Null, |text| text.to_uppercase().into()))
}

pub(super) fn lower(args: &Args<'_>) -> Result<Value, String> {
    Ok(plain(args.get(0))?.map_or(Value::Null, |text| text.to_lowercase().into()))
}

pub(super) fn urlencode(args: &Args<'_>) -> Result<Value, String> {
    let encode = |text: String| utf8_percent_encode(&text, RESERVED).to_string().into();
    Ok(plain(args.get(0))?.map_or(Value::Null, encode))
}

/// A scalar as text; nothing of an absent one.
fn plain(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(_) | Value::Object(_) => Err(format!("takes text, not {}", kind(value))),
    }
}
