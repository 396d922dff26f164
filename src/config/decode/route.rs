//! A route, a page for errors, and where a response comes from: exactly one of the sources, or a
//! shorthand for one.

use std::sync::Arc;

use super::scalar::{as_written, text_as_written};
use super::unused::is_read;
use super::{Decoder, Entry, Fields};
use crate::config::env::IN_VALUES;
use crate::config::looks;
use crate::config::model::{ErrorPageConfig, ErrorStatus, RouteConfig, SourceConfig, StatusConfig};
use crate::config::node::{Node, NodeValue};
use crate::config::section::Section;
use crate::diagnostic::{At, Code, Diagnostic};

/// What is said of a name that is under `data` and under `load`.
const ONE_LIST: &str = "names under `data` and `load` of a route are one list: rename one";

/// Methods that a route may have.
pub(crate) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Why a source cannot be sent with a status; nothing where it can.
pub(crate) fn refuses_status(source: &SourceConfig, status: u16) -> Option<&'static str> {
    let nothing = [NodeValue::Null, NodeValue::Text(String::new())];
    let is_empty = matches!(source, SourceConfig::Body(node) if nothing.contains(&node.value));
    match (source, status) {
        (SourceConfig::Redirect(_), 301 | 302 | 303 | 307 | 308)
        | (SourceConfig::File(_) | SourceConfig::Dir(_), 200) => None,
        (SourceConfig::Redirect(_), _) => Some("a redirect is 301, 302, 303, 307 or 308"),
        (SourceConfig::File(_) | SourceConfig::Dir(_), _) => {
            Some("files are sent with 200, 206 or 304, as the request asks")
        }
        (_, 204 | 205 | 304) if !is_empty => {
            Some("204, 205 and 304 have no body: write `body: \"\"`, or another status")
        }
        (_, 301 | 302 | 303 | 307 | 308) => {
            Some("write `redirect:`, so that there is somewhere to go")
        }
        _ => None,
    }
}

impl Decoder<'_> {
    /// The entries of `routes`; a list, as other tools have it, is said to be foreign.
    pub(super) fn routes(&mut self, section: &Entry) -> Vec<Arc<RouteConfig>> {
        if let NodeValue::List(_) = section.node.value {
            let message = "`routes` is a list here".to_owned();
            let help = "larder's routes are a mapping from path to route: `/about: { body: … }`";
            self.error(Code::ForeignSyntax, message, &section.node.span, help);
            return Vec::new();
        }
        self.each(section, "route", |decoder, entry| decoder.route(entry).map(Arc::new))
    }

    /// One entry of `routes`; nothing where it can't be used, and then the report says why.
    fn route(&mut self, entry: &Entry) -> Option<RouteConfig> {
        let name = entry.name();
        if !name.contains('/') && RouteConfig::SECTION.names().any(|field| field == name) {
            self.field_beside_routes(entry.key);
            return None;
        }
        let (method, path) = self.route_key(entry.key)?;
        let mut route =
            self.with_source(entry, &RouteConfig::SECTION, |decoder, fields, source| {
                decoder.check_unused(fields, &method, &source);
                RouteConfig::read(decoder, fields, method, path, source)
            })?;
        for load in &route.load {
            if let Some((first, _)) =
                route.data.iter().find(|(name, _)| *name.value == load.name.value)
            {
                let message = format!("`{}` has a value already", load.name.value);
                let twice =
                    Diagnostic::twice(Code::DuplicateName, message, &load.name.span, &first.span);
                self.report.push(twice.help(ONE_LIST));
            }
        }
        let status = route.status.take();
        route.status = status.filter(|status| self.goes_with(&route, status, &entry.what));
        Some(route)
    }

    /// A route's field at the indentation of routes.
    fn field_beside_routes(&mut self, key: &At<String>) {
        let column = key.span.line_column().1 + 2;
        let message = format!("`{}` is beside the routes, not in one", key.value);
        let help =
            format!("indent to column {column} to make `{}` a field of the route above", key.value);
        self.error(Code::YamlIndent, message, &key.span, &help);
    }

    /// `[METHOD ]path`.
    fn route_key(&mut self, key: &At<String>) -> Option<(At<String>, At<String>)> {
        if key.value.contains("${") {
            let message = format!("`{}` holds a variable", key.value);
            return self.refuse(Code::BadPattern, message, &key.span, IN_VALUES);
        }
        let (method, path) = match key.value.split_once(char::is_whitespace) {
            Some((method, path)) if !method.starts_with('/') => (method, path.trim_start()),
            _ => ("GET", key.value.as_str()),
        };
        if !METHODS.contains(&method) {
            let message = format!("`{method}` is no method that a route may have");
            let help = if METHODS.contains(&method.to_ascii_uppercase().as_str()) {
                format!("write it in capitals: `{} {path}`", method.to_ascii_uppercase())
            } else {
                format!("a route's key is a path, or one of {} and a path", METHODS.join(", "))
            };
            return self.refuse(Code::BadPattern, message, &key.span, &help);
        }
        if !path.starts_with('/') {
            let message = format!("`{path}` is no path");
            return self.refuse(Code::BadPattern, message, &key.span, &format!("write `/{path}`"));
        }
        // The path's own place, so that what is wrong in it can be marked to the character.
        let span = key.span.find(path);
        Some((At::new(method.to_owned(), key.span.clone()), At::new(path.to_owned(), span)))
    }

    /// A route's name.
    pub(super) fn route_name(&mut self, entry: &Entry) -> Option<At<String>> {
        let name = self.filled(entry)?;
        let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !name.value.chars().all(good) {
            let message = format!("`{}` is no name for a route", as_written(entry.node));
            let help = "use letters, digits, _ . and -";
            return self.refuse(Code::ReservedName, message, &name.span, help);
        }
        Some(name)
    }

    /// A status of an answer, or a template that gives one.
    pub(super) fn status(&mut self, entry: &Entry) -> Option<At<StatusConfig>> {
        let status = match entry.text() {
            Some(text) if text.contains("{{") => StatusConfig::Chosen(text.to_owned()),
            _ => StatusConfig::Fixed(self.whole_status(entry)?.value),
        };
        Some(At::new(status, entry.node.span.clone()))
    }

    /// A status as a number.
    pub(super) fn whole_status(&mut self, entry: &Entry) -> Option<At<u16>> {
        let number = self.whole(entry, 200, 599, Code::BadStatus)?;
        Some(At::new(number, entry.node.span.clone()))
    }

    /// Whether a route can be sent with a status. What a template gives is seen when it is
    /// compiled.
    fn goes_with(&mut self, route: &RouteConfig, status: &At<StatusConfig>, what: &str) -> bool {
        let (written, help) = match &status.value {
            StatusConfig::Fixed(number) => match refuses_status(&route.source, *number) {
                Some(help) => (number.to_string(), help),
                None => return true,
            },
            StatusConfig::Chosen(text) if is_read(&route.method.value) => {
                (text.clone(), "what is kept has one status, the same for every visitor: a number")
            }
            StatusConfig::Chosen(text) => match &route.source {
                SourceConfig::File(_) | SourceConfig::Dir(_) | SourceConfig::Redirect(_) => {
                    (text.clone(), "a status is chosen for what is rendered: write a number")
                }
                _ => return true,
            },
        };
        let written = text_as_written(&written, &status.span);
        let message = format!("`{written}` is no status for {what}");
        self.error(Code::BadStatus, message, &status.span, help);
        false
    }

    /// The entries of `errors`.
    pub(super) fn errors(&mut self, section: &Entry) -> Vec<ErrorPageConfig> {
        self.each(section, "error page", Self::error_page)
    }

    fn error_page(&mut self, entry: &Entry) -> Option<ErrorPageConfig> {
        let status = self.error_status(entry.key)?;
        self.with_source(entry, &ErrorPageConfig::SECTION, |decoder, fields, source| {
            ErrorPageConfig::read(decoder, fields, status, source)
        })
    }

    fn error_status(&mut self, key: &At<String>) -> Option<At<ErrorStatus>> {
        let status = match key.value.as_str() {
            "4xx" | "4XX" => Some(ErrorStatus::Class(4)),
            "5xx" | "5XX" => Some(ErrorStatus::Class(5)),
            text => text.parse().ok().filter(|n| (400..600).contains(n)).map(ErrorStatus::Exactly),
        };
        let Some(status) = status else {
            let message = format!("`{}` is no status of an error", key.value);
            let help = "write 404 or another from 400 to 599, 4xx or 5xx";
            return self.refuse(Code::BadStatus, message, &key.span, help);
        };
        Some(At::new(status, key.span.clone()))
    }

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
        self.check_charset(&fields, &source);
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
        let host = address.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next());
        let is_bad = |host: &str| host.is_empty() || host.contains("{{") || !host.is_ascii();
        let help = if host.flatten().is_some_and(is_bad) {
            "the host is written out, in ASCII (xn--…), and holds no variable"
        } else if address.contains('\\') {
            // Browsers read it as `/`, and two of those begin another host.
            "write `/` for `\\`"
        } else if !good || address.chars().any(char::is_control) {
            "write a path (/about) or a whole address whose scheme and host are fixed"
        } else {
            return Some(text);
        };
        let message = format!("`{}` is no address to go to", as_written(entry.node));
        self.refuse(Code::BadUrl, message, &text.span, help)
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
