//! The templates of a site, compiled, and the engines that render them.
//!
//! Escaping is the engine's for all that it holds, so there is an engine for each kind of page: it
//! holds the pages of the kind and the partials that those reach, under the names by which they are
//! called. A partial is found by its whole name (`partials/nav.html.hbs`); else with the page's own
//! inner extension added (`partials/nav` from an HTML page), else as `partials/nav.hbs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use handlebars::{Context, Handlebars, RenderContext, Renderable as _, Template};
use serde_json::Value;

use super::functions::Addresses;
use super::meter::{self, Bounds, RenderError};
use super::node::Node;
use super::origin::Origin;
use super::reach::Reach;
use super::reads::Reads;
use super::{check, functions, kind::Kind, merge, parse, walk};
use crate::clock::Clock;
use crate::diagnostic::{At, Diagnostic, Report, SourceFile};

pub(crate) use super::kind::Escape;

/// A template file as read.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// Its name relative to the templates' directory: `partials/nav.html.hbs`.
    pub name: String,
    /// Its text.
    pub file: Arc<SourceFile>,
}

/// A template of a [`TemplateSet`]; means nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub(super) usize);

/// The templates of a site, compiled.
#[derive(Debug)]
pub struct TemplateSet {
    pub(super) clock: Clock,
    pub(super) units: Vec<Unit>,
    pub(super) files: BTreeMap<String, TemplateId>,
    engines: BTreeMap<Kind, Handlebars<'static>>,
    addresses: Addresses,
}

/// One template.
#[derive(Debug)]
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
}

impl TemplateSet {
    /// Compiles files; the report holds what does not parse, in any of them. What else can be wrong
    /// is said by [`TemplateSet::check`], for the templates that are used.
    pub fn compile(files: Vec<TemplateFile>, clock: &Clock) -> (Self, Report) {
        let mut set = Self {
            clock: clock.clone(),
            units: Vec::new(),
            files: BTreeMap::new(),
            engines: BTreeMap::new(),
            addresses: Addresses::default(),
        };
        let mut report = Report::default();
        for TemplateFile { name, file } in files {
            let origin = Origin::file(&file);
            let parsed = parse::parse(TemplateId(set.units.len()), &origin);
            let parsed = parsed.unwrap_or_else(|found| {
                report.push(*found);
                (Template::default(), Vec::new())
            });
            let id = set.add(name.clone(), Kind::of_file(&name), origin, parsed);
            set.files.insert(name, id);
        }
        (0..set.units.len()).for_each(|index| set.install(TemplateId(index)));
        (set, report)
    }

    /// Compiles a template written in YAML; `label` is what a person knows it by.
    ///
    /// # Errors
    /// Where it does not parse.
    pub fn inline(
        &mut self,
        label: &str,
        text: &At<String>,
        escape: Escape,
    ) -> Result<TemplateId, Box<Diagnostic>> {
        let origin = Origin::scalar(text);
        let parsed = parse::parse(TemplateId(self.units.len()), &origin)?;
        let id = self.add(label.to_owned(), Kind::inline(escape), origin, parsed);
        self.install(id);
        Ok(id)
    }

    /// The template file of that name.
    pub fn find(&self, name: &str) -> Option<TemplateId> {
        self.files.get(name).copied()
    }

    /// The names of all template files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Gives the addresses of the files that pages name with `asset`; once, before any render.
    pub fn give_assets(&self, addresses: BTreeMap<String, String>) {
        // Where they were given before, the same were.
        let _ = self.addresses.set(addresses);
    }

    /// What is wrong with a page, its partials and its layout: helpers and partials that do not
    /// exist, arguments that a helper does not take, partials that include each other.
    pub fn check(&self, page: TemplateId, layout: Option<TemplateId>) -> Report {
        let mut report = check::page(self, page);
        if let Some(layout) = layout {
            report.extend(check::page(self, layout));
        }
        report
    }

    /// What a page may read, its layout included.
    pub fn reads(&self, page: TemplateId, layout: Option<TemplateId>) -> Reads {
        let layout = layout.map(|id| (id, Some("content")));
        walk::reads(self, std::iter::once((page, None)).chain(layout))
    }

    /// Renders a page, and the layout around it, which sees the same context and the page as
    /// `content`; the context is then as it was. The same arguments give the same bytes.
    ///
    /// # Errors
    /// Where a helper refuses its arguments, a list is read by a name, or a bound is met.
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
        let mut page = meter::BoundedOutput::new(bounds);
        let mut state = RenderContext::new(None);
        unit.compiled
            .render(engine, context, &mut state, &mut page)
            .map_err(|failure| self.failure(id, &failure))?;
        Ok(page.text)
    }

    /// A template and the engine that it runs in.
    pub(super) fn compiled(&self, id: TemplateId) -> (&Unit, &Handlebars<'static>) {
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
            _ => unit.name.clone(),
        };
        RenderError { place, message, out_of_time: false }
    }

    /// A template of this set: an id is given out by the set that it is of, and never taken back.
    pub(super) fn unit(&self, id: TemplateId) -> &Unit {
        &self.units[id.0]
    }

    pub(super) fn unit_mut(&mut self, id: TemplateId) -> &mut Unit {
        &mut self.units[id.0]
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
        self.units.push(Unit { name, kind, origin, nodes, compiled, typed: false });
        TemplateId(self.units.len() - 1)
    }

    /// Makes the partials that a page reaches known to its engine; where one is chosen when the
    /// page is made, all partials by all names that they can be called by.
    fn install(&mut self, page: TemplateId) {
        let kind = self.unit(page).kind.clone();
        let engine = self.engines.remove(&kind);
        let mut engine = engine.unwrap_or_else(|| engine_of(&kind, &self.clock, &self.addresses));
        let reach = Reach::of(self, page);
        let any = self.names().filter(|_| reach.computed).flat_map(|name| {
            let plain = name.strip_suffix(".hbs").unwrap_or(name);
            let bare = plain.rsplit_once('.').map_or(plain, |(bare, _)| bare);
            [name, plain, bare]
        });
        for name in reach.called.iter().copied().chain(any) {
            if let Some(id) = self.partial(name, &kind).filter(|_| !engine.has_template(name)) {
                engine.register_template(name, self.unit(id).compiled.clone());
            }
        }
        self.engines.insert(kind, engine);
    }
}

fn engine_of(kind: &Kind, clock: &Clock, addresses: &Addresses) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    match kind.escape {
        Escape::Html => engine.register_escape_fn(handlebars::html_escape),
        Escape::Xml => engine.register_escape_fn(super::kind::escape_xml),
        Escape::None => engine.register_escape_fn(handlebars::no_escape),
    }
    functions::register(&mut engine, clock, addresses);
    meter::register(&mut engine);
    merge::register(&mut engine);
    engine
}
