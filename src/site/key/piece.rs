//! What a key is made of, and how each piece is written.

use super::facts::Facts;
use super::inputs::{InputKind, InputName};
use super::write::{ABSENT, push_digest, push_part, push_value};

/// A piece of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This text.
    Text(String),
    /// The path.
    Path,
    /// `?a=1&b=2`: those of these parameters that there are.
    Query(Vec<String>),
    /// `a=1&b=2`: all of the query, after this text where it is not empty.
    WholeQuery(&'static str),
    /// `#name=value` of a header, `#cookies.name=digest`, `#language=no`, where there is one.
    Mark(InputName),
    /// The value of one input, `~` where it is absent.
    Value(InputName),
}

impl Piece {
    /// The inputs that it tells apart.
    pub(super) fn inputs(&self) -> Vec<InputName> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Path => vec![InputKind::Path.all()],
            Self::Query(names) => names.iter().map(|name| InputKind::Query.named(name)).collect(),
            Self::WholeQuery(_) => vec![InputKind::Query.all()],
            Self::Mark(input) | Self::Value(input) => vec![input.clone()],
        }
    }

    /// Appends what the piece is for a request.
    pub(super) fn push(&self, facts: &Facts<'_>, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Path => push_part(out, |out| facts.path.push_canonical(out)),
            Self::Query(names) => {
                let names = names.iter().map(String::as_str);
                let there = names.filter_map(|name| Some((name, facts.query.get(name)?)));
                push_pairs(out, "?", there);
            }
            Self::WholeQuery(before) => push_pairs(out, before, facts.query.pairs()),
            Self::Mark(InputName { kind, name: None }) if kind.is_named() => {
                for (name, value) in facts.all(*kind) {
                    push_mark(out, *kind, &name, &value);
                }
            }
            Self::Mark(input) => {
                if let Some(value) = facts.get(input) {
                    push_mark(out, input.kind, own_name(input), &value);
                }
            }
            Self::Value(input) => match facts.get(input) {
                Some(value) => push_text(out, input.kind, own_name(input), &value),
                None => out.push_str(ABSENT),
            },
        }
    }
}

fn own_name(input: &InputName) -> &str {
    input.name.as_deref().unwrap_or(input.kind.word())
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

fn push_mark(out: &mut String, kind: InputKind, name: &str, value: &str) {
    out.push('#');
    let is_like_mark = ["cookies.", "headers."].iter().any(|mark| name.starts_with(mark));
    match kind {
        InputKind::Cookies => out.push_str("cookies."),
        // A header that is called like another mark says that it is one.
        InputKind::Headers if is_like_mark || name == "language" => out.push_str("headers."),
        _ => {}
    }
    push_value(out, name);
    out.push('=');
    push_text(out, kind, name, value);
}

/// The value of an input; of one that tells who somebody is, only the digest.
fn push_text(out: &mut String, kind: InputKind, name: &str, value: &str) {
    match (kind, name) {
        (InputKind::Cookies, _)
        | (InputKind::Headers, "cookie" | "authorization" | "proxy-authorization") => {
            push_digest(out, value);
        }
        _ => push_value(out, value),
    }
}
