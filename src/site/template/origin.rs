//! Where a template's text is written: in a file of its own, or inside a YAML file.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{At, SourceFile, Span};

/// How many characters lie between two marks.
const STRIDE: usize = 64;

/// A template's text, and the way from its offsets to places in the file that holds it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The text that is compiled.
    pub(super) text: Arc<str>,
    file: Arc<SourceFile>,
    /// From this offset of the text on, this offset of the file; sorted, never empty.
    shifts: Vec<(usize, usize)>,
    /// Which character of the text each line begins with.
    lines: Vec<usize>,
    /// The offset of every [`STRIDE`]th character: a page on one line is not counted through for
    /// each of its tags.
    marks: Vec<usize>,
}

impl Origin {
    /// A template file; a byte order mark is no part of the template.
    pub(super) fn file(file: &Arc<SourceFile>) -> Self {
        let text = file.text.trim_start_matches('\u{feff}');
        let shifts = vec![(0, file.text.len() - text.len())];
        Self::new(text, Arc::clone(file), shifts)
    }

    /// A scalar of a YAML file.
    pub(super) fn scalar(scalar: &At<String>) -> Self {
        let file = Arc::clone(scalar.span.file());
        let text = scalar.value.as_str();
        let shifts = shifts_of(text, &scalar.span);
        Self::new(text, file, shifts)
    }

    fn new(text: &str, file: Arc<SourceFile>, shifts: Vec<(usize, usize)>) -> Self {
        let breaks = text.chars().enumerate().filter(|(_, c)| *c == '\n');
        let lines = std::iter::once(0).chain(breaks.map(|(index, _)| index + 1)).collect();
        let marks = text.char_indices().step_by(STRIDE).map(|(at, _)| at).collect();
        Self { text: text.into(), file, shifts, lines, marks }
    }

    /// The place of a range of the text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(&self.file, self.place(range.start)..self.place(range.end))
    }

    /// The offset in the text of a line and a column, both from 1, columns in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(first) = self.lines.get(line.saturating_sub(1)) else { return self.text.len() };
        let index = first + column.saturating_sub(1);
        let mark = self.marks.get(index / STRIDE).copied().unwrap_or(self.text.len());
        let rest = self.text.get(mark..).unwrap_or_default();
        mark + rest.char_indices().nth(index % STRIDE).map_or(rest.len(), |(at, _)| at)
    }

    fn place(&self, offset: usize) -> usize {
        let index = self.shifts.partition_point(|(from, _)| *from <= offset);
        let (from, to) = self.shifts.get(index.saturating_sub(1)).copied().unwrap_or_default();
        to + offset.saturating_sub(from)
    }
}

fn shifts_of(text: &str, span: &Span) -> Vec<(usize, usize)> {
    let start = span.range().start;
    let written = span.file().text.get(start..).unwrap_or_default();
    match written.chars().next() {
        Some(quote @ ('"' | '\'')) if !text.starts_with(quote) => quoted(text, written, start),
        _ if text.trim_end_matches('\n').contains('\n') => block(text, span),
        _ if written.starts_with(['|', '>']) => block(text, span),
        _ => vec![(0, start)],
    }
}

/// A quoted scalar: character by character, a new shift after each escape.
fn quoted(text: &str, written: &str, start: usize) -> Vec<(usize, usize)> {
    let mut shifts = vec![(0, start + 1)];
    let quote = written.chars().next().unwrap_or('"');
    let mut raw = written.char_indices().skip(1).peekable();
    for (at, wanted) in text.char_indices() {
        let Some((from, found)) = raw.next() else { break };
        if found == wanted && !(found == quote || (quote == '"' && found == '\\')) {
            continue;
        }
        // An escape, or a line that was folded: find where the two meet again.
        let next = text.get(at + wanted.len_utf8()..).and_then(|rest| rest.chars().next());
        let _ = raw.next();
        while let (Some(next), Some((_, found))) = (next, raw.peek().copied()) {
            if found == next || found == '\\' || found == quote {
                break;
            }
            let _ = raw.next();
        }
        let after = raw.peek().map_or(from, |(at, _)| *at);
        shifts.push((at + wanted.len_utf8(), start + after));
    }
    shifts
}

/// A block scalar: line by line, each less its indentation.
fn block(text: &str, span: &Span) -> Vec<(usize, usize)> {
    let file = &span.file().text;
    let first = text.split('\n').next().unwrap_or_default();
    let mut at = file.get(..span.range().start).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1);
    // The span may begin at the indicator: then the text begins on a line below.
    for _ in 0..3 {
        if line_at(file, at).trim_end_matches('\r').ends_with(first) {
            break;
        }
        at += line_at(file, at).len() + 1;
    }
    let mut shifts = Vec::new();
    let mut offset = 0;
    for line in text.split('\n') {
        let written = line_at(file, at);
        let indent = written.trim_end_matches('\r').len().saturating_sub(line.len());
        shifts.push((offset, (at + indent).min(file.len())));
        offset += line.len() + 1;
        at += written.len() + 1;
    }
    shifts
}

fn line_at(file: &str, at: usize) -> &str {
    file.get(at..).and_then(|rest| rest.split('\n').next()).unwrap_or_default()
}
