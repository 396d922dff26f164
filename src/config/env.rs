//! `${VAR}` in string values: after parsing, so that a value can never become a field.

use super::node::{Node, NodeValue};
use crate::diagnostic::{Code, Diagnostic, Report};

/// Asks the environment for a variable.
pub(super) type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// How deep defaults may stand inside each other.
const MAX_NESTED: usize = 16;

/// Fills in every string value of a file; keys, and its own free `x-…` fields, stay as written:
/// what is kept there is filled in where an alias puts it.
pub(super) fn fill(report: &mut Report, env: Env, root: &mut Node) {
    match &mut root.value {
        NodeValue::Map(fields) => fields
            .iter_mut()
            .filter(|(key, _)| !key.value.starts_with("x-"))
            .for_each(|(key, value)| fill_below(report, env, &key.value, value)),
        _ => fill_below(report, env, "", root),
    }
}

/// Fills in the value of the field `of`.
pub(super) fn fill_below(report: &mut Report, env: Env, of: &str, node: &mut Node) {
    match &mut node.value {
        NodeValue::Text(text) if text.contains('$') => match filled(env, text, 0) {
            Ok(filled) => *text = filled,
            Err(wrong) => wrong.into_iter().for_each(|wrong| {
                let place = node.span.find(&wrong.written);
                let found = Diagnostic::new(wrong.code, wrong.message, &place);
                report.push(found.help(wrong.help));
            }),
        },
        NodeValue::List(items) => {
            for item in items {
                fill_below(report, env, of, item);
            }
        }
        NodeValue::Map(fields) => {
            for (key, value) in fields {
                // That of a route is an error, which is said where routes are read.
                if key.value.contains("${") && of != "routes" {
                    let message = format!("`{}` is a key, and stays as it stands", key.value);
                    let found = Diagnostic::new(Code::LooksLike, message, &key.span);
                    report.push(found.help(IN_VALUES));
                }
                fill_below(report, env, &key.value, value);
            }
        }
        _ => {}
    }
}

/// What is said of a variable in a key.
pub(super) const IN_VALUES: &str = "variables are filled in values alone: write the key out";

/// What is wrong with a variable.
struct Wrong {
    code: Code,
    /// The text to mark.
    written: String,
    message: String,
    help: String,
}

/// The text with its variables filled in, or all that is wrong with them.
fn filled(env: Env, text: &str, depth: usize) -> Result<String, Vec<Wrong>> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut wrong) = (text, Vec::new());
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some(after) = after.strip_prefix('{') {
            let Some((inner, next)) = closed(after).filter(|_| depth < MAX_NESTED) else {
                wrong.push(unclosed(after, depth));
                return Err(wrong);
            };
            match variable(env, inner, depth) {
                Ok(value) => out.push_str(&value),
                Err(found) => wrong.extend(found),
            }
            rest = next;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

/// What stands before the brace that closes, and what follows it.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn unclosed(after: &str, depth: usize) -> Wrong {
    let name = name_of(after);
    let written = format!("${{{name}");
    let (message, help) = if depth == MAX_NESTED {
        ("defaults are inside each other too deep".to_owned(), "write it flatter")
    } else {
        (format!("`{written}` is not closed"), "write a `}` where it ends; `$$` is a dollar sign")
    };
    Wrong { code: Code::EnvUnclosed, written, message, help: help.to_owned() }
}

/// The name at the start of what stands between the braces.
fn name_of(inner: &str) -> &str {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    inner.get(..end).unwrap_or_default()
}

/// A variable's value, from what stands between the braces; else what is wrong.
fn variable(env: Env, inner: &str, depth: usize) -> Result<String, Vec<Wrong>> {
    let name = name_of(inner);
    let rest = inner.strip_prefix(name).unwrap_or_default();
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    // As in a shell: `:-` and `:?` count an empty variable as not set.
    let set = || env(name).filter(|value| rest.is_empty() || !value.is_empty());
    let wrong = |message: String, help: String| {
        let written = format!("${{{inner}}}");
        Err(vec![Wrong { code: Code::EnvMissing, written, message, help }])
    };
    if is_name && let Some(default) = rest.strip_prefix(":-") {
        set().map_or_else(|| filled(env, default, depth + 1), Ok)
    } else if is_name && let Some(words) = rest.strip_prefix(":?") {
        let words = if words.trim().is_empty() { String::new() } else { format!(": {words}") };
        let help = format!("set {name} in the environment");
        set().map_or_else(|| wrong(format!("`{name}` is not set{words}"), help), Ok)
    } else if is_name && rest.is_empty() {
        let help =
            format!("set {name}, or write a default: `${{{name}:-…}}`; `$$` is a dollar sign");
        set().map_or_else(|| wrong(format!("`${{{name}}}` is not set"), help), Ok)
    } else {
        let help = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; `$${` for the text itself";
        wrong(format!("`${{{inner}}}` names no environment variable"), help.to_owned())
    }
}
