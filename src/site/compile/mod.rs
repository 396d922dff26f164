//! Config → Site: names are resolved, templates compiled, keys derived, everything checked.
//!
//! Two passes over the routes: the first gathers templates (those written in place are added to the
//! set), the second, with the set complete, derives what each response reads and so its key, its
//! fingerprint and its copy of the data. All errors of both are collected.

mod again;
mod analysis;
mod assets;
mod condition;
mod known;
mod outside;
mod page;
mod parts;
mod plain;
mod policy;
mod redirects;
mod remote;
mod route;
mod values;
mod wants;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use foldhash::HashMapExt as _;

pub(crate) use self::again::Before;
use self::again::{Asking, Made};
use self::analysis::{Analyses, Analysis};
use self::assets::Assets;
use self::route::Work;
use self::values::Values;
use super::context::ContextPool;
use super::key::{KeyPlan, collisions};
use super::route::{Router, RouterBuilder};
use super::template::{TemplateFile, TemplateSet, is_unwanted};
use super::{Route, Site};
use crate::clock::Clock;
use crate::config::{Config, FileContent, FileError, Files};
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span, did_you_mean};
use crate::fingerprint::Fingerprint;

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
    compile_again(config, files, clock, &mut None)
}

/// The same, with what is still good of what was compiled `before`, which is then this.
pub(crate) fn compile_again(
    config: &Config,
    files: &mut dyn Files,
    clock: &Clock,
    before: &mut Option<Before>,
) -> Compiled {
    let mut report = Report::default();
    let known = before.as_ref().filter(|before| before.has_frame(&config.frame));
    let site = Compiler::new(config, (files, clock), &mut report, known).run();
    let is_usable = site.as_ref().is_some_and(|_| !report.has_errors());
    let site = match site {
        Some((site, made)) if is_usable => {
            *before = Some(made);
            Some(site)
        }
        Some(_) => None,
        // What its pages name has other addresses than before.
        None => {
            report = Report::default();
            let made = Compiler::new(config, (files, clock), &mut report, None).run();
            made.filter(|_| !report.has_errors()).map(|(site, made)| {
                *before = Some(made);
                site
            })
        }
    };
    Compiled { site, report }
}

/// All that the passes share.
struct Compiler<'c> {
    config: &'c Config,
    files: Asking<'c>,
    report: &'c mut Report,
    /// What is still good of what was compiled before.
    before: Option<&'c Before>,
    template_files: Vec<(String, Fingerprint)>,
    templates: TemplateSet,
    /// The site's own data and loads, by name.
    values: Arc<Values>,
    /// What they asked for.
    asked: Vec<again::Asked>,
    /// The files that pages name.
    assets: Assets,
    analyses: Analyses,
    /// Those of all pages, each once.
    analysed: Vec<Arc<Analysis>>,
    noted: foldhash::HashSet<*const Analysis>,
}

impl<'c> Compiler<'c> {
    fn new(
        config: &'c Config,
        (files, clock): (&'c mut dyn Files, &Clock),
        report: &'c mut Report,
        before: Option<&'c Before>,
    ) -> Self {
        let read = read_templates(&config.templates, files, report);
        let template_files: Vec<_> =
            read.iter().map(|(name, content)| (name.clone(), content.digest)).collect();
        let mut files = Asking::new(files);
        let before = before.filter(|it| it.files == template_files && !report.has_errors());
        let of_servers = remote::names(config);
        let before = before.filter(|it| it.templates.of_servers == of_servers);
        let before = before.filter(|it| files.is_as_before(&it.asked));
        let values = match before {
            Some(before) => Arc::clone(&before.values),
            None => Arc::new(Values::site(config, &mut files, report)),
        };
        let asked = before.map_or_else(|| files.take(), |before| before.asked.clone());
        let templates = match before {
            Some(before) => TemplateSet::clone(&before.templates),
            None => compile_templates(read, clock).with_servers(of_servers),
        };
        let (assets, analyses, analysed, noted) = Default::default();
        Self {
            config,
            files,
            report,
            before,
            template_files,
            templates,
            values,
            asked,
            assets,
            analyses,
            analysed,
            noted,
        }
    }

    /// The site, and what the next one may take from it; nothing where all has to be compiled.
    fn run(mut self) -> Option<(Site, Before)> {
        let config = self.config;
        let routes = self.work();
        self.assets = Assets::of(&routes, config.server.base());
        let errors: Vec<_> =
            config.errors.iter().filter_map(|typed| self.draft_error(typed)).collect();
        let errors = errors
            .into_iter()
            .map(|(typed, shaped)| (typed.status.value, Arc::new(self.finish_error(typed, shaped))))
            .collect();
        let routes = routes.into_iter().take_while(|_| !is_unwanted());
        let mut made: Vec<Arc<Made>> = routes.map(|route| self.made(route)).collect();
        if is_unwanted() {
            // Nobody sees what is wrong between them.
            made.clear();
        }
        let routes: Vec<Arc<Route>> = made.iter().map(|made| Arc::clone(&made.route)).collect();
        for analysis in &self.analysed {
            self.report.extend(analysis.found.clone());
            self.report.extend(analysis.unfit.get().cloned().unwrap_or_default());
        }
        self.check_unused_templates();
        self.check_plain();
        let router = if let Some(before) = self.before.filter(|it| it.has_addresses(&routes)) {
            Arc::clone(&before.router)
        } else {
            self.check_names(&routes);
            self.check_keys(&routes);
            Arc::new(self.router(&routes))
        };
        self.check_purges(&routes);
        redirects::check_redirects(&routes, &router, self.report);
        self.report.extend(self.assets.check_routed(&router).into_iter().collect());
        let addresses = self.assets.addresses();
        if self.before.is_some_and(|before| before.addresses != addresses) {
            return None;
        }
        self.templates.give_addresses(addresses.clone());
        let templates = Arc::new(self.templates);
        let before = Before {
            frame: config.frame.clone(),
            files: self.template_files,
            templates: Arc::clone(&templates),
            values: self.values,
            asked: self.asked,
            addresses,
            analyses: self.analyses,
            router: Arc::clone(&router),
            routes: made,
        };
        let site = Site {
            assets: self.assets.versions(),
            server: config.server.clone(),
            cache: config.cache.clone(),
            routes,
            default_headers: policy::default_headers(&config.defaults.headers),
            names: OnceLock::new(),
            languages: config.languages.iter().map(|name| name.value.clone()).collect(),
            router,
            templates,
            contexts: ContextPool::default(),
            template_directory: config.templates.value.clone(),
            errors,
            defaults: policy::written(&config.defaults),
            pending_restart: Vec::new(),
        };
        Some((site, before))
    }

    /// The routes: those that are as they were, and first drafts of the others.
    fn work(&mut self) -> Vec<Work<'c>> {
        let config = self.config;
        let mut is_known = vec![None; config.routes.len()];
        if let Some(before) = self.before {
            is_known = before.of_each(&config.routes);
            for known in &mut is_known {
                *known =
                    known.filter(|it| it.asked.is_empty() || self.files.is_as_before(&it.asked));
            }
            let pages = is_known.iter().flatten();
            self.templates.keep(pages.flat_map(|made| made.route.templates()));
            self.analyses.clone_from(&before.analyses);
            let free = self.templates.free();
            self.analyses.retain(|(page, ..), _| !free.contains(page));
        }
        let mut routes = Vec::with_capacity(is_known.len());
        for (typed, made) in config.routes.iter().zip(is_known).take_while(|_| !is_unwanted()) {
            match made {
                Some(made) => {
                    self.say(&made.drafted);
                    routes.push(Work::Known(Arc::clone(made)));
                }
                None => routes.extend(self.draft(typed).map(Box::new).map(Work::New)),
            }
        }
        routes
    }

    fn say(&mut self, found: &[Diagnostic]) {
        if !found.is_empty() {
            self.report.extend(found.iter().cloned().collect());
        }
    }

    /// Notes the analysis of a page: what it names is found, and what it says is said once.
    fn analysed(&mut self, analysis: &Arc<Analysis>) {
        if self.noted.insert(Arc::as_ptr(analysis)) {
            self.analysed.push(Arc::clone(analysis));
            self.find_assets(&analysis.reads.assets);
        }
    }

    fn made(&mut self, route: Work<'c>) -> Arc<Made> {
        match route {
            Work::New(draft) => self.finish(*draft),
            Work::Known(made) => {
                self.say(&made.finished);
                self.analysed(&made.analysis);
                made
            }
        }
    }

    /// Warns of templates that no page is made of and that do not parse: they are no reason to
    /// refuse an edit.
    fn check_unused_templates(&mut self) {
        for (name, found) in self.templates.broken() {
            let is_used = |page: &Arc<Analysis>| page.reads.templates.contains(name);
            if !self.analysed.iter().any(is_used) {
                let message = format!("no route uses it, and it does not parse: {}", found.message);
                let help = "mend it before a route uses it, or remove it".to_owned();
                let help = found.help.clone().unwrap_or(help);
                let found = Diagnostic { code: Code::TemplateUnused, message, ..found.clone() };
                self.report.push(found.help(help));
            }
        }
    }

    fn router(&mut self, routes: &[Arc<Route>]) -> Router {
        let mut builder = RouterBuilder::default();
        for (target, route) in (0..).zip(routes) {
            builder.add(&route.method, &route.pattern, target, &route.place);
        }
        self.report.extend(builder.check());
        builder.build()
    }

    fn check_names(&mut self, routes: &[Arc<Route>]) {
        let mut seen = foldhash::HashMap::<&str, &Route>::with_capacity(routes.len());
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

    /// Reports purges of what is no route, and those of what is never kept.
    fn check_purges(&mut self, routes: &[Arc<Route>]) {
        let mut purges = routes.iter().flat_map(|route| &route.purges).peekable();
        if purges.peek().is_none() {
            return;
        }
        let named = routes.iter().map(|route| (&*route.name, route));
        let named: foldhash::HashMap<&str, _> = named.collect();
        for At { value: name, span } in purges.take_while(|_| !is_unwanted()) {
            let found = match named.get(name.as_str()) {
                Some(route) if route.key.is_some() => continue,
                Some(_) => {
                    let message = format!("nothing of the route `{name}` is kept, to be purged");
                    let found = Diagnostic::new(Code::BadPurge, message, span);
                    found.help("remove it").mild()
                }
                None => {
                    let names = || routes.iter().map(|route| &*route.name);
                    let near = did_you_mean(name, names().filter(|_| !self.report.is_long()));
                    let help = "`larder routes` lists the routes with their names";
                    Diagnostic::new(Code::BadPurge, format!("no route is named `{name}`"), span)
                        .help(near.unwrap_or_else(|| help.to_owned()))
                }
            };
            self.report.push(found);
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

/// Reads every template below the templates directory: by name, sorted.
fn read_templates(
    directory: &At<String>,
    files: &mut dyn Files,
    report: &mut Report,
) -> Vec<(String, FileContent)> {
    // Paths come back without `./`.
    let root = directory.value.trim_start_matches("./").trim_end_matches('/');
    let names = files.glob(&format!("{root}/**/*.hbs")).unwrap_or_else(|why| {
        let message = format!("the templates in `{root}/` cannot be read: {why}");
        report.push(Diagnostic::new(Code::FileMissing, message, &directory.span));
        Vec::new()
    });
    let mut templates = Vec::new();
    for path in names {
        match files.read(&path, TEMPLATE_BOUND) {
            Ok(content) => {
                let name = path.strip_prefix(root).unwrap_or(&path).trim_start_matches('/');
                templates.push((name.to_owned(), content));
            }
            Err(why) => {
                let message = format!("the template `{path}` cannot be read: {why}");
                report.push(Diagnostic::new(Code::FileMissing, message, &directory.span));
            }
        }
    }
    templates
}

fn compile_templates(read: Vec<(String, FileContent)>, clock: &Clock) -> TemplateSet {
    let file = |(name, content): (String, FileContent)| {
        let (file, wrong) = match content.text(Code::TemplateSyntax) {
            Ok(file) => (file, None),
            Err(found) => (SourceFile::new(content.path, ""), Some(found)),
        };
        TemplateFile { name, file, wrong }
    };
    TemplateSet::compile(read.into_iter().map(file).collect(), clock)
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
