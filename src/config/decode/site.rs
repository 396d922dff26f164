//! A whole file, and the files together.

use std::collections::HashMap;
use std::sync::Arc;

use super::scalar::typed;
use super::{Decoder, Fields};
use crate::config::fields::{INCLUDED, SITE};
use crate::config::model::{
    Config, Defaults, ErrorPageConfig, LoadConfig, RouteConfig, ServerConfig,
};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span};

/// A file and what its text says.
pub(crate) type Parsed = (Arc<SourceFile>, Node);

/// What the files read so far have brought.
#[derive(Default)]
struct Parts {
    data: Vec<(At<String>, Node)>,
    load: Vec<LoadConfig>,
    routes: Vec<RouteConfig>,
    /// Where each name of `data` and `load`, and each route, was first given.
    names: HashMap<String, Span>,
    keys: HashMap<(String, String), Span>,
}

/// The main file and those that it includes, together.
pub(crate) fn config(report: &mut Report, main: &Parsed, included: &[Parsed]) -> Config {
    let mut decoder = Decoder { report };
    let place = Span::new(&main.0, 0..0);
    let nothing = Node { value: NodeValue::Null, span: place.clone() };
    let mut parts = Parts::default();
    let fields = decoder
        .fields(&SITE, "the site", &place, &main.1)
        .unwrap_or_else(|| Fields::empty(&SITE, &nothing));
    let section = |name: &str| fields.key(name).unwrap_or(&place).clone();
    let server = decoder.server(&section("server"), fields.get("server"));
    let cache = decoder.cache(&section("cache"), fields.get("cache"));
    let templates = decoder.site_path(&fields, "templates");
    let languages = decoder.languages(&fields);
    let upstreams = decoder.upstreams(fields.get("upstreams"));
    let errors = decoder.errors(&fields);
    parts.add(&mut decoder, &fields);
    for (file, root) in included {
        let place = Span::new(file, 0..0);
        if let Some(fields) = decoder.fields(&INCLUDED, "an included file", &place, root) {
            parts.add(&mut decoder, &fields);
        }
    }
    let Parts { data, load, routes, .. } = parts;
    // By the names as typed: an upstream that is wrong is there all the same.
    let declared = decoder.entries("`upstreams`", fields.get("upstreams"));
    for load in load.iter().chain(routes.iter().flat_map(|route| &route.load)) {
        decoder.check_upstream(declared, load);
    }
    decoder.reserved_paths(&server, fields.get("server"), &routes);
    let templates = templates.unwrap_or_else(|| At::new("templates".to_owned(), place));
    let files = std::iter::once(main).chain(included).map(|(file, _)| Arc::clone(file)).collect();
    Config { files, server, cache, templates, languages, upstreams, data, load, errors, routes }
}

/// The patterns under `include`.
pub(crate) fn include(report: &mut Report, root: &Node) -> Vec<At<String>> {
    let mut decoder = Decoder { report };
    let NodeValue::Map(list) = &root.value else { return Vec::new() };
    let node = list.iter().find(|(key, _)| key.value == "include").map(|(_, node)| node);
    let one = node.filter(|node| matches!(node.value, NodeValue::Text(_)));
    let items = match one {
        Some(node) => std::slice::from_ref(node),
        None => decoder.items("`include`", node),
    };
    let texts = items.iter().filter_map(|node| decoder.text_of("an item of `include`", node));
    let texts: Vec<At<String>> = texts.collect();
    texts.into_iter().filter(|path| decoder.inside(path).is_some()).collect()
}

impl Parts {
    /// The sections that every file may have.
    fn add(&mut self, decoder: &mut Decoder, fields: &Fields) {
        let defaults = match (fields.get("defaults"), fields.key("defaults")) {
            (Some(node), Some(place)) => decoder.defaults(place, node),
            _ => Defaults::default(),
        };
        let defaults = Arc::new(defaults);
        for (name, node) in decoder.data(fields.get("data")) {
            if self.new_name(decoder, &name) {
                self.data.push((name, node));
            }
        }
        for load in decoder.loads(fields.get("load")) {
            if self.new_name(decoder, &load.name) {
                self.load.push(load);
            }
        }
        for (key, node) in decoder.routes(fields.get("routes")) {
            if key.value.starts_with("x-") {
                continue;
            }
            if let Some(route) = decoder.route(key, node, &defaults)
                && self.new_route(decoder, &route)
            {
                self.routes.push(route);
            }
        }
    }

    /// Whether a name of `data` or `load` is not taken yet, in any file.
    fn new_name(&mut self, decoder: &mut Decoder, name: &At<String>) -> bool {
        if let Some(first) = self.names.get(&name.value) {
            let message = format!("`{}` has a value already", name.value);
            let diagnostic = Diagnostic::new(Code::DuplicateName, message, &name.span)
                .remark("again here")
                .label(first, "first here")
                .help("names under `data` and `load` are one list, in all files: rename one");
            decoder.report.push(diagnostic);
            return false;
        }
        self.names.insert(name.value.clone(), name.span.clone());
        true
    }

    /// Whether a route is not taken yet, in any file.
    fn new_route(&mut self, decoder: &mut Decoder, route: &RouteConfig) -> bool {
        let key = (route.method.value.clone(), route.path.value.clone());
        if let Some(first) = self.keys.get(&key) {
            let message = format!("`{}` is defined twice", route.path.value);
            let diagnostic = Diagnostic::new(Code::DuplicateRoute, message, &route.method.span)
                .remark("again here")
                .label(first, "first here")
                .help("remove one of them");
            decoder.report.push(diagnostic);
            return false;
        }
        self.keys.insert(key, route.method.span.clone());
        true
    }
}

impl Decoder<'_> {
    /// The entries of `routes`; a list, as other tools have it, is said to be foreign.
    fn routes<'n>(&mut self, node: Option<&'n Node>) -> &'n [(At<String>, Node)] {
        let Some(NodeValue::List(_)) = node.map(|node| &node.value) else {
            return self.entries("`routes`", node);
        };
        if let Some(node) = node {
            let message = "`routes` is a list here".to_owned();
            let help = "larder's routes are a mapping from path to route: `/about: { body: … }`";
            self.error(Code::ForeignSyntax, message, &node.span, help);
        }
        &[]
    }

    fn languages(&mut self, fields: &Fields) -> Vec<At<String>> {
        let mut languages = self.texts(fields, "languages");
        languages.retain(|language| {
            let mut parts = language.value.split('-');
            let tag = |part: &str, least: usize| {
                (least..=8).contains(&part.len())
                    && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            let good = parts.next().is_some_and(|part| tag(part, 2)) && parts.all(|p| tag(p, 1));
            if !good {
                let message =
                    format!("`{}` is no language", typed(&language.value, &language.span));
                let help = "write a tag like en, no or pt-BR";
                self.error(Code::BadType, message, &language.span, help);
            }
            good
        });
        languages
    }

    fn errors(&mut self, fields: &Fields) -> Vec<ErrorPageConfig> {
        let mut pages: Vec<ErrorPageConfig> = Vec::new();
        for (key, node) in self.entries("`errors`", fields.get("errors")) {
            if !key.value.starts_with("x-")
                && let Some(page) = self.error_page(key, node)
            {
                pages.push(page);
            }
        }
        pages
    }

    /// Says which routes are where larder itself answers.
    fn reserved_paths(
        &mut self,
        server: &ServerConfig,
        section: Option<&Node>,
        routes: &[RouteConfig],
    ) {
        let docs_json = server.docs.as_ref().map(|_| "/openapi.json");
        let own = [
            (Some("/_larder"), None, true),
            (server.docs.as_deref(), Some("docs"), true),
            (docs_json, Some("docs"), false),
            (server.health.as_deref(), Some("health"), false),
        ];
        for route in routes {
            let path = route.path.value.as_str();
            for (own, field, below) in &own {
                let Some(own) = own else { continue };
                let inside = path
                    .strip_prefix(own)
                    .is_some_and(|rest| rest.is_empty() || (*below && rest.starts_with('/')));
                if !inside {
                    continue;
                }
                let message = format!("`{path}` is where larder itself answers");
                let mut diagnostic = Diagnostic::new(Code::ReservedPath, message, &route.path.span)
                    .help("choose another path");
                if let Some(place) = field.and_then(|field| field_of(section, field)) {
                    diagnostic = diagnostic.label(place, "because of this");
                }
                self.report.push(diagnostic);
            }
        }
    }
}

fn field_of<'n>(section: Option<&'n Node>, name: &str) -> Option<&'n Span> {
    match &section?.value {
        NodeValue::Map(list) => {
            list.iter().find(|(key, _)| key.value == name).map(|(key, _)| &key.span)
        }
        _ => None,
    }
}
