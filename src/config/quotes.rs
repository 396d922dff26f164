//! Values that YAML reads as something else because quotes are missing.

use std::sync::Arc;

use super::line::{Line, brackets};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// A mapping whose key is a mapping: `{{name}}` without quotes. Gives its place and text, so that
/// the rest of the file can be read as if the quotes were there.
pub(super) fn braces(file: &Arc<SourceFile>, start: usize) -> Option<(Diagnostic, Span, String)> {
    let line = Line::around(file, start);
    if !line.text.get(line.at..)?.starts_with("{{") {
        return None;
    }
    let value = extent(line, line.at);
    let span = line.span(line.at, line.at + value.len());
    Some((needs_quotes(line, line.at, BRACES), span, value.to_owned()))
}

/// What is said of `{{` at the start of a value.
pub(super) const BRACES: &str = "YAML reads `{{` as the start of a mapping";

/// A key that is a mapping, a list or nothing.
pub(super) fn odd_key(span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlSyntax, "a key is a text, and this is none", span)
        .help("put the key in quotes")
}

/// A value that cannot stand without quotes and begins at `from`, and the line as it should be.
pub(super) fn needs_quotes(line: Line, from: usize, message: &str) -> Diagnostic {
    needs_quotes_around(line, from, extent(line, from), message)
}

/// As [`needs_quotes`], of a value whose end is known.
pub(super) fn needs_quotes_around(
    line: Line,
    from: usize,
    value: &str,
    message: &str,
) -> Diagnostic {
    Diagnostic::new(Code::NeedsQuotes, message, &line.span(from, from + value.len()))
        .help(in_quotes(line, from, value))
}

/// The help that shows the line with a value of it in quotes.
fn in_quotes(line: Line, from: usize, value: &str) -> String {
    let (before, after) = line.text.split_at_checked(from).unwrap_or((line.text, ""));
    let after = after.strip_prefix(value).unwrap_or_default();
    let mended = format!("{before}{}{after}", quoted(value));
    format!("put it in quotes:  {}", mended.trim())
}

/// The value that begins at `from`: to the end of the line without a comment, or, inside braces or
/// brackets, to the comma or bracket that ends it.
fn extent(line: Line<'_>, from: usize) -> &str {
    let (before, value) = line.text.split_at_checked(from).unwrap_or_default();
    let value = value.split(" #").next().unwrap_or(value).trim_end();
    let (open, close): (Vec<_>, Vec<_>) =
        brackets(before).into_iter().partition(|(_, bracket)| ['{', '['].contains(bracket));
    if open.len() > close.len() { extent_in_brackets(value) } else { value }
}

/// The value up to the comma or bracket that ends it.
pub(super) fn extent_in_brackets(value: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in value.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth > 0 => depth -= 1,
            '}' | ']' | ',' if depth == 0 => {
                return value.get(..at).unwrap_or(value).trim_end();
            }
            _ => {}
        }
    }
    value
}

/// A text in the quotes that need the fewest changes.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// A comment that was meant as a part of the value: ` #1`, ` #fff`, with one blank before it and
/// none after the sign.
pub(super) fn comment_ate(span: &Span) -> Option<Diagnostic> {
    let written = span.text();
    if written.starts_with(['"', '\'']) || written.contains('\n') {
        return None;
    }
    let line = Line::around(span.file(), span.range().end);
    // Nothing is placed at the colon before it.
    let is_nothing = written.is_empty();
    let at_colon = is_nothing && line.text.get(line.at..)?.starts_with(':');
    let end = line.at + usize::from(at_colon);
    let comment = line.text.get(end..)?.strip_prefix(" #")?.trim_end();
    if !comment.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let from = if is_nothing { end + 1 } else { line.at.checked_sub(written.len())? };
    let value = line.text.get(from..)?.trim_end();
    let message = match written {
        "" => format!("the value is nothing: `#{comment}` is a comment"),
        written => format!("the value ends at `{written}`: what follows is a comment"),
    };
    let marked = line.span(end + 1, line.text.trim_end().len());
    let help = in_quotes(line, from, value);
    Some(Diagnostic::new(Code::CommentAte, message, &marked).help(help))
}
