//! A route, and a page for errors.

use std::sync::Arc;

use super::scalar::{shown, typed};
use super::{Decoder, Fields};
use crate::config::fields::{ERROR_PAGE, ERROR_SOURCES, ROUTE, SOURCES};
use crate::config::looks;
use crate::config::model::{Defaults, ErrorPageConfig, ErrorStatus, RouteConfig, SourceConfig};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Span};

/// Methods that a route may have.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Decoder<'_> {
    /// One entry of `routes`; nothing where it can't be used, and then the report says why.
    pub(super) fn route(
        &mut self,
        key: &At<String>,
        node: &Node,
        defaults: &Arc<Defaults>,
    ) -> Option<RouteConfig> {
        if !key.value.contains('/') && ROUTE.names().any(|name| name == key.value) {
            self.field_beside_routes(key);
            return None;
        }
        let (method, path) = self.route_key(key)?;
        if let NodeValue::Text(_) = node.value {
            let source = self.shorthand(node)?;
            return Some(bare(method, path, source, defaults));
        }
        let what = format!("route `{}`", key.value);
        let fields = self.fields(&ROUTE, &what, &key.span, node)?;
        let source = self.source(&fields, SOURCES);
        let status = self.status(&fields, source.as_ref());
        let mut route = RouteConfig {
            name: self.route_name(&fields),
            summary: self.text(&fields, "summary").map(|text| text.value),
            status,
            headers: self.response_headers(fields.get("headers")),
            content_type: self.content_type(fields.get("content_type")),
            ttl: self.ttl(&fields, "ttl"),
            stale_while_revalidate: self.ttl(&fields, "stale_while_revalidate"),
            stale_if_error: self.ttl(&fields, "stale_if_error"),
            max_age: self.ttl(&fields, "max_age"),
            key: self.filled(&fields, "key"),
            namespace: self.namespace(&fields),
            data: self.data(fields.get("data")),
            load: self.loads(fields.get("load")),
            query: self.params("query", fields.get("query")),
            params: self.params("params", fields.get("params")),
            layout: self.layout(&fields),
            cors: self.cors(fields.get("cors")),
            delay: self.duration(&fields, "delay").map(|at| at.value),
            ..bare(method, path, SourceConfig::Body(node.clone()), defaults)
        };
        route.source = source?;
        looks::route(self.report, &route);
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
            self.error(Code::BadPattern, message, &key.span, &help);
            return None;
        }
        if !path.starts_with('/') {
            let message = format!("`{path}` is no path");
            self.error(Code::BadPattern, message, &key.span, &format!("write `/{path}`"));
            return None;
        }
        // The path's own place, so that what is wrong in it can be marked to the character.
        let at = key.span.text().find(path).map(|at| key.span.range().start + at);
        let span =
            at.map_or(key.span.clone(), |at| Span::new(key.span.file(), at..at + path.len()));
        Some((At::new(method.to_owned(), key.span.clone()), At::new(path.to_owned(), span)))
    }

    fn route_name(&mut self, fields: &Fields) -> Option<At<String>> {
        let name = self.filled(fields, "name")?;
        let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !name.value.chars().all(good) {
            let typed = typed(&name.value, &name.span);
            let message = format!("`{typed}` is no name for a route");
            self.error(Code::ReservedName, message, &name.span, "use letters, digits, _ . and -");
            return None;
        }
        Some(name)
    }

    /// A namespace: a part of keys, so no braces, blanks or control characters.
    pub(super) fn namespace(&mut self, fields: &Fields) -> Option<At<String>> {
        let text = self.text(fields, "namespace")?;
        self.key_part("`namespace`", &text)?;
        Some(text)
    }

    pub(super) fn key_part(&mut self, what: &str, text: &At<String>) -> Option<()> {
        let bad = |c: char| c.is_control() || c.is_whitespace() || "{}*?[]\\".contains(c);
        if text.value.chars().any(bad) || text.value.len() > 200 {
            let message = format!("{what} cannot be a part of keys");
            let help = "use at most 200 letters, digits and : . - _";
            self.error(Code::BadType, message, &text.span, help);
            return None;
        }
        Some(())
    }

    fn status(&mut self, fields: &Fields, source: Option<&SourceConfig>) -> Option<At<u16>> {
        let node = fields.get("status")?;
        let status = self.whole_of("`status`", node, 200..=599, Code::BadStatus)?;
        let value = u16::try_from(status.value).ok()?;
        let redirects = [301, 302, 303, 307, 308].contains(&value);
        let help = match source {
            Some(SourceConfig::Redirect(_)) if !redirects => {
                "a redirect is 301, 302, 303, 307 or 308"
            }
            Some(SourceConfig::File(_) | SourceConfig::Dir(_)) if value != 200 => {
                "files are sent with 200, 206 or 304, as the request asks"
            }
            Some(source) if [204, 205, 304].contains(&value) && !is_empty(source) => {
                "204, 205 and 304 have no body: write `body: \"\"`, or another status"
            }
            Some(source) if redirects && !matches!(source, SourceConfig::Redirect(_)) => {
                "write `redirect:`, so that there is somewhere to go"
            }
            _ => return Some(At::new(value, status.span)),
        };
        let message = format!("`{}` is no status for {}", shown(node), fields.what);
        self.error(Code::BadStatus, message, &status.span, help);
        None
    }

    /// One entry of `errors`.
    pub(super) fn error_page(&mut self, key: &At<String>, node: &Node) -> Option<ErrorPageConfig> {
        let status = self.error_status(key)?;
        if let NodeValue::Text(_) = node.value {
            let source = self.shorthand(node)?;
            return Some(ErrorPageConfig { status, source, content_type: None, layout: None });
        }
        let what = format!("error page `{}`", key.value);
        let fields = self.fields(&ERROR_PAGE, &what, &key.span, node)?;
        let content_type = self.content_type(fields.get("content_type"));
        let layout = self.layout(&fields);
        let source = self.source(&fields, ERROR_SOURCES)?;
        looks::source(self.report, &source);
        Some(ErrorPageConfig { status, source, content_type, layout })
    }

    fn error_status(&mut self, key: &At<String>) -> Option<At<ErrorStatus>> {
        let status = match key.value.as_str() {
            "4xx" | "4XX" => Some(ErrorStatus::Class(4)),
            "5xx" | "5XX" => Some(ErrorStatus::Class(5)),
            text => text.parse().ok().filter(|n| (400..600).contains(n)).map(ErrorStatus::Exactly),
        };
        if status.is_none() {
            let message = format!("`{}` is no status of an error", key.value);
            let help = "write 404 or another from 400 to 599, 4xx or 5xx";
            self.report.push(Diagnostic::new(Code::BadStatus, message, &key.span).help(help));
        }
        status.map(|status| At::new(status, key.span.clone()))
    }
}

fn is_empty(source: &SourceConfig) -> bool {
    match source {
        SourceConfig::Body(node) => match &node.value {
            NodeValue::Null => true,
            NodeValue::Text(text) => text.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

/// A route that says nothing but its source.
fn bare(
    method: At<String>,
    path: At<String>,
    source: SourceConfig,
    defaults: &Arc<Defaults>,
) -> RouteConfig {
    RouteConfig {
        method,
        path,
        name: None,
        summary: None,
        source,
        status: None,
        headers: Vec::new(),
        content_type: None,
        ttl: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        max_age: None,
        key: None,
        namespace: None,
        data: Vec::new(),
        load: Vec::new(),
        query: Vec::new(),
        params: Vec::new(),
        layout: None,
        cors: None,
        delay: None,
        defaults: Arc::clone(defaults),
    }
}
