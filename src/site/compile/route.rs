//! A route as typed → [`Route`]: first its form, then, all templates known, what follows from it.

use std::sync::Arc;

use super::super::key::{InputName, KeyContext, KeyPlan, KeySpec};
use super::super::route::rules::Rules;
use super::super::route::{Pattern, leads_as_written};
use super::super::template::{Read, Step, TextTemplate};
use super::super::{Declared, Route, Source};
use super::again::{Asked, Made};
use super::analysis::Analysis;
use super::known::check_address;
use super::outside::Visitor;
use super::page::{Shaped, Surroundings, content_type};
use super::parts::RouteParts;
use super::values::{Loads, Values};
use super::{Compiler, policy};
use crate::config::{RouteConfig, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::fingerprint::Hasher;

/// A route on its way.
pub(super) enum Work<'c> {
    /// One that is as it was.
    Known(Arc<Made>),
    New(Box<Draft<'c>>),
}

/// What the second pass finishes.
pub(super) struct Draft<'c> {
    pub(super) typed: &'c Arc<RouteConfig>,
    pub(super) pattern: Pattern,
    rules: Rules,
    values: Values,
    pub(super) form: DraftForm,
    asked: Vec<Asked>,
    found: Report,
}

pub(super) enum DraftForm {
    Page(Shaped),
    Unrendered(RouteParts),
}

impl<'c> Compiler<'c> {
    /// The first pass: pattern, rules, values and form; nothing where one of them is wrong.
    pub(super) fn draft(&mut self, typed: &'c Arc<RouteConfig>) -> Option<Draft<'c>> {
        let before = std::mem::take(self.report);
        let draft = self.draft_alone(typed);
        let found = std::mem::replace(self.report, before);
        let asked = self.files.take();
        self.report.extend(found.clone());
        draft.map(|draft| Draft { asked, found, ..draft })
    }

    fn draft_alone(&mut self, typed: &'c Arc<RouteConfig>) -> Option<Draft<'c>> {
        self.check_plain_route(typed);
        let pattern = Pattern::parse(&typed.path).map_err(|found| self.report.push(found)).ok();
        let values = Values::gather(
            &typed.data,
            &Loads::of(&typed.load, self.config),
            pattern.as_ref(),
            &mut self.files,
            self.report,
        );
        let form = self.draft_form(typed, pattern.as_ref());
        let pattern = pattern?;
        let (rules, mut found) = Rules::new(&typed.query, &typed.params, &pattern);
        let rules = rules.with_fields(&typed.fields, &mut found);
        self.report.extend(found);
        let (asked, found) = (Vec::new(), Report::default());
        Some(Draft { typed, pattern, rules, values, form: form?, asked, found })
    }

    fn draft_form(&mut self, typed: &RouteConfig, pattern: Option<&Pattern>) -> Option<DraftForm> {
        let at = Surroundings {
            label: &typed.path.value,
            path: &typed.path.value,
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout: typed.settings.layout.as_ref().and_then(Option::as_ref),
        };
        let parts = match &typed.source {
            SourceConfig::File(path) => {
                let inner = super::super::media::of_name(&path.value);
                let content_type = content_type(&at, inner, "application/octet-stream");
                let file = self.file(path)?;
                let hasher = Hasher::default().field("file").field(&content_type);
                let digest = hasher.field(file.digest.as_bytes()).finish();
                let parts = RouteParts::unrendered(typed, Source::File(file), 200, digest);
                RouteParts { content_type, ..parts }
            }
            SourceConfig::Dir(path) => {
                let dir = self.served_dir(path, pattern?);
                if let Some(content_type) = &typed.content_type {
                    let message = "the files of a directory are of many types";
                    self.report.push(
                        Diagnostic::new(Code::BadContentType, message, &content_type.span)
                            .help("leave it out: each file's own extension says its type"),
                    );
                }
                let dir = dir?;
                let digest = Hasher::default().field("dir").field(&dir.path).finish();
                RouteParts::unrendered(typed, Source::Dir(dir), 200, digest)
            }
            SourceConfig::Redirect(to) => {
                let address =
                    TextTemplate::compile(to).map_err(|found| self.report.push(found)).ok()?;
                check_address(&address, pattern?, self.report);
                let address = address.encoded();
                if !address.render(|_| Some("x")).is_some_and(|it| leads_as_written(&it)) {
                    let message = "each request would be a 404: an address that begins with `//` \
                                   or has a segment `.` or `..` leads elsewhere than it seems to";
                    let found = Diagnostic::new(Code::BadUrl, message, &to.span);
                    self.report.push(found.help("write the address that it leads to"));
                }
                let digest = Hasher::default().field("redirect").field(&to.value).finish();
                RouteParts::unrendered(typed, Source::Redirect(address), 302, digest)
            }
            source => {
                let shaped = self.shape(source, &at)?;
                let status = self.chosen_status(typed);
                return Some(DraftForm::Page(Shaped { status, ..shaped }));
            }
        };
        Some(DraftForm::Unrendered(parts))
    }

    /// The second pass.
    pub(super) fn finish(&mut self, draft: Draft<'c>) -> Arc<Made> {
        let before = std::mem::take(self.report);
        let (typed, asked) = (Arc::clone(draft.typed), draft.asked.clone());
        let drafted = draft.found.clone().into_iter().collect();
        let (route, analysis) = self.finish_alone(draft);
        let found = std::mem::replace(self.report, before);
        self.report.extend(found.clone());
        let (route, finished) = (Arc::new(route), found.into_iter().collect());
        Arc::new(Made { typed, route, analysis, asked, drafted, finished })
    }

    fn finish_alone(&mut self, draft: Draft<'c>) -> (Route, Arc<Analysis>) {
        let Draft { typed, pattern, rules, values, form, .. } = draft;
        let name: Arc<str> = match &typed.name {
            Some(name) => name.value.as_str().into(),
            None => default_name(typed, &pattern).into(),
        };
        let parts = match form {
            DraftForm::Page(shaped) => {
                let analysis = self.analyse(&shaped);
                self.check_known(&analysis, &values, typed, &pattern);
                self.check_conditions(&analysis, Some(typed));
                self.check_outside(&analysis, &values, &Visitor::of(typed, &pattern));
                self.check_wants(&analysis.reads, typed, &pattern);
                self.check_random(&analysis.reads, typed);
                self.check_remote(&values);
                let parts = self.page(typed, &name, shaped, values, analysis);
                self.check_unused(typed, &parts.inputs);
                parts
            }
            DraftForm::Unrendered(parts) => parts,
        };
        let key = self.key(typed, &name, &pattern, &parts);
        let private = policy::is_private(&parts.inputs);
        let headers = policy::headers(typed, &parts);
        policy::check_public(&headers, private, pattern.as_str(), self.report);
        let route = Route {
            summary: typed.summary.clone(),
            method: typed.method.value.clone(),
            declared: Declared {
                query: typed.query.clone(),
                fields: typed.fields.clone(),
                params: typed.params.clone(),
            },
            place: typed.path.span.clone(),
            status: parts.status,
            content_type: parts.content_type,
            headers: headers.into_iter().map(|(line, _)| line).collect(),
            cache_control: policy::cache_control(typed, private),
            vary: policy::vary(&parts.inputs),
            lifetime: policy::lifetime(typed),
            cors: typed.settings.cors.clone(),
            delay: typed.delay,
            purges: typed.purges.clone(),
            inputs: parts.inputs,
            reads: parts.reads,
            uses: parts.uses,
            source: parts.source,
            name,
            pattern,
            rules,
            key,
            digest: parts.digest,
        };
        (route, parts.analysis)
    }

    /// The key of a route that is stored: a GET for a page.
    fn key(
        &mut self,
        typed: &RouteConfig,
        name: &str,
        pattern: &Pattern,
        parts: &RouteParts,
    ) -> Option<KeyPlan> {
        let is_stored = typed.method.value == "GET" && matches!(parts.source, Source::Page(_));
        if !is_stored || parts.analysis.is_wrong {
            return None;
        }
        let auto = At::new("auto".to_owned(), typed.path.span.clone());
        let typed_key = typed.settings.key.as_ref().unwrap_or(&auto);
        let spec = KeySpec::parse(typed_key).map_err(|found| self.report.extend(found)).ok()?;
        let namespace = typed.namespace.as_deref();
        let context = KeyContext {
            prefix: &self.config.cache.prefix,
            namespace: namespace.unwrap_or(&self.config.cache.namespace),
            route_name: name,
            pattern,
            inputs: &parts.inputs,
        };
        let (plan, found) = KeyPlan::new(context, &spec, &|input| place_of(input, parts));
        self.report.extend(found);
        Some(plan)
    }
}

/// The path's own name; what other methods do there has the method before it: `post-login`.
fn default_name(typed: &RouteConfig, pattern: &Pattern) -> String {
    match typed.method.value.as_str() {
        "GET" => pattern.default_name(),
        method => format!("{}-{}", method.to_ascii_lowercase(), pattern.default_name()),
    }
}

/// Where a page reads an input first, and through which partials.
fn place_of(input: &InputName, parts: &RouteParts) -> Option<(Span, Vec<Span>)> {
    if let Some(read) = parts.reads.iter().find(|read| input.covers(&read.input)) {
        return Some((read.place.clone(), read.via.clone()));
    }
    let is_whole = |read: &&Read| !matches!(read.path.first(), Some(Step::Name(_)));
    let read = parts.analysis.reads.list.iter().find(is_whole)?;
    Some((read.place.clone(), read.via.clone()))
}
