//! A whole file, and the files together.

use std::collections::HashMap;
use std::sync::Arc;

use super::scalar::as_written;
use super::{Decoder, Entry};
use crate::config::model::{Config, MainConfig, PartConfig, RouteConfig, ServerConfig};
use crate::config::node::Node;
use crate::config::section::Standalone;
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span};

/// What one file says, whatever it includes: a [`MainConfig`] or a [`PartConfig`].
pub(crate) fn file<S: Standalone>(report: &mut Report, root: &Node) -> S {
    let key = At::new(String::new(), Span::new(root.span.file(), 0..0));
    let entry = Entry { what: S::SECTION.title.to_owned(), key: &key, node: root };
    Decoder { report }.section(&entry)
}

/// The main file and those that it includes, together. `root` is what the main file's text says.
pub(crate) fn merge(
    report: &mut Report,
    root: &Node,
    main: MainConfig,
    files: Vec<Arc<SourceFile>>,
    included: Vec<PartConfig>,
) -> Config {
    let MainConfig { part, server, cache, templates, languages, errors } = main;
    let place = Span::new(root.span.file(), 0..0);
    let mut config = Config {
        files,
        server,
        cache,
        templates: templates.unwrap_or_else(|| At::new("templates".to_owned(), place)),
        languages,
        data: Vec::new(),
        load: Vec::new(),
        errors,
        routes: Vec::new(),
    };
    let mut taken = Taken { report, places: HashMap::new() };
    for part in std::iter::once(part).chain(included) {
        let with_defaults = |route: RouteConfig| {
            let settings = route.settings.or(part.defaults.clone());
            RouteConfig { settings, ..route }
        };
        config.data.extend(part.data.into_iter().filter(|(name, _)| taken.is_new_name(name)));
        config.load.extend(part.load.into_iter().filter(|load| taken.is_new_name(&load.name)));
        let routes = part.routes.into_iter().filter(|route| taken.is_new_route(route));
        config.routes.extend(routes.map(with_defaults));
    }
    reserved_paths(report, &config.server, root, &config.routes);
    config
}

/// Where each name of `data` and `load`, and each route, was first given.
struct Taken<'r> {
    report: &'r mut Report,
    /// By the rule that a second one breaks.
    places: HashMap<(Code, String), Span>,
}

impl Taken<'_> {
    /// Whether a name of `data` or `load` is not taken yet, in any file.
    fn is_new_name(&mut self, name: &At<String>) -> bool {
        let message = format!("`{}` has a value already", name.value);
        let help = "names under `data` and `load` are one list, in all files: rename one";
        self.is_new((Code::DuplicateName, name.value.clone()), &name.span, message, help)
    }

    /// Whether a route is not taken yet, in any file.
    fn is_new_route(&mut self, route: &RouteConfig) -> bool {
        let (method, path) = (&route.method, &route.path.value);
        let message = format!("`{path}` is defined twice");
        let key = (Code::DuplicateRoute, format!("{} {path}", method.value));
        self.is_new(key, &method.span, message, "remove one of them")
    }

    fn is_new(&mut self, key: (Code, String), place: &Span, message: String, help: &str) -> bool {
        let Some(first) = self.places.get(&key) else {
            self.places.insert(key, place.clone());
            return true;
        };
        self.report.push(Diagnostic::twice(key.0, message, place, first).help(help));
        false
    }
}

impl Decoder<'_> {
    /// A tag of a language.
    pub(super) fn language(&mut self, entry: &Entry) -> Option<At<String>> {
        let language = self.text(entry)?;
        let mut parts = language.value.split('-');
        let tag = |part: &str, least: usize| {
            (least..=8).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if parts.next().is_some_and(|part| tag(part, 2)) && parts.all(|part| tag(part, 1)) {
            return Some(language);
        }
        let message = format!("`{}` is no language", as_written(entry.node));
        self.refuse(Code::BadType, message, &language.span, "write a tag like en, no or pt-BR")
    }
}

/// Says which routes are where larder itself answers.
fn reserved_paths(report: &mut Report, server: &ServerConfig, root: &Node, routes: &[RouteConfig]) {
    let docs = server.docs.as_deref();
    // The path, the field that puts it there, and whether all below it is larder's too.
    let own = [
        (Some("/_larder"), None, true),
        (docs, Some("docs"), true),
        (docs.map(|_| "/openapi.json"), Some("docs"), false),
        (server.health.as_deref(), Some("health"), false),
    ];
    for At { value: path, span } in routes.iter().map(|route| &route.path) {
        for (own, field, below) in own {
            let rest = own.and_then(|own| path.strip_prefix(own));
            if !rest.is_some_and(|rest| rest.is_empty() || (below && rest.starts_with('/'))) {
                continue;
            }
            let message = format!("`{path}` is where larder itself answers");
            let mut diagnostic =
                Diagnostic::new(Code::ReservedPath, message, span).help("choose another path");
            if let Some((key, _)) = field.and_then(|field| root.field("server")?.1.field(field)) {
                diagnostic = diagnostic.label(&key.span, "because of this");
            }
            report.push(diagnostic);
        }
    }
}
