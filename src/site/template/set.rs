//! The templates of a site, compiled, and the engines that render them.
//!
//! Escaping is the engine's for all that it holds, so there is an engine for each kind of page: it
//! holds the pages of the kind and the partials that those reach, under the names by which they are
//! called. A partial is found by its whole name (`partials/nav.html.hbs`); else with the page's own
//! inner extension added (`partials/nav` from an HTML page), else as `partials/nav.hbs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use handlebars::{Context, Handlebars, RenderContext, Renderable as _, Template};
use serde_json::Value;

use super::functions::{Addresses, GivenAddresses};
use super::lenient::{self, Engine};
use super::markup::{Finding, Language};
use super::meter::{self, Bounds, RenderError};
use super::node::Node;
use super::origin::Origin;
use super::reach::Reach;
use super::reads::Reads;
use super::{check, chosen, found, functions, judge, kind::Kind, merge, parse};
use crate::clock::Clock;
use crate::diagnostic::{At, Diagnostic, Report, SourceFile, Span};

pub(crate) use super::kind::Escape;

/// A template file as read.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// Its name relative to the templates' directory: `partials/nav.html.hbs`.
    pub name: String,
    /// Its text.
    pub file: Arc<SourceFile>,
    /// Why it has none.
    pub wrong: Option<Diagnostic>,
}

/// A template of a [`TemplateSet`]; means nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub(super) usize);

/// The templates of a site, compiled. A clone shares them: the next version of the site adds what
/// is new to it, and an id that both have means the same in both.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    pub(super) clock: Clock,
    pub(super) units: Vec<Arc<Unit>>,
    /// The places of templates that no page has any more.
    free: Vec<TemplateId>,
    pub(super) files: BTreeMap<String, TemplateId>,
    engines: BTreeMap<Kind, Arc<Engine>>,
    addresses: GivenAddresses,
    /// Names of values that servers send, on any page.
    pub(crate) of_servers: BTreeSet<String>,
}

/// One template.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// The file's name, or the label of one that is written in YAML.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    /// What is in it; nothing where it does not parse.
    pub(super) nodes: Vec<Node>,
    pub(super) compiled: Template,
    /// Whether its one expression gives a value, with its type, instead of text.
    pub(super) typed: bool,
    /// Whether it is written in a file of its own.
    pub(super) is_file: bool,
    /// Why a file does not parse.
    pub(super) wrong: Option<Diagnostic>,
}

impl TemplateSet {
    /// Compiles files. What is wrong with them is said by [`TemplateSet::check`], for the templates
    /// that are used, and by [`TemplateSet::broken`] for all.
    #[must_use]
    pub fn compile(files: Vec<TemplateFile>, clock: &Clock) -> Self {
        let mut set = Self {
            clock: clock.clone(),
            units: Vec::new(),
            free: Vec::new(),
            files: BTreeMap::new(),
            engines: BTreeMap::new(),
            addresses: GivenAddresses::default(),
            of_servers: BTreeSet::new(),
        };
        for TemplateFile { name, file, wrong } in files {
            let origin = Origin::file(&file);
            let kind = Kind::of_file(&name);
            let parsed = match wrong {
                Some(found) => Err(found),
                None => parse::parse(set.next_id(), &origin, kind.escape),
            };
            let (parsed, wrong) = match parsed {
                Ok(parsed) => (parsed, None),
                Err(found) => ((Template::default(), Vec::new()), Some(found)),
            };
            let id = set.add(name.clone(), kind, origin, parsed);
            let unit = set.unit_mut(id);
            (unit.is_file, unit.wrong) = (true, wrong);
            set.files.insert(name, id);
        }
        (0..set.units.len()).for_each(|index| set.install(TemplateId(index)));
        set
    }

    /// The same, on whose pages values of these names are what servers send.
    pub(crate) fn with_servers(mut self, names: BTreeSet<String>) -> Self {
        self.of_servers = names;
        self
    }

    /// The files that do not parse, each with what is wrong.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &Diagnostic)> {
        let files = self.files.iter().map(|(name, id)| (name.as_str(), self.unit(*id)));
        files.filter_map(|(name, unit)| unit.wrong.as_ref().map(|wrong| (name, wrong)))
    }

    /// Compiles a template written in YAML; `label` is what a person knows it by; where it is
    /// empty, that is its place, which costs a look through its line.
    ///
    /// # Errors
    /// Where it does not parse.
    pub fn inline(
        &mut self,
        label: &str,
        text: &At<String>,
        escape: Escape,
    ) -> Result<TemplateId, Diagnostic> {
        let origin = Origin::scalar(text);
        let parsed = parse::parse(self.next_id(), &origin, escape)?;
        let id = self.add(label.to_owned(), Kind::inline(escape), origin, parsed);
        self.install(id);
        Ok(id)
    }

    /// The template as one that escapes so: what is sent decides, not the file's name.
    pub(crate) fn escaping(&mut self, id: TemplateId, escape: Escape) -> TemplateId {
        let unit = self.unit(id);
        if unit.kind.escape == escape {
            return id;
        }
        let (name, file, wrong) = (unit.name.clone(), unit.is_file, unit.wrong.clone());
        let kind = Kind { escape, ..unit.kind.clone() };
        let is_it = |one: &Arc<Unit>| file && one.is_file && one.name == name && one.kind == kind;
        if let Some(known) = self.units.iter().position(is_it) {
            return TemplateId(known);
        }
        let (origin, parsed) = (unit.origin.clone(), (unit.compiled.clone(), unit.nodes.clone()));
        let id = self.add(name, kind, origin, parsed);
        let unit = self.unit_mut(id);
        (unit.is_file, unit.wrong) = (file, wrong);
        self.install(id);
        id
    }

    /// The template file of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TemplateId> {
        self.files.get(name).copied()
    }

    /// Where a template begins.
    pub(crate) fn beginning(&self, id: TemplateId) -> Span {
        self.unit(id).origin.span(0..0)
    }

    /// The names of all template files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Gives the addresses of the site, and of the files that pages name with `asset`; once, before
    /// any render.
    pub(crate) fn give_addresses(&self, addresses: Addresses) {
        // Where they were given before, the same were.
        let _ = self.addresses.set(addresses);
    }

    /// What is wrong with a page, its partials and its layout: what does not parse, helpers and
    /// partials that do not exist, arguments that a helper does not take, partials that include
    /// each other without end, a layout that does not show its page.
    #[must_use]
    pub fn check(&self, page: TemplateId, layout: Option<TemplateId>) -> Report {
        let mut report = check::page(self, page);
        if let Some(layout) = layout {
            report.extend(check::page(self, layout));
        }
        report
    }

    /// What a page may read, its layout included.
    #[must_use]
    pub fn reads(&self, page: TemplateId, layout: Option<TemplateId>) -> Reads {
        self.reads_of([page], layout)
    }

    /// The same of several together.
    pub(crate) fn reads_of(
        &self,
        pages: impl IntoIterator<Item = TemplateId>,
        layout: Option<TemplateId>,
    ) -> Reads {
        let layout = layout.map(|id| (id, Some("content")));
        found::reads(self, pages.into_iter().map(|page| (page, None)).chain(layout))
    }

    /// Where a page, sent as `language`, prints what would be markup or code if it came from
    /// outside.
    pub(crate) fn findings(
        &self,
        page: TemplateId,
        layout: Option<TemplateId>,
        language: Language,
    ) -> Vec<Finding> {
        judge::findings(self, page, layout, language)
    }

    /// Renders a page, and the layout around it, which sees the same context and the page as
    /// `content`; the context is then as it was. The same arguments give the same bytes.
    ///
    /// # Errors
    /// Where a bound is met.
    pub fn render(
        &self,
        page: TemplateId,
        layout: Option<TemplateId>,
        context: &mut Context,
        bounds: &Bounds,
    ) -> Result<String, RenderError> {
        meter::under(bounds, &self.clock, || {
            let content = self.run(page, context, bounds)?;
            let Some(layout) = layout else { return Ok(content) };
            let name = || "content".to_owned();
            let names = context.data_mut().as_object_mut();
            let own = names.and_then(|names| names.insert(name(), Value::String(content)));
            let made = self.run(layout, context, bounds);
            if let Some(names) = context.data_mut().as_object_mut() {
                match own {
                    Some(own) => _ = names.insert(name(), own),
                    None => _ = names.remove("content"),
                }
            }
            made
        })
    }

    pub(super) fn run(
        &self,
        id: TemplateId,
        context: &Context,
        bounds: &Bounds,
    ) -> Result<String, RenderError> {
        let (unit, engine) = self.compiled(id);
        let run = |compiled: &Template, engine: &Handlebars<'static>| {
            let mut page = meter::BoundedOutput::new(bounds);
            let mut state = RenderContext::new(None);
            compiled.render(engine, context, &mut state, &mut page).map(|()| page.text)
        };
        let made = engine.run(&unit.compiled, lenient::template, run);
        made.map_err(|failure| self.failure(id, &failure))
    }

    /// A template and the engine that it runs in.
    pub(super) fn compiled(&self, id: TemplateId) -> (&Unit, &Engine) {
        let unit = self.unit(id);
        (unit, &self.engines[&unit.kind])
    }

    /// The engine's failure, with the place in the file.
    pub(super) fn failure(&self, id: TemplateId, why: &handlebars::RenderError) -> RenderError {
        let named = why.template_name.as_deref().and_then(parse::id_of);
        let unit = self.unit(named.unwrap_or(id));
        let message = parse::render_words(why.reason());
        let place = match (why.line_no, why.column_no) {
            (Some(line), Some(column)) => {
                let at = unit.origin.offset(line, column);
                unit.origin.span(at..at).to_string()
            }
            _ if unit.name.is_empty() => unit.origin.span(0..0).to_string(),
            _ => unit.name.clone(),
        };
        RenderError { place, message, out_of_time: false }
    }

    /// A template of this set: an id is given out by the set that it is of, and never taken back.
    pub(super) fn unit(&self, id: TemplateId) -> &Unit {
        &self.units[id.0]
    }

    pub(super) fn unit_mut(&mut self, id: TemplateId) -> &mut Unit {
        Arc::make_mut(&mut self.units[id.0])
    }

    /// Keeps the files and the templates of `pages`; the places of all others are free.
    pub(crate) fn keep(&mut self, pages: impl Iterator<Item = TemplateId>) {
        let mut is_kept: Vec<bool> = self.units.iter().map(|unit| unit.is_file).collect();
        pages.for_each(|id| is_kept[id.0] = true);
        let free = is_kept.iter().enumerate().filter(|(_, is_kept)| !**is_kept);
        self.free = free.map(|(at, _)| TemplateId(at)).collect();
    }

    /// The places where no template is.
    pub(crate) fn free(&self) -> foldhash::HashSet<TemplateId> {
        self.free.iter().copied().collect()
    }

    /// The id of the template that is added next.
    fn next_id(&self) -> TemplateId {
        self.free.last().copied().unwrap_or(TemplateId(self.units.len()))
    }

    /// The partial that a page of this kind means by `name`.
    pub(super) fn partial(&self, name: &str, kind: &Kind) -> Option<TemplateId> {
        let longer = kind.extensions.iter().map(|extension| format!("{name}.{extension}.hbs"));
        std::iter::once(name.to_owned())
            .chain(longer)
            .chain(std::iter::once(format!("{name}.hbs")))
            .find_map(|name| self.find(&name))
    }

    fn add(
        &mut self,
        name: String,
        kind: Kind,
        origin: Origin,
        (compiled, nodes): (Template, Vec<Node>),
    ) -> TemplateId {
        let (typed, is_file, wrong) = (false, false, None);
        let unit = Unit { name, kind, origin, nodes, compiled, typed, is_file, wrong };
        let (id, unit) = (self.next_id(), Arc::new(unit));
        match self.free.pop() {
            Some(id) => self.units[id.0] = unit,
            None => self.units.push(unit),
        }
        id
    }

    /// Makes the partials that a page reaches known to its engine; where one is chosen when the
    /// page is made, all partials by all names that they can be called by.
    fn install(&mut self, page: TemplateId) {
        let kind = self.unit(page).kind.clone();
        let engine = self.engines.remove(&kind);
        let mut engine = engine
            .unwrap_or_else(|| Engine::new(engine_of(&kind, &self.clock, &self.addresses)).into());
        let reach = Reach::of(self, page);
        let any = self.names().filter(|_| reach.computed).flat_map(|name| {
            let plain = name.strip_suffix(".hbs").unwrap_or(name);
            let bare = plain.rsplit_once('.').map_or(plain, |(bare, _)| bare);
            [name, plain, bare]
        });
        for name in reach.called.iter().copied().chain(any) {
            if let Some(id) = self.partial(name, &kind).filter(|_| !engine.has_template(name)) {
                Arc::make_mut(&mut engine).register_template(name, self.unit(id).compiled.clone());
            }
        }
        self.engines.insert(kind, engine);
    }
}

fn engine_of(kind: &Kind, clock: &Clock, addresses: &GivenAddresses) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    match kind.escape {
        Escape::Html => engine.register_escape_fn(handlebars::html_escape),
        Escape::Xml => engine.register_escape_fn(super::kind::escape_xml),
        Escape::None => engine.register_escape_fn(handlebars::no_escape),
    }
    functions::register(&mut engine, kind.escape, clock, addresses);
    meter::register(&mut engine);
    merge::register(&mut engine);
    chosen::register(&mut engine);
    engine
}
