//! `upstreams`, and what requests to them say.

use std::time::Duration;

use super::header::is_token;
use super::scalar::as_written;
use super::{Decoder, Entry};
use crate::config::model::UpstreamConfig;
use crate::config::secret::Secret;
use crate::config::upstream::{RequestHeader, SourceTtl, read_origin};
use crate::diagnostic::{At, Code};
use crate::units::{self, RENDER_AT_MOST};

/// What the client writes itself, or what would let an answer be another than is asked for.
const OWN: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "trailer",
    "te",
    "expect",
    "accept-encoding",
    "range",
    "if-none-match",
    "if-modified-since",
];

/// Names that stand for something else before a colon.
const SCHEMES: &[&str] = &["http", "https", "redis", "file"];

impl Decoder<'_> {
    /// The servers under their names.
    pub(super) fn upstreams(&mut self, section: &Entry) -> Vec<UpstreamConfig> {
        self.each(section, "upstream", Self::upstream)
    }

    fn upstream(&mut self, entry: &Entry) -> Option<UpstreamConfig> {
        let name = entry.name();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) || SCHEMES.contains(&name) {
            let message = format!("`{name}` is no name for an upstream");
            let help = "use letters, digits, - and _, and none of http, https, redis";
            return self.refuse(Code::ReservedName, message, &entry.key.span, help);
        }
        let short = entry.text().map(|_| Entry { what: "`url`".to_owned(), ..*entry });
        let fields = match short {
            Some(_) => entry.no_fields(),
            None => self.fields(&UpstreamConfig::SECTION, entry)?,
        };
        let url = short.or_else(|| fields.entry("url"));
        if url.is_none() {
            let message = format!("{} does not say where it is", entry.what);
            let help = "add `url: https://…`";
            self.error(Code::NoSource, message, &fields.place, help);
        }
        let url = url.and_then(|url| self.server_address(&url));
        let place = entry.key.clone();
        let upstream = UpstreamConfig::read(self, &fields, entry.key.clone(), place);
        url.map(|url| UpstreamConfig { url, ..upstream })
    }

    /// Scheme, host and a path to which others are added.
    fn server_address(&mut self, entry: &Entry) -> Option<At<String>> {
        let text = self.filled(entry)?;
        let help = match read_origin(&text.value) {
            Err(help) => help,
            Ok(()) if text.value.contains(['?', '#']) => "a query stands in the loads' own paths",
            Ok(()) if text.value.contains("{{") => "variables stand in the loads' own paths",
            Ok(()) => return Some(text),
        };
        let message = format!("`{}` is no address of a server", as_written(entry.node));
        self.refuse(Code::BadUrl, message, &text.span, help)
    }

    /// Headers of a request.
    pub(super) fn request_headers(&mut self, entry: &Entry) -> Vec<RequestHeader> {
        let mut headers: Vec<RequestHeader> = Vec::new();
        for (key, node) in self.entries(entry).unwrap_or_default() {
            let header = Entry { what: format!("header `{}`", key.value), key, node };
            let name = key.value.to_ascii_lowercase();
            let (message, help) = if !is_token(&name) {
                (format!("`{}` is no name for a header", key.value), "write letters and dashes")
            } else if OWN.contains(&name.as_str()) {
                (format!("`{}` is not set by hand", key.value), "larder writes it")
            } else if headers.iter().any(|other| other.name == name) {
                (format!("`{}` is here twice", key.value), "write it once")
            } else {
                let value = self.header_value(&header).map(|value| Secret::new(value.value));
                headers.extend(value.map(|value| RequestHeader { name, value }));
                continue;
            };
            self.error(Code::BadHeader, message, &key.span, help);
        }
        headers
    }

    /// How long a value is kept, or that its server says so.
    pub(super) fn source_ttl(&mut self, entry: &Entry) -> Option<SourceTtl> {
        match entry.text() {
            Some("upstream") => Some(SourceTtl::Upstream),
            _ => self.duration(entry).map(SourceTtl::For),
        }
    }

    /// How long a request may take: less than a render may.
    pub(super) fn fetch_time(&mut self, entry: &Entry) -> Option<Duration> {
        let time = self.duration(entry)?;
        if time < RENDER_AT_MOST {
            return Some(time);
        }
        let message = format!("no page waits for as long as `{}`", as_written(entry.node));
        let help =
            format!("a render is ended after {}: write less", units::show_duration(RENDER_AT_MOST));
        self.refuse(Code::BadDuration, message, &entry.node.span, &help)
    }
}
