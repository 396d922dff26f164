//! Reports as text: for a person, for programs, for a CI's annotations.
//!
//! What is shown comes from files and requests, so that terminal control characters in it are made
//! visible and harmless here.

mod github;
mod human;
mod json;

pub use github::github;
pub use human::human;
pub use json::json;

use std::sync::LazyLock;

use regex::Regex;

use super::{Diagnostic, Label, Span};

/// One diagnostic on one line, as logs have it.
#[must_use]
pub fn one_line(diagnostic: &Diagnostic) -> String {
    harmless(&diagnostic.to_string().replace('\n', " "))
}

/// The text with every control character, and every sign that turns the direction of text, as a
/// visible sign of the same length in bytes: marks keep their places.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{0}'..='\u{1f}' | '\u{7f}' => '?',
            '\u{80}'..='\u{9f}' | '\u{61c}' => '¿',
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            c => c,
        })
        .collect()
}

/// The text with passwords in it as stars of the same length in bytes: those of addresses, and the
/// values of fields that hold nothing else. A variable's name is no secret.
fn masked(text: &str) -> String {
    static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let address = r#"://[^\s/@"']*?:?([^\s/@:"']+)@"#;
        let field = r"(?i)\b(?:authorization|admin_token|password|passwd|secret|api[-_]?key)";
        let value = r#"["']?:[ ]+["']?([^"'\n,}$]+)"#;
        Regex::new(&format!("{address}|{field}{value}")).ok()
    });
    let Some(secrets) = SECRETS.as_ref() else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for found in secrets.captures_iter(text) {
        let Some(secret) = found.get(1).or_else(|| found.get(2)) else { continue };
        out.push_str(text.get(done..secret.start()).unwrap_or_default());
        out.push_str(&"*".repeat(secret.len()));
        done = secret.end();
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Line and column of a place's end, both from 1: the column after its last character.
fn end_of(span: &Span) -> (usize, usize) {
    let end = span.range().end;
    Span::new(span.file(), end..end).line_column()
}

/// What is said beside the marks and below the message, on lines of their own.
fn notes(diagnostic: &Diagnostic) -> Vec<String> {
    let others = diagnostic.labels.iter().skip(1).filter(|label| !label.text.is_empty());
    let mut notes: Vec<String> =
        others.map(|Label { span, text }| format!("{span}: {text}")).collect();
    notes.extend(diagnostic.help.as_ref().map(|help| format!("help: {help}")));
    notes
}

#[cfg(test)]
mod tests;
