//! Lines of a YAML text as a person sees them, for saying what the parser stumbled over, and what
//! YAML reads as something else because quotes are missing.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// One line of a file, without its end and without a byte order mark.
#[derive(Clone, Copy)]
pub(super) struct Line<'f> {
    file: &'f Arc<SourceFile>,
    /// Where it starts, in bytes.
    pub(super) start: usize,
    /// Its text.
    pub(super) text: &'f str,
    /// Where in it the byte is that was asked for.
    pub(super) at: usize,
}

impl<'f> Line<'f> {
    /// The line that the byte at `offset` is in.
    pub(super) fn around(file: &'f Arc<SourceFile>, offset: usize) -> Self {
        let range = file.line_around(offset);
        let (start, text) = (range.start, file.text.get(range).unwrap_or_default());
        Self { file, start, text, at: offset.saturating_sub(start) }
    }

    /// The lines above that say something, the nearest first.
    pub(super) fn above(self) -> impl Iterator<Item = Self> + Clone {
        let above = self.file.text.get(..self.start).unwrap_or_default();
        let lines = above.rmatch_indices('\n').map(move |(at, _)| Self::around(self.file, at));
        lines.filter(|line| !line.text.trim().is_empty() && !line.text.trim().starts_with('#'))
    }

    /// How many spaces and tabs it begins with.
    pub(super) fn indent(self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '\t']).len()
    }

    /// The column where its first key or item's key stands, from 1.
    pub(super) fn column(self) -> usize {
        self.key_start() + 1
    }

    fn key_start(self) -> usize {
        let mut at = self.indent();
        while let Some(rest) = self.text.get(at..).and_then(|text| text.strip_prefix("- ")) {
            at += 2 + rest.len() - rest.trim_start_matches(' ').len();
        }
        at
    }

    /// Its first key, where it has one.
    pub(super) fn key(self) -> Option<&'f str> {
        let text = self.text.get(self.key_start()..)?;
        let end = colon(text)?;
        Some(text.get(..end)?.trim_matches(['"', '\'']))
    }

    /// Where its value begins, counted from the start of the line, and the value with all that
    /// follows it on the line.
    pub(super) fn value(self) -> Option<(usize, &'f str)> {
        let start = self.key_start();
        let after_key = match self.text.get(start..).and_then(colon) {
            Some(end) => start + end + 1,
            None => start,
        };
        let rest = self.text.get(after_key..)?;
        let value = rest.trim_start();
        (!value.is_empty()).then(|| (after_key + rest.len() - value.len(), value))
    }

    /// Whether it is an item of a list.
    pub(super) fn is_item(self) -> bool {
        self.text.trim_start().starts_with("- ")
    }

    /// The bracket of the lines above that is still open here, looked for over 100 lines.
    pub(super) fn open_bracket_above(self) -> Option<Span> {
        let mut closed = 0_usize;
        for line in self.above().take(100) {
            for (at, bracket) in brackets(line.text).into_iter().rev() {
                match bracket {
                    '}' | ']' => closed += 1,
                    _ if closed > 0 => closed -= 1,
                    _ => return Some(line.span(at, at + 1)),
                }
            }
        }
        None
    }

    /// The place of `from..to`, bytes counted from the start of the line.
    pub(super) fn span(self, from: usize, to: usize) -> Span {
        Span::new(self.file, self.start + from..self.start + to)
    }

    /// Its place, without indentation and blanks at the end.
    pub(super) fn trimmed_span(self) -> Span {
        self.span(self.indent(), self.text.trim_end().len())
    }
}

/// The brackets of flow mappings and lists in a line, outside quotes and comments.
fn brackets(line: &str) -> Vec<(usize, char)> {
    let mut brackets = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '#') if before == ' ' => break,
            // A brace inside a plain text, as in `/{name}:`, opens nothing.
            (None, '{' | '[') if " {[,:".contains(before) => brackets.push((at, c)),
            (None, '}' | ']') if !brackets.is_empty() || line.trim_start().starts_with(c) => {
                brackets.push((at, c));
            }
            _ => {}
        }
        before = c;
    }
    brackets
}

/// Where the colon after a key is: outside quotes, before a blank or the end.
fn colon(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c));
    let start = match quote {
        Some(quote) => text.get(1..)?.find(quote)? + 2,
        None => 0,
    };
    let mut colons = text.get(start..)?.match_indices(':').map(|(at, _)| start + at);
    colons.find(|at| {
        text.get(at + 1..).is_none_or(|next| next.trim_start() != next || next.is_empty())
    })
}

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
