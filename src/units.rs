//! Durations and sizes as people write them, and back; lifetimes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a render may take; it is ended then.
pub(crate) const RENDER_AT_MOST: Duration = Duration::from_secs(30);

/// The longest duration that a file may name: ten years of 365 days.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Whether a character moves a cursor, ends a line or turns the direction of reading, so that what
/// others wrote cannot be shown with it.
pub(crate) fn is_active(c: char) -> bool {
    let turns = |c| {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    c.is_control() || turns(c)
}

/// The same, or it cannot be seen: for names of which two must not look alike.
pub(crate) fn is_active_or_unseen(c: char) -> bool {
    is_active(c) || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The text with some of its characters written as `\u001b` is: in JSON, where they stand in
/// strings alone, that is the same string.
pub(crate) fn escaped(text: &str, is_meant: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_meant(c) {
            // All that are meant are of the first plane: four digits do. Writing into a String
            // cannot fail.
            let _infallible = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// What others wrote, of any number of lines, with nothing active or unseen in it.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_active_or_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// How long a route's responses live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// How long they are fresh; `None`: not stored at all.
    pub ttl: Option<Duration>,
    /// How long after the end of `ttl` the old one is served while a new one is made.
    pub stale_while_revalidate: Duration,
    /// How long after the end of `ttl` the old one is served where a render fails.
    pub stale_if_error: Duration,
}

impl Lifetime {
    /// Fresh for `ttl`, never stale.
    #[must_use]
    pub fn of(ttl: Duration) -> Self {
        let none = Duration::ZERO;
        Self { ttl: Some(ttl), stale_while_revalidate: none, stale_if_error: none }
    }
}

/// Why a text is no duration or size; its words complete `` `text` … ``.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitError {
    /// No number with a unit at all.
    Malformed,
    /// Zero, where nothing is meant by it.
    Zero,
    /// Below zero.
    Negative,
    /// A fraction.
    Fraction,
    /// Beyond the bound.
    TooLarge,
}

impl UnitError {
    /// What a person should write instead of a lifetime like this.
    pub(crate) fn lifetime_help(self) -> &'static str {
        match self {
            Self::Malformed => "write 30s, 5m, 1h30m, 2d or `off`",
            Self::Zero => "write `off` for none",
            Self::Negative => "a lifetime is not negative; write `off` for none",
            other => other.duration_help(),
        }
    }

    /// What a person should write instead of a duration like this, which cannot be `off`.
    pub(crate) fn duration_help(self) -> &'static str {
        match self {
            Self::Malformed => "write 500ms, 30s, 5m or 1h30m",
            Self::Zero => "write more than nothing, or remove the field",
            Self::Negative => "a duration is not negative",
            Self::Fraction => "write whole numbers: 1h30m rather than 1.5h, 500ms rather than 0.5",
            Self::TooLarge => "ten years (10y) is the longest",
        }
    }

    /// What a person should write instead of a size like this.
    pub(crate) fn size_help(self) -> &'static str {
        match self {
            Self::Malformed => "write 64KiB, 256MiB, 1GiB or a number of bytes",
            Self::Zero => "write at least 1",
            Self::Negative => "a size is not negative",
            Self::Fraction => "write whole numbers: 1536KiB rather than 1.5MiB",
            Self::TooLarge => "1024GiB is the largest",
        }
    }
}

/// Units of time, largest first, in milliseconds.
const TIMES: [(&str, u64); 7] = [
    ("y", 365 * 24 * 60 * 60 * 1000),
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// Units of size, largest first, in bytes.
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The largest size that a file may name, in bytes: 1 TiB.
pub(crate) const MAX_SIZE: u64 = 1 << 40;

/// A lifetime: `300` (seconds), `30s`, `5m`, `1h30m`, `2d`, `1y`; nothing for `off`.
///
/// # Errors
/// Zero is refused (`off` says it), so are negative, fractional and huge ones.
pub(crate) fn parse_ttl(text: &str) -> Result<Option<Duration>, UnitError> {
    if text == "off" { Ok(None) } else { parse_duration(text).map(Some) }
}

/// A duration that is more than nothing: like [`parse_ttl`], without `off`.
///
/// # Errors
/// As [`parse_ttl`].
pub(crate) fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let text = refuse_signs(text)?;
    if let (seconds, "") = split_number(text)? {
        return bounded(seconds.checked_mul(1000));
    }
    let mut millis = Some(0_u64);
    let (mut rest, mut units) = (text, TIMES.as_slice());
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let unit_len = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_len).ok_or(UnitError::Malformed)?;
        // Each unit once, from the largest down: `30m1h` is more likely a slip than a wish.
        let at = units.iter().position(|(name, _)| *name == unit).ok_or(UnitError::Malformed)?;
        let (_, size) = units[at];
        units = &units[at + 1..];
        millis = number.checked_mul(size).and_then(|part| millis?.checked_add(part));
        rest = next;
    }
    bounded(millis)
}

fn bounded(millis: Option<u64>) -> Result<Duration, UnitError> {
    match millis.map(Duration::from_millis) {
        Some(Duration::ZERO) => Err(UnitError::Zero),
        Some(duration) if duration <= MAX_DURATION => Ok(duration),
        _ => Err(UnitError::TooLarge),
    }
}

/// A size in bytes: `256MiB`, `1GiB`, `64KiB`, `4096`.
///
/// # Errors
/// Zero, negative, fractional and huge ones are refused, and so are `MB` and `M`, which mean one
/// thing to some and another to others.
pub(crate) fn parse_size(text: &str) -> Result<u64, UnitError> {
    let text = refuse_signs(text)?;
    let (number, unit) = split_number(text)?;
    let unit = if unit.is_empty() { "B" } else { unit.trim_start() };
    let (_, size) = SIZES.iter().find(|(name, _)| *name == unit).ok_or(UnitError::Malformed)?;
    match number.checked_mul(*size) {
        Some(0) => Err(UnitError::Zero),
        Some(bytes) if bytes <= MAX_SIZE => Ok(bytes),
        _ => Err(UnitError::TooLarge),
    }
}

/// The text without blanks around it, unless it is negative or a fraction.
fn refuse_signs(text: &str) -> Result<&str, UnitError> {
    let text = text.trim();
    let digit = |c: char| c.is_ascii_digit();
    if text.strip_prefix('-').is_some_and(|rest| rest.starts_with(digit)) {
        return Err(UnitError::Negative);
    }
    let fraction =
        |(before, after): (&str, &str)| before.ends_with(digit) && after.starts_with(digit);
    if text.split_once(['.', ',']).is_some_and(fraction) {
        return Err(UnitError::Fraction);
    }
    if text.is_empty() { Err(UnitError::Malformed) } else { Ok(text) }
}

/// The digits at the start as a number, and the rest.
fn split_number(text: &str) -> Result<(u64, &str), UnitError> {
    let len = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let parts = text.split_at_checked(len).filter(|(number, _)| !number.is_empty());
    let (number, rest) = parts.ok_or(UnitError::Malformed)?;
    Ok((number.parse().map_err(|_| UnitError::TooLarge)?, rest))
}

/// A duration for people, in its two largest units: `5m`, `1h 30m`, `2d`, `350ms`, `0s`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    // Weeks are understood but not shown: `14d` reads better than `2w`.
    for (unit, size) in TIMES.into_iter().filter(|(unit, _)| *unit != "w") {
        let count = millis / size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
        millis %= size;
        // The second unit follows the first at once: `1h 5s` would claim to be exact.
        if parts.len() == 2 || (parts.len() == 1 && count == 0) {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// `9,980`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 key`, `2 keys`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_long_number_stand_in_threes() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (9_980, "9,980"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_duration_is_read_in_every_form_that_the_guide_shows() {
        for (text, millis) in [
            ("300", 300_000),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
            ("1y", 31_536_000_000),
            ("100ms", 100),
            ("1m30s500ms", 90_500),
        ] {
            assert_eq!(parse_ttl(text), Ok(Some(Duration::from_millis(millis))), "{text}");
        }
        assert_eq!(parse_ttl("off"), Ok(None));
        assert_eq!(parse_duration("off"), Err(UnitError::Malformed));
    }

    #[test]
    fn what_is_no_duration_is_refused_for_its_own_reason() {
        for (text, why) in [
            ("0", UnitError::Zero),
            ("0s", UnitError::Zero),
            ("-5m", UnitError::Negative),
            ("1.5h", UnitError::Fraction),
            ("1,5h", UnitError::Fraction),
            ("0.5", UnitError::Fraction),
            ("11y", UnitError::TooLarge),
            ("99999999999999999999", UnitError::TooLarge),
            ("9999999999999y", UnitError::TooLarge),
            ("5 mins ago", UnitError::Malformed),
            ("5 m", UnitError::Malformed),
            ("m", UnitError::Malformed),
            ("", UnitError::Malformed),
            ("5M", UnitError::Malformed),
            ("30m1h", UnitError::Malformed),
            ("1m1m", UnitError::Malformed),
            ("5m3", UnitError::Malformed),
            ("never", UnitError::Malformed),
            ("٣s", UnitError::Malformed),
        ] {
            assert_eq!(parse_ttl(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_size_is_read_in_binary_units_and_bytes() {
        for (text, bytes) in [
            ("256MiB", 256 << 20),
            ("256 MiB", 256 << 20),
            ("1GiB", 1 << 30),
            ("64KiB", 64 << 10),
            ("4096", 4096),
            ("4096B", 4096),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for (text, why) in [
            ("0", UnitError::Zero),
            ("-1", UnitError::Negative),
            ("1.5MiB", UnitError::Fraction),
            ("2TiB", UnitError::TooLarge),
            ("1MB", UnitError::Malformed),
            ("big", UnitError::Malformed),
        ] {
            assert_eq!(parse_size(text), Err(why), "{text}");
        }
    }
}
