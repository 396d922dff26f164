//! Config → Site: names are resolved, templates compiled, keys derived, everything checked.
//!
//! Two passes over the routes: the first gathers templates (those written in place are added to the
//! set), the second, with the set complete, derives what each response reads and so its key, its
//! fingerprint and its copy of the data. All errors of both are collected.

mod analysis;
mod assets;
mod known;
mod page;
mod parts;
mod policy;
mod route;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::analysis::Analyses;
use self::assets::Assets;
use self::route::Draft;
use self::values::Values;
use super::context::ContextPool;
use super::key::{KeyPlan, collisions};
use super::route::RouterBuilder;
use super::template::{TemplateFile, TemplateSet};
use super::{Route, Site};
use crate::clock::Clock;
use crate::config::{Config, FileContent, FileError, Files};
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span};

/// The largest template, in bytes.
const TEMPLATE_BOUND: u64 = 1024 * 1024;

/// What came of a config.
#[derive(Debug)]
pub struct Compiled {
    /// The site; nothing where the report has errors.
    pub site: Option<Site>,
    /// Errors and warnings.
    pub report: Report,
}

/// Compiles a config. Reads templates and loaded files through `files`.
pub fn compile(config: &Config, files: &mut dyn Files, clock: &Clock) -> Compiled {
    let mut report = Report::default();
    let templates = read_templates(&config.templates, files, clock, &mut report);
    let values = Values::site(config, files, &mut report);
    let (assets, analyses) = (Assets::default(), Analyses::default());
    let compiler =
        Compiler { config, files, report: &mut report, templates, values, assets, analyses };
    let site = compiler.run();
    let site = if report.has_errors() { None } else { Some(site) };
    Compiled { site, report }
}

/// All that the passes share.
struct Compiler<'c> {
    config: &'c Config,
    files: &'c mut dyn Files,
    report: &'c mut Report,
    templates: TemplateSet,
    /// The site's own data and loads, by name.
    values: Values,
    /// The files that pages name.
    assets: Assets,
    analyses: Analyses,
}

impl<'c> Compiler<'c> {
    fn run(mut self) -> Site {
        let config = self.config;
        let drafts: Vec<Draft<'c>> =
            config.routes.iter().filter_map(|typed| self.draft(typed)).collect();
        self.assets = Assets::of(&drafts);
        let errors: Vec<_> =
            config.errors.iter().filter_map(|typed| self.draft_error(typed)).collect();
        let errors = errors
            .into_iter()
            .map(|(status, shaped)| (status, Arc::new(self.finish_error(shaped))))
            .collect();
        let routes: Vec<Arc<Route>> =
            drafts.into_iter().map(|draft| Arc::new(self.finish(draft))).collect();
        self.check_names(&routes);
        self.check_keys(&routes);
        let router = self.router(&routes);
        self.report.extend(self.assets.check_routed(&router).into_iter().collect());
        self.templates.give_assets(self.assets.addresses());
        Site {
            assets: self.assets.versions(),
            server: config.server.clone(),
            cache: config.cache.clone(),
            routes,
            languages: config.languages.iter().map(|name| name.value.clone()).collect(),
            router,
            templates: Arc::new(self.templates),
            contexts: ContextPool::default(),
            template_directory: config.templates.value.clone(),
            errors,
        }
    }

    fn router(&mut self, routes: &[Arc<Route>]) -> super::route::Router {
        let mut builder = RouterBuilder::default();
        for (target, route) in (0..).zip(routes) {
            builder.add(&route.method, &route.pattern, target, &route.place);
        }
        self.report.extend(builder.check());
        builder.build()
    }

    fn check_names(&mut self, routes: &[Arc<Route>]) {
        let mut seen: HashMap<&str, &Route> = HashMap::new();
        for route in routes {
            let Some(first) = seen.insert(&route.name, route) else { continue };
            if first.pattern.as_str() == route.pattern.as_str() && first.method == route.method {
                continue; // `duplicate_route` says it better
            }
            let message = format!(
                "`{}` and `{}` are both named `{}`",
                first.pattern.as_str(),
                route.pattern.as_str(),
                route.name
            );
            self.report.push(
                Diagnostic::new(Code::DuplicateName, message, &route.place)
                    .label(&first.place, "the first one")
                    .help("give one a `name`"),
            );
        }
    }

    fn check_keys(&mut self, routes: &[Arc<Route>]) {
        let plans: Vec<(&KeyPlan, &Span)> = routes
            .iter()
            .filter_map(|route| route.key.as_ref().map(|key| (key, &route.place)))
            .collect();
        self.report.extend(collisions(&plans));
    }
}

/// Reads and compiles every template below the templates directory.
fn read_templates(
    directory: &At<String>,
    files: &mut dyn Files,
    clock: &Clock,
    report: &mut Report,
) -> TemplateSet {
    // Paths come back without `./`.
    let root = directory.value.trim_start_matches("./").trim_end_matches('/');
    let names = files.glob(&format!("{root}/**/*.hbs")).unwrap_or_else(|why| {
        let message = format!("the templates in `{root}/` cannot be read: {why}");
        report.push(Diagnostic::new(Code::FileMissing, message, &directory.span));
        Vec::new()
    });
    let mut templates = Vec::new();
    for path in names {
        let text = files.read(&path, TEMPLATE_BOUND).map_err(|why| why.to_string());
        let utf8 = |file: FileContent| match std::str::from_utf8(&file.bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(why) => Err(format!("it is not UTF-8 at byte {}", why.valid_up_to())),
        };
        match text.and_then(utf8) {
            Ok(text) => {
                let name = path.strip_prefix(root).unwrap_or(&path).trim_start_matches('/');
                let file = SourceFile::new(path.clone(), text);
                templates.push(TemplateFile { name: name.to_owned(), file });
            }
            Err(why) => {
                let message = format!("the template `{path}` cannot be read: {why}");
                report.push(Diagnostic::new(Code::FileMissing, message, &directory.span));
            }
        }
    }
    let (set, found) = TemplateSet::compile(templates, clock);
    report.extend(found);
    set
}

/// That a path cannot be `done` (`served`, `loaded`).
fn unreadable(path: &str, done: &str, why: &FileError, span: &Span) -> Diagnostic {
    let code = if *why == FileError::Escapes { Code::PathEscape } else { Code::FileMissing };
    Diagnostic::new(code, format!("`{path}` cannot be {done}: {why}"), span)
}

/// The names that something is made from, for `purge --uses`.
type Uses = BTreeSet<String>;

/// Values by name, in the order of names.
type ByName<T> = BTreeMap<String, T>;
