//! Characters that look like a space, or like nothing, where they change what a file means.

use crate::diagnostic::{Code, Diagnostic, Span};

/// Whether a character cannot be told from a space, or cannot be seen. Joiners, which languages
/// and pictures are written with, are none.
pub(crate) fn is_invisible(c: char) -> bool {
    looks_like_space(c) || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn looks_like_space(c: char) -> bool {
    !c.is_ascii() && c.is_whitespace()
}

/// Names the first such character in the text of `span`.
pub(crate) fn named(span: &Span) -> Option<Diagnostic> {
    let (at, found) = span.text().char_indices().find(|(_, c)| is_invisible(*c))?;
    Some(at_offset(span, at, found))
}

/// Names the first such character outside quotes and comments in the lines that `span` begins and
/// ends in, or in the line above.
pub(crate) fn near(span: &Span) -> Option<Diagnostic> {
    let file = span.file();
    let line = file.line_around(span.range().start);
    let above = file.line_around(line.start.saturating_sub(1));
    [line, above].into_iter().find_map(|line| {
        let line = Span::new(file, line);
        let (at, found) = outside_quotes(line.text()).find(|(_, c)| is_invisible(*c))?;
        Some(at_offset(&line, at, found))
    })
}

fn outside_quotes(line: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut before, mut is_comment) = (None, ' ', false);
    line.char_indices().filter(move |(_, c)| {
        match quote {
            Some(open) if open == *c => quote = None,
            None if matches!(c, '"' | '\'') && !before.is_alphanumeric() => quote = Some(*c),
            None if *c == '#' && before.is_whitespace() => is_comment = true,
            _ => {}
        }
        before = *c;
        quote.is_none() && !is_comment
    })
}

/// The character `found`, `at` bytes into `span`.
fn at_offset(span: &Span, at: usize, found: char) -> Diagnostic {
    let text = span.text();
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let is_word = |c: char| !c.is_whitespace() && !is_invisible(c) && !"\"':,[]{}".contains(c);
    let after = after.trim_start_matches(is_invisible);
    let next: String = after.chars().take_while(|c| is_word(*c)).take(40).collect();
    let last = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
    let place = match (next.as_str(), last) {
        ("", "") => "here".to_owned(),
        ("", last) => format!("after `{last}`"),
        (next, _) => format!("before `{next}`"),
    };
    let (looks, help) = if looks_like_space(found) {
        ("looks like a space", "write a space instead, or quote the text if it is meant")
    } else {
        ("cannot be seen", "remove it, or quote the text if it is meant")
    };
    let start = span.range().start + at;
    let place_of = Span::new(span.file(), start..start + found.len_utf8());
    let message = format!("U+{:04X} {place} {looks}", u32::from(found));
    Diagnostic::new(Code::InvisibleCharacter, message, &place_of).help(help)
}
