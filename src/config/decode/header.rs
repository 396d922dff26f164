//! Header names and values, media types, origins.

use super::scalar::{as_written, scalar_text};
use super::{Decoder, Entry, Fields};
use crate::config::model::{CorsConfig, HeaderConfig, HeadersConfig, SourceConfig};
use crate::config::node::NodeValue;
use crate::diagnostic::{At, Code, Diagnostic};

/// Headers that larder or the connection writes, with what to do instead.
const OWN: &[(&[&str], &str)] = &[
    (&["content-type"], "write `content_type:`"),
    (&["content-length", "etag"], "larder writes it from the body"),
    (&["content-encoding"], "larder negotiates it"),
    (CONNECTION, "it belongs to the connection"),
    (&["date", "age"], "larder writes it"),
    (&["cache-status"], "see `server.cache_status`"),
];
const CONNECTION: &[&str] =
    &["transfer-encoding", "connection", "keep-alive", "upgrade", "trailer", "te"];

/// Whether `text` is a token of RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl Decoder<'_> {
    /// Response headers, where `null` removes a default.
    pub(super) fn response_headers(&mut self, entry: &Entry) -> HeadersConfig {
        let mut headers = HeadersConfig::new();
        for (key, node) in self.entries(entry).unwrap_or_default() {
            let header = Entry { what: format!("header `{}`", key.value), key, node };
            if self.header_name(&header, &headers).is_none() {
                continue;
            }
            let value = match node.value {
                NodeValue::Null => None,
                _ => match self.header_value(&header) {
                    Some(value) => Some(value),
                    None => continue,
                },
            };
            headers.push(HeaderConfig { name: key.clone(), value, is_default: false });
        }
        headers
    }

    /// Nothing where a header cannot be set, or is among `headers` already.
    fn header_name(&mut self, header: &Entry, headers: &HeadersConfig) -> Option<()> {
        let (name, place) = (header.name(), &header.key.span);
        if !is_token(name) {
            let message = format!("`{name}` is no name for a header");
            let help = "a name has letters, digits and dashes";
            return self.refuse(Code::BadHeader, message, place, help);
        }
        let lower = name.to_ascii_lowercase();
        if let Some((_, help)) = OWN.iter().find(|(own, _)| own.contains(&lower.as_str())) {
            let message = format!("`{name}` is not set by hand");
            return self.refuse(Code::BadHeader, message, place, help);
        }
        let mut others = headers.iter().map(|other| &other.name);
        if let Some(first) = others.find(|other| other.value.eq_ignore_ascii_case(name)) {
            let message = format!("`{}` and `{name}` are the same header", first.value);
            let diagnostic = Diagnostic::new(Code::BadHeader, message, place);
            self.report.push(diagnostic.label(&first.span, "first here"));
            return None;
        }
        Some(())
    }

    pub(super) fn header_value(&mut self, entry: &Entry) -> Option<At<String>> {
        let node = entry.node;
        let Some(text) = scalar_text(node) else {
            return self.wrong_type(entry, "a string");
        };
        let bad = text.chars().find(|c| (c.is_control() && *c != '\t') || !c.is_ascii());
        if let Some(bad) = bad {
            let message =
                format!("the value of `{}` holds a character that no header can", entry.name());
            let help = if bad == '\n' {
                "a header is one line: write it in quotes, without `|`".to_owned()
            } else {
                format!("remove {bad:?}, or percent-encode it")
            };
            return self.refuse(Code::BadHeader, message, &node.span, &help);
        }
        Some(At::new(text.trim().to_owned(), node.span.clone()))
    }

    /// A media type: `text/html`, with parameters where wanted.
    pub(super) fn content_type(&mut self, entry: &Entry) -> Option<At<String>> {
        let text = self.text(entry)?;
        let mut parts = text.value.split(';');
        let essence = parts.next().unwrap_or_default().trim();
        let good = essence.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b))
            && parts.all(|parameter| parameter.contains('='))
            && text.value.chars().all(|c| c.is_ascii() && !c.is_control());
        if !good {
            let message = format!("`{}` is no media type", as_written(entry.node));
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
            return self.refuse(Code::BadContentType, message, &text.span, help);
        }
        Some(text)
    }

    /// That a type says the charset in which larder sends what it makes: read in another one, what
    /// is escaped may be markup. A file is sent in its own.
    pub(super) fn check_charset(&mut self, fields: &Fields, source: &SourceConfig) {
        let Some(entry) = fields.entry("content_type") else { return };
        let text = entry.text().unwrap_or_default();
        let mut parameters = text.split(';').skip(1).filter_map(|one| one.split_once('='));
        let charset = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        let is_utf8 = |value: &str| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8");
        let is_other = charset.is_some_and(|(_, value)| !is_utf8(value));
        if is_other && !matches!(source, SourceConfig::File(_)) {
            let message = "larder sends UTF-8, and this says another `charset`".to_owned();
            let help = "leave `charset` out, or write utf-8";
            self.error(Code::BadContentType, message, &entry.node.span, help);
        }
    }

    /// `"*"` or a list of origins.
    pub(super) fn cors(&mut self, entry: &Entry) -> Option<CorsConfig> {
        match &entry.node.value {
            NodeValue::Text(text) if text == "*" => Some(CorsConfig::Any),
            NodeValue::Text(_) => Some(CorsConfig::Origins(vec![self.origin(entry)?])),
            NodeValue::List(_) => Some(CorsConfig::Origins(self.list(entry, Self::origin))),
            _ => self.wrong_type(entry, "`\"*\"` or a list of origins"),
        }
    }

    fn origin(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?.value;
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
        let good = host.is_some_and(|host| {
            !host.is_empty() && !host.contains(|c: char| "/?#@*".contains(c) || c.is_whitespace())
        });
        if !good {
            let message = format!("`{}` is no origin", as_written(entry.node));
            let help = "an origin is scheme, host and port, no more: https://example.com";
            return self.refuse(Code::BadUrl, message, &entry.node.span, help);
        }
        Some(text)
    }
}
