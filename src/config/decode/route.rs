//! A route, and a page for errors.

use super::scalar::{as_written, text_as_written};
use super::{Decoder, Entry};
use crate::config::model::{ErrorPageConfig, ErrorStatus, RouteConfig, SourceConfig};
use crate::config::node::NodeValue;
use crate::diagnostic::{At, Code};

/// Methods that a route may have.
pub(super) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Decoder<'_> {
    /// The entries of `routes`; a list, as other tools have it, is said to be foreign.
    pub(super) fn routes(&mut self, section: &Entry) -> Vec<RouteConfig> {
        if let NodeValue::List(_) = section.node.value {
            let message = "`routes` is a list here".to_owned();
            let help = "larder's routes are a mapping from path to route: `/about: { body: … }`";
            self.error(Code::ForeignSyntax, message, &section.node.span, help);
            return Vec::new();
        }
        self.each(section, "route", Self::route)
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
                RouteConfig::read(decoder, fields, method, path, source)
            })?;
        let status = route.status.take();
        route.status = status.filter(|status| self.goes_with(&route.source, status, &entry.what));
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

    /// A status of an answer.
    pub(super) fn status(&mut self, entry: &Entry) -> Option<At<u16>> {
        let status = self.whole(entry, 200, 599, Code::BadStatus)?;
        Some(At::new(status, entry.node.span.clone()))
    }

    /// Whether a source can be sent with a status.
    fn goes_with(&mut self, source: &SourceConfig, status: &At<u16>, route: &str) -> bool {
        let nothing = [NodeValue::Null, NodeValue::Text(String::new())];
        let is_empty = matches!(source, SourceConfig::Body(node) if nothing.contains(&node.value));
        let help = match (source, status.value) {
            (SourceConfig::Redirect(_), 301 | 302 | 303 | 307 | 308)
            | (SourceConfig::File(_) | SourceConfig::Dir(_), 200) => return true,
            (SourceConfig::Redirect(_), _) => "a redirect is 301, 302, 303, 307 or 308",
            (SourceConfig::File(_) | SourceConfig::Dir(_), _) => {
                "files are sent with 200, 206 or 304, as the request asks"
            }
            (_, 204 | 205 | 304) if !is_empty => {
                "204, 205 and 304 have no body: write `body: \"\"`, or another status"
            }
            (_, 301 | 302 | 303 | 307 | 308) => {
                "write `redirect:`, so that there is somewhere to go"
            }
            _ => return true,
        };
        let value = status.value.to_string();
        let written = text_as_written(&value, &status.span);
        let message = format!("`{written}` is no status for {route}");
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
}
