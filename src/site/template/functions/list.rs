//! Helpers that choose among values, and count. What is no list is one without items.

use std::borrow::Cow;
use std::collections::HashMap;

use handlebars::JsonTruthy as _;
use serde_json::{Value, json};

use super::Args;
use super::compare::{SortKey, number, same, text};

pub(super) fn default(args: &Args<'_>) -> Value {
    let first = args.get(0);
    let empty = first.is_null() || first.as_str().is_some_and(str::is_empty);
    if empty { args.get(1).clone() } else { first.clone() }
}

pub(super) fn find(args: &Args<'_>) -> Value {
    let field = field_name(args);
    let item = items(args.get(0)).iter().find(|item| same(field_of(item, &field), args.get(2)));
    item.cloned().unwrap_or_default()
}

pub(super) fn filter(args: &Args<'_>) -> Value {
    let field = field_name(args);
    let keep = |item: &&Value| match args.list.get(2) {
        Some(value) => same(field_of(item, &field), value),
        None => field_of(item, &field).is_truthy(false),
    };
    items(args.get(0)).iter().filter(keep).cloned().collect()
}

pub(super) fn sort(args: &Args<'_>) -> Value {
    let field = field_name(args);
    let (field, falling) = match field.strip_prefix('-') {
        Some(field) => (field, true),
        None => (&*field, args.desc),
    };
    let keyed = |item| (SortKey::of(field_of(item, field)), item);
    let mut sorted: Vec<(SortKey<'_>, &Value)> = items(args.get(0)).iter().map(keyed).collect();
    sorted.sort_by(|(one, _), (other, _)| one.order(other, falling));
    sorted.into_iter().map(|(_, item)| item.clone()).collect()
}

pub(super) fn reverse(args: &Args<'_>) -> Value {
    items(args.get(0)).iter().rev().cloned().collect()
}

pub(super) fn slice(args: &Args<'_>) -> Value {
    let bounds = |count: usize| {
        let from = index(args.get(1), count)?;
        let to = match args.get(2) {
            Value::Null => count,
            to => index(to, count)?,
        };
        Some((from, to.saturating_sub(from)))
    };
    match args.get(0) {
        Value::String(text) => {
            let (from, count) = bounds(text.chars().count()).unwrap_or_default();
            Value::String(text.chars().skip(from).take(count).collect())
        }
        list => {
            let list = items(list);
            let (from, count) = bounds(list.len()).unwrap_or_default();
            list.iter().skip(from).take(count).cloned().collect()
        }
    }
}

/// In order of the first item of each; a number and a text that reads as it are one group. Where
/// the field is a list, its item is in the group of each value in it.
pub(super) fn group(args: &Args<'_>) -> Value {
    let field = field_name(args);
    let mut groups: Vec<(&Value, Vec<Value>)> = Vec::new();
    // What is equal has the same text here; what has the same text need not be equal.
    let mut found: HashMap<String, Vec<usize>> = HashMap::new();
    for item in items(args.get(0)) {
        let value = field_of(item, &field);
        let mut own: Vec<usize> = Vec::new();
        for key in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let rough = match number(key) {
                Some(number) => number.as_f64().unwrap_or_default().to_string(),
                None => text(key).map_or_else(|| key.to_string(), Cow::into_owned),
            };
            let alike = found.entry(rough).or_default();
            let known = alike.iter().copied().find(|at| same(groups[*at].0, key));
            let at = known.unwrap_or_else(|| {
                alike.push(groups.len());
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            // A value that is in the list twice is one.
            if !own.contains(&at) {
                groups[at].1.push(item.clone());
                own.push(at);
            }
        }
    }
    groups.into_iter().map(|(key, items)| json!({ "key": key, "items": items })).collect()
}

pub(super) fn contains(args: &Args<'_>) -> Value {
    let part = args.get(1);
    Value::Bool(match args.get(0) {
        Value::Array(list) => list.iter().any(|item| same(item, part)),
        Value::Object(map) => text(part).is_some_and(|key| map.contains_key(&*key)),
        value => text(value).zip(text(part)).is_some_and(|(text, part)| text.contains(&*part)),
    })
}

pub(super) fn len(args: &Args<'_>) -> Value {
    Value::from(match args.get(0) {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    })
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The name of the field that decides; empty for the items themselves.
fn field_name<'a>(args: &'a Args<'_>) -> Cow<'a, str> {
    text(args.get(1)).unwrap_or_default()
}

/// The value below `item` that dots lead to; the item itself for an empty name.
fn field_of<'v>(item: &'v Value, field: &str) -> &'v Value {
    let mut value = item;
    for name in field.split('.').filter(|name| !name.is_empty()) {
        let below = match value {
            Value::Array(list) => name.parse::<usize>().ok().and_then(|index| list.get(index)),
            value => value.get(name),
        };
        value = below.unwrap_or(&Value::Null);
    }
    value
}

/// An index from the start, within `count`; nothing of what is no whole number.
fn index(value: &Value, count: usize) -> Option<usize> {
    let at = number(value)?.as_i64()?;
    let back = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    Some(if at < 0 { count.saturating_sub(back) } else { back.min(count) })
}
