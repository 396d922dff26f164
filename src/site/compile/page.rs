//! A source as typed → the form of a page, with its content type.

use std::collections::BTreeSet;

use super::super::media;
use super::super::template::{Escape, JsonTemplate, Language, TemplateId, outcomes};
use super::super::{ChosenStatus, ErrorPage, PageContent, PageForm};
use super::Compiler;
use super::outside::Visitor;
use super::values::Values;
use crate::config::{
    ErrorPageConfig, FileContent, Files as _, HeaderConfig, NodeValue, RouteConfig, SourceConfig,
    StatusConfig, refuses_status,
};
use crate::diagnostic::{At, Code, Diagnostic, Report, did_you_mean};
use crate::fingerprint::Hasher;

/// The largest file that a route may serve, in bytes: it is kept in memory.
const FILE_BOUND: u64 = 64 * 1024 * 1024;

/// The content type of a template that says none.
const HTML: &str = "text/html; charset=utf-8";

/// What surrounds a source and decides how it is read.
pub(super) struct Surroundings<'a> {
    /// What messages call it: `/about`, `error page 404`.
    pub(super) label: &'a str,
    /// The name whose extension may tell the content type: the route's path.
    pub(super) path: &'a str,
    /// `content_type` as typed.
    pub(super) content_type: Option<&'a str>,
    /// The layout around a template.
    pub(super) layout: Option<&'a At<String>>,
}

/// A page's form and its content type.
pub(super) struct Shaped {
    pub(super) form: PageForm,
    /// What gives its status, where that is chosen.
    pub(super) status: Option<ChosenStatus>,
    pub(super) content_type: String,
    /// What messages call it.
    pub(super) label: String,
    /// What decides the bytes beside templates and data, so far.
    pub(super) hasher: Hasher,
}

impl Compiler<'_> {
    /// The form of a source that is rendered; nothing where it is wrong or is none.
    pub(super) fn shape(&mut self, source: &SourceConfig, at: &Surroundings<'_>) -> Option<Shaped> {
        let mut written = String::new();
        let (form, content_type) = match source {
            SourceConfig::Body(node) => {
                let (text, fallback) = match &node.value {
                    NodeValue::Text(text) => (text.clone(), "text/plain; charset=utf-8"),
                    _ => (node.to_json().to_string(), "application/json"),
                };
                written.clone_from(&text);
                (PageForm::Body(text.into()), content_type(at, None, fallback))
            }
            SourceConfig::Json(node) => {
                let mut found = Report::default();
                let template = JsonTemplate::compile(node, &mut self.templates, &mut found);
                let is_wrong = found.has_errors();
                self.report.extend(found);
                if is_wrong {
                    return None;
                }
                (PageForm::Json(template), content_type(at, None, "application/json"))
            }
            SourceConfig::Template(name) => {
                let page = self.find_template(name)?;
                let content_type = content_type(at, media::of_template(&name.value), HTML);
                let page = self.templates.escaping(page, language(&content_type).escape());
                let layout = self.layout(at, &content_type)?;
                (PageForm::Template { page, layout }, content_type)
            }
            SourceConfig::Inline(text) => {
                let content_type = content_type(at, None, HTML);
                let layout = self.layout(at, &content_type)?;
                let escape = language(&content_type).escape();
                let page = self.templates.inline(at.label, text, escape);
                let page = page.map_err(|found| self.report.push(found)).ok()?;
                (PageForm::Template { page, layout }, content_type)
            }
            SourceConfig::File(_) | SourceConfig::Dir(_) | SourceConfig::Redirect(_) => {
                return None;
            }
        };
        let hasher = Hasher::default().field(&content_type).field(written);
        let label = at.label.to_owned();
        Some(Shaped { form, status: None, content_type, label, hasher })
    }

    /// The template that chooses a route's status: whatever it comes to is one that its source can
    /// be sent with.
    pub(super) fn chosen_status(&mut self, typed: &RouteConfig) -> Option<ChosenStatus> {
        let At { value: StatusConfig::Chosen(text), span } = typed.status.as_ref()? else {
            return None;
        };
        let (label, text) = (&typed.path.value, At::new(text.clone(), span.clone()));
        let template = self.templates.inline(label, &text, Escape::None);
        let template = template.map_err(|found| self.report.push(found)).ok()?;
        let mut wrong = |message: String, help: &str| {
            self.report.push(Diagnostic::new(Code::BadStatus, message, span).help(help));
        };
        let Some(texts) = outcomes(&self.templates, template) else {
            let message = "what this comes to is not known before it is asked for".to_owned();
            let help = "write each status out, in conditions: \
                        `{{#if body.name}}201{{else}}422{{/if}}`";
            wrong(message, help);
            return None;
        };
        let mut among = BTreeSet::new();
        for text in texts {
            let status = text.parse().ok().filter(|status| (200..600).contains(status));
            let help = match status {
                Some(status) => refuses_status(&typed.source, status),
                None => Some("each branch, `else` too, is a status from 200 to 599"),
            };
            match help {
                Some(help) => {
                    let text = if text.is_empty() { "nothing" } else { &*format!("`{text}`") };
                    wrong(format!("this may come to {text}, which is no status here"), help);
                }
                None => among.extend(status),
            }
        }
        Some(ChosenStatus { template, among })
    }

    /// The layout around a template, if any; nothing at all where it is wrong.
    fn layout(&mut self, at: &Surroundings<'_>, content_type: &str) -> Option<Option<TemplateId>> {
        let escape = language(content_type).escape();
        match at.layout {
            Some(name) => {
                let layout = self.find_template(name)?;
                self.check_layout(at, name, content_type);
                Some(Some(self.templates.escaping(layout, escape)))
            }
            None => Some(None),
        }
    }

    /// Warns of a layout of HTML around a page that is sent as something else.
    fn check_layout(&mut self, at: &Surroundings<'_>, name: &At<String>, content_type: &str) {
        let is_html = |sent: &str| matches!(language(sent), Language::Html | Language::Xhtml);
        if is_html(content_type) || !media::of_template(&name.value).is_some_and(|of| is_html(&of))
        {
            return;
        }
        let essence = media::essence(content_type);
        let message = format!(
            "`{}` is sent as {essence}, and its layout `{}` is of HTML",
            at.label, name.value
        );
        let help = "write `layout: null` at the route, or name a layout of its type";
        self.report.push(Diagnostic::new(Code::LayoutType, message, &name.span).help(help));
    }

    fn find_template(&mut self, name: &At<String>) -> Option<TemplateId> {
        if let Some(id) = self.templates.find(&name.value) {
            return Some(id);
        }
        let root = self.config.templates.value.trim_end_matches('/');
        let message = format!("no template `{}` in `{root}/`", name.value);
        // Of very many the first are mended first: looking for them all takes time by the square.
        let names = self.templates.names().filter(|_| !self.report.is_long());
        let help = match did_you_mean(&name.value, names) {
            Some(help) => help,
            None if name.value.strip_suffix(".hbs").is_some() => {
                format!("create `{root}/{}`, or name one that is there", name.value)
            }
            None => "templates end in `.hbs`".to_owned(),
        };
        self.report.push(Diagnostic::new(Code::TemplateMissing, message, &name.span).help(help));
        None
    }

    /// Reads a file that is served as it is.
    pub(super) fn file(&mut self, path: &At<String>) -> Option<FileContent> {
        let content = self.files.read(&path.value, FILE_BOUND);
        let wrong = |why| super::unreadable(&path.value, "served", &why, &path.span);
        content.map_err(|why| self.report.push(wrong(why))).ok()
    }
}

/// `errors:`: pages that are rendered each time and never stored.
impl Compiler<'_> {
    /// The first pass over an error page.
    pub(super) fn draft_error<'t>(
        &mut self,
        typed: &'t ErrorPageConfig,
    ) -> Option<(&'t ErrorPageConfig, Shaped)> {
        let at = Surroundings {
            label: "an error page",
            path: "",
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout: typed.layout.as_ref().and_then(Option::as_ref),
        };
        Some((typed, self.shape(&typed.source, &at)?))
    }

    /// The second pass: the page with the data that it reads.
    pub(super) fn finish_error(&mut self, typed: &ErrorPageConfig, shaped: Shaped) -> ErrorPage {
        let analysis = self.analyse(&shaped);
        self.check_error_known(&analysis);
        self.check_outside(&analysis, &Values::default(), &Visitor::OfError);
        let tree = &analysis.tree;
        let reads_request =
            !tree.sub("path").is_empty() || !tree.sub("error").sub("detail").is_empty();
        let reads_language = !tree.named("language").is_empty();
        let content_type = shaped.content_type.clone();
        let (content, digest) =
            self.content(shaped, analysis.shared.clone(), &analysis.reads, "an error page");
        let (bare, digest) = (digest, content.digest);
        let content = PageContent { digest: bare, ..content };
        let line = |HeaderConfig { name, value, .. }: &HeaderConfig| {
            (name.value.to_ascii_lowercase(), value.as_ref().map(|value| value.value.clone()))
        };
        let headers = typed.headers.iter().map(line).collect();
        ErrorPage { content, digest, content_type, headers, reads_language, reads_request }
    }
}

/// By what a content type is read.
pub(super) fn language(content_type: &str) -> Language {
    Language::of(&media::essence(content_type))
}

/// `content_type`; else the source's extension; else the path's; else the kind's own.
pub(super) fn content_type(at: &Surroundings<'_>, inner: Option<String>, fallback: &str) -> String {
    at.content_type
        .map(media::with_charset)
        .or(inner)
        .or_else(|| media::of_name(at.path))
        .unwrap_or_else(|| fallback.to_owned())
}
