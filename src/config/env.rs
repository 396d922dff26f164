//! `${VAR}` in string values: after parsing, so that a value can never become a field.

use super::node::{Node, NodeValue};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

/// Asks the environment for a variable.
pub(super) type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Fills in every string value of a file; keys, and its own free `x-…` fields, stay as written:
/// what is kept there is filled in where an alias puts it.
pub(super) fn fill(report: &mut Report, env: Env, root: &mut Node) {
    match &mut root.value {
        NodeValue::Map(fields) => fields
            .iter_mut()
            .filter(|(key, _)| !key.value.starts_with("x-"))
            .for_each(|(_, value)| fill_below(report, env, value)),
        _ => fill_below(report, env, root),
    }
}

fn fill_below(report: &mut Report, env: Env, node: &mut Node) {
    match &mut node.value {
        NodeValue::Text(text) if text.contains('$') => {
            if let Some(filled) = filled(report, env, text, &node.span) {
                *text = filled;
            }
        }
        NodeValue::List(items) => items.iter_mut().for_each(|item| fill_below(report, env, item)),
        NodeValue::Map(fields) => {
            for (_, value) in fields {
                fill_below(report, env, value);
            }
        }
        _ => {}
    }
}

/// The text with its variables filled in; nothing where one is missing.
fn filled(report: &mut Report, env: Env, text: &str, span: &Span) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut whole) = (text, true);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some((inner, next)) = after.strip_prefix('{').and_then(closed) {
            match variable(env, inner) {
                Ok(value) => out.push_str(&value),
                Err(missing) => {
                    report.push(missing.diagnose(inner, span));
                    whole = false;
                }
            }
            rest = next;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    whole.then_some(out)
}

/// What is inside of `…}` and what follows.
fn closed(text: &str) -> Option<(&str, &str)> {
    text.split_once('}')
}

/// Why a variable has no value.
enum Missing {
    /// It is not set, and there is no default.
    Unset,
    /// It is not set, and the file has a message for that.
    Message(String),
    /// It is no variable's name.
    NotAName,
}

fn variable(env: Env, inner: &str) -> Result<String, Missing> {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at_checked(end).ok_or(Missing::NotAName)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Missing::NotAName);
    }
    // As in a shell: `:-` and `:?` count an empty variable as not set.
    let set = env(name).filter(|value| rest.is_empty() || !value.is_empty());
    if let Some(default) = rest.strip_prefix(":-") {
        Ok(set.unwrap_or_else(|| default.to_owned()))
    } else if let Some(message) = rest.strip_prefix(":?") {
        set.ok_or_else(|| Missing::Message(message.to_owned()))
    } else if rest.is_empty() {
        set.ok_or(Missing::Unset)
    } else {
        Err(Missing::NotAName)
    }
}

impl Missing {
    fn diagnose(self, inner: &str, span: &Span) -> Diagnostic {
        let written = format!("${{{inner}}}");
        let place = span.text().find(&written).map_or_else(
            || span.clone(),
            |at| {
                let start = span.range().start + at;
                Span::new(span.file(), start..start + written.len())
            },
        );
        let name = inner.split(':').next().unwrap_or(inner);
        let (message, help) = match self {
            Self::Unset => (
                format!("`{written}` is not set"),
                format!("set {name}, or write a default: `${{{name}:-…}}`; `$$` is a dollar sign"),
            ),
            Self::Message(words) if words.trim().is_empty() => {
                (format!("`{name}` is not set"), format!("set {name} in the environment"))
            }
            Self::Message(words) => {
                (format!("`{name}` is not set: {words}"), format!("set {name} in the environment"))
            }
            Self::NotAName => (
                format!("`{written}` names no environment variable"),
                "write ${NAME}, ${NAME:-default} or ${NAME:?message}; `$${` for the text itself"
                    .to_owned(),
            ),
        };
        Diagnostic::new(Code::EnvMissing, message, &place).help(help)
    }
}
