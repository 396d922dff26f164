//! [`Config`](crate::config::Config) → [`Site`]: immutable, checked, shared by `Arc`; pure.
//!
//! [`compile`](compile()) makes one from a config and the files that it names; the edge asks it
//! which route a request means, what its key is, which fingerprint a stored response must carry,
//! and for the render itself.

pub(crate) mod dir;
pub(crate) mod key;
pub(crate) mod media;
pub(crate) mod route;
pub(crate) mod template;

mod compile;
mod context;
mod current;
mod diff;
mod explain;
mod openapi;
mod purges;
mod remote;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use self::context::ContextPool;
use self::dir::SiteDir;
use self::key::{InputKind, InputName, Inputs, KeyPlan};
use self::route::rules::Rules;
use self::route::{Matched, Pattern, RouteMatch, Router, RouterBuilder};
use self::template::{JsonTemplate, TemplateId, TemplateSet, TextTemplate};
use crate::clock::Clock;
use crate::config::{CacheConfig, CorsConfig, ErrorStatus, FileContent, ParamConfig, ServerConfig};
use crate::diagnostic::{At, Span};
use crate::fingerprint::Fingerprint;
use crate::source::file::pattern_names;
use crate::units::Lifetime;

pub use compile::compile;
pub(crate) use compile::{Before, compile_again};
pub(crate) use context::size as value_size;
pub(crate) use current::{StoredUnder, Use};
pub use diff::diff;
pub(crate) use diff::{Change, Middle, Sign};
pub(crate) use explain::{Explanation, input_names};
pub(crate) use purges::{Purged, PurgedPages};
pub(crate) use remote::{PageLoad, RemoteLoad};
pub use render::RenderJob;
pub(crate) use render::{ErrorFacts, ErrorJob, Made, RenderError};

/// One version of a site.
#[derive(Debug)]
pub struct Site {
    /// The `server` section.
    pub server: ServerConfig,
    /// The `cache` section.
    pub cache: CacheConfig,
    /// The routes, in the order of the files; the router's targets are indices into it.
    pub routes: Vec<Arc<Route>>,
    /// The languages that it has, the first where a visitor names none of them.
    pub languages: Vec<String>,
    router: Arc<Router>,
    /// The routes by name, once one is looked for.
    names: OnceLock<foldhash::HashMap<Arc<str>, u32>>,
    /// The headers of answers that are no route's.
    pub(crate) default_headers: Vec<HeaderLine>,
    templates: Arc<TemplateSet>,
    contexts: ContextPool,
    /// The directory of the templates, relative to the site's.
    template_directory: String,
    errors: BTreeMap<ErrorStatus, Arc<ErrorPage>>,
    /// The main file's `defaults`, each field as it is written out, to tell their edits.
    defaults: Vec<(&'static str, String)>,
    /// The fields that the files say otherwise than the process that runs them does.
    pub(crate) pending_restart: Vec<String>,
    /// What the files that pages name with `asset` are known by, by the route that sends them.
    assets: BTreeMap<(u32, String), String>,
}

impl Site {
    /// A site without routes, to be replaced: every path is a 404.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            server: ServerConfig::default(),
            cache: CacheConfig::default(),
            routes: Vec::new(),
            languages: Vec::new(),
            names: OnceLock::new(),
            default_headers: Vec::new(),
            router: RouterBuilder::default().build().into(),
            templates: Arc::new(TemplateSet::compile(Vec::new(), &Clock::system())),
            contexts: ContextPool::default(),
            template_directory: String::new(),
            errors: BTreeMap::new(),
            defaults: Vec::new(),
            pending_restart: Vec::new(),
            assets: BTreeMap::new(),
        }
    }

    /// The same, with the fields that the process which runs it cannot take over.
    pub(crate) fn awaiting_restart(mut self, fields: Vec<String>) -> Self {
        self.pending_restart = fields;
        self
    }

    /// Which route answers `method` and `raw_path`, the path as it came, without the query.
    #[must_use]
    pub fn find<'s>(&'s self, method: &str, raw_path: &'s str) -> RouteMatch<'s> {
        self.router.find(method, raw_path)
    }

    /// The route that answers where the path has a slash more or less at its end, and that path.
    #[must_use]
    pub fn find_other_form(&self, method: &str, raw_path: &str) -> Option<(Matched<'_>, String)> {
        self.router.find_other_form(method, raw_path)
    }

    /// The route that the router meant by `target`.
    #[must_use]
    pub fn route(&self, target: u32) -> Option<&Arc<Route>> {
        self.routes.get(target as usize)
    }

    /// The route of that name.
    pub(crate) fn route_named(&self, name: &str) -> Option<&Arc<Route>> {
        let targets = || {
            let routes = (0_u32..).zip(&self.routes);
            routes.map(|(target, route)| (Arc::clone(&route.name), target)).collect()
        };
        self.route(*self.names.get_or_init(targets).get(name)?)
    }

    /// The names of the routes that are made from `what`: a value, a source, a file, or a template
    /// by its name or as a file.
    pub(crate) fn routes_using(&self, what: &str) -> Vec<String> {
        let inside = what.strip_prefix(self.template_directory.trim_end_matches('/'));
        let template = inside.and_then(|inside| inside.strip_prefix('/')).unwrap_or(what);
        // A partial is called without its extensions.
        let is_called = |file: &String| {
            let plain = file.strip_suffix(".hbs")?;
            let bare = plain.rsplit_once('.').map_or(plain, |(bare, _)| bare);
            [plain, bare].contains(&template).then_some(())
        };
        // A page that was made from all files of a glob was made from each.
        let is_one_of = |glob: &String| pattern_names(glob, what);
        let uses = |route: &&Arc<Route>| {
            route.uses.contains(what)
                || route.uses.contains(template)
                || route.uses.iter().any(|used| is_one_of(used) || is_called(used).is_some())
        };
        self.routes.iter().filter(uses).map(|route| route.name.to_string()).collect()
    }

    /// The namespaces of its keys.
    pub(crate) fn namespaces(&self) -> BTreeSet<String> {
        let of_routes = self.routes.iter().filter_map(|route| route.key.as_ref());
        let of_routes = of_routes.map(|key| key.namespace().to_owned());
        of_routes.chain([self.cache.namespace.clone()]).collect()
    }

    /// The version in the address that `asset` gives of a file of a `dir` route; nothing for a file
    /// that no page names so.
    pub(crate) fn asset_version(&self, target: u32, name: &str) -> Option<&str> {
        if self.assets.is_empty() {
            return None;
        }
        self.assets.get(&(target, name.to_owned())).map(String::as_str)
    }
}

/// A path without the site's base; itself where it does not have it.
pub(crate) fn below<'p>(path: &'p str, base: &str) -> &'p str {
    match path.strip_prefix(base) {
        Some("") if !base.is_empty() => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// One route, compiled.
#[derive(Debug)]
pub struct Route {
    /// Its unique name.
    pub name: Arc<str>,
    /// One line for people.
    pub summary: Option<String>,
    /// The method, upper case; `GET` answers HEAD too.
    pub method: String,
    /// The path.
    pub pattern: Pattern,
    /// Where it is written.
    pub place: Span,
    /// The status of what it sends; of several, the least.
    pub status: u16,
    /// The content type of what it sends.
    pub content_type: String,
    /// Response headers, lower-case names; without content type and cache control.
    pub headers: Vec<HeaderLine>,
    /// The `Cache-Control` line.
    pub cache_control: String,
    /// The request headers that decide the answer, lower case, for `Vary`.
    pub vary: Vec<String>,
    /// How long it is kept.
    pub lifetime: Lifetime,
    /// How its parameters are checked.
    pub rules: Rules,
    /// Its parameters as declared, for the OpenAPI document.
    pub declared: Declared,
    /// How its key is built; nothing for routes that are never stored.
    pub key: Option<KeyPlan>,
    /// What its response reads of a request.
    pub inputs: Inputs,
    /// Where it reads each of those, for `explain`.
    pub reads: Vec<InputRead>,
    /// What its response is made from, by name: data, templates, files.
    pub uses: BTreeSet<String>,
    /// Who may read it from another origin.
    pub cors: Option<CorsConfig>,
    /// The routes whose pages a successful answer purges, by name.
    pub(crate) purges: Vec<At<String>>,
    /// How long a render takes at least.
    pub delay: Option<Duration>,
    /// What it sends.
    pub source: Source,
    /// A digest of its content: of all that decides what is sent, for any request.
    pub digest: Fingerprint,
}

impl Route {
    /// The templates that it is rendered by, without their partials.
    fn templates(&self) -> Vec<TemplateId> {
        let Source::Page(page) = &self.source else { return Vec::new() };
        let mut templates = match &page.content.form {
            PageForm::Body(_) => Vec::new(),
            PageForm::Template { page, layout } => layout.iter().copied().chain([*page]).collect(),
            PageForm::Json(json) => json.templates(),
        };
        templates.extend(page.content.status.as_ref().map(|status| status.template));
        templates
    }

    /// All statuses that it may send.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let chosen = match &self.source {
            Source::Page(page) => page.content.status.as_ref(),
            Source::File(_) | Source::Dir(_) | Source::Redirect(_) => None,
        };
        chosen.map_or_else(|| vec![self.status], |chosen| chosen.among.iter().copied().collect())
    }

    /// Whether its answer needs the body of a request.
    pub(crate) fn reads_body(&self) -> bool {
        self.inputs.any(InputKind::Body) || !self.declared.fields.is_empty()
    }

    /// What it asks servers for.
    pub(crate) fn remote(&self) -> &[PageLoad] {
        match &self.source {
            Source::Page(page) => &page.remote,
            Source::File(_) | Source::Dir(_) | Source::Redirect(_) => &[],
        }
    }

    /// Method and path as they are typed: `GET` goes without saying.
    pub fn address(&self) -> String {
        match self.method.as_str() {
            "GET" => self.pattern.as_str().to_owned(),
            method => format!("{method} {}", self.pattern.as_str()),
        }
    }
}

/// A response header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether `defaults` names it, so that the route's errors have it too.
    pub is_default: bool,
}

/// The parameters of a route, as declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Of the query.
    pub query: Vec<ParamConfig>,
    /// Of the body.
    pub fields: Vec<ParamConfig>,
    /// Of the path.
    pub params: Vec<ParamConfig>,
}

/// A place where a page reads something of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRead {
    /// What is read.
    pub input: InputName,
    /// Where.
    pub place: Span,
    /// The calls of partials that lead there, from the outside in.
    pub via: Vec<Span>,
}

/// What a route sends.
#[derive(Debug)]
pub enum Source {
    /// Made by a render, stored.
    Page(Arc<Page>),
    /// A file, as it is.
    File(FileContent),
    /// The files of a directory, as they are when they are asked for.
    Dir(SiteDir),
    /// Another address.
    Redirect(TextTemplate),
}

/// What a render makes a response from.
#[derive(Debug)]
pub struct Page {
    /// What is rendered.
    pub content: PageContent,
    /// The values that a request chooses by its parameters.
    chosen: Vec<ChosenLoad>,
    /// The values that servers send.
    pub(crate) remote: Vec<PageLoad>,
    /// Whether two renders with the same values may give different pages.
    pub(crate) is_of_its_moment: bool,
    /// The digest of the content without the addresses of stylesheets.
    bare: Fingerprint,
}

/// What is rendered, for any request.
#[derive(Debug)]
pub struct PageContent {
    /// The form.
    pub form: PageForm,
    /// What gives its status, where that is not always the route's.
    status: Option<ChosenStatus>,
    /// The values that it may read and that no request decides, pruned.
    data: Vec<(String, Arc<Value>)>,
    /// A digest of all that decides the response besides the request; an error page's leaves out
    /// the addresses of stylesheets.
    digest: Fingerprint,
    /// What a person knows it by: a route's path, or a status of an error page.
    label: String,
    /// Whether the log was told that partials were left out for their depth.
    told_cut: AtomicBool,
}

/// A status that is chosen by conditions.
#[derive(Debug)]
struct ChosenStatus {
    template: TemplateId,
    /// All that it may be.
    among: BTreeSet<u16>,
}

/// The form of a page.
#[derive(Debug)]
pub enum PageForm {
    /// Bytes, as they stand.
    Body(Bytes),
    /// A template, with a layout around it.
    Template {
        /// The page.
        page: TemplateId,
        /// What is around it.
        layout: Option<TemplateId>,
    },
    /// A JSON value with templates in it.
    Json(JsonTemplate),
}

/// A load whose address holds parameters: every file that it can name, read ahead.
#[derive(Debug)]
struct ChosenLoad {
    name: String,
    address: TextTemplate,
    optional: bool,
    /// By path: the value, pruned to what the page reads once that is known, and its digest.
    files: BTreeMap<String, (Arc<Value>, Fingerprint)>,
}

/// A page for errors.
#[derive(Debug)]
pub(crate) struct ErrorPage {
    content: PageContent,
    /// The digest of the content with the addresses of stylesheets.
    digest: Fingerprint,
    pub(crate) content_type: String,
    /// Its response headers, by names in lower case; nothing for one of the defaults that it must
    /// not have.
    pub(crate) headers: Vec<(String, Option<String>)>,
    /// Whether it reads the visitor's language.
    pub(crate) reads_language: bool,
    /// Whether two requests with the same error, in the same language, may get different pages.
    pub(crate) reads_request: bool,
}
