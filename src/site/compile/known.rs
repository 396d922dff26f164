//! Reads that nothing provides: what a page can know is told to the template check.

use std::sync::Arc;

use serde_json::json;

use super::super::key::{InputKind, Inputs};
use super::super::route::Pattern;
use super::super::template::{
    KnownContext, Step, TextTemplate, check_fit, check_known, through_partials,
};
use super::Compiler;
use super::analysis::Analysis;
use super::parts::REQUEST_ROOTS;
use super::values::Values;
use crate::config::{ParamConfig, RouteConfig, is_read};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

impl Compiler<'_> {
    /// Reports what a route's page reads and nobody provides.
    pub(super) fn check_known(
        &mut self,
        analysis: &Analysis,
        own: &Values,
        typed: &RouteConfig,
        pattern: &Pattern,
    ) {
        if analysis.is_wrong {
            return;
        }
        let mut known = self.known_data(own);
        let route = json!({ "name": "", "path": "" });
        known.values.insert("route".to_owned(), Arc::new(route));
        let has_languages = !self.config.languages.is_empty();
        let is_open = |root: &str| match root {
            "route" => false,
            "language" => has_languages,
            "body" => !is_read(&typed.method.value),
            _ => true,
        };
        let open = REQUEST_ROOTS.iter().filter(|root| is_open(root));
        known.open.extend(open.map(|root| (*root).to_owned()));
        self.report.extend(check_known(&analysis.reads, &known));
        // Of the site's values the same is said for each page of the templates: once is enough.
        if own.is_empty() {
            analysis.unfit.get_or_init(|| check_fit(&analysis.reads, &known));
        } else {
            self.report.extend(check_fit(&analysis.reads, &known));
        }
        for read in &analysis.reads.list {
            let [Step::Name(root), Step::Name(name), ..] = read.path.as_slice() else { continue };
            if root == "params" && !pattern.has_param(name) {
                let found = param_unknown(name, pattern, &read.place);
                self.report.push(through_partials(found, &read.via));
            }
        }
    }

    /// Warns of declared parameters of the query that nothing reads.
    pub(super) fn check_unused(&mut self, typed: &RouteConfig, inputs: &Inputs) {
        let is_unread = |param: &&ParamConfig| !inputs.has(InputKind::Query, &param.name.value);
        for param in typed.query.iter().filter(is_unread) {
            let message = format!("nothing reads `query.{}`", param.name.value);
            let help = "remove it, or read it: a parameter that nothing reads makes no entries";
            self.report
                .push(Diagnostic::new(Code::ParamUnused, message, &param.name.span).help(help));
        }
    }

    /// Reports what an error page reads and nobody provides.
    pub(super) fn check_error_known(&mut self, analysis: &Analysis) {
        let mut known = self.known_data(&Values::default());
        // It is made where a server may have failed, and asks none.
        self.values.remote.iter().for_each(|load| _ = known.open.remove(&*load.name));
        let error = json!({ "status": 0, "title": "", "detail": "" });
        known.values.insert("error".to_owned(), Arc::new(error));
        known.open.insert("path".to_owned());
        if !self.config.languages.is_empty() {
            known.open.insert("language".to_owned());
        }
        self.report.extend(check_known(&analysis.reads, &known));
        self.report.extend(check_fit(&analysis.reads, &known));
        self.check_conditions(analysis, None);
    }

    fn known_data(&self, own: &Values) -> KnownContext {
        let mut known = KnownContext::default();
        for (name, fixed) in self.values.fixed.iter().chain(&own.fixed) {
            known.values.insert(name.clone(), Arc::clone(&fixed.value));
            match fixed.from {
                Some(_) => known.loaded.insert(name.clone()),
                None => known.loaded.remove(name),
            };
        }
        for chosen in &own.chosen {
            known.values.remove(&chosen.name);
            known.open.insert(chosen.name.clone());
        }
        for name in self.remote_of(own).map(|load| load.name.to_string()) {
            known.values.remove(&name);
            known.open.insert(name);
        }
        for name in self.values.failed.iter().chain(&own.failed) {
            known.open.insert(name.clone());
        }
        known
    }
}

/// Says which parameters of an address the path does not have: it would find nothing, ever.
pub(super) fn check_address(address: &TextTemplate, pattern: &Pattern, report: &mut Report) {
    for (input, place) in address.reads() {
        let name = input.name.as_deref().filter(|_| input.kind == InputKind::Params);
        if let Some(name) = name.filter(|name| !pattern.has_param(name)) {
            report.push(param_unknown(name, pattern, place));
        }
    }
}

fn param_unknown(name: &str, pattern: &Pattern, place: &Span) -> Diagnostic {
    let path = pattern.as_str();
    let message = format!("`params.{name}` is no parameter of the path `{path}`");
    let help = pattern.params_help(name);
    Diagnostic::new(Code::ParamUnknown, message, place).help(help)
}
