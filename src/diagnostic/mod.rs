//! What is wrong, where, and how to mend it: plain data, no I/O.
//!
//! `config`, `site` and `source` make [`Diagnostic`]s and collect them in a [`Report`]; the
//! renderers beside this file turn them into text for a terminal, JSON, or CI annotations.

mod code;
pub mod render;
mod report;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

pub use code::Code;
pub(crate) use report::FilledIn;
pub use report::Report;

/// A text that diagnostics point into, with the name by which a person knows it: a file, or a part
/// of one.
///
/// A part is whole lines, and knows how many are above it. So what was made from it is as good in
/// the next version of the file, where it may stand elsewhere: it is told so, and every place in it
/// is right again.
pub struct SourceFile {
    /// The path as a person would type it, relative to the main file's directory.
    pub name: Arc<str>,
    /// The whole text, as read.
    pub text: String,
    /// Where each line starts, in bytes.
    line_starts: Vec<usize>,
    /// The directory that `name` is in, as a person would type it from where the process stands;
    /// one for all parts of a file.
    directory: Arc<OnceLock<String>>,
    /// The lines of the file above this part.
    lines_above: AtomicUsize,
    /// Their bytes.
    bytes_above: AtomicUsize,
}

impl SourceFile {
    /// A source file ready to be shared by the spans that point into it.
    pub fn new(name: impl AsRef<str>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self::of(name.as_ref().into(), text.into(), Arc::default()))
    }

    fn of(name: Arc<str>, text: String, directory: Arc<OnceLock<String>>) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        let (lines_above, bytes_above) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { name, text, line_starts, directory, lines_above, bytes_above }
    }

    /// The lines `range`, in bytes, as a text of their own.
    pub(crate) fn part(&self, range: Range<usize>) -> Arc<Self> {
        let text = self.text.get(range.clone()).unwrap_or_default().to_owned();
        let part = Self::of(Arc::clone(&self.name), text, Arc::clone(&self.directory));
        part.stands_at(self.line_number(range.start) - 1, range.start);
        Arc::new(part)
    }

    /// Says how many lines, of how many bytes, are above this part in the file as it is now.
    pub(crate) fn stands_at(&self, lines: usize, bytes: usize) {
        // Who reads the two while they change shows a place of the file before or after.
        self.lines_above.store(lines, Ordering::Relaxed);
        self.bytes_above.store(bytes, Ordering::Relaxed);
    }

    fn bytes_above(&self) -> usize {
        self.bytes_above.load(Ordering::Relaxed)
    }

    /// Says which directory the file's name is relative to; what was said first stays. From then on
    /// all places in it are shown as from where the process stands.
    pub(crate) fn stands_in(&self, directory: &Path) {
        let here = std::env::current_dir().ok();
        let below = here.and_then(|here| directory.strip_prefix(here).ok());
        let typed = below.unwrap_or(directory).components().as_path();
        let typed = typed.strip_prefix(".").unwrap_or(typed).to_string_lossy().into_owned();
        let _ = self.directory.set(typed);
    }

    /// The path as a person would type it from where the process stands.
    pub(crate) fn shown(&self) -> String {
        match self.directory.get() {
            Some(directory) if !directory.is_empty() => {
                Path::new(directory).join(&*self.name).to_string_lossy().into_owned()
            }
            _ => self.name.to_string(),
        }
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

impl PartialEq for SourceFile {
    /// The same lines at the same place.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || self.name == other.name
                && self.bytes_above() == other.bytes_above()
                && self.text == other.text
    }
}

impl Eq for SourceFile {}

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

    /// The range in bytes of the text that [`Self::file`] gives.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The range in bytes of the whole file as it is now.
    pub(crate) fn range_in_file(&self) -> Range<usize> {
        let above = self.file.bytes_above();
        self.start + above..self.end + above
    }

    /// By what two places are told apart: the file's name, and where in it they begin.
    pub(crate) fn start(&self) -> (Arc<str>, usize) {
        (Arc::clone(&self.file.name), self.range_in_file().start)
    }

    /// Whether the two have a part in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (one, two) = (self.range_in_file(), other.range_in_file());
        self.file.name == other.file.name && one.start < two.end && two.start < one.end
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
        let above = self.file.lines_above.load(Ordering::Relaxed);
        (above + self.file.line_number(self.start), before.chars().count() + 1)
    }
}

impl fmt::Display for Span {
    /// `file:line:column`, as editors and terminals link it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(out, "{}:{line}:{column}", self.file.shown())
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
    /// Whether it is a warning although its code is an error's.
    pub is_mild: bool,
}

impl Diagnostic {
    /// A diagnostic at its main place.
    pub fn new(code: Code, message: impl Into<String>, span: &Span) -> Self {
        let label = Label { span: span.clone(), text: String::new() };
        Self { code, message: message.into(), labels: vec![label], help: None, is_mild: false }
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
        self.severity() == "error"
    }

    /// `error` or `warning`.
    pub(crate) fn severity(&self) -> &'static str {
        if self.is_mild { "warning" } else { self.code.severity() }
    }

    /// The same as a warning.
    pub(crate) fn mild(self) -> Self {
        Self { is_mild: true, ..self }
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `routes.yaml:3:5: error[duplicate_route]: … (first here: a.yaml:2:3) (help: …)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, code) = (self.severity(), self.code.as_str());
        if let Some(place) = self.place() {
            write!(out, "{place}: ")?;
        }
        write!(out, "{severity}[{code}]: {}", self.message)?;
        for Label { span, text } in self.labels.iter().skip(1) {
            let text = if text.is_empty() { "also" } else { text };
            write!(out, " ({text}: {span})")?;
        }
        match &self.help {
            Some(help) => write!(out, " (help: {help})"),
            None => Ok(()),
        }
    }
}

/// The longest word for which one that was meant is looked for, in characters.
const MAX_WORD: usize = 100;

/// As help: the word of `known` that is nearest to `written`, where one is near enough.
pub(crate) fn did_you_mean<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<String> {
    nearest(written, known).map(|word| format!("did you mean `{word}`?"))
}

/// The word of `known` that is nearest to `written`, where one is near enough to be meant.
pub(crate) fn nearest<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let length = written.chars().count();
    let bound = length.div_ceil(3).max(1);
    // No word is that long; comparing takes time by the length of both.
    let known = known.into_iter().filter(|_| length <= MAX_WORD);
    known
        .filter(|word| word.len().abs_diff(written.len()) <= 4 * bound)
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, word)| word)
}
