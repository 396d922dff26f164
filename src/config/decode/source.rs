//! Where a response comes from: exactly one of the sources, or a shorthand for one.

use super::scalar::{shown, typed};
use super::{Decoder, Fields};
use crate::config::looks;
use crate::config::model::SourceConfig;
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic};

impl Decoder<'_> {
    /// The one source among `names`.
    pub(super) fn source(&mut self, fields: &Fields, names: &[&str]) -> Option<SourceConfig> {
        let present: Vec<&str> =
            names.iter().copied().filter(|name| fields.get(name).is_some()).collect();
        match present.as_slice() {
            [] => {
                self.no_source(fields, names);
                None
            }
            [name] => self.one_source(fields, name),
            [first, second, ..] => {
                let message = format!("{} has both `{first}` and `{second}`", fields.what);
                let (first, second) = (fields.key(first)?, fields.key(second)?);
                let diagnostic = Diagnostic::new(Code::TwoSources, message, second)
                    .label(first, "the other one")
                    .help(format!("a response needs exactly one of {}", names.join(", ")));
                self.report.push(diagnostic);
                None
            }
        }
    }

    fn no_source(&mut self, fields: &Fields, names: &[&str]) {
        let message = format!("{} does not say what is sent", fields.what);
        let help = format!("add one of {}", names.join(", "));
        self.error(Code::NoSource, message, &fields.place, &help);
    }

    fn one_source(&mut self, fields: &Fields, name: &str) -> Option<SourceConfig> {
        let node = fields.get(name)?;
        match name {
            "body" => Some(SourceConfig::Body(node.clone())),
            "json" => self.json_source(node),
            "template" => self.template_name(fields, name).map(SourceConfig::Template),
            "inline" => self.text(fields, name).map(SourceConfig::Inline),
            "file" => self.site_path(fields, name).map(SourceConfig::File),
            "dir" => self.site_path(fields, name).map(SourceConfig::Dir),
            _ => self.redirect(fields, name).map(SourceConfig::Redirect),
        }
    }

    fn json_source(&mut self, node: &Node) -> Option<SourceConfig> {
        match &node.value {
            NodeValue::Map(_) | NodeValue::List(_) => Some(SourceConfig::Json(node.clone())),
            _ => {
                self.wrong_type("`json`", "a mapping or a list", node);
                None
            }
        }
    }

    fn redirect(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let text = self.filled(fields, name)?;
        let address = text.value.as_str();
        let good = (address.starts_with('/') && !address.starts_with("//"))
            || address.starts_with("https://")
            || address.starts_with("http://");
        // Scheme and host come from the file only: no variable before the path begins.
        let host = address.split_once("://").map(|(_, rest)| rest.split('/').next());
        let free_host = host.flatten().is_some_and(|host| host.contains("{{") || host.is_empty());
        if !good || free_host || address.chars().any(char::is_control) {
            let message = format!("`{}` is no address to go to", shown(fields.get(name)?));
            let help = "write a path (/about) or a whole address whose scheme and host are fixed";
            self.error(Code::BadUrl, message, &text.span, help);
            return None;
        }
        Some(text)
    }

    /// A template's name: a path below `templates`.
    pub(super) fn template_name(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let text = self.filled(fields, name)?;
        self.inside(&text)?;
        Some(text)
    }

    /// A path in the site's directory.
    pub(super) fn site_path(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let text = self.filled(fields, name)?;
        self.inside(&text)?;
        Some(text)
    }

    /// The path, unless its text alone shows that it leaves the site's directory.
    pub(super) fn inside(&mut self, path: &At<String>) -> Option<()> {
        if !escapes(&path.value) {
            return Some(());
        }
        let typed = typed(&path.value, &path.span);
        let message = format!("`{typed}` leaves the site's directory");
        let help = "paths are relative to the main file; copy what is needed below it";
        self.error(Code::PathEscape, message, &path.span, help);
        None
    }

    /// A text in a mapping's place: a template where it ends in `.hbs`, else a file.
    pub(super) fn shorthand(&mut self, node: &Node) -> Option<SourceConfig> {
        let text = self.text_of("a route", node)?;
        if text.value.trim().is_empty() {
            let message = "the shorthand is empty".to_owned();
            self.error(Code::NoSource, message, &text.span, "write { body: \"\" }");
            return None;
        }
        looks::shorthand(self.report, &text);
        if !text.value.starts_with('/') {
            self.inside(&text)?;
        }
        let hbs = std::path::Path::new(&text.value).extension().is_some_and(|ext| ext == "hbs");
        Some(if hbs { SourceConfig::Template(text) } else { SourceConfig::File(text) })
    }
}

/// Whether a path goes above where it starts, or starts elsewhere.
pub(super) fn escapes(path: &str) -> bool {
    let mut depth = 0_i32;
    let windows = path.contains('\\') || path.get(1..3) == Some(":/");
    path.starts_with('/')
        || path.contains('\0')
        || windows
        || path.split('/').any(|segment| {
            depth += match segment {
                ".." => -1,
                "" | "." => 0,
                _ => 1,
            };
            depth < 0
        })
}
