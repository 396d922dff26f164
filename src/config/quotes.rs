//! Values that YAML reads as something else because quotes are missing.

use crate::diagnostic::{Code, Diagnostic, Span};

/// A key that is a mapping, a list or nothing.
pub(super) fn odd_key(span: &Span) -> Diagnostic {
    Diagnostic::new(Code::NeedsQuotes, "YAML reads this as a mapping", span)
        .help("put the value in quotes")
}
