//! A route as typed → [`Route`]: first its form, then, all templates known, what follows from it.

use std::sync::Arc;

use super::super::dir::SiteDir;
use super::super::key::{InputName, KeyContext, KeyPlan, KeySpec};
use super::super::route::Pattern;
use super::super::route::rules::Rules;
use super::super::template::{Read, Step, TextTemplate};
use super::super::{Declared, PageForm, Route, Source};
use super::analysis::{Analyses, Analysis};
use super::page::{Shaped, Surroundings, content_type};
use super::parts::{self, PageDraft, RouteParts};
use super::values::Values;
use super::{Compiler, policy};
use crate::config::{CorsConfig, FileContent, ParamConfig, RouteConfig, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::fingerprint::{Fingerprint, Hasher};

/// What the second pass finishes.
pub(super) struct Draft<'c> {
    typed: &'c RouteConfig,
    pattern: Pattern,
    rules: Rules,
    values: Values,
    form: DraftForm<'c>,
}

enum DraftForm<'c> {
    Page(Shaped),
    File(FileContent, String),
    Dir(SiteDir),
    Redirect(&'c str, TextTemplate),
}

impl<'c> Draft<'c> {
    /// The directory that a route serves, where it serves one.
    pub(super) fn served_dir(
        (target, draft): (u32, &Self),
    ) -> Option<(u32, &'c RouteConfig, &Pattern, &SiteDir)> {
        match &draft.form {
            DraftForm::Dir(dir) => Some((target, draft.typed, &draft.pattern, dir)),
            _ => None,
        }
    }
}

/// What a redirect's address may be made of.
const REDIRECT_ROOTS: &[&str] = &["params", "query"];

impl<'c> Compiler<'c> {
    /// The first pass: pattern, rules, values and form; nothing where one of them is wrong.
    pub(super) fn draft(&mut self, typed: &'c RouteConfig) -> Option<Draft<'c>> {
        let pattern = Pattern::parse(&typed.path).map_err(|found| self.report.push(found)).ok();
        let values = Values::gather(&typed.data, &typed.load, self.files, self.report);
        let form = match (&typed.source, &pattern) {
            (SourceConfig::Dir(path), Some(pattern)) => self.draft_dir(typed, path, pattern),
            _ => self.draft_form(typed),
        };
        let pattern = pattern?;
        let (rules, found) = Rules::new(&typed.query, &typed.params, &pattern);
        self.report.extend(found);
        Some(Draft { typed, pattern, rules, values, form: form? })
    }

    fn draft_form(&mut self, typed: &'c RouteConfig) -> Option<DraftForm<'c>> {
        let at = Surroundings {
            label: &typed.path.value,
            path: &typed.path.value,
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout: typed.settings.layout.as_ref().and_then(Option::as_ref),
        };
        match &typed.source {
            SourceConfig::File(path) => {
                let inner = super::super::media::of_name(&path.value);
                let content_type = content_type(&at, inner, "application/octet-stream");
                Some(DraftForm::File(self.file(path)?, content_type))
            }
            SourceConfig::Redirect(to) => match TextTemplate::compile(to, REDIRECT_ROOTS) {
                Ok(address) => Some(DraftForm::Redirect(&to.value, address)),
                Err(found) => {
                    self.report.push(found);
                    None
                }
            },
            SourceConfig::Dir(_) => None, // its pattern is wrong, which was said
            source => self.shape(source, &at).map(DraftForm::Page),
        }
    }

    fn draft_dir(
        &mut self,
        typed: &RouteConfig,
        path: &At<String>,
        pattern: &Pattern,
    ) -> Option<DraftForm<'c>> {
        let dir = self.served_dir(path, pattern);
        if let Some(content_type) = &typed.content_type {
            let message = "the files of a directory are of many types";
            self.report.push(
                Diagnostic::new(Code::BadContentType, message, &content_type.span)
                    .help("leave it out: each file's own extension says its type"),
            );
        }
        dir.map(DraftForm::Dir)
    }

    /// The second pass.
    pub(super) fn finish(&mut self, draft: Draft<'c>, analyses: &mut Analyses) -> Route {
        let Draft { typed, pattern, rules, values, form } = draft;
        let name: Arc<str> = match &typed.name {
            Some(name) => name.value.as_str().into(),
            None => default_name(typed, &pattern).into(),
        };
        let parts = match form {
            DraftForm::Page(shaped) => {
                let analysis = self.analyse(&shaped.form, analyses);
                self.check_known(&analysis, &values, &pattern);
                let site = &self.values;
                let parts = parts::page(PageDraft {
                    name: &name,
                    path: pattern.as_str(),
                    typed,
                    shaped,
                    own: values,
                    site,
                    assets: &self.assets,
                    analysis,
                });
                self.check_unused(typed, &parts.inputs);
                parts
            }
            DraftForm::File(file, content_type) => parts::file(typed, file, content_type),
            DraftForm::Dir(dir) => parts::dir(typed, dir),
            DraftForm::Redirect(to, address) => parts::redirect(typed, to, address),
        };
        let key = self.key(typed, &name, &pattern, &parts);
        self.assemble(typed, name, pattern, rules, key, parts)
    }

    pub(super) fn analyse(&mut self, form: &PageForm, analyses: &mut Analyses) -> Arc<Analysis> {
        let set = &self.templates;
        match form {
            PageForm::Body(_) => Arc::default(),
            PageForm::Template { page, layout } => {
                if let Some(known) = analyses.known(*page, *layout) {
                    return known;
                }
                let found = set.check(*page, *layout);
                let is_wrong = found.has_errors();
                self.report.extend(found);
                let analysis = analyses.template(set, &self.values, *page, *layout, is_wrong);
                self.find_assets(&analysis.reads.assets);
                analysis
            }
            PageForm::Json(json) => {
                let found: Report = json
                    .templates()
                    .into_iter()
                    .flat_map(|id| set.check(id, None).into_iter())
                    .collect();
                let is_wrong = found.has_errors();
                self.report.extend(found);
                let analysis = Analyses::json(json, set, &self.values, is_wrong);
                self.find_assets(&analysis.reads.assets);
                analysis
            }
        }
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

    fn assemble(
        &mut self,
        typed: &RouteConfig,
        name: Arc<str>,
        pattern: Pattern,
        rules: Rules,
        key: Option<KeyPlan>,
        parts: RouteParts,
    ) -> Route {
        let private = policy::is_private(&parts.inputs);
        let headers = policy::headers(typed);
        policy::check_public(&headers, private, pattern.as_str(), self.report);
        let mut route = Route {
            summary: typed.summary.clone(),
            method: typed.method.value.clone(),
            declared: Declared { query: typed.query.clone(), params: typed.params.clone() },
            place: typed.path.span.clone(),
            status: parts.status,
            content_type: parts.content_type,
            headers: headers.into_iter().map(|(name, value, _)| (name, value)).collect(),
            cache_control: policy::cache_control(typed, private),
            vary: policy::vary(&parts.inputs),
            lifetime: policy::lifetime(typed),
            cors: typed.settings.cors.clone(),
            delay: typed.delay,
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
        route.digest = digest_of(&route);
        route
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
    let text = input.to_string();
    let (root, name) = match text.split_once('.') {
        Some((root, name)) => (root, Some(name)),
        None => (text.as_str(), None),
    };
    let reads = &parts.analysis.reads.list;
    let is_it = |read: &&Read| match (read.path.as_slice(), name) {
        ([Step::Name(first), Step::Name(second), ..], Some(name)) => {
            first == root && second == name
        }
        ([Step::Name(first), ..], _) => first == root,
        _ => false,
    };
    let read = reads
        .iter()
        .find(is_it)
        .or_else(|| reads.iter().find(|read| !matches!(read.path.first(), Some(Step::Name(_)))))?;
    Some((read.place.clone(), read.via.clone()))
}

/// A digest of all that an edit can change about how a route is answered; `route` bears that of its
/// content yet.
fn digest_of(route: &Route) -> Fingerprint {
    // Every field is named, so that a new one cannot be left out unseen.
    let Route {
        summary,
        status,
        content_type,
        headers,
        cache_control,
        vary,
        lifetime,
        declared,
        key,
        cors,
        delay,
        digest,
        // By these a route is known; a place decides nothing.
        name: _,
        method: _,
        pattern: _,
        place: _,
        // These follow from the content and from what is declared.
        rules: _,
        inputs: _,
        reads: _,
        uses: _,
        source: _,
    } = route;
    let origins: Option<Vec<&str>> = cors.as_ref().map(|cors| match cors {
        CorsConfig::Any => vec!["*"],
        CorsConfig::Origins(origins) => origins.iter().map(String::as_str).collect(),
    });
    let declared = declared.query.iter().chain(&declared.params);
    let fields = [
        format!("{status} {content_type:?} {headers:?} {cache_control:?} {vary:?}"),
        format!("{summary:?} {lifetime:?} {key:?} {delay:?} {origins:?}"),
    ];
    let hasher = Hasher::default().field(digest.as_bytes());
    fields.into_iter().chain(declared.map(param_digest)).fold(hasher, Hasher::field).finish()
}

/// What decides a parameter, without the places where it is written.
fn param_digest(param: &ParamConfig) -> String {
    let ParamConfig {
        name,
        kind,
        default,
        required,
        choices,
        min,
        max,
        max_length,
        pattern,
        description,
    } = param;
    format!(
        "{} {:?} {:?} {required} {:?} {:?} {:?} {max_length} {:?} {description:?}",
        name.value,
        kind.value,
        default.as_ref().map(|text| &text.value),
        choices.iter().map(|text| &text.value).collect::<Vec<_>>(),
        min.as_ref().map(|bound| bound.value),
        max.as_ref().map(|bound| bound.value),
        pattern.as_ref().map(|text| &text.value),
    )
}
