//! For GitHub's annotations: a workflow command a line.

use std::fmt::Write as _;

use super::end_of;
use crate::diagnostic::{Diagnostic, Label, Report};

/// A line of `::error file=…,line=…,col=…,title=…::message` for each diagnostic.
#[must_use]
pub fn github(report: &Report) -> String {
    report.iter().map(line).collect()
}

fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, labels, help } = diagnostic;
    let place = diagnostic.place().map_or_else(String::new, |place| {
        // A property's text, in which commas and colons have a meaning of their own.
        let file = data(&place.file().name).replace(':', "%3A").replace(',', "%2C");
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
    let (severity, code, text) = (code.severity(), code.as_str(), data(&text));
    format!("::{severity} {place}title={code}::{text}\n")
}

/// A command's text: a line break would end it, and a percent sign begins an escape.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    super::harmless(&text)
}
