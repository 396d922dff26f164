//! What is wrong, where, and how to mend it: plain data, no I/O.
//!
//! `config`, `site` and `source` make [`Diagnostic`]s and collect them in a [`Report`]; the
//! renderers beside this file turn them into text for a terminal, JSON, or CI annotations.

mod code;
pub mod render;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use code::Code;
pub(crate) use code::Severity;

/// A text that diagnostics point into, with the name by which a person knows it.
#[derive(PartialEq, Eq)]
pub struct SourceFile {
    /// The path as a person would type it, relative to the main file's directory.
    pub name: String,
    /// The whole text, as read.
    pub text: String,
    /// Where each line starts, in bytes.
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// A source file ready to be shared by the spans that point into it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        Arc::new(Self { name: name.into(), text, line_starts })
    }
}

impl fmt::Debug for SourceFile {
    /// The name alone: the text may hold passwords.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SourceFile({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// A place in a source file: a range of bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    file: Arc<SourceFile>,
    start: usize,
    end: usize,
}

impl Span {
    /// The bytes `range` of `file`, clamped to the text and to whole characters.
    #[must_use]
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        let start = floor_boundary(&file.text, range.start);
        let end = floor_boundary(&file.text, range.end).max(start);
        Self { file: Arc::clone(file), start, end }
    }

    /// The place at `line` and `column` (both from 1, columns counted in characters), `chars` long.
    #[must_use]
    pub fn at(file: &Arc<SourceFile>, line: usize, column: usize, chars: usize) -> Self {
        let line_start = |line: usize| file.line_starts.get(line).copied();
        let start = line_start(line.saturating_sub(1)).unwrap_or(file.text.len());
        let end = line_start(line).unwrap_or(file.text.len());
        let text = file.text.get(start..end).unwrap_or_default();
        let from = nth_char(text, column.saturating_sub(1));
        let to = nth_char(text, (column + chars).saturating_sub(1));
        Self::new(file, start + from..start + to)
    }

    /// The file that the place is in.
    #[must_use]
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The range in bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text of the place.
    #[must_use]
    pub fn text(&self) -> &str {
        self.file.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Line and column of the start, both from 1; columns count characters, a BOM counts none.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let line = self.file.line_starts.partition_point(|start| *start <= self.start);
        let line_start = self.file.line_starts.get(line - 1).copied().unwrap_or_default();
        let before = self.file.text.get(line_start..self.start).unwrap_or_default();
        let column = before.trim_start_matches('\u{feff}');
        (line, column.chars().count() + 1)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl fmt::Display for Span {
    /// `file:line:column`, as editors and terminals link it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(out, "{}:{line}:{column}", self.file.name)
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn nth_char(text: &str, n: usize) -> usize {
    text.char_indices().nth(n).map_or(text.len(), |(at, _)| at)
}

/// A value and the place where it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> At<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: fmt::Debug> fmt::Debug for At<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} at {}", self.value, self.span)
    }
}

/// A marked place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A short remark beside the mark; may be empty.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule was broken; decides the severity.
    pub code: Code,
    /// One sentence without a full stop, naming the thing in backticks.
    pub message: String,
    /// The places, the one to mend first.
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic at its main place.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, span: &Span) -> Self {
        let label = Label { span: span.clone(), text: String::new() };
        Self { code, message: message.into(), labels: vec![label], help: None }
    }

    /// Says something beside the main mark.
    #[must_use]
    pub fn remark(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Marks a further place.
    #[must_use]
    pub fn label(mut self, span: &Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span: span.clone(), text: text.into() });
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Whether it stops the file from being used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `routes.yaml:3:5: error[unknown_field]: … (help: …)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = self.labels.first() {
            write!(out, "{}: ", label.span)?;
        }
        write!(out, "{}[{}]: {}", self.code.severity(), self.code, self.message)?;
        match &self.help {
            Some(help) => write!(out, " (help: {help})"),
            None => Ok(()),
        }
    }
}

/// All that one run found, in no particular order until [`Report::sorted`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    list: Vec<Diagnostic>,
}

impl Report {
    /// Adds a diagnostic, unless the same one is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Adds all of another report.
    pub fn extend(&mut self, other: Report) {
        other.list.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The diagnostics, as added.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// In order of place: file by file as first met, then by offset.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let mut files: Vec<String> = Vec::new();
        for name in self.list.iter().filter_map(|d| d.labels.first()).map(|l| &l.span.file.name) {
            if !files.contains(name) {
                files.push(name.clone());
            }
        }
        self.list.sort_by_key(|diagnostic| {
            diagnostic.labels.first().map(|label| {
                (files.iter().position(|name| *name == label.span.file.name), label.span.start)
            })
        });
        self
    }
}

impl IntoIterator for Report {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl FromIterator<Diagnostic> for Report {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        let mut report = Self::default();
        iter.into_iter().for_each(|diagnostic| report.push(diagnostic));
        report
    }
}

/// The word of `known` that is nearest to `written`, where one is near enough to be meant.
pub(crate) fn nearest<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let bound = written.chars().count().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, word)| word)
}
