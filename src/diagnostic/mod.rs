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
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        Arc::new(Self { name: name.into(), text, line_starts })
    }

    /// Which line, from 1, the byte at `offset` is in.
    fn line_number(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The line that the byte at `offset` is in, without its end and without a byte order mark.
    pub(crate) fn line_around(&self, offset: usize) -> Range<usize> {
        let line = self.line_number(offset);
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or_default();
        let said = text.trim_start_matches('\u{feff}');
        let start = end - said.len();
        start..start + said.trim_end_matches(['\r', '\n']).len()
    }
}

impl fmt::Debug for SourceFile {
    /// The name alone: the text may hold passwords.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SourceFile({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// A place in a source file: a range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub(crate) fn at(file: &Arc<SourceFile>, line: usize, column: usize, chars: usize) -> Self {
        let line_start = |line: usize| file.line_starts.get(line).copied();
        let start = line_start(line.saturating_sub(1)).unwrap_or(file.text.len());
        let end = line_start(line).unwrap_or(file.text.len());
        let text = file.text.get(start..end).unwrap_or_default();
        let from = nth_char(text, column.saturating_sub(1));
        let to = nth_char(text, (column + chars).saturating_sub(1));
        Self::new(file, start + from..start + to)
    }

    /// The file that the place is in.
    pub(crate) fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The range in bytes.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text of the place.
    pub(crate) fn text(&self) -> &str {
        self.file.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Where `part` of the text is; the whole place where it is not as written.
    pub(crate) fn find(&self, part: &str) -> Self {
        match self.text().find(part) {
            Some(at) => Self::new(&self.file, self.start + at..self.start + at + part.len()),
            None => self.clone(),
        }
    }

    /// Line and column of the start, both from 1; columns count characters, a BOM counts none.
    pub(crate) fn line_column(&self) -> (usize, usize) {
        let line = self.file.line_around(self.start);
        let before = self.file.text.get(line.start..self.start).unwrap_or_default();
        (self.file.line_number(self.start), before.chars().count() + 1)
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
    /// Without the place: what is typed elsewhere is the same, and so is a digest of this.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(out)
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
    /// The places, the one to mend first; none where it is about no line of a file.
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic at its main place.
    pub fn new(code: Code, message: impl Into<String>, span: &Span) -> Self {
        let label = Label { span: span.clone(), text: String::new() };
        Self { code, message: message.into(), labels: vec![label], help: None }
    }

    /// A diagnostic of what is there twice, at the second place.
    pub(crate) fn twice(
        code: Code,
        message: impl Into<String>,
        again: &Span,
        first: &Span,
    ) -> Self {
        Self::new(code, message, again).remark("again here").label(first, "first here")
    }

    /// Says something beside the main mark.
    pub(crate) fn remark(mut self, text: impl Into<String>) -> Self {
        if let Some(main) = self.labels.first_mut() {
            main.text = text.into();
        }
        self
    }

    /// Marks a further place.
    pub(crate) fn label(mut self, span: &Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span: span.clone(), text: text.into() });
        self
    }

    /// Says how to mend it.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The place to mend first; nothing where it is about no line of a file.
    pub(crate) fn place(&self) -> Option<&Span> {
        self.labels.first().map(|label| &label.span)
    }

    /// Whether it stops the file from being used.
    pub(crate) fn is_error(&self) -> bool {
        self.code.severity() == "error"
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `routes.yaml:3:5: error[unknown_field]: … (help: …)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, code) = (self.code.severity(), self.code.as_str());
        if let Some(place) = self.place() {
            write!(out, "{place}: ")?;
        }
        write!(out, "{severity}[{code}]: {}", self.message)?;
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
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The diagnostics, as added.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// In order of place: file by file as first met, then by offset.
    #[must_use]
    pub fn sorted(self) -> Self {
        let places = self.list.iter().filter_map(Diagnostic::place);
        let files: Vec<_> = places.map(|place| place.file.name.clone()).collect();
        self.in_order_of(&files)
    }

    /// In order of place: file by file as `files` has their names, then by offset.
    pub(crate) fn in_order_of(mut self, files: &[String]) -> Self {
        self.list.sort_by_key(|diagnostic| {
            let Span { file, start, .. } = diagnostic.place()?;
            Some((files.iter().position(|name| *name == file.name), *start))
        });
        self
    }

    /// Keeps what `keep` holds for.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
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
