//! Where a template's text is written: in a file of its own, or inside a YAML file.

use std::ops::Range;
use std::sync::Arc;

use super::align::{Shift, shifts};
use crate::diagnostic::{At, SourceFile, Span};

/// How many characters lie between two marks.
const STRIDE: usize = 64;

/// A template's text, and the way from its offsets to places in the file that holds it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The text that is compiled.
    pub(super) text: Arc<str>,
    is_file: bool,
    file: Arc<SourceFile>,
    /// Where the parts of the text are; in order, never empty.
    shifts: Vec<Shift>,
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
        let to = file.text.len() - text.len();
        let all = Shift { from: 0, to, length: text.len(), end: file.text.len() };
        Self { is_file: true, ..Self::new(text, Arc::clone(file), vec![all]) }
    }

    /// A scalar of a YAML file.
    pub(super) fn scalar(scalar: &At<String>) -> Self {
        let file = Arc::clone(scalar.span.file());
        let text = scalar.value.as_str();
        Self::new(text, file, shifts(text, &scalar.span))
    }

    /// Whether it has a file of its own, from which other templates may call it.
    pub(super) fn is_file(&self) -> bool {
        self.is_file
    }

    fn new(text: &str, file: Arc<SourceFile>, shifts: Vec<Shift>) -> Self {
        let breaks = text.chars().enumerate().filter(|(_, c)| *c == '\n');
        let lines = std::iter::once(0).chain(breaks.map(|(index, _)| index + 1)).collect();
        let marks = text.char_indices().step_by(STRIDE).map(|(at, _)| at).collect();
        Self { text: text.into(), is_file: false, file, shifts, lines, marks }
    }

    /// The place of a range of the text; all of a variable where its value is the text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let last = |is_before: &dyn Fn(&Shift) -> bool| {
            let index = self.shifts.partition_point(is_before);
            self.shifts[index.saturating_sub(1)]
        };
        let shift = last(&|shift| shift.from <= range.start);
        let start = shift.to + (range.start - shift.from).min(shift.length);
        // Behind the last character, not where the next one is: a line may have been folded there.
        let shift = last(&|shift| shift.from < range.end);
        let length = range.end - shift.from;
        let end = if length > shift.length { shift.end } else { shift.to + length };
        Span::new(&self.file, start..end)
    }

    /// The offset in the text of a line and a column, both from 1, columns in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(first) = self.lines.get(line.saturating_sub(1)) else { return self.text.len() };
        let index = first + column.saturating_sub(1);
        let mark = self.marks.get(index / STRIDE).copied().unwrap_or(self.text.len());
        let rest = self.text.get(mark..).unwrap_or_default();
        mark + rest.char_indices().nth(index % STRIDE).map_or(rest.len(), |(at, _)| at)
    }
}
