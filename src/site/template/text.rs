//! The small form of templates, for addresses: text and `{{root.name}}`; that of a value from
//! elsewhere may go by other values.

use super::origin::Origin;
use crate::diagnostic::{At, Code, Diagnostic, Span};
use crate::site::key::{InputKind, InputName};
use crate::site::route::address_text;

/// A part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text as it stands.
    Text(String),
    /// `{{root.name}}`, and where it is written.
    Var(InputName, Span),
    /// `{{post.author}}`: the way to a part of another value.
    Field(Vec<String>, Span),
}

/// Whose address it is, which decides what it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressOf {
    /// A redirect's or a file's: parameters of the request.
    Request,
    /// A server's: the visitor's language and other values too.
    Server,
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
    /// Where braces hold anything but `params` or `query`, a dot and a name.
    pub fn compile(text: &At<String>) -> Result<Self, Diagnostic> {
        Self::compile_of(AddressOf::Request, text)
    }

    /// Reads the form as it may be `of` what it is the address of.
    ///
    /// # Errors
    /// Where braces hold anything else.
    pub(crate) fn compile_of(of: AddressOf, text: &At<String>) -> Result<Self, Diagnostic> {
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
            parts.push(variable(of, inner, span)?);
            rest = next;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// With its texts as they can be sent.
    pub(crate) fn encoded(mut self) -> Self {
        for part in &mut self.parts {
            if let Part::Text(text) = part {
                *text = address_text(text);
            }
        }
        self
    }

    /// The text as it could be typed, wherever that is.
    pub(crate) fn written(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Var(input, _) => format!("{{{{{input}}}}}"),
            Part::Field(way, _) => format!("{{{{{}}}}}", way.join(".")),
        };
        self.parts.iter().map(part).collect()
    }

    /// The address, where it is the same for every request.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What is read, in order, and where.
    pub fn reads(&self) -> impl Iterator<Item = (&InputName, &Span)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) | Part::Field(..) => None,
            Part::Var(input, span) => Some((input, span)),
        })
    }

    /// Fills in the variables; nothing where `value` has none for one of them. Encoding is the
    /// caller's.
    pub fn render<V: AsRef<str>>(
        &self,
        mut value: impl FnMut(&InputName) -> Option<V>,
    ) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Var(input, _) => out.push_str(value(input)?.as_ref()),
                // Only a server's address has them, which is filled in by what asks it.
                Part::Field(..) => return None,
            }
        }
        Some(out)
    }
}

fn variable(of: AddressOf, inner: &str, span: Span) -> Result<Part, Diagnostic> {
    use InputKind::{Language, Params, Query};
    let is_of_server = of == AddressOf::Server;
    let written = inner.trim();
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    if is_of_server && written == Language.word() {
        return Ok(Part::Var(Language.all(), span));
    }
    let is_input = InputKind::WORDS.iter().any(|(word, _)| written.split('.').next() == Some(word));
    if is_of_server && !is_input && written.split('.').all(plain) {
        return Ok(Part::Field(written.split('.').map(str::to_owned).collect(), span));
    }
    let (code, message) = match written.split_once('.') {
        Some((root, name)) if plain(root) && plain(name) => match InputName::parse(written) {
            Some(input) if matches!(input.kind, Params | Query) => {
                return Ok(Part::Var(input, span));
            }
            _ => (Code::UnknownVariable, format!("an address cannot read `{root}`")),
        },
        _ => (Code::TemplateSyntax, format!("`{{{{{written}}}}}` is no plain variable")),
    };
    let help = match of {
        AddressOf::Request => "an address takes `{{params.name}}`, `{{query.name}}` and no more",
        AddressOf::Server => {
            "an address takes `{{params.name}}`, `{{query.name}}`, `{{language}}` and other values"
        }
    };
    Err(Diagnostic::new(code, message, &span).help(help))
}
