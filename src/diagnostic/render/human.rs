//! Drawn for a terminal: the message, the lines with both marks, help, and how many there are.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{harmless, masked};
use crate::diagnostic::{Diagnostic, Label, Report, Span};
use crate::units::counted;

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
        let _ = write!(out, "{}\n\n", draw(&renderer, diagnostic).trim_end());
    }
    let more = report.iter().count().saturating_sub(MAX_DRAWN);
    if more > 0 {
        let _ = write!(out, "… and {more} more\n\n");
    }
    let footer = footer.map(|footer| format!("; {footer}")).unwrap_or_default();
    out + &counts(report) + &footer + "\n"
}

fn counts(report: &Report) -> String {
    let errors = report.iter().filter(|diagnostic| diagnostic.is_error()).count() as u64;
    let warnings = report.iter().count() as u64 - errors;
    let counts = [(errors, "error", "errors"), (warnings, "warning", "warnings")];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, one, many)| counted(count, one, many)).collect();
    counts.join(", ")
}

fn draw(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = if diagnostic.is_error() { Level::ERROR } else { Level::WARNING };
    let title = level.primary_title(harmless(&diagnostic.message)).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    for (lines, labels) in windows(&diagnostic.labels) {
        group = match snippet(&lines, &labels, &diagnostic.labels[0]) {
            Some(snippet) => group.element(snippet),
            None => group.element(Origin::path(harmless(&lines.file().name))),
        };
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(harmless(help)));
    }
    renderer.render(&[group])
}

/// The lines that the labels are in: one window a file, unless they are far apart.
fn windows(labels: &[Label]) -> Vec<(Span, Vec<&Label>)> {
    let mut windows: Vec<(Span, Vec<&Label>)> = Vec::new();
    for label in labels {
        let file = label.span.file();
        let line = file.line_around(label.span.range().start);
        let near = windows.iter_mut().find_map(|(lines, labels)| {
            let wider = line.start.min(lines.range().start)..line.end.max(lines.range().end);
            (lines.file() == file && wider.len() <= MAX_WINDOW).then_some((lines, wider, labels))
        });
        match near {
            Some((lines, wider, labels)) => {
                *lines = Span::new(file, wider);
                labels.push(label);
            }
            None => windows.push((Span::new(file, line), vec![label])),
        }
    }
    windows
}

/// The drawing; nothing where the file has no text or its lines are too long to be shown.
fn snippet(
    lines: &Span,
    labels: &[&Label],
    main: &Label,
) -> Option<Snippet<'static, Annotation<'static>>> {
    let text = masked(&harmless(lines.text()));
    let (start, length) = (lines.range().start, text.len());
    if text.trim().is_empty() || length > MAX_WINDOW {
        return None;
    }
    let mark = |label: &&Label| {
        let kind = if **label == *main { AnnotationKind::Primary } else { AnnotationKind::Context };
        // The part on its first line: a box around a whole mapping hides what it says.
        let (range, line) =
            (label.span.range(), label.span.file().line_around(label.span.range().start));
        let from = range.start.clamp(line.start, line.end);
        let to = range.end.clamp(from, line.end);
        let text = Some(harmless(&label.text)).filter(|text| !text.is_empty());
        kind.span(from - start..(to - start).min(length)).label(text)
    };
    let snippet = Snippet::source(text).path(harmless(&lines.file().name));
    Some(snippet.line_start(lines.line_column().0).annotations(labels.iter().map(mark)))
}
