//! What a parameter of a path matches.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

/// How many parameters a path may have.
pub(crate) const MAX_PARAMS: usize = 12;

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathParam {
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
    /// The words that may follow the colon, and what each asks for.
    pub(super) const WORDS: [(&str, Self); 4] =
        [("uuid", Self::Uuid), ("date", Self::Date), ("int", Self::Int), ("slug", Self::Slug)];

    /// The kind that `{name:WORD}` asks for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, kind)| kind)
    }

    /// Whether `text`, decoded, is of this kind.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(text.as_bytes()),
            Self::Date => is_date(text),
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
    /// The word: `int`; `text` for those that have none in a pattern.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, kind)| kind == self);
        out.write_str(word.map_or("text", |(word, _)| word))
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A day of the calendar in the one form that is meant: the parser takes others too.
fn is_date(text: &str) -> bool {
    let form = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(form) && text.parse::<Date>().is_ok()
}

fn is_int(text: &str) -> bool {
    // Rust's own parser also takes a `+`, which means nothing in a path.
    !text.starts_with('+') && text.parse::<i64>().is_ok()
}
