//! `data`, `load` and `upstreams`: what templates see.

use super::scalar::shown;
use super::{Decoder, Fields};
use crate::config::fields::{LOAD, UPSTREAM};
use crate::config::looks;
use crate::config::model::{LoadConfig, LoadTtl, UpstreamConfig};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::units::{UnitError, parse_ttl};

/// Names that every template has already.
const RESERVED: &[&str] = &[
    "params", "query", "headers", "cookies", "language", "route", "path", "loaded", "error", "this",
];

impl Decoder<'_> {
    /// Values as they stand, under their names.
    pub(super) fn data(&mut self, node: Option<&Node>) -> Vec<(At<String>, Node)> {
        let mut data = Vec::new();
        for (name, node) in self.entries("`data`", node) {
            if self.free_name("data", name) {
                looks::data(self.report, name, node);
                data.push((name.clone(), node.clone()));
            }
        }
        data
    }

    /// Values from elsewhere, under their names.
    pub(super) fn loads(&mut self, node: Option<&Node>) -> Vec<LoadConfig> {
        let mut loads = Vec::new();
        for (name, node) in self.entries("`load`", node) {
            if self.free_name("load", name)
                && let Some(load) = self.load(name, node)
            {
                loads.push(load);
            }
        }
        loads
    }

    /// Whether `name` may be given to a value; `x-…` names are free for other use and no values.
    fn free_name(&mut self, section: &str, name: &At<String>) -> bool {
        if name.value.starts_with("x-") {
            return false;
        }
        if RESERVED.contains(&name.value.as_str()) {
            let message = format!("`{}` under `{section}` is larder's own name", name.value);
            let help = format!("templates have `{}` already: choose another name", name.value);
            self.error(Code::ReservedName, message, &name.span, &help);
            return false;
        }
        true
    }

    fn load(&mut self, name: &At<String>, node: &Node) -> Option<LoadConfig> {
        let what = format!("load `{}`", name.value);
        let mut load = LoadConfig {
            name: name.clone(),
            from: name.clone(),
            optional: false,
            ttl: None,
            stale_if_error: None,
            fallback: None,
            headers: Vec::new(),
            timeout: None,
            accept_status: Vec::new(),
        };
        if matches!(node.value, NodeValue::Text(_)) {
            load.from = self.load_from(node)?;
            return Some(load);
        }
        let fields = self.fields(&LOAD, &what, &name.span, node)?;
        load.ttl = self.load_ttl(&fields);
        load.stale_if_error = self.ttl(&fields, "stale_if_error");
        load.fallback = fields.get("fallback").cloned();
        load.headers = self.request_headers(fields.get("headers"));
        load.timeout = self.duration(&fields, "timeout");
        load.accept_status = self.accept_status(&fields);
        load.optional = self.flag(&fields, "optional").unwrap_or(false);
        let Some(from) = fields.get("from") else {
            let message = format!("{what} does not say where its value comes from");
            let help = "add `from:`, a file, `redis:key` or an address";
            self.error(Code::NoSource, message, &fields.place, help);
            return None;
        };
        load.from = self.load_from(from)?;
        Some(load)
    }

    fn load_from(&mut self, node: &Node) -> Option<At<String>> {
        let text = self.text_of("`from`", node)?;
        if text.value.trim().is_empty() {
            self.error(Code::BadType, "`from` is empty".to_owned(), &text.span, "");
            return None;
        }
        // Anything with a scheme is no path: `redis:…`, `api:/…`, `https://…`.
        if scheme(&text.value).is_none() {
            self.inside(&text)?;
        }
        Some(text)
    }

    fn load_ttl(&mut self, fields: &Fields) -> Option<At<LoadTtl>> {
        let node = fields.get("ttl")?;
        let parse = |text: &str| match text {
            "upstream" => Ok(LoadTtl::Upstream),
            text => parse_ttl(text).map(LoadTtl::Fixed),
        };
        self.time("ttl", node, parse, UnitError::lifetime_help)
    }

    fn accept_status(&mut self, fields: &Fields) -> Vec<At<u16>> {
        let mut statuses = Vec::new();
        for node in self.items("`accept_status`", fields.get("accept_status")) {
            let what = "an item of `accept_status`";
            if let Some(status) = self.whole_of(what, node, 200..=599, Code::BadStatus)
                && let Ok(value) = u16::try_from(status.value)
            {
                statuses.push(At::new(value, status.span));
            }
        }
        statuses
    }

    /// Servers that loads may name.
    pub(super) fn upstreams(&mut self, node: Option<&Node>) -> Vec<UpstreamConfig> {
        let mut upstreams = Vec::new();
        for (name, node) in self.entries("`upstreams`", node) {
            if !name.value.starts_with("x-")
                && let Some(upstream) = self.upstream(name, node)
            {
                upstreams.push(upstream);
            }
        }
        upstreams
    }

    fn upstream(&mut self, name: &At<String>, node: &Node) -> Option<UpstreamConfig> {
        if ["redis", "http", "https", "file"].contains(&name.value.as_str()) {
            let message = format!("`{}` is no name for an upstream", name.value);
            let help = format!("`{}:` means something else in `load`", name.value);
            self.error(Code::ReservedName, message, &name.span, &help);
            return None;
        }
        let mut upstream = UpstreamConfig {
            name: name.clone(),
            url: name.clone(),
            headers: Vec::new(),
            timeout: None,
        };
        if matches!(node.value, NodeValue::Text(_)) {
            upstream.url = self.http_url("an upstream", node)?;
            return Some(upstream);
        }
        let what = format!("upstream `{}`", name.value);
        let fields = self.fields(&UPSTREAM, &what, &name.span, node)?;
        upstream.headers = self.request_headers(fields.get("headers"));
        upstream.timeout = self.duration(&fields, "timeout");
        let Some(url) = fields.get("url") else {
            let message = format!("{what} has no address");
            self.error(Code::BadUrl, message, &fields.place, "add `url: https://…`");
            return None;
        };
        upstream.url = self.http_url("`url`", url)?;
        Some(upstream)
    }

    fn http_url(&mut self, what: &str, node: &Node) -> Option<At<String>> {
        let text = self.text_of(what, node)?;
        let rest = text.value.strip_prefix("https://").or(text.value.strip_prefix("http://"));
        let good = rest.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_alphanumeric() || c == '[')
                && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        });
        if !good {
            // Never the address itself where it may hold a password.
            let typed = if text.value.contains('@') { "this".to_owned() } else { shown(node) };
            let message = format!("`{typed}` is no address of a server");
            let help = "write http:// or https:// and a host; passwords go into `headers`";
            self.error(Code::BadUrl, message, &node.span, help);
            return None;
        }
        Some(text)
    }

    /// Says when a load names an upstream that is not declared.
    pub(super) fn check_upstream(&mut self, declared: &[(At<String>, Node)], load: &LoadConfig) {
        let Some(name) = scheme(&load.from.value) else { return };
        let known = declared.iter().map(|(name, _)| name.value.as_str());
        if ["redis", "http", "https"].contains(&name) || known.clone().any(|known| known == name) {
            return;
        }
        let message = format!("there is no upstream `{name}`");
        let mut diagnostic = Diagnostic::new(Code::BadUrl, message, &load.from.span);
        diagnostic.help = Some(match crate::diagnostic::nearest(name, known) {
            Some(word) => format!("did you mean `{word}:`?"),
            None => format!("declare it: `upstreams: {{ {name}: {{ url: https://… }} }}`"),
        });
        self.report.push(diagnostic);
    }
}

/// The word before the first colon, where it comes before any slash or brace.
pub(super) fn scheme(from: &str) -> Option<&str> {
    let (scheme, _) = from.split_once(':')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '+';
    (!scheme.is_empty() && scheme.chars().all(word)).then_some(scheme)
}
