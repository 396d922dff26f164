//! Header names and values, media types, origins.

use super::Decoder;
use super::scalar::{scalar_text, shown};
use crate::config::model::CorsConfig;
use crate::config::node::{Node, NodeValue};
use crate::config::secret::Secret;
use crate::diagnostic::{At, Code, Diagnostic};

/// Headers that larder or the connection writes, with what to do instead.
const OWN: &[(&str, &str)] = &[
    ("content-type", "write `content_type:`"),
    ("content-length", "larder writes it from the body"),
    ("content-encoding", "larder negotiates it"),
    ("transfer-encoding", "it belongs to the connection"),
    ("connection", "it belongs to the connection"),
    ("keep-alive", "it belongs to the connection"),
    ("upgrade", "it belongs to the connection"),
    ("trailer", "it belongs to the connection"),
    ("te", "it belongs to the connection"),
    ("date", "larder writes it"),
    ("age", "larder writes it"),
    ("etag", "larder writes it from the body"),
    ("cache-status", "see `server.cache_status`"),
];

/// Whether `text` is a token of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl Decoder<'_> {
    /// Response headers, where `null` removes a default.
    pub(super) fn response_headers(
        &mut self,
        node: Option<&Node>,
    ) -> Vec<(At<String>, Option<At<String>>)> {
        let mut headers: Vec<(At<String>, Option<At<String>>)> = Vec::new();
        for (name, node) in self.entries("`headers`", node) {
            if !self.header_name(name) {
                continue;
            }
            if let Some((help, _)) = own(&name.value) {
                let message = format!("`{}` is not set by hand", name.value);
                self.error(Code::BadHeader, message, &name.span, help);
                continue;
            }
            let same =
                |(other, _): &&(At<String>, _)| other.value.eq_ignore_ascii_case(&name.value);
            if let Some((first, _)) = headers.iter().find(same) {
                let message = format!("`{}` and `{}` are the same header", first.value, name.value);
                let diagnostic = Diagnostic::new(Code::BadHeader, message, &name.span)
                    .label(&first.span, "first here");
                self.report.push(diagnostic);
                continue;
            }
            if node.value == NodeValue::Null {
                headers.push((name.clone(), None));
            } else if let Some(value) = self.header_value(name, node) {
                headers.push((name.clone(), Some(value)));
            }
        }
        headers
    }

    /// Request headers to an upstream.
    pub(super) fn request_headers(&mut self, node: Option<&Node>) -> Vec<(At<String>, At<Secret>)> {
        let mut headers = Vec::new();
        for (name, node) in self.entries("`headers`", node) {
            if self.header_name(name)
                && let Some(value) = self.header_value(name, node)
            {
                headers.push((name.clone(), At::new(Secret::new(value.value), value.span)));
            }
        }
        headers
    }

    fn header_name(&mut self, name: &At<String>) -> bool {
        if !is_token(&name.value) {
            let message = format!("`{}` is no name for a header", name.value);
            let help = "a name has letters, digits and dashes";
            self.error(Code::BadHeader, message, &name.span, help);
            return false;
        }
        true
    }

    fn header_value(&mut self, name: &At<String>, node: &Node) -> Option<At<String>> {
        let Some(text) = scalar_text(node) else {
            self.wrong_type(&format!("header `{}`", name.value), "a string", node);
            return None;
        };
        let bad = text.chars().find(|c| (c.is_control() && *c != '\t') || !c.is_ascii());
        if let Some(bad) = bad {
            let message =
                format!("the value of `{}` holds a character that no header can", name.value);
            let help = if bad == '\n' {
                "a header is one line: write it in quotes, without `|`".to_owned()
            } else {
                format!("remove {bad:?}, or percent-encode it")
            };
            self.error(Code::BadHeader, message, &node.span, &help);
            return None;
        }
        Some(At::new(text.trim().to_owned(), node.span.clone()))
    }

    /// A media type: `text/html`, with parameters where wanted.
    pub(super) fn content_type(&mut self, node: Option<&Node>) -> Option<At<String>> {
        let text = self.text_of("`content_type`", node?)?;
        let (essence, parameters) = match text.value.split_once(';') {
            Some((essence, parameters)) => (essence.trim(), Some(parameters)),
            None => (text.value.trim(), None),
        };
        let good = essence.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b))
            && parameters.is_none_or(|list| list.split(';').all(|p| p.contains('=')))
            && text.value.chars().all(|c| c.is_ascii() && !c.is_control());
        if !good {
            let message = format!("`{}` is no media type", shown(node?));
            let help = match essence.trim_start_matches('.') {
                "html" | "htm" => "write text/html",
                "json" => "write application/json",
                "xml" => "write application/xml",
                "text" | "txt" | "plain" => "write text/plain",
                "css" => "write text/css",
                "js" | "javascript" => "write text/javascript",
                "svg" => "write image/svg+xml",
                _ => "write it like text/html",
            };
            self.error(Code::BadContentType, message, &text.span, help);
            return None;
        }
        Some(text)
    }

    /// `"*"` or a list of origins.
    pub(super) fn cors(&mut self, node: Option<&Node>) -> Option<CorsConfig> {
        let node = node?;
        match &node.value {
            NodeValue::Text(text) if text == "*" => Some(CorsConfig::Any(node.span.clone())),
            NodeValue::Text(_) => self.origin(node).map(|origin| CorsConfig::Origins(vec![origin])),
            NodeValue::List(items) => {
                Some(CorsConfig::Origins(items.iter().filter_map(|i| self.origin(i)).collect()))
            }
            _ => {
                self.wrong_type("`cors`", "`\"*\"` or a list of origins", node);
                None
            }
        }
    }

    fn origin(&mut self, node: &Node) -> Option<At<String>> {
        let text = self.text_of("an origin", node)?;
        let host = text.value.strip_prefix("https://").or(text.value.strip_prefix("http://"));
        let good = host.is_some_and(|host| {
            !host.is_empty() && !host.contains(|c: char| "/?#@*".contains(c) || c.is_whitespace())
        });
        if !good {
            let message = format!("`{}` is no origin", shown(node));
            let help = "an origin is scheme, host and port, no more: https://example.com";
            self.error(Code::BadUrl, message, &node.span, help);
            return None;
        }
        Some(text)
    }
}

/// What to do instead of setting a header that is larder's own.
fn own(name: &str) -> Option<(&'static str, &'static str)> {
    OWN.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(own, help)| (*help, *own))
}
