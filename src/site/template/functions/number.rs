//! Helpers that compute. What is no number gives nothing.

use serde_json::{Number, Value};

use super::Args;
use super::compare::number;

/// The digits after the point that a double has at most.
const DIGITS: i32 = 15;

/// The quotient of whole numbers where it is whole too.
pub(super) fn exact_quotient(one: i64, other: i64) -> Option<i64> {
    (one.checked_rem(other)? == 0).then_some(one)?.checked_div(other)
}

pub(super) fn round(args: &Args<'_>) -> Value {
    let Some(value) = number(args.get(0)) else { return Value::Null };
    let digits = number(args.get(1)).and_then(|digits| digits.as_i64()).unwrap_or_default();
    if value.as_f64().is_some() && value.is_i64() && digits >= 0 {
        return Value::Number(value);
    }
    let digits = i32::try_from(digits).unwrap_or(DIGITS).clamp(-DIGITS, DIGITS);
    let (float, scale) = (value.as_f64().unwrap_or(f64::NAN), 10_f64.powi(digits.abs()));
    finite(match digits {
        0.. => {
            let scaled = (float * scale).round() / scale;
            // Beyond a double's digits there is nothing to round.
            if scaled.is_finite() { scaled } else { float }
        }
        _ => (float / scale).round() * scale,
    })
}

/// A new UUID, version 4.
pub(super) fn uuid(_: &Args<'_>) -> Value {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return Value::Null;
    }
    let random = u128::from_be_bytes(bytes);
    let marked = random & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{marked:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    parts.join("-").into()
}

pub(super) fn random(args: &Args<'_>) -> Value {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        return Value::Null;
    }
    let drawn = u64::from_be_bytes(bytes);
    let bound = |index: usize| number(args.get(index)).and_then(|bound| bound.as_i64());
    let (from, to) = match args.list.len() {
        0 => {
            let whole = u32::try_from(drawn >> 32).unwrap_or_default();
            return finite(f64::from(whole) / (f64::from(u32::MAX) + 1.0));
        }
        1 => (Some(0), bound(0)),
        _ => (bound(0), bound(1)),
    };
    let Some((from, to)) = from.zip(to).filter(|(from, to)| from <= to) else {
        return Value::Null;
    };
    let count = i128::from(to) - i128::from(from) + 1;
    let chosen = i128::from(from) + i128::from(drawn) % count;
    i64::try_from(chosen).map_or(Value::Null, Value::from)
}

/// What is computed of two numbers: of whole ones exactly, where that can be, else of fractions.
pub(super) fn arithmetic(
    args: &Args<'_>,
    whole: fn(i64, i64) -> Option<i64>,
    fraction: fn(f64, f64) -> f64,
) -> Value {
    let Some((one, other)) = number(args.get(0)).zip(number(args.get(1))) else {
        return Value::Null;
    };
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64())
        && let Some(result) = whole(one, other)
    {
        return result.into();
    }
    let float = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    finite(fraction(float(&one), float(&other)))
}

/// A float as a number, without `.0` where it is whole; nothing where it is none.
fn finite(float: f64) -> Value {
    let is_whole = float.fract() == 0.0 && float.abs() < 1e15;
    match format!("{float:.0}").parse::<i64>() {
        Ok(whole) if is_whole => whole.into(),
        _ => Number::from_f64(float).map_or(Value::Null, Value::Number),
    }
}
