//! Helpers about time.

use jiff::fmt::strtime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};
use serde_json::{Number, Value};

use super::Args;
use super::compare::number;

/// Formats a date. A date without an offset, or seconds, are UTC; an offset is kept as written.
/// What is no date gives nothing.
pub(super) fn date(args: &Args<'_>) -> Value {
    let format = args.get(1).as_str().unwrap_or("%Y-%m-%d");
    let written = || {
        let (moment, offset) = moment(args.get(0))?;
        strtime::format(format, &moment.to_zoned_datetime(TimeZone::fixed(offset))).ok()
    };
    written().map_or(Value::Null, Value::String)
}

/// Whether `date` makes something of a value.
pub(in super::super) fn is_date(value: &Value) -> bool {
    moment(value).is_some()
}

/// What is wrong with a format, in words.
pub(in super::super) fn refuses_format(format: &str) -> Option<&'static str> {
    if !format.contains('%') {
        return Some("has no `%`, and is printed as it stands");
    }
    let any = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    strtime::format(format, &any).is_err().then_some("is no strftime format")
}

fn moment(value: &Value) -> Option<(Timestamp, Offset)> {
    if let Some(seconds) = number(value) {
        return from_seconds(&seconds).map(|moment| (moment, Offset::UTC));
    }
    let pieces = Pieces::parse(value.as_str()?).ok()?;
    let time = pieces.time().unwrap_or(civil::Time::midnight());
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let moment = offset.to_timestamp(pieces.date().to_datetime(time)).ok()?;
    Some((moment, offset))
}

fn from_seconds(seconds: &Number) -> Option<Timestamp> {
    if let Some(whole) = seconds.as_i64() {
        return Timestamp::from_second(whole).ok();
    }
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds.as_f64()?);
    duration.and_then(Timestamp::from_duration).ok()
}

/// The time: RFC 3339, UTC, milliseconds.
pub(super) fn now(args: &Args<'_>) -> Value {
    let moment = Timestamp::try_from(args.clock.wall());
    moment.map_or(Value::Null, |moment| Value::String(format!("{moment:.3}")))
}
