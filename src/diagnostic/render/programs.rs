//! For programs: JSON, and GitHub's annotations, a workflow command a line.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::end_of;
use crate::diagnostic::{Diagnostic, Label, Report};

/// A list of objects: `code`, `severity`, `message`, `help` (or null), and `labels`, each with
/// `file`, `line`, `column`, `end_line`, `end_column` and `text`. Lines and columns count from 1,
/// columns in characters; the end is the place after the last character. Where there is more than
/// is shown, the last object says how much, and has the code `more`.
pub fn json(report: &Report) -> Value {
    let more = beyond(report).map(|(severity, message)| {
        json!({
            "code": "more",
            "severity": severity,
            "message": message,
            "help": null,
            "labels": [],
        })
    });
    report.iter().map(diagnostic).chain(more).collect()
}

/// What is said of those that are not shown, and how severe they are.
fn beyond(report: &Report) -> Option<(&'static str, String)> {
    let ((errors, _), more) = report.counts();
    let severity = if errors > 0 { "error" } else { "warning" };
    (more > 0).then(|| (severity, format!("and {more} more")))
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity(),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "labels": diagnostic.labels.iter().map(label).collect::<Vec<_>>(),
    })
}

fn label(Label { span, text }: &Label) -> Value {
    let ((line, column), (end_line, end_column)) = (span.line_column(), end_of(span));
    json!({
        "file": span.file().shown(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": text,
    })
}

/// A line of `::error file=…,line=…,col=…,title=…::message` for each diagnostic.
#[must_use]
pub fn github(report: &Report) -> String {
    let more = beyond(report).map(|(severity, text)| format!("::{severity} title=more::{text}\n"));
    report.iter().map(line).chain(more).collect()
}

fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, labels, help, .. } = diagnostic;
    let place = diagnostic.place().map_or_else(String::new, |place| {
        // A property's text, in which commas and colons have a meaning of their own.
        let file = data(&place.file().shown()).replace(':', "%3A").replace(',', "%2C");
        let ((line, col), (end_line, end_col)) = (place.line_column(), end_of(place));
        format!("file={file},line={line},col={col},endLine={end_line},endColumn={end_col},")
    });
    let mut text = message.clone();
    for Label { span, text: remark } in labels.iter().skip(1).filter(|it| !it.text.is_empty()) {
        let _ = write!(text, "\n{span}: {remark}");
    }
    if let Some(help) = help {
        let _ = write!(text, "\nhelp: {help}");
    }
    let (severity, code, text) = (diagnostic.severity(), code.as_str(), data(&text));
    format!("::{severity} {place}title={code}::{text}\n")
}

/// A command's text: a line break would end it, and a percent sign begins an escape.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    super::harmless(&text)
}
