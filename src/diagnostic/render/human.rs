//! Drawn for a terminal: the message, the lines with both marks, help, and how many there are.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{harmless, masked};
use crate::diagnostic::{Diagnostic, Label, Report, Span};
use crate::units::counted;

/// Marks further apart than this, in bytes, are drawn as two snippets: nobody wants the file. Of a
/// line that is longer the part around its mark is shown.
const MAX_WINDOW: usize = 16 * 1024;
/// What is shown of such a line, in characters before and after the start of its mark.
const AROUND: (usize, usize) = (40, 80);
/// Within so many bytes of its mark, passwords in it are found.
const MASKED: usize = 4 * 1024;

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
    for diagnostic in report.iter() {
        let _ = write!(out, "{}\n\n", draw(&renderer, diagnostic).trim_end());
    }
    let (_, more) = report.counts();
    if more > 0 {
        let _ = write!(out, "… and {more} more\n\n");
    }
    let footer = footer.map(|footer| format!("; {footer}")).unwrap_or_default();
    out + &counts(report) + &footer + "\n"
}

/// `2 errors, 1 warning`
pub(crate) fn counts(report: &Report) -> String {
    let ((errors, warnings), _) = report.counts();
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
        let main = &diagnostic.labels[0];
        group = if lines.text().len() > MAX_WINDOW {
            labels.iter().fold(group, |group, label| part_of_line(group, label, main))
        } else if lines.text().trim().is_empty() {
            group.element(Origin::path(harmless(&lines.file().shown())))
        } else {
            group.element(snippet(&lines, &labels, main))
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

fn kind(label: &Label, main: &Label) -> AnnotationKind {
    if label == main { AnnotationKind::Primary } else { AnnotationKind::Context }
}

fn remark(label: &Label) -> Option<String> {
    Some(harmless(&label.text)).filter(|text| !text.is_empty())
}

fn snippet(lines: &Span, labels: &[&Label], main: &Label) -> Snippet<'static, Annotation<'static>> {
    let text = masked(&harmless(lines.text()));
    let (start, length) = (lines.range().start, text.len());
    let mark = |label: &&Label| {
        let (from, to) = on_first_line(&label.span);
        let range = from - start..(to - start).min(length);
        kind(label, main).span(range).label(remark(label))
    };
    let snippet = Snippet::source(text).path(harmless(&lines.file().shown()));
    snippet.line_start(lines.line_column().0).annotations(labels.iter().map(mark))
}

/// Where the part of a place on its first line begins and ends: a box around a whole mapping hides
/// what it says.
fn on_first_line(span: &Span) -> (usize, usize) {
    let (range, line) = (span.range(), span.file().line_around(span.range().start));
    let from = range.start.clamp(line.start, line.end);
    (from, range.end.clamp(from, line.end))
}

/// The part of a long line that is around a mark.
fn part_of_line<'g>(group: Group<'g>, label: &Label, main: &Label) -> Group<'g> {
    let (span, (from, to)) = (&label.span, on_first_line(&label.span));
    let line = span.file().line_around(from);
    let near = from.saturating_sub(MASKED).max(line.start)..(from + MASKED).min(line.end);
    let near = Span::new(span.file(), near);
    let text = masked(&harmless(near.text()));
    let (before, after) = text.split_at_checked(from - near.range().start).unwrap_or_default();
    let first = before.char_indices().rev().nth(AROUND.0 - 1).map_or(0, |(at, _)| at);
    let last = after.char_indices().nth(AROUND.1).map_or(after.len(), |(at, _)| at);
    let before = format!("…{}", before.get(first..).unwrap_or_default());
    let after = after.get(..last).unwrap_or_default();
    let mark = before.len()..before.len() + (to - from).min(after.len());
    let (number, column) = span.line_column();
    let origin = Origin::path(harmless(&span.file().shown())).line(number).char_column(column);
    let snippet = Snippet::source(format!("{before}{after}…")).line_start(number);
    let mark = kind(label, main).span(mark).label(remark(label));
    group.element(origin).element(snippet.annotation(mark))
}
