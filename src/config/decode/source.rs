//! Where a response comes from: exactly one of the sources, or a shorthand for one.

use super::scalar::{as_written, text_as_written};
use super::{Decoder, Entry, Fields};
use crate::config::looks;
use crate::config::model::SourceConfig;
use crate::config::node::{Node, NodeValue};
use crate::config::section::Section;
use crate::diagnostic::{At, Code, Diagnostic};

impl Decoder<'_> {
    /// What `read` makes of a mapping's fields and its source, or of a text that means a source.
    /// Where the source is wrong, `read` finds what else is, and nothing comes of it.
    pub(super) fn with_source<T>(
        &mut self,
        entry: &Entry,
        section: &Section,
        read: impl FnOnce(&mut Self, &Fields, SourceConfig) -> T,
    ) -> Option<T> {
        if entry.text().is_some() {
            let source = self.shorthand(entry)?;
            return Some(read(self, &entry.no_fields(), source));
        }
        let fields = self.fields(section, entry)?;
        let Some(source) = self.source(&fields, section) else {
            let nothing = Node { value: NodeValue::Null, span: fields.place.clone() };
            read(self, &fields, SourceConfig::Body(nothing));
            return None;
        };
        looks::source(self.report, &source);
        Some(read(self, &fields, source))
    }

    /// The one source of a mapping.
    fn source(&mut self, fields: &Fields, section: &Section) -> Option<SourceConfig> {
        let lead = section.lead.as_ref().map_or(&[][..], |lead| lead.fields);
        let names = lead.iter().map(|field| field.name);
        let list = || names.clone().collect::<Vec<_>>().join(", ");
        let mut present = names.clone().filter_map(|name| fields.entry(name));
        let Some(first) = present.next() else {
            let message = format!("{} does not say what is sent", fields.what);
            let help = format!("add one of {}", list());
            return self.refuse(Code::NoSource, message, &fields.place, &help);
        };
        if let Some(second) = present.next() {
            let message = format!("{} has both {} and {}", fields.what, first.what, second.what);
            let diagnostic = Diagnostic::new(Code::TwoSources, message, &second.key.span)
                .label(&first.key.span, "the other one")
                .help(format!("a response needs exactly one of {}", list()));
            self.report.push(diagnostic);
            return None;
        }
        SourceConfig::read(self, &first)
    }

    /// An address to go to.
    pub(super) fn redirect(&mut self, entry: &Entry) -> Option<At<String>> {
        let text = self.filled(entry)?;
        let address = text.value.as_str();
        let good = (address.starts_with('/') && !address.starts_with("//"))
            || address.starts_with("https://")
            || address.starts_with("http://");
        // Scheme and host come from the file only: no variable before the path begins.
        let host = address.split_once("://").map(|(_, rest)| rest.split('/').next());
        let free_host = host.flatten().is_some_and(|host| host.contains("{{") || host.is_empty());
        if !good || free_host || address.chars().any(char::is_control) {
            let message = format!("`{}` is no address to go to", as_written(entry.node));
            let help = "write a path (/about) or a whole address whose scheme and host are fixed";
            return self.refuse(Code::BadUrl, message, &text.span, help);
        }
        Some(text)
    }

    /// A path in the site's directory, or of a template below the directory of those.
    pub(super) fn site_path(&mut self, entry: &Entry) -> Option<At<String>> {
        self.filled(entry).filter(|path| self.inside(path))
    }

    /// The layout of a page, where `null` says that there is none.
    pub(super) fn layout(&mut self, entry: &Entry) -> Option<Option<At<String>>> {
        match entry.node.value {
            NodeValue::Null => Some(None),
            _ => self.site_path(entry).map(Some),
        }
    }

    /// A path, a glob, or a list of them.
    pub(super) fn include(&mut self, entry: &Entry) -> Vec<At<String>> {
        let mut paths = match entry.node.value {
            NodeValue::Text(_) => self.text(entry).into_iter().collect(),
            _ => self.list(entry, Self::text),
        };
        paths.retain(|path| self.inside(path));
        paths
    }

    /// Whether a path stays in the site's directory, as far as its text alone shows.
    fn inside(&mut self, path: &At<String>) -> bool {
        let escapes = escapes(&path.value);
        if escapes {
            let written = text_as_written(&path.value, &path.span);
            let message = format!("`{written}` leaves the site's directory");
            let help = "paths are relative to the main file; copy what is needed below it";
            self.error(Code::PathEscape, message, &path.span, help);
        }
        !escapes
    }

    /// A text in a mapping's place: a template where it ends in `.hbs`, else a file.
    fn shorthand(&mut self, entry: &Entry) -> Option<SourceConfig> {
        let text = self.text(entry)?;
        if text.value.trim().is_empty() {
            let message = "the shorthand is empty".to_owned();
            return self.refuse(Code::NoSource, message, &text.span, "write { body: \"\" }");
        }
        looks::shorthand(self.report, &text);
        if !text.value.starts_with('/') && !self.inside(&text) {
            return None;
        }
        let hbs = std::path::Path::new(&text.value).extension().is_some_and(|ext| ext == "hbs");
        Some(if hbs { SourceConfig::Template(text) } else { SourceConfig::File(text) })
    }
}

/// Whether a path goes above where it starts, or starts elsewhere.
fn escapes(path: &str) -> bool {
    let mut segments = path.split('/');
    let end = segments.try_fold(0_usize, |depth, segment| match segment {
        ".." => depth.checked_sub(1),
        "" | "." => Some(depth),
        _ => Some(depth + 1),
    });
    let of_windows = path.contains('\\') || path.get(1..3) == Some(":/");
    path.starts_with('/') || path.contains('\0') || of_windows || end.is_none()
}
