//! Helpers about time.

use jiff::fmt::strtime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};
use serde_json::Value;

use super::{Args, kind};

/// Formats a date. A date without an offset, or seconds, are UTC; an offset is kept as written.
pub(super) fn date(args: &Args<'_>) -> Result<Value, String> {
    let format = match args.list.get(1) {
        None | Some(Value::Null) => "%Y-%m-%d",
        Some(Value::String(format)) => format.as_str(),
        Some(other) => return Err(format!("takes a format in text, not {}", kind(other))),
    };
    let (moment, offset) = match args.get(0) {
        Value::Null => return Ok(Value::Null),
        Value::String(text) if text.is_empty() => return Ok(Value::Null),
        Value::String(text) => parse(text)?,
        Value::Number(seconds) => (from_seconds(seconds)?, Offset::UTC),
        other => return Err(format!("takes a date, not {}", kind(other))),
    };
    let zoned = moment.to_zoned_datetime(TimeZone::fixed(offset));
    strtime::format(format, &zoned)
        .map(Value::String)
        .map_err(|why| format!("cannot format by `{format}`: {why}"))
}

fn parse(text: &str) -> Result<(Timestamp, Offset), String> {
    if let Ok(seconds) = text.parse::<i64>() {
        return from_seconds(&seconds.into()).map(|moment| (moment, Offset::UTC));
    }
    let refused = || format!("takes a date like 2026-01-31 or 2026-01-31T12:00:00Z, not `{text}`");
    let pieces = Pieces::parse(text).map_err(|_| refused())?;
    let time = pieces.time().unwrap_or(civil::Time::midnight());
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let moment = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| refused())?;
    Ok((moment, offset))
}

fn from_seconds(seconds: &serde_json::Number) -> Result<Timestamp, String> {
    let refused = || format!("takes seconds since 1970, and {seconds} is out of range");
    if let Some(whole) = seconds.as_i64() {
        return Timestamp::from_second(whole).map_err(|_| refused());
    }
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds.as_f64().unwrap_or(f64::NAN));
    duration.and_then(Timestamp::from_duration).map_err(|_| refused())
}

/// The time: RFC 3339, UTC, milliseconds.
pub(super) fn now(args: &Args<'_>) -> Result<Value, String> {
    let moment = Timestamp::try_from(args.clock.wall());
    let moment = moment.map_err(|_| "has a clock that is out of range")?;
    Ok(Value::String(format!("{moment:.3}")))
}
