//! The parser's errors in our own words.

use std::sync::Arc;

use serde_yaml::Error;

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// What the parser could not read, where and how to mend it.
pub(super) fn diagnose(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let span = Span::at(file, line, column, 1);
    Diagnostic::new(Code::YamlSyntax, error.to_string(), &span)
}
