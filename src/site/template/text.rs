//! The small form of templates, for addresses: text and `{{root.name}}`.

use super::origin::Origin;
use super::reads::{How, Read, Step};
use crate::diagnostic::{At, Code, Diagnostic, Span};

/// A part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
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
    /// In order; none of the texts is empty.
    pub(crate) parts: Vec<Part>,
}

impl TextTemplate {
    /// Reads the form.
    ///
    /// # Errors
    /// Where braces hold anything but one of `allowed_roots`, a dot and a name.
    pub fn compile(text: &At<String>, allowed_roots: &[&str]) -> Result<Self, Diagnostic> {
        let origin = Origin::scalar(text);
        let mut parts = Vec::new();
        let mut rest = text.value.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let start = text.value.len() - after.len() - 2;
            let Some((inner, next)) = after.split_once("}}") else {
                let span = origin.span(start..start + 2);
                let found = Diagnostic::new(Code::TemplateSyntax, "`{{` is never closed", &span);
                return Err(found.help("end it with `}}`"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let span = origin.span(start..text.value.len() - next.len());
            parts.push(variable(inner, span, allowed_roots)?);
            rest = next;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// What is read, in order.
    pub fn reads(&self) -> Vec<Read> {
        let read = |part: &Part| match part {
            Part::Text(_) => None,
            Part::Var { root, name, span } => Some(Read {
                path: vec![Step::Name(root.clone()), Step::Name(name.clone())],
                how: How::Value,
                optional: false,
                place: span.clone(),
                via: Vec::new(),
            }),
        };
        self.parts.iter().filter_map(read).collect()
    }

    /// Fills in the variables; nothing where `value` has none for one of them. Encoding is the
    /// caller's.
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

fn variable(inner: &str, span: Span, roots: &[&str]) -> Result<Part, Diagnostic> {
    let written = inner.trim();
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    let examples: Vec<String> = roots.iter().map(|root| format!("`{{{{{root}.name}}}}`")).collect();
    let help = format!("an address takes {} and nothing else", examples.join(", "));
    let refuse = |code, message: String| Err(Diagnostic::new(code, message, &span).help(&help));
    match written.split_once('.') {
        Some((root, name)) if plain(root) && plain(name) && roots.contains(&root) => {
            Ok(Part::Var { root: root.to_owned(), name: name.to_owned(), span })
        }
        Some((root, name)) if plain(root) && plain(name) => {
            refuse(Code::UnknownVariable, format!("an address cannot read `{root}`"))
        }
        _ => refuse(Code::TemplateSyntax, format!("`{{{{{written}}}}}` is no plain variable")),
    }
}
