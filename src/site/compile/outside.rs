//! What a visitor writes, where a template prints it as markup or code.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::route::{ParamKind, Pattern};
use super::super::template::{Finding, Outside, Reads, Refusal, Step, is_outside};
use super::Compiler;
use super::analysis::Analysis;
use super::values::Values;
use crate::config::{ParamConfig, ParamType, RouteConfig};

/// Whether anything that a page reads may come from outside.
pub(super) fn may_come(reads: &Reads, of_servers: &BTreeSet<String>) -> bool {
    reads.list.iter().any(|read| match read.path.first() {
        Some(Step::Name(root)) => is_outside(root) || of_servers.contains(root),
        _ => true,
    })
}

/// All that a page reads, as printed unescaped: JSON that is sent as a page.
pub(super) fn all_of(reads: &Reads) -> Vec<Finding> {
    let finding = |read: &super::super::template::Read| Finding {
        value: read.path.clone(),
        refusal: Refusal::JsonAsPage,
        between: None,
        place: read.place.clone(),
        via: read.via.clone(),
    };
    reads.list.iter().map(finding).collect()
}

/// What a visitor may write freely of what a page sees.
pub(super) enum Visitor<'a> {
    /// The request of a route, as far as nothing declares it.
    OfRoute { typed: &'a RouteConfig, pattern: &'a Pattern },
    /// An error, and the path that was asked for.
    OfError,
}

impl<'a> Visitor<'a> {
    pub(super) fn of(typed: &'a RouteConfig, pattern: &'a Pattern) -> Self {
        Self::OfRoute { typed, pattern }
    }

    /// Who may have written markup into the value at the end of a way.
    fn wrote(&self, way: &[Step]) -> Option<Outside> {
        let free = match way {
            [Step::Name(root), rest @ ..] if is_outside(root) => self.is_free(root, rest.first()),
            [Step::Name(_), ..] => false,
            // The whole context.
            _ => true,
        };
        free.then_some(Outside::Visitor)
    }

    /// Whether the path that was asked for cannot begin with two slashes.
    fn path_begins_with_a_name(&self) -> bool {
        match self {
            Self::OfRoute { pattern, .. } => {
                pattern.as_str().strip_prefix('/').is_some_and(|rest| !rest.starts_with('{'))
            }
            Self::OfError => false,
        }
    }

    fn is_free(&self, root: &str, name: Option<&Step>) -> bool {
        let name = match name {
            Some(Step::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        match (self, root, name) {
            (Self::OfError, "error", Some(name)) => name != "status",
            (Self::OfError, "error" | "path", _) => true,
            (Self::OfError, ..) | (Self::OfRoute { .. }, "error", _) => false,
            (Self::OfRoute { typed, .. }, "query", Some(name)) => is_text(&typed.query, name),
            (Self::OfRoute { typed, .. }, "body", Some(name)) => is_text(&typed.fields, name),
            (Self::OfRoute { typed, pattern }, "params" | "path", name) => {
                let name = name.filter(|_| root == "params");
                pattern.params().iter().any(|param| {
                    name.is_none_or(|name| *param.name == *name)
                        && matches!(param.kind, ParamKind::Text | ParamKind::Rest)
                        && is_text(&typed.params, &param.name)
                })
            }
            (Self::OfRoute { .. }, ..) => true,
        }
    }
}

/// Whether a parameter is text that nothing bounds to the site's own words.
fn is_text(declared: &[ParamConfig], name: &str) -> bool {
    declared
        .iter()
        .find(|param| param.name.value == name)
        .is_none_or(|param| param.kind.value == ParamType::String && param.choices.is_empty())
}

impl Compiler<'_> {
    /// Refuses what a visitor writes where it would be markup or code, once a place.
    pub(super) fn check_outside(
        &mut self,
        analysis: &Analysis,
        own: &Values,
        visitor: &Visitor<'_>,
    ) {
        let mut said = BTreeSet::new();
        for finding in &analysis.findings {
            let of_server = || match (visitor, finding.value.first()) {
                (Visitor::OfRoute { .. }, Some(Step::Name(root))) => {
                    self.is_of_server(root, own).then_some(Outside::Server)
                }
                _ => None,
            };
            let Some(outside) = visitor.wrote(&finding.value).or_else(of_server) else { continue };
            if finding.refusal == Refusal::PathAddress && visitor.path_begins_with_a_name() {
                continue;
            }
            if finding.between.as_ref().is_some_and(|way| self.is_filled(way, own, visitor)) {
                continue;
            }
            if said.insert(finding.place.start()) {
                self.report.push(finding.diagnostic(outside));
            }
        }
    }

    /// Whether the value of a name is one that a server sends to a page with these values.
    fn is_of_server(&self, root: &str, own: &Values) -> bool {
        let is_it = |values: &Values| values.remote.iter().any(|load| *load.name == *root);
        is_it(own) || is_it(&self.values) && !own.has(root)
    }

    /// Whether the value at the end of a way is known to be never empty.
    fn is_filled(&self, way: &[Step], own: &Values, visitor: &Visitor<'_>) -> bool {
        let names = way.iter().map(|step| match step {
            Step::Name(name) => name.as_str(),
            Step::Any | Step::All => "",
        });
        let names: Vec<_> = names.collect();
        let Some((root, rest)) = names.split_first() else { return false };
        match (visitor, *root, rest) {
            (Visitor::OfRoute { pattern, .. }, "params", [name]) => {
                let mut params = pattern.params().iter();
                return params.any(|it| *it.name == **name && it.kind != ParamKind::Rest);
            }
            (_, "language", []) => return !self.config.languages.is_empty(),
            _ => {}
        }
        if own.chosen.iter().any(|load| load.name == *root) || self.is_of_server(root, own) {
            return false;
        }
        let fixed = own.fixed.get(*root).or_else(|| self.values.fixed.get(*root));
        let value = fixed.and_then(|fixed| {
            rest.iter().try_fold(&*fixed.value, |value, name| value.as_object()?.get(*name))
        });
        match value {
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(value) => value.is_number() || value.is_boolean(),
            None => false,
        }
    }
}
