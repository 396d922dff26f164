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
            let [Step::Name(root), rest @ ..] = want.path.as_slice() else { continue };
            let (name, known) = match (root.as_str(), rest) {
                ("query", [Step::Name(name)]) => (name, declared(&typed.query, name)),
                ("params", [Step::Name(name)]) => (name, in_path(typed, pattern, name)),
                ("body", [Step::Name(name)]) => (name, declared(&typed.fields, name)),
                // A value inside of a field is of any kind, whatever is declared.
                ("body", [Step::Name(name), ..]) => (name, Known::Free),
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

/// The declaration of a date.
const DATE: &str = r"{ pattern: '\d{4}-\d\d-\d\d' }";

/// The way to a value as one writes it.
fn written(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Name(name) => name.as_str(),
        Step::Any | Step::All => "*",
    });
    steps.collect::<Vec<_>>().join(".")
}

/// The last name on the way to a value.
fn last_name(path: &[Step]) -> &str {
    let names = path.iter().filter_map(|step| match step {
        Step::Name(name) => Some(name.as_str()),
        Step::Any | Step::All => None,
    });
    { names }.next_back().unwrap_or_default()
}

fn untyped(want: &Want, root: &str, name: &str, kind: &str) -> Diagnostic {
    let message = format!(
        "`{}` wants a {kind}, and `{}` is whatever a visitor writes",
        want.helper,
        written(&want.path)
    );
    let field = if root == "body" { "fields" } else { root };
    let help = match (root, kind) {
        ("body", _) if want.path.len() > 2 => {
            let (name, of) = (last_name(&want.path), if kind == "date" { DATE } else { "int" });
            return Diagnostic::new(Code::UntypedInput, message, &want.place).help(format!(
                "only fields of the body itself are declared: let it be one, \
                 `fields: {{ {name}: {of} }}`"
            ));
        }
        ("params", "date") => format!("write `{{{name}:date}}` in the path"),
        ("params", _) => format!("write `{{{name}:int}}` in the path"),
        (_, "date") => {
            format!("declare it: `{field}: {{ {name}: {DATE} }}`")
        }
        _ => format!("declare it: `{field}: {{ {name}: int }}`, or `number`"),
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
