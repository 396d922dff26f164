//! A source as typed → the form of a page, with its content type.

use super::super::media;
use super::super::template::{Escape, JsonTemplate, TemplateId};
use super::super::{ErrorPage, PageContent, PageForm};
use super::Compiler;
use crate::config::{ErrorPageConfig, ErrorStatus, FileContent, NodeValue, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, Report, nearest};
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
    pub(super) content_type: String,
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
                // Its shape decides bytes beside its templates.
                written = node.to_json().to_string();
                (PageForm::Json(template), content_type(at, None, "application/json"))
            }
            SourceConfig::Template(name) => {
                let page = self.find_template(name)?;
                let content_type = content_type(at, media::of_template(&name.value), HTML);
                (PageForm::Template { page, layout: self.layout(at)? }, content_type)
            }
            SourceConfig::Inline(text) => {
                let layout = self.layout(at)?;
                let content_type = content_type(at, None, HTML);
                let page = self.templates.inline(at.label, text, escape_of(&content_type));
                let page = page.map_err(|found| self.report.push(*found)).ok()?;
                (PageForm::Template { page, layout }, content_type)
            }
            SourceConfig::File(_) | SourceConfig::Dir(_) | SourceConfig::Redirect(_) => {
                return None;
            }
        };
        let hasher = Hasher::default().field(&content_type).field(written);
        Some(Shaped { form, content_type, hasher })
    }

    /// The layout around a template, if any; nothing at all where it is wrong.
    fn layout(&mut self, at: &Surroundings<'_>) -> Option<Option<TemplateId>> {
        match at.layout {
            Some(name) => self.find_template(name).map(Some),
            None => Some(None),
        }
    }

    fn find_template(&mut self, name: &At<String>) -> Option<TemplateId> {
        if let Some(id) = self.templates.find(&name.value) {
            return Some(id);
        }
        let root = self.config.templates.value.trim_end_matches('/');
        let message = format!("no template `{}` in `{root}/`", name.value);
        let near = nearest(&name.value, self.templates.names());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
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
    pub(super) fn draft_error(&mut self, typed: &ErrorPageConfig) -> Option<(ErrorStatus, Shaped)> {
        let at = Surroundings {
            label: "an error page",
            path: "",
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout: typed.layout.as_ref().and_then(Option::as_ref),
        };
        Some((typed.status.value, self.shape(&typed.source, &at)?))
    }

    /// The second pass: the page with the data that it reads.
    pub(super) fn finish_error(&mut self, shaped: Shaped) -> ErrorPage {
        let analysis = self.analyse(&shaped.form);
        self.check_error_known(&analysis);
        let tree = &analysis.tree;
        let reads_request =
            !tree.sub("path").is_empty() || !tree.sub("error").sub("detail").is_empty();
        let content_type = shaped.content_type.clone();
        let (content, digest) =
            self.content(shaped, analysis.shared.clone(), &analysis.reads, "an error page");
        ErrorPage { content: PageContent { digest, ..content }, content_type, reads_request }
    }
}

/// How a template of this media type escapes what it prints.
fn escape_of(content_type: &str) -> Escape {
    let essence = media::essence(content_type);
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Escape::Html,
        "application/xml" | "text/xml" => Escape::Xml,
        _ if essence.ends_with("+xml") => Escape::Xml,
        _ => Escape::None,
    }
}

/// `content_type`; else the source's extension; else the path's; else the kind's own.
pub(super) fn content_type(at: &Surroundings<'_>, inner: Option<String>, fallback: &str) -> String {
    at.content_type
        .map(media::with_charset)
        .or(inner)
        .or_else(|| media::of_name(at.path))
        .unwrap_or_else(|| fallback.to_owned())
}
