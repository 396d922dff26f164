//! Reports as text: for a person, for programs, for a CI's annotations.
//!
//! What is shown comes from files and requests, so that terminal control characters in it are made
//! visible and harmless here.

mod human;
mod programs;

pub(crate) use human::counts;
pub use human::human;
pub use programs::{github, json};

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Span;
use crate::units::is_active;

/// The text with every control character, and every sign that turns the direction of text, as a
/// visible sign of the same length in bytes: marks keep their places.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if !is_active(c) => c,
            c => match c.len_utf8() {
                1 => '?',
                2 => '¿',
                _ => '\u{fffd}',
            },
        })
        .collect()
}

/// The text with passwords in it as stars of the same length in bytes: those of addresses, and the
/// values of fields that hold nothing else. A variable's name is no secret.
fn masked(text: &str) -> String {
    static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let address = r#"(://[^\s/@"']*?:?)([^\s/@:"']+)(@)"#;
        let field = r"\b(?:authorization|admin_token|password|passwd|secret|api[-_]?key)";
        let value = r#"["']?:[ ]+["']?)([^"'\n,}$]+)()"#;
        let patterns = [address.to_owned(), format!("(?i)({field}{value}")];
        patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
    });
    let stars = |found: &Captures| [&found[1], &"*".repeat(found[2].len()), &found[3]].concat();
    SECRETS
        .iter()
        .fold(text.to_owned(), |text, secret| secret.replace_all(&text, stars).into_owned())
}

/// Line and column of a place's end, both from 1: the column after its last character.
fn end_of(span: &Span) -> (usize, usize) {
    let end = span.range().end;
    Span::new(span.file(), end..end).line_column()
}

#[cfg(test)]
mod tests;
