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
        } else if let Some((inner, next)) =
            after.strip_prefix('{').and_then(|after| after.split_once('}'))
        {
            match variable(env, inner) {
                Ok(value) => out.push_str(&value),
                Err((message, help)) => {
                    let place = span.find(&format!("${{{inner}}}"));
                    report.push(Diagnostic::new(Code::EnvMissing, message, &place).help(help));
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

/// A variable's value, from what stands between the braces; else what is wrong and how to mend it.
fn variable(env: Env, inner: &str) -> Result<String, (String, String)> {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at_checked(end).unwrap_or_default();
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    // As in a shell: `:-` and `:?` count an empty variable as not set.
    let set = || env(name).filter(|value| rest.is_empty() || !value.is_empty());
    if is_name && let Some(default) = rest.strip_prefix(":-") {
        Ok(set().unwrap_or_else(|| default.to_owned()))
    } else if is_name && let Some(words) = rest.strip_prefix(":?") {
        let words = if words.trim().is_empty() { String::new() } else { format!(": {words}") };
        let help = format!("set {name} in the environment");
        set().ok_or_else(|| (format!("`{name}` is not set{words}"), help))
    } else if is_name && rest.is_empty() {
        let help =
            format!("set {name}, or write a default: `${{{name}:-…}}`; `$$` is a dollar sign");
        set().ok_or_else(|| (format!("`${{{name}}}` is not set"), help))
    } else {
        let help = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; `$${` for the text itself";
        Err((format!("`${{{inner}}}` names no environment variable"), help.to_owned()))
    }
}
