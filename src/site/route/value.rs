//! A parameter's text → the one text by which equal values are written → the value.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::config::ParamType;

/// The one text by which equal values of a type are written; nothing where it is none of them.
pub(super) fn canonical(kind: ParamType, value: &str) -> Option<Cow<'_, str>> {
    match kind {
        ParamType::String => Some(Cow::Borrowed(value)),
        ParamType::Bool => matches!(value, "true" | "false").then_some(Cow::Borrowed(value)),
        ParamType::Int => {
            let number: i64 = plain_number(value)?.parse().ok()?;
            let digits = value.strip_prefix('-').unwrap_or(value);
            let shortest = value == "0" || !digits.starts_with('0');
            Some(if shortest { Cow::Borrowed(value) } else { Cow::Owned(number.to_string()) })
        }
        ParamType::Number => {
            let number: f64 = plain_number(value)?.parse().ok().filter(|n: &f64| n.is_finite())?;
            // Neither -0 nor 300 digits: what is very large or small is written with an exponent.
            let size = number.abs();
            let text = match size {
                0.0 => "0".to_owned(),
                1e-6..1e21 => number.to_string(),
                _ => format!("{number:e}"),
            };
            Some(Cow::Owned(text))
        }
    }
}

/// Rust's parsers also take `+1`, `inf` and `nan`.
fn plain_number(value: &str) -> Option<&str> {
    let digit = value.strip_prefix('-').unwrap_or(value).bytes().next()?;
    (digit.is_ascii_digit() || digit == b'.').then_some(value)
}

/// A canonical text as the value that it is.
pub(super) fn json_of(kind: ParamType, text: &str) -> Value {
    let number = match kind {
        ParamType::String => None,
        ParamType::Bool => return Value::Bool(text == "true"),
        ParamType::Int => text.parse::<i64>().ok().map(Number::from),
        // A whole number is written without `.0`, so it is one for JSON too.
        ParamType::Number => match text.parse::<i64>() {
            Ok(whole) => Some(Number::from(whole)),
            Err(_) => text.parse().ok().and_then(Number::from_f64),
        },
    };
    number.map_or_else(|| Value::from(text), Value::Number)
}
