//! Values that YAML reads as something else because quotes are missing.

use std::sync::Arc;

use super::line::Line;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// A mapping whose key is a mapping: `{{name}}` without quotes. Gives its place and text, so that
/// the rest of the file can be read as if the quotes were there.
pub(super) fn braces(file: &Arc<SourceFile>, start: usize) -> Option<(Diagnostic, Span, String)> {
    let line = Line::around(file, start);
    let from = start - line.start;
    let value = line.text.get(from..)?;
    if !value.starts_with("{{") {
        return None;
    }
    let value = extent(line, from, value);
    let span = line.span(from, from + value.len());
    let message = "YAML reads `{{` as the start of a mapping";
    Some((needs_quotes(line, from, value, message), span, value.to_owned()))
}

/// A key that is a mapping, a list or nothing.
pub(super) fn odd_key(span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlSyntax, "a key is a text, and this is none", span)
        .help("put the key in quotes")
}

/// A value that cannot stand without quotes, and the line as it should be.
pub(super) fn needs_quotes(line: Line, from: usize, value: &str, message: &str) -> Diagnostic {
    let (before, after) = line.text.split_at_checked(from).unwrap_or((line.text, ""));
    let after = after.strip_prefix(value).unwrap_or_default();
    let mended = format!("{before}{}{after}", quoted(value));
    Diagnostic::new(Code::NeedsQuotes, message, &line.span(from, from + value.len()))
        .help(format!("put it in quotes:  {}", mended.trim()))
}

/// The value that begins at `from`: to the end of the line without a comment, or, inside braces or
/// brackets, to the comma or bracket that ends it.
pub(super) fn extent<'l>(line: Line<'l>, from: usize, value: &'l str) -> &'l str {
    let value = value.split(" #").next().unwrap_or(value).trim_end();
    if !inside_flow(line.text.get(..from).unwrap_or_default()) {
        return value;
    }
    extent_in_brackets(value)
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

/// Whether a bracket of the same line is still open.
fn inside_flow(before: &str) -> bool {
    let mut depth = 0_i32;
    let mut quote = None;
    for c in before.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            _ => {}
        }
    }
    depth > 0
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
    let file = span.file();
    let end = span.range().end;
    let written = span.text();
    if written.starts_with(['"', '\'']) || written.contains('\n') {
        return None;
    }
    let line = Line::around(file, end);
    // Nothing is placed at the colon before it.
    let end =
        if written.is_empty() && file.text.get(end..)?.starts_with(':') { end + 1 } else { end };
    let rest = line.text.get(end.checked_sub(line.start)?..)?;
    let comment = rest.strip_prefix(" #")?;
    if !comment.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let from = span.range().start.checked_sub(line.start)?;
    let from = if written.is_empty() { end - line.start + 1 } else { from };
    let value = line.text.get(from..)?.trim_end();
    let marked = line.span(end - line.start + 1, line.text.trim_end().len());
    let (before, _) = line.text.split_at_checked(from)?;
    let message = match written {
        "" => format!("the value is nothing: `#{}` is a comment", comment.trim_end()),
        written => format!("the value ends at `{written}`: what follows is a comment"),
    };
    let mended = format!("{before}{}", quoted(value));
    Some(
        Diagnostic::new(Code::CommentAte, message, &marked)
            .help(format!("put it in quotes:  {}", mended.trim())),
    )
}
