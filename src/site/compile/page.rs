//! A source as typed → the form of a page, with its content type.

use bytes::Bytes;

use super::super::PageForm;
use super::super::media;
use super::super::template::{Escape, JsonTemplate, TemplateId};
use super::Compiler;
use crate::config::{FileContent, Node, NodeValue, SourceConfig};
use crate::diagnostic::{At, Code, Diagnostic, nearest};

/// The largest file that a route may serve, in bytes: it is kept in memory.
const FILE_BOUND: u64 = 64 * 1024 * 1024;

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
    /// The typed JSON, whose shape decides bytes beside its templates.
    pub(super) shape: String,
}

impl Compiler<'_> {
    /// The form of a source that is rendered; nothing where it is wrong or is none.
    pub(super) fn shape(&mut self, source: &SourceConfig, at: &Surroundings<'_>) -> Option<Shaped> {
        match source {
            SourceConfig::Body(node) => Some(body(node, at)),
            SourceConfig::Json(node) => self.json(node, at),
            SourceConfig::Template(name) => self.template(name, at),
            SourceConfig::Inline(text) => self.inline(text, at),
            SourceConfig::File(_) | SourceConfig::Dir(_) | SourceConfig::Redirect(_) => None,
        }
    }

    fn json(&mut self, node: &Node, at: &Surroundings<'_>) -> Option<Shaped> {
        let (template, found) = JsonTemplate::compile(node, &mut self.templates);
        let is_wrong = found.has_errors();
        self.report.extend(found);
        let content_type = content_type(at, None, "application/json");
        let shape = node.to_json().to_string();
        (!is_wrong).then_some(Shaped { form: PageForm::Json(template), content_type, shape })
    }

    fn template(&mut self, name: &At<String>, at: &Surroundings<'_>) -> Option<Shaped> {
        let page = self.find_template(name)?;
        let layout =
            at.layout.map(|layout| self.find_template(layout).ok_or(())).transpose().ok()?;
        let inner = media::of_template(&name.value);
        let content_type = content_type(at, inner, "text/html; charset=utf-8");
        Some(Shaped {
            form: PageForm::Template { page, layout },
            content_type,
            shape: String::new(),
        })
    }

    fn inline(&mut self, text: &At<String>, at: &Surroundings<'_>) -> Option<Shaped> {
        let content_type = content_type(at, None, "text/html; charset=utf-8");
        let layout =
            at.layout.map(|layout| self.find_template(layout).ok_or(())).transpose().ok()?;
        match self.templates.inline(at.label, text, escape_of(&content_type)) {
            Ok(page) => {
                let form = PageForm::Template { page, layout };
                Some(Shaped { form, content_type, shape: String::new() })
            }
            Err(found) => {
                self.report.extend(found);
                None
            }
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

fn body(node: &Node, at: &Surroundings<'_>) -> Shaped {
    let (bytes, fallback) = match &node.value {
        NodeValue::Text(text) => (Bytes::from(text.clone()), "text/plain; charset=utf-8"),
        _ => (Bytes::from(node.to_json().to_string()), "application/json"),
    };
    let content_type = content_type(at, None, fallback);
    Shaped { form: PageForm::Body(bytes), content_type, shape: String::new() }
}

/// `content_type`; else the source's extension; else the path's; else the kind's own.
pub(super) fn content_type(at: &Surroundings<'_>, inner: Option<String>, fallback: &str) -> String {
    at.content_type
        .map(media::with_charset)
        .or(inner)
        .or_else(|| media::of_name(at.path))
        .unwrap_or_else(|| fallback.to_owned())
}
