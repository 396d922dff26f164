//! The one rule by which helpers compare values.
//!
//! A value reads as a number if it is one, or a text that is one by JSON's grammar: `10`, `-1.5`,
//! `1e3`, not `007`, `+1`, ` 1` or `0x1`. What a visitor writes and what CSV holds is text, what
//! YAML and JSON hold may be numbers: so a number equals the text that reads as it, and two texts
//! are equal only as written.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::Args;

/// Whether the first argument and the second are in an order that is wanted.
pub(super) fn ordered(args: &Args<'_>, wanted: fn(Ordering) -> bool) -> Value {
    let (one, other) = (args.get(0), args.get(1));
    let order = match (number(one), number(other)) {
        (Some(one), Some(other)) => Some(by_size(&one, &other)),
        _ => text(one).zip(text(other)).map(|(one, other)| one.cmp(&other)),
    };
    order.is_some_and(wanted).into()
}

/// The number that a value reads as.
pub(super) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A scalar as text; nothing of what is absent, a list or a mapping.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether two values are equal: by number if one is a number and the other reads as one, else as
/// text; lists and mappings as they stand.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    if (one.is_number() || other.is_number())
        && let (Some(one), Some(other)) = (number(one), number(other))
    {
        return by_size(&one, &other).is_eq();
    }
    match (text(one), text(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Numbers by their size; whole ones that no float tells apart, too.
pub(super) fn by_size(one: &Number, other: &Number) -> Ordering {
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    let rough = float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal);
    rough.then_with(|| whole(one).cmp(&whole(other)))
}

/// A number without a fraction; nothing of another, which equals no whole one.
fn whole(number: &Number) -> Option<i128> {
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e30)?;
        format!("{float:.0}").parse().ok()
    })
}

/// What an item is sorted by: numbers come first, then texts, then lists and mappings, which stay
/// as they stood, and what is absent is last.
#[derive(Debug)]
pub(super) enum SortKey<'v> {
    Number(Number),
    Text(Cow<'v, str>),
    Other,
    Absent,
}

impl<'v> SortKey<'v> {
    pub(super) fn of(value: &'v Value) -> Self {
        match (number(value), text(value)) {
            (Some(number), _) => Self::Number(number),
            (None, Some(text)) => Self::Text(text),
            (None, None) if value.is_null() => Self::Absent,
            (None, None) => Self::Other,
        }
    }

    /// The order of two items; with `falling` the greatest number and the last text comes first.
    pub(super) fn order(&self, other: &Self, falling: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Number(one), Self::Number(other)) => by_size(one, other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => return self.rank().cmp(&other.rank()),
        };
        if falling { order.reverse() } else { order }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Other => 2,
            Self::Absent => 3,
        }
    }
}
