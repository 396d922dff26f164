//! Helpers that choose among values, and count.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Args, kind};

pub(super) fn default(args: &Args<'_>) -> Value {
    let first = args.get(0);
    let empty = first.is_null() || first.as_str().is_some_and(str::is_empty);
    if empty { args.get(1).clone() } else { first.clone() }
}

pub(super) fn find(args: &Args<'_>) -> Result<Value, String> {
    let field = field_name(args.get(1))?;
    let item = items(args.get(0))?.iter().find(|item| same(field_of(item, field), args.get(2)));
    Ok(item.cloned().unwrap_or_default())
}

pub(super) fn filter(args: &Args<'_>) -> Result<Value, String> {
    let field = field_name(args.get(1))?;
    let keep = |item: &&Value| match args.list.get(2) {
        Some(value) => same(field_of(item, field), value),
        None => handlebars::JsonTruthy::is_truthy(field_of(item, field), false),
    };
    Ok(Value::Array(items(args.get(0))?.iter().filter(keep).cloned().collect()))
}

/// Stable; nothing comes first, then booleans, numbers, text, and the rest as it stood.
pub(super) fn sort(args: &Args<'_>) -> Result<Value, String> {
    let mut sorted: Vec<&Value> = items(args.get(0))?.iter().collect();
    let field = match args.list.get(1) {
        Some(name) => field_name(name)?,
        None => "",
    };
    sorted.sort_by(|one, other| {
        let order = compare(field_of(one, field), field_of(other, field));
        if args.desc { order.reverse() } else { order }
    });
    Ok(Value::Array(sorted.into_iter().cloned().collect()))
}

pub(super) fn slice(args: &Args<'_>) -> Result<Value, String> {
    let bounds = |count: usize| -> Result<(usize, usize), String> {
        let from = index(args.get(1), count)?;
        let to = match args.list.get(2) {
            None | Some(Value::Null) => count,
            Some(to) => index(to, count)?,
        };
        Ok((from, to.saturating_sub(from)))
    };
    match args.get(0) {
        Value::Null => Ok(Value::Array(Vec::new())),
        Value::Array(list) => {
            let (from, count) = bounds(list.len())?;
            Ok(Value::Array(list.iter().skip(from).take(count).cloned().collect()))
        }
        Value::String(text) => {
            let (from, count) = bounds(text.chars().count())?;
            Ok(Value::String(text.chars().skip(from).take(count).collect()))
        }
        other => Err(format!("takes a list or text, not {}", kind(other))),
    }
}

pub(super) fn len(args: &Args<'_>) -> Value {
    Value::from(match args.get(0) {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    })
}

pub(super) fn add(args: &Args<'_>) -> Result<Value, String> {
    arithmetic(args, i64::checked_add, |one, other| one + other)
}

pub(super) fn sub(args: &Args<'_>) -> Result<Value, String> {
    arithmetic(args, i64::checked_sub, |one, other| one - other)
}

fn arithmetic(
    args: &Args<'_>,
    whole: fn(i64, i64) -> Option<i64>,
    fraction: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    let (one, other) = (number(args.get(0))?, number(args.get(1))?);
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64())
        && let Some(result) = whole(one, other)
    {
        return Ok(result.into());
    }
    let float = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    Number::from_f64(fraction(float(&one), float(&other)))
        .map(Value::Number)
        .ok_or_else(|| "has no finite result".to_owned())
}

/// A number, also one written in text, as parameters are.
fn number(value: &Value) -> Result<Number, String> {
    match value {
        Value::Number(number) => Ok(number.clone()),
        Value::String(text) => {
            text.trim().parse().map_err(|_| format!("takes numbers, not `{text}`"))
        }
        other => Err(format!("takes numbers, not {}", kind(other))),
    }
}

fn items(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Array(list) => Ok(list),
        Value::Null => Ok(&[]),
        other => Err(format!("takes a list, not {}", kind(other))),
    }
}

fn field_name(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("takes a field's name, not {}", kind(value)))
}

/// The value below `item` that dots lead to; the item itself for an empty name.
fn field_of<'v>(item: &'v Value, field: &str) -> &'v Value {
    let mut value = item;
    for name in field.split('.').filter(|name| !name.is_empty()) {
        value = value.get(name).unwrap_or(&Value::Null);
    }
    value
}

/// Equal, or a number and a text that print alike: parameters are text.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number)) => number.to_string() == *text,
        _ => one == other,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => {
            let ((one, exact), (other, other_exact)) = (size(one), size(other));
            one.total_cmp(&other).then(exact.cmp(&other_exact))
        }
        _ => rank(one).cmp(&rank(other)),
    }
}

/// What numbers are ordered by: their size, then whole ones that no float tells apart.
fn size(number: &Number) -> (f64, Option<i128>) {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    (number.as_f64().unwrap_or(0.0), whole)
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    }
}

/// An index from the start, within `count`.
fn index(value: &Value, count: usize) -> Result<usize, String> {
    let Some(at) = number(value)?.as_i64() else {
        return Err("takes whole numbers as indexes".to_owned());
    };
    let back = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(if at < 0 { count.saturating_sub(back) } else { back.min(count) })
}
