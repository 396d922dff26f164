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

use super::bounds::{Bounds, RenderError};
use super::functions::Addresses;
use super::node::{Inlines, Node, Target, visit};
use super::origin::Origin;
use super::reads::Reads;
use super::{check, functions, kind::Kind, merge, meter, parse, walk};
use crate::clock::Clock;
use crate::diagnostic::{At, Report, SourceFile};

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
    files: BTreeMap<String, TemplateId>,
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
    #[must_use]
    pub fn compile(files: Vec<TemplateFile>, clock: &Clock) -> (Self, Report) {
        let (clock, report) = (clock.clone(), Report::default());
        let (units, names, engines) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let addresses = Addresses::default();
        let set = Self { clock, units, files: names, engines, addresses };
        let (mut set, mut report) = (set, report);
        for TemplateFile { name, file } in files {
            let (kind, origin) = (Kind::of_file(&name), Origin::file(&file));
            let (id, problems) = set.add(name.clone(), kind, origin);
            set.files.insert(name, id);
            report.extend(problems);
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
    ) -> Result<TemplateId, Report> {
        let (id, report) = self.add(label.to_owned(), Kind::inline(escape), Origin::scalar(text));
        if report.has_errors() {
            self.units.pop();
            return Err(report);
        }
        self.install(id);
        Ok(id)
    }

    /// The template file of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TemplateId> {
        self.files.get(name).copied()
    }

    /// The names of all template files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The name of a template: its file's, or its label.
    #[must_use]
    pub fn name(&self, id: TemplateId) -> &str {
        self.unit(id).map_or("", |unit| unit.name.as_str())
    }

    /// How a template escapes.
    #[must_use]
    pub fn escape(&self, id: TemplateId) -> Escape {
        self.unit(id).map_or(Escape::Html, |unit| unit.kind.escape)
    }

    /// The media type that a template's inner extension tells, without charset; nothing for one
    /// written in YAML that is neither HTML nor XML.
    #[must_use]
    pub fn content_type(&self, id: TemplateId) -> Option<&'static str> {
        self.unit(id).and_then(|unit| unit.kind.content_type())
    }

    /// Gives the addresses of the files that pages name with `asset`; once, before any render.
    pub fn give_assets(&self, addresses: BTreeMap<String, String>) {
        self.addresses.give(addresses);
    }

    /// What is wrong with a page, its partials and its layout: helpers and partials that do not
    /// exist, arguments that a helper does not take, partials that include each other.
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
        walk::reads(self, page, layout)
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
        let (engine, template) = self.compiled(id)?;
        let mut page = meter::BoundedOutput::new(bounds);
        let mut state = RenderContext::new(None);
        template
            .render(engine, context, &mut state, &mut page)
            .map_err(|failure| self.failure(id, &failure))?;
        Ok(page.into_string())
    }

    /// A template and the engine that it runs in.
    pub(super) fn compiled(
        &self,
        id: TemplateId,
    ) -> Result<(&Handlebars<'static>, &Template), RenderError> {
        self.unit(id)
            .and_then(|unit| Some((self.engines.get(&unit.kind)?, &unit.compiled)))
            .ok_or_else(|| RenderError {
                template: String::new(),
                line: 0,
                column: 0,
                message: "the template is of another set".to_owned(),
                out_of_time: false,
            })
    }

    /// The engine's failure, with the place in the file.
    pub(super) fn failure(&self, id: TemplateId, why: &handlebars::RenderError) -> RenderError {
        let named = why.template_name.as_deref().and_then(parse::id_of);
        let unit = self.unit(named.unwrap_or(id));
        let message = parse::render_words(why.reason());
        let (template, line, column) = match (unit, why.line_no, why.column_no) {
            (Some(unit), Some(line), Some(column)) => {
                let at = unit.origin.offset(line, column);
                let span = unit.origin.span(at..at);
                let (line, column) = span.line_column();
                (span.file().name.clone(), line, column)
            }
            (unit, ..) => (unit.map_or_else(String::new, |unit| unit.name.clone()), 0, 0),
        };
        RenderError { template, line, column, message, out_of_time: false }
    }

    pub(super) fn unit(&self, id: TemplateId) -> Option<&Unit> {
        self.units.get(id.0)
    }

    pub(super) fn unit_mut(&mut self, id: TemplateId) -> Option<&mut Unit> {
        self.units.get_mut(id.0)
    }

    /// Whether a template is a file's.
    pub(super) fn is_file(&self, id: TemplateId) -> bool {
        self.unit(id).is_some_and(|unit| self.find(&unit.name) == Some(id))
    }

    /// The partial that a page of this kind means by `name`.
    pub(super) fn partial(&self, name: &str, kind: &Kind) -> Option<TemplateId> {
        let longer = kind.extensions.iter().map(|extension| format!("{name}.{extension}.hbs"));
        std::iter::once(name.to_owned())
            .chain(longer)
            .chain(std::iter::once(format!("{name}.hbs")))
            .find_map(|name| self.find(&name))
    }

    fn add(&mut self, name: String, kind: Kind, origin: Origin) -> (TemplateId, Report) {
        let id = TemplateId(self.units.len());
        let (compiled, nodes, report) = parse::parse(id, &origin);
        self.units.push(Unit { name, kind, origin, nodes, compiled, typed: false });
        (id, report)
    }

    /// Makes the partials that a page reaches known to its engine.
    fn install(&mut self, page: TemplateId) {
        let Some(kind) = self.unit(page).map(|unit| unit.kind.clone()) else { return };
        let mut engine = match self.engines.remove(&kind) {
            Some(engine) => engine,
            None => engine_of(&kind, &self.clock, &self.addresses),
        };
        let mut waiting = vec![page];
        while let Some(id) = waiting.pop() {
            for name in self.called(id) {
                let Some(found) = self.partial(&name, &kind) else { continue };
                if let Some(unit) = self.unit(found).filter(|_| !engine.has_template(&name)) {
                    engine.register_template(&name, unit.compiled.clone());
                    waiting.push(found);
                }
            }
        }
        self.engines.insert(kind, engine);
    }

    /// The names of partials that a template calls; where one is chosen when the page is made, all
    /// names that any partial can be called by.
    fn called(&self, id: TemplateId) -> Vec<String> {
        let mut names = Vec::new();
        let nodes = self.unit(id).map(|unit| unit.nodes.as_slice()).unwrap_or_default();
        visit(nodes, Inlines::Entered, &mut |node| {
            let Node::Partial(partial) = node else { return };
            match &partial.target {
                Target::Named(name) => names.push(name.clone()),
                Target::Computed(_) => names.extend(self.files.keys().flat_map(|name| {
                    let plain = name.strip_suffix(".hbs").unwrap_or(name);
                    let bare = plain.rsplit_once('.').map_or(plain, |(bare, _)| bare);
                    [name, plain, bare].map(ToOwned::to_owned)
                })),
                Target::Block => {}
            }
        });
        names
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
