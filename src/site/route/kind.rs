//! What a parameter of a path matches.

use std::fmt;
use std::sync::Arc;

/// How many parameters a path may have.
pub(crate) const MAX_PARAMS: usize = 12;

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathParam {
    /// Its name, `[A-Za-z_][A-Za-z0-9_]*`.
    pub name: Arc<str>,
    /// What it matches.
    pub kind: ParamKind,
}

/// What the text of a path's parameter must be. The order is that of specificity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ParamKind {
    /// `{id:uuid}`: 8-4-4-4-12 hex digits of either case.
    Uuid,
    /// `{day:date}`: a day of the calendar, `2026-11-23`.
    Date,
    /// `{id:int}`: decimal digits with an optional `-`, in the range of 64 bits.
    Int,
    /// `{id:slug}`: ASCII letters, digits, `-` and `_`, at least one.
    Slug,
    /// `{name}`: any text but none.
    Text,
    /// `{*rest}`: all that is left of the path, slashes and nothing at all too.
    Rest,
}

impl ParamKind {
    /// The words that may follow the colon.
    pub const NAMES: &'static [&'static str] = &["uuid", "date", "int", "slug"];

    /// The kind that `{name:WORD}` asks for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "uuid" => Some(Self::Uuid),
            "date" => Some(Self::Date),
            "int" => Some(Self::Int),
            "slug" => Some(Self::Slug),
            _ => None,
        }
    }

    /// Whether `text`, decoded, is of this kind.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(text.as_bytes()),
            Self::Date => is_date(text.as_bytes()),
            Self::Int => is_int(text),
            Self::Slug => {
                let mark = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                !text.is_empty() && text.bytes().all(mark)
            }
            Self::Text => !text.is_empty(),
            Self::Rest => true,
        }
    }
}

impl fmt::Display for ParamKind {
    /// The word: `int`; `text` and `rest` for those that have none in a pattern.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Int => "int",
            Self::Slug => "slug",
            Self::Text => "text",
            Self::Rest => "rest",
        })
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return false };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let [y1, y2, y3, y4, m1, m2, d1, d2] = digits.map(|digit| u32::from(digit - b'0'));
    let (year, month, day) = (y1 * 1000 + y2 * 100 + y3 * 10 + y4, m1 * 10 + m2, d1 * 10 + d2);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_int(text: &str) -> bool {
    // Rust's own parser also takes a `+`, which means nothing in a path.
    !text.starts_with('+') && text.parse::<i64>().is_ok()
}
