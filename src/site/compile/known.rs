//! Reads that nothing provides: what a page can know is told to the template check.

use super::super::route::Pattern;
use super::super::template::{Known, check_known};
use super::Compiler;
use super::analysis::Analysis;
use super::parts::REQUEST_ROOTS;
use super::values::Values;
use serde_json::{Map, Value, json};

impl Compiler<'_> {
    /// Reports what a route's page reads and nobody provides.
    pub(super) fn check_known(&mut self, analysis: &Analysis, own: &Values, pattern: &Pattern) {
        let mut known = self.known_data(own);
        let params: Map<String, Value> =
            pattern.params().iter().map(|param| (param.name.to_string(), json!(""))).collect();
        known.values.insert("params".to_owned(), Value::Object(params));
        known.values.insert("route".to_owned(), json!({ "name": "", "path": "" }));
        let has_languages = !self.config.languages.is_empty();
        let is_open = |root: &str| match root {
            "params" | "route" => false,
            "language" => has_languages,
            _ => true,
        };
        let open = REQUEST_ROOTS.iter().filter(|root| is_open(root));
        known.open.extend(open.map(|root| (*root).to_owned()));
        self.report.extend(check_known(&analysis.reads, &known));
    }

    /// Reports what an error page reads and nobody provides.
    pub(super) fn check_error_known(&mut self, analysis: &Analysis) {
        let mut known = self.known_data(&Values::default());
        let error = json!({ "status": 0, "title": "", "detail": "" });
        known.values.insert("error".to_owned(), error);
        known.open.insert("path".to_owned());
        self.report.extend(check_known(&analysis.reads, &known));
    }

    fn known_data(&self, own: &Values) -> Known {
        let mut known = Known::default();
        for (name, fixed) in self.values.fixed.iter().chain(&own.fixed) {
            known.values.insert(name.clone(), fixed.value.as_ref().clone());
        }
        for chosen in &own.chosen {
            known.values.remove(&chosen.name);
            known.open.insert(chosen.name.clone());
        }
        known
    }
}
