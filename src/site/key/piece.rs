//! What a key is made of, and how each piece is written.

use super::facts::{Facts, cookies};
use super::inputs::{InputName, Names};
use super::write::{ABSENT, push_digest, push_part, push_value};

/// A piece of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This text.
    Text(String),
    /// The path.
    Path,
    /// `?a=1&b=2`: those of these parameters that there are.
    Query(Names),
    /// `a=1&b=2`: all of the query.
    WholeQuery,
    /// `#name=value` of those of these headers that there are.
    HeaderMarks(Names),
    /// `#cookies.name=digest` of those of these cookies that there are.
    CookieMarks(Names),
    /// `#language=no`, where there is one.
    LanguageMark,
    /// The value of one input, `~` where it is absent.
    Value(InputName),
}

impl Piece {
    /// The inputs that it tells apart.
    pub(super) fn inputs(&self) -> Vec<InputName> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Path => vec![InputName::Path],
            Self::Query(names) => names.inputs(InputName::Query, InputName::AllQuery),
            Self::WholeQuery => vec![InputName::AllQuery],
            Self::HeaderMarks(names) => names.inputs(InputName::Header, InputName::AllHeaders),
            Self::CookieMarks(names) => names.inputs(InputName::Cookie, InputName::AllCookies),
            Self::LanguageMark => vec![InputName::Language],
            Self::Value(input) => vec![input.clone()],
        }
    }

    /// Appends what the piece is for a request.
    pub(super) fn push(&self, facts: &Facts<'_>, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Path => push_part(out, |out| facts.path.push_canonical(out)),
            Self::Query(Names::Some(names)) => {
                let there = names
                    .iter()
                    .filter_map(|name| facts.query.get(name).map(|value| (name.as_str(), value)));
                push_pairs(out, "?", there);
            }
            Self::Query(Names::All) => push_pairs(out, "?", facts.query.pairs()),
            Self::WholeQuery => push_pairs(out, "", facts.query.pairs()),
            Self::HeaderMarks(Names::Some(names)) => {
                for name in names {
                    push_header_mark(out, facts, name);
                }
            }
            Self::HeaderMarks(Names::All) => {
                let mut names = facts.headers.names();
                names.sort();
                names.dedup();
                for name in &names {
                    push_header_mark(out, facts, name);
                }
            }
            Self::CookieMarks(names) => push_cookie_marks(out, facts, names),
            Self::LanguageMark => {
                if let Some(language) = facts.language {
                    out.push_str("#language=");
                    push_value(out, language);
                }
            }
            Self::Value(input) => push_input(out, facts, input),
        }
    }
}

fn push_pairs<'f>(out: &mut String, first: &str, pairs: impl Iterator<Item = (&'f str, &'f str)>) {
    let mut separator = first;
    for (name, value) in pairs {
        out.push_str(separator);
        push_value(out, name);
        out.push('=');
        push_value(out, value);
        separator = "&";
    }
}

fn push_header_mark(out: &mut String, facts: &Facts<'_>, name: &str) {
    let Some(value) = facts.headers.get(name) else { return };
    out.push('#');
    // A header that is called like another mark says that it is one.
    if name == "language" || name.starts_with("cookies.") || name.starts_with("headers.") {
        out.push_str("headers.");
    }
    push_value(out, name);
    out.push('=');
    push_header(out, name, &value);
}

/// A header's value; of those that tell who somebody is, only the digest.
fn push_header(out: &mut String, name: &str, value: &str) {
    match name {
        "cookie" | "authorization" | "proxy-authorization" => push_digest(out, value),
        _ => push_value(out, value),
    }
}

fn push_cookie_marks(out: &mut String, facts: &Facts<'_>, names: &Names) {
    let Some(header) = facts.headers.get("cookie") else { return };
    let mut list: Vec<_> = cookies(&header).filter(|(name, _)| names.contains(name)).collect();
    // Stable: of several of one name the first one stays the first.
    list.sort_by_key(|(name, _)| *name);
    list.dedup_by_key(|(name, _)| *name);
    for (name, value) in list {
        out.push_str("#cookies.");
        push_value(out, name);
        out.push('=');
        push_digest(out, value);
    }
}

fn push_input(out: &mut String, facts: &Facts<'_>, input: &InputName) {
    let written = match input {
        InputName::Query(name) => facts.query.get(name).map(|value| push_value(out, value)),
        InputName::Param(name) => facts.params.get(name).map(|value| push_value(out, value)),
        InputName::Language => facts.language.map(|value| push_value(out, value)),
        InputName::Header(name) => {
            facts.headers.get(name).map(|value| push_header(out, name, &value))
        }
        InputName::Cookie(name) => facts.cookie(name).map(|value| push_digest(out, &value)),
        // These are pieces of their own.
        InputName::Path
        | InputName::AllQuery
        | InputName::AllHeaders
        | InputName::AllCookies
        | InputName::AllParams => None,
    };
    if written.is_none() {
        out.push_str(ABSENT);
    }
}
