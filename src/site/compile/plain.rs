//! Braces in what is sent as it stands.

use super::Compiler;
use crate::config::{CorsConfig, HeaderConfig, Node, NodeValue, RouteConfig, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};

/// Where braces mean something.
const VALUES: &str = "a template that prints the value has the braces: `{{name}}`";
const HEADERS: &str = "a header is the same on each answer: write what it is to say";
const TEXTS: &str = "write it as it is to be read";

impl Compiler<'_> {
    /// Warns of `{{…}}` in headers and values of no route.
    pub(super) fn check_plain(&mut self) {
        let (config, report) = (self.config, &mut *self.report);
        values(report, "data", &config.data);
        headers(report, &config.defaults.headers);
        config.errors.iter().for_each(|page| headers(report, &page.headers));
    }

    /// The same of a route.
    pub(super) fn check_plain_route(&mut self, route: &RouteConfig) {
        values(self.report, "data", &route.data);
        headers(self.report, &route.settings.headers);
        texts(self.report, route);
        if let SourceConfig::Json(node) = &route.source {
            names(self.report, node);
        }
    }
}

fn headers(report: &mut Report, headers: &[HeaderConfig]) {
    for HeaderConfig { name, value, .. } in headers {
        if let Some(At { value, span }) = value {
            said(report, &format!("the header `{}`", name.value), value, span, HEADERS);
        }
    }
}

fn values(report: &mut Report, what: &str, data: &[(At<String>, Node)]) {
    for (name, node) in data {
        match &node.value {
            NodeValue::Text(text) => {
                said(report, &format!("`{what}.{}`", name.value), text, &node.span, VALUES);
            }
            NodeValue::Map(fields) => values(report, &format!("{what}.{}", name.value), fields),
            NodeValue::List(items) => {
                let named = items.iter().map(|item| (name.clone(), item.clone()));
                values(report, what, &named.collect::<Vec<_>>());
            }
            _ => {}
        }
    }
}

/// The names in a `json`, whose values are templates.
fn names(report: &mut Report, node: &Node) {
    match &node.value {
        NodeValue::Map(fields) => {
            for (name, node) in fields {
                said(report, "a name in `json`", &name.value, &name.span, TEXTS);
                names(report, node);
            }
        }
        NodeValue::List(items) => items.iter().for_each(|item| names(report, item)),
        _ => {}
    }
}

fn texts(report: &mut Report, route: &RouteConfig) {
    let place = &route.path.span;
    let summary = route.summary.iter().map(|text| ("`summary`", text, place));
    let params = route.query.iter().chain(&route.params);
    let described = params.clone().filter_map(|param| {
        let text = param.description.as_ref()?;
        Some(("`description`", text, &param.name.span))
    });
    let defaults = params.flat_map(|param| {
        let default = param.default.iter().map(|text| ("`default`", text));
        let choices = param.choices.iter().map(|text| ("`enum`", text));
        default.chain(choices).map(|(what, text)| (what, &text.value, &text.span))
    });
    let origins = match &route.settings.cors {
        Some(CorsConfig::Origins(origins)) => origins.as_slice(),
        Some(CorsConfig::Any) | None => &[],
    };
    let origins = origins.iter().map(|text| ("`cors`", text, place));
    for (what, text, place) in summary.chain(described).chain(defaults).chain(origins) {
        said(report, what, text, place, TEXTS);
    }
}

fn said(report: &mut Report, what: &str, text: &str, place: &Span, help: &str) {
    let Some((_, rest)) = text.split_once("{{") else { return };
    let Some((inside, _)) = rest.split_once("}}") else { return };
    let message = format!("{what} is sent as it stands, braces too");
    let place = place.find(&format!("{{{{{inside}}}}}"));
    report.push(Diagnostic::new(Code::NotTemplated, message, &place).help(help));
}
