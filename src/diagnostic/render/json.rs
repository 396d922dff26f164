//! For programs.

use serde_json::{Value, json};

use super::end_of;
use crate::diagnostic::{Diagnostic, Label, Report};

/// A list of objects: `code`, `severity`, `message`, `help` (or null), and `labels`, each with
/// `file`, `line`, `column`, `end_line`, `end_column` and `text`. Lines and columns count from 1,
/// columns in characters; the end is the place after the last character.
pub fn json(report: &Report) -> Value {
    report.iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.code.severity(),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "labels": diagnostic.labels.iter().map(label).collect::<Vec<_>>(),
    })
}

fn label(Label { span, text }: &Label) -> Value {
    let ((line, column), (end_line, end_column)) = (span.line_column(), end_of(span));
    json!({
        "file": span.file().name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": text,
    })
}
