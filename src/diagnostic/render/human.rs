//! Drawn for a terminal: the message, the lines with both marks, help, and how many there are.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{harmless, masked};
use crate::diagnostic::{Diagnostic, Label, Report, Severity, Span};

/// Marks further apart than this, in bytes, are drawn as two snippets: nobody wants the file.
const MAX_WINDOW: usize = 16 * 1024;

/// So many are drawn: who has more mends these first.
const MAX_DRAWN: usize = 200;

/// The report, nothing where it is empty. `footer` follows the counts, after a semicolon:
/// `2 errors; still serving what was loaded at 14:03:22`.
#[must_use]
pub fn human(report: &Report, color: bool, footer: Option<&str>) -> String {
    if report.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in report.iter().take(MAX_DRAWN) {
        out.push_str(draw(&renderer, diagnostic).trim_end());
        out.push_str("\n\n");
    }
    let more = report.iter().count().saturating_sub(MAX_DRAWN);
    if more > 0 {
        let _ = write!(out, "… and {more} more\n\n");
    }
    out.push_str(&counts(report));
    if let Some(footer) = footer {
        out.push_str("; ");
        out.push_str(footer);
    }
    out.push('\n');
    out
}

fn counts(report: &Report) -> String {
    let errors = report.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = report.iter().count() - errors;
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> =
        [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    parts.join(", ")
}

fn draw(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = harmless(&diagnostic.message);
    let help = diagnostic.help.as_deref().map(harmless);
    let windows = windows(&diagnostic.labels);
    let title = level.primary_title(message).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    for window in &windows {
        group = match window.snippet() {
            Some(snippet) => group.element(snippet),
            None => group.element(Origin::path(window.name.as_str())),
        };
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// Some whole lines of a file, and the marks in them.
struct Window {
    name: String,
    text: String,
    first_line: usize,
    start: usize,
    end: usize,
    marks: Vec<Mark>,
}

struct Mark {
    start: usize,
    end: usize,
    text: String,
    main: bool,
}

/// The lines that the labels are in: one window a file, unless they are far apart.
fn windows(labels: &[Label]) -> Vec<Window> {
    let mut windows: Vec<(Window, &Span)> = Vec::new();
    for (index, Label { span, text }) in labels.iter().enumerate() {
        let mark =
            |start: usize, end: usize| Mark { start, end, text: harmless(text), main: index == 0 };
        let (start, end) = lines_around(span);
        let (from, to) = first_line_of(span);
        let near = windows.iter_mut().find(|(window, other)| {
            other.file() == span.file()
                && window.end.max(end) - window.start.min(start) <= MAX_WINDOW
        });
        if let Some((window, _)) = near {
            window.start = window.start.min(start);
            window.end = window.end.max(end);
            window.marks.push(mark(from, to));
            continue;
        }
        let window = Window {
            name: harmless(&span.file().name),
            text: String::new(),
            first_line: 1,
            start,
            end,
            marks: vec![mark(from, to)],
        };
        windows.push((window, span));
    }
    windows
        .into_iter()
        .map(|(mut window, span)| {
            let at = Span::new(span.file(), window.start..window.end);
            window.first_line = at.line_column().0;
            window.text = masked(&harmless(at.text()));
            window
        })
        .collect()
}

impl Window {
    /// The drawing; nothing where the file has no text or its lines are too long to be shown.
    fn snippet(&self) -> Option<Snippet<'_, Annotation<'_>>> {
        if self.text.trim().is_empty() || self.text.len() > MAX_WINDOW {
            return None;
        }
        let mut snippet = Snippet::source(self.text.as_str())
            .path(self.name.as_str())
            .line_start(self.first_line);
        for mark in &self.marks {
            let kind = if mark.main { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = mark.start - self.start..(mark.end - self.start).min(self.text.len());
            let label = Some(mark.text.as_str()).filter(|text| !text.is_empty());
            snippet = snippet.annotation(kind.span(range).label(label));
        }
        Some(snippet)
    }
}

/// The range of the whole line that a place begins in, without a byte order mark.
fn lines_around(span: &Span) -> (usize, usize) {
    let text = &span.file().text;
    let at = span.range().start;
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let start = before.rfind('\n').map_or(bom, |newline| newline + 1);
    let end = at + after.find(['\n', '\r']).unwrap_or(after.len());
    (start.min(end), end)
}

/// The part of a place that is on its first line: a box around a whole mapping hides what it says.
fn first_line_of(span: &Span) -> (usize, usize) {
    let (start, line_end) = lines_around(span);
    let range = span.range();
    let from = range.start.clamp(start, line_end);
    (from, range.end.clamp(from, line_end))
}
