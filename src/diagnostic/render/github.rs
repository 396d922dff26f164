//! For GitHub's annotations: a workflow command a line.

use std::fmt::Write as _;

use super::{end_of, notes};
use crate::diagnostic::{Diagnostic, Report};

/// A line of `::error file=…,line=…,col=…,title=…::message` for each diagnostic.
#[must_use]
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for diagnostic in report.iter() {
        line(&mut out, diagnostic);
    }
    out
}

fn line(out: &mut String, diagnostic: &Diagnostic) {
    let mut properties = Vec::new();
    if let Some(label) = diagnostic.labels.first() {
        let ((line, column), (end_line, end_column)) =
            (label.span.line_column(), end_of(&label.span));
        properties.push(format!("file={}", property(&label.span.file().name)));
        properties.push(format!("line={line},col={column}"));
        properties.push(format!("endLine={end_line},endColumn={end_column}"));
    }
    properties.push(format!("title={}", diagnostic.code));
    let mut text = vec![diagnostic.message.clone()];
    text.extend(notes(diagnostic));
    let _ = writeln!(
        out,
        "::{} {}::{}",
        diagnostic.code.severity(),
        properties.join(","),
        data(&text.join("\n"))
    );
}

/// A command's text: a line break would end it, and a percent sign begins an escape.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    super::harmless(&text)
}

/// A property's text, in which commas and colons have a meaning of their own.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
