//! What helpers want their arguments to be, and what a request may give them.

use serde_json::Value;

use super::super::route::{ParamKind, Pattern};
use super::super::template::{Reads, Step, Want, Wanted, through_partials};
use super::{Compiler, policy};
use crate::config::{ParamConfig, ParamType, RouteConfig};
use crate::diagnostic::{Code, Diagnostic};

/// What is known of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Number,
    Date,
    /// Bounded to words of the site's own, or by a pattern.
    Chosen,
    /// Anything else.
    Free,
}

impl Compiler<'_> {
    /// Refuses what a visitor writes freely where a helper wants a number or a date, and warns of a
    /// number that is compared with a text that is none.
    pub(super) fn check_wants(&mut self, reads: &Reads, typed: &RouteConfig, pattern: &Pattern) {
        for want in &reads.wants {
            let [Step::Name(root), Step::Name(name)] = want.path.as_slice() else { continue };
            let known = match root.as_str() {
                "query" => declared(&typed.query, name),
                "params" => in_path(typed, pattern, name),
                _ => continue,
            };
            let found = match (&want.wanted, known) {
                (Wanted::Number, Known::Free | Known::Date) => {
                    Some(untyped(want, root, name, "number"))
                }
                (Wanted::Date, Known::Free) => Some(untyped(want, root, name, "date")),
                (Wanted::Equal(Value::String(text)), Known::Number) => {
                    against_number(want, root, name, text)
                }
                _ => None,
            };
            let Some(found) = found else { continue };
            self.report.push(through_partials(found, &want.via));
        }
    }

    /// Warns of `uuid` and `random` in a page that is kept.
    pub(super) fn check_random(&mut self, reads: &Reads, typed: &RouteConfig) {
        let is_kept = typed.method.value == "GET" && policy::lifetime(typed).ttl.is_some();
        if let Some((name, place)) = reads.changing.as_ref().filter(|_| is_kept) {
            let message = format!("`{name}` in a page that is kept is the same for everyone");
            let help = "`ttl: off` makes the page anew for each request";
            self.report.push(Diagnostic::new(Code::KeptRandom, message, place).help(help));
        }
    }
}

fn declared(declared: &[ParamConfig], name: &str) -> Known {
    let Some(param) = declared.iter().find(|param| param.name.value == name) else {
        return Known::Free;
    };
    match param.kind.value {
        ParamType::Int | ParamType::Number => Known::Number,
        ParamType::String if !param.choices.is_empty() || param.pattern.is_some() => Known::Chosen,
        ParamType::String | ParamType::Bool => Known::Free,
    }
}

fn in_path(typed: &RouteConfig, pattern: &Pattern, name: &str) -> Known {
    let param = pattern.params().iter().find(|param| *param.name == *name);
    match param.map(|param| param.kind) {
        Some(ParamKind::Int) => Known::Number,
        Some(ParamKind::Date) => Known::Date,
        Some(_) => declared(&typed.params, name),
        // That there is none is said.
        None => Known::Chosen,
    }
}

fn untyped(want: &Want, root: &str, name: &str, kind: &str) -> Diagnostic {
    let message = format!(
        "`{}` wants a {kind}, and `{root}.{name}` is whatever a visitor writes",
        want.helper
    );
    let help = match (root, kind) {
        ("params", "date") => format!("write `{{{name}:date}}` in the path"),
        ("params", _) => format!("write `{{{name}:int}}` in the path"),
        (_, "date") => {
            format!("declare it: `query: {{ {name}: {{ pattern: '\\d{{4}}-\\d\\d-\\d\\d' }} }}`")
        }
        _ => format!("declare it: `query: {{ {name}: int }}`, or `number`"),
    };
    Diagnostic::new(Code::UntypedInput, message, &want.place).help(help)
}

fn against_number(want: &Want, root: &str, name: &str, text: &str) -> Option<Diagnostic> {
    if text.parse::<serde_json::Number>().is_ok() {
        return None;
    }
    let always = if want.helper == "ne" { "always" } else { "never" };
    let message =
        format!("`{root}.{name}` is a number: `{} … \"{text}\"` is {always} true", want.helper);
    let help = format!("compare it with a number: `({} {root}.{name} 1)`", want.helper);
    Some(Diagnostic::new(Code::TextAgainstNumber, message, &want.place).help(help))
}
