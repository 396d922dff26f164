//! A route as typed → [`Route`]: first its form, then, all templates known, what follows from it.

use std::sync::Arc;

use super::super::dir::SiteDir;
use super::super::key::{InputName, KeyContext, KeyPlan, KeySpec};
use super::super::route::Pattern;
use super::super::route::rules::Rules;
use super::super::template::{Read, Step, TextTemplate};
use super::super::{Declared, Form, Route, SiteFile, Source};
use super::analysis::{Analyses, Analysis};
use super::page::{Shaped, Surroundings, content_type};
use super::parts::{self, PageDraft, Parts};
use super::values::Values;
use super::{Compiler, policy};
use crate::config::{RouteConfig, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::fingerprint::{Fingerprint, Hasher};

/// What the second pass finishes.
pub(super) struct Draft<'c> {
    typed: &'c RouteConfig,
    pattern: Pattern,
    rules: Rules,
    values: Values,
    form: DraftForm,
}

enum DraftForm {
    Page(Shaped),
    File(SiteFile, String),
    Dir(SiteDir),
    Redirect(TextTemplate),
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

    fn draft_form(&mut self, typed: &RouteConfig) -> Option<DraftForm> {
        let layout = match &typed.layout {
            Some(own) => own.as_ref(),
            None => typed.defaults.layout.as_ref(),
        };
        let at = Surroundings {
            label: &typed.path.value,
            path: &typed.path.value,
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout,
        };
        match &typed.source {
            SourceConfig::File(path) => {
                let inner = super::super::media::of_name(&path.value);
                let content_type = content_type(&at, inner, "application/octet-stream");
                Some(DraftForm::File(self.file(path)?, content_type))
            }
            SourceConfig::Redirect(to) => match TextTemplate::compile(to, REDIRECT_ROOTS) {
                Ok(template) => Some(DraftForm::Redirect(template)),
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
    ) -> Option<DraftForm> {
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
            DraftForm::Redirect(template) => parts::redirect(typed, template),
        };
        let key = self.key(typed, &name, &pattern, &parts);
        self.assemble(typed, name, pattern, rules, key, parts)
    }

    pub(super) fn analyse(&mut self, form: &Form, analyses: &mut Analyses) -> Arc<Analysis> {
        let set = &self.templates;
        match form {
            Form::Body(_) => Arc::default(),
            Form::Template { page, layout } => {
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
            Form::Json(json) => {
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
        parts: &Parts,
    ) -> Option<KeyPlan> {
        let is_stored = typed.method.value == "GET" && matches!(parts.source, Source::Page(_));
        if !is_stored || parts.analysis.is_wrong {
            return None;
        }
        let auto = At::new("auto".to_owned(), typed.path.span.clone());
        let typed_key = typed.key.as_ref().or(typed.defaults.key.as_ref()).unwrap_or(&auto);
        let spec = KeySpec::parse(typed_key).map_err(|found| self.report.extend(found)).ok()?;
        let namespace = typed.namespace.as_ref().map(|text| text.value.as_str());
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
        parts: Parts,
    ) -> Route {
        let private = policy::is_private(&parts.inputs);
        let headers = policy::headers(typed);
        policy::check_public(&headers, private, pattern.as_str(), self.report);
        let digest = route_digest(typed, &parts, &headers);
        Route {
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
            cors: typed.cors.clone().or_else(|| typed.defaults.cors.clone()),
            delay: typed.delay,
            inputs: parts.inputs,
            reads: parts.reads,
            uses: parts.uses,
            source: parts.source,
            name,
            pattern,
            rules,
            key,
            digest,
        }
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
fn place_of(input: &InputName, parts: &Parts) -> Option<(Span, Vec<Span>)> {
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

/// A digest of all that an edit can change about how a route is answered.
fn route_digest(
    typed: &RouteConfig,
    parts: &Parts,
    headers: &[(String, String, Span)],
) -> Fingerprint {
    let mut hasher = Hasher::default().field(parts.digest.as_bytes());
    hasher.add(parts.status.to_string());
    hasher.add(&parts.content_type);
    hasher.add(format!("{:?}", policy::lifetime(typed)));
    hasher.add(format!("{:?}", typed.delay));
    hasher.add(typed.summary.as_deref().unwrap_or_default());
    for text in [&typed.key, &typed.defaults.key, &typed.namespace] {
        hasher.add(text.as_ref().map(|text| text.value.as_str()).unwrap_or_default());
    }
    for age in [&typed.max_age, &typed.defaults.max_age] {
        hasher.add(format!("{:?}", age.as_ref().map(|age| age.value)));
    }
    for (name, value, _) in headers {
        hasher.add(name);
        hasher.add(value);
    }
    for param in typed.query.iter().chain(&typed.params) {
        hasher.add(format!(
            "{} {:?} {:?} {} {:?} {:?} {:?} {} {:?} {:?}",
            param.name.value,
            param.kind.value,
            param.default.as_ref().map(|text| &text.value),
            param.required,
            param.choices.iter().map(|text| &text.value).collect::<Vec<_>>(),
            param.min.as_ref().map(|bound| bound.value),
            param.max.as_ref().map(|bound| bound.value),
            param.max_length,
            param.pattern.as_ref().map(|text| &text.value),
            param.description,
        ));
    }
    hasher.finish()
}
