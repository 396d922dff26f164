//! A whole file, and the files together: `data` and `load`, what templates see; `query` and
//! `params`, what requests may hold.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::HashMapExt as _;

use super::scalar::as_written;
use super::{Decoder, Entry};
use crate::config::model::{
    Config, LoadConfig, MainConfig, ParamConfig, ParamType, PartConfig, RouteConfig, ServerConfig,
    SourceMethod,
};
use crate::config::node::{Node, NodeValue};
use crate::config::section::Standalone;
use crate::config::upstream::is_address;
use crate::config::{kept, looks};
use crate::diagnostic::{At, Code, Diagnostic, FilledIn, Report, SourceFile, Span};

/// What one file says, whatever it includes: a [`MainConfig`] or a [`PartConfig`].
pub(crate) fn file<S: Standalone>(report: &mut Report, root: &Node) -> S {
    let key = At::new(String::new(), Span::new(root.span.file(), 0..0));
    let entry = Entry { what: S::SECTION.title.to_owned(), key: &key, node: root };
    Decoder { report }.section(&entry)
}

/// What the main file says, whatever it includes.
pub(crate) fn main_file(report: &mut Report, root: &Node) -> MainConfig {
    file(report, root)
}

/// What an included file says, as the part that it is of a site.
pub(crate) fn part_file(report: &mut Report, root: &Node) -> MainConfig {
    MainConfig { part: file(report, root), ..MainConfig::default() }
}

/// What the entries of `routes` say.
pub(crate) fn routes(report: &mut Report, root: &Node) -> Vec<RouteConfig> {
    let key = At::new("routes".to_owned(), root.span.clone());
    let entry = Entry { what: "`routes`".to_owned(), key: &key, node: root };
    let routes = Decoder { report }.routes(&entry);
    routes.into_iter().filter_map(Arc::into_inner).collect()
}

/// The main file and those that it includes, together. `root` is what the main file's text says.
pub(crate) fn merge(
    report: &mut Report,
    root: &Node,
    main: MainConfig,
    (files, frame): (Vec<Arc<SourceFile>>, Vec<Arc<SourceFile>>),
    included: Vec<PartConfig>,
) -> Config {
    let MainConfig { part, server, cache, templates, upstreams, languages, errors } = main;
    let place = Span::new(root.span.file(), 0..0);
    let mut config = Config {
        files,
        frame,
        server,
        cache,
        templates: templates.unwrap_or_else(|| At::new("templates".to_owned(), place)),
        languages,
        data: Vec::new(),
        upstreams,
        load: Vec::new(),
        defaults: part.defaults.clone(),
        errors,
        routes: Vec::new(),
        stub: None,
        environment: FilledIn::default(),
    };
    let mut names = HashMap::new();
    for part in std::iter::once(part).chain(included) {
        let mut is_new = |name: &At<String>| is_new_name(report, &mut names, name);
        config.data.extend(part.data.into_iter().filter(|(name, _)| is_new(name)));
        config.load.extend(part.load.into_iter().filter(|load| is_new(&load.name)));
        config.routes.extend(part.routes);
    }
    let twice = defined_twice(report, &config.routes);
    if !twice.is_empty() {
        let is_new = |(at, route)| (!twice.contains(&at)).then_some(route);
        config.routes = config.routes.into_iter().enumerate().filter_map(is_new).collect();
    }
    kept::check(report, &config.cache, &config.routes);
    reserved_paths(report, &config.server, root, &config.routes);
    config
}

/// Whether a name of `data` or `load` is not taken yet, in any file.
fn is_new_name(report: &mut Report, names: &mut HashMap<String, Span>, name: &At<String>) -> bool {
    let Some(first) = names.get(&name.value) else {
        names.insert(name.value.clone(), name.span.clone());
        return true;
    };
    let message = format!("`{}` has a value already", name.value);
    let help = "names under `data` and `load` are one list, in all files: rename one";
    report.push(Diagnostic::twice(Code::DuplicateName, message, &name.span, first).help(help));
    false
}

/// The routes, by their number, that are there already, in any file.
fn defined_twice(report: &mut Report, routes: &[Arc<RouteConfig>]) -> Vec<usize> {
    let mut places = foldhash::HashMap::with_capacity(routes.len());
    let mut twice = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let (method, path) = (&route.method, &route.path.value);
        let key = (method.value.as_str(), path.as_str());
        let first = *places.entry(key).or_insert(&method.span);
        if std::ptr::eq(first, &raw const method.span) {
            continue;
        }
        let message = format!("`{path}` is defined twice");
        let found = Diagnostic::twice(Code::DuplicateRoute, message, &method.span, first);
        report.push(found.help("remove one of them"));
        twice.push(at);
    }
    twice
}

/// Fields of a load that only one from a server has.
const OF_SERVERS: &[&str] =
    &["ttl", "stale_if_error", "fallback", "timeout", "accept_status", "headers", "method", "body"];

/// Names that every template has already.
const RESERVED: &[&str] = &[
    "params", "query", "headers", "cookies", "body", "language", "route", "path", "loaded",
    "error", "this",
];

impl Decoder<'_> {
    /// A mapping or a list.
    pub(super) fn tree(&mut self, entry: &Entry) -> Option<Node> {
        if !matches!(entry.node.value, NodeValue::Map(_) | NodeValue::List(_)) {
            return self.wrong_type(entry, "a mapping or a list");
        }
        Some(entry.node.clone())
    }

    /// Values as they stand, under their names.
    pub(super) fn data(&mut self, section: &Entry) -> Vec<(At<String>, Node)> {
        self.each(section, "value", |decoder, value| {
            decoder.check_name(section, value)?;
            looks::data(decoder.report, value.key, value.node);
            Some((value.key.clone(), value.node.clone()))
        })
    }

    /// Values from files, under their names.
    pub(super) fn loads(&mut self, section: &Entry) -> Vec<LoadConfig> {
        self.each(section, "load", |decoder, load| {
            decoder.check_name(section, load)?;
            decoder.load(load)
        })
    }

    /// Nothing where a value's name is one that templates have already.
    fn check_name(&mut self, section: &Entry, value: &Entry) -> Option<()> {
        let name = value.name();
        if RESERVED.contains(&name) {
            let message = format!("`{name}` under {} is larder's own name", section.what);
            let help = format!("templates have `{name}` already: choose another name");
            return self.refuse(Code::ReservedName, message, &value.key.span, &help);
        }
        Some(())
    }

    fn load(&mut self, entry: &Entry) -> Option<LoadConfig> {
        let short = entry.text().map(|_| Entry { what: "`from`".to_owned(), ..*entry });
        let fields = match short {
            Some(_) => entry.no_fields(),
            None => self.fields(&LoadConfig::SECTION, entry)?,
        };
        let from = short.or_else(|| fields.entry("from"));
        if from.is_none() {
            let message = format!("{} does not say where its value comes from", entry.what);
            let help = "add `from:`, a path, a glob or an address";
            self.error(Code::NoSource, message, &fields.place, help);
        }
        let is_remote = from.as_ref().and_then(Entry::text).is_some_and(is_address);
        let from = from
            .and_then(|from| if is_remote { self.filled(&from) } else { self.site_path(&from) });
        for field in OF_SERVERS.iter().filter(|_| !is_remote).filter_map(|it| fields.entry(it)) {
            let message = format!("unknown field {} in {}", field.what, entry.what);
            let help = match field.name() {
                "ttl" => "not for files, which are watched: an edit is seen at once",
                _ => "not for files: they are there, or the site is not good",
            };
            self.error(Code::UnknownField, message, &field.key.span, help);
        }
        let load = LoadConfig::read(self, &fields, entry.key.clone(), entry.key.clone());
        if let Some(body) = fields.entry("body").filter(|_| load.method == SourceMethod::Get) {
            let message = "a GET has no body".to_owned();
            self.error(Code::BadType, message, &body.key.span, "add `method: POST`");
        }
        from.map(|from| LoadConfig { from, ..load })
    }

    /// The declarations under `query` or `params`.
    pub(super) fn params(&mut self, section: &Entry) -> Vec<ParamConfig> {
        let what = format!("{} parameter", section.name());
        self.each(section, &what, Self::param)
    }

    fn param(&mut self, entry: &Entry) -> Option<ParamConfig> {
        let name = entry.key.clone();
        if entry.text().is_some() {
            let kind = At::new(self.word(entry)?, entry.node.span.clone());
            return Some(ParamConfig::read(self, &entry.no_fields(), name, kind));
        }
        let fields = self.fields(&ParamConfig::SECTION, entry)?;
        let kind = match fields.entry("type") {
            Some(kind) => At::new(self.word(&kind)?, kind.node.span.clone()),
            None => At::new(ParamType::String, name.span.clone()),
        };
        Some(ParamConfig::read(self, &fields, name, kind))
    }

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
fn reserved_paths(
    report: &mut Report,
    server: &ServerConfig,
    root: &Node,
    routes: &[Arc<RouteConfig>],
) {
    let docs = server.docs.as_ref().map(|docs| &*docs.path);
    // The path, the field that puts it there, and whether all below it is larder's too.
    let own = [
        (docs, "docs", true),
        (docs.map(|_| "/openapi.json"), "docs", false),
        (server.health.as_deref(), "health", false),
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
            let server = root.field("server");
            if let Some((key, _)) = server.and_then(|(_, server)| server.field(field)) {
                diagnostic = diagnostic.label(&key.span, "because of this");
            }
            report.push(diagnostic);
        }
    }
}
