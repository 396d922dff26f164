//! Warnings: routes whose responses are to be kept, and say or are something that is not.

use std::collections::HashSet;
use std::sync::Arc;

use super::model::{CacheConfig, HeaderConfig, RouteConfig, SourceConfig};
use super::node::{Node, NodeValue};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

/// What of routes goes against their being kept. Their settings are those of `defaults` too: what
/// is said there is told of the first route.
pub(super) fn check(report: &mut Report, cache: &CacheConfig, routes: &[Arc<RouteConfig>]) {
    let mut told = HashSet::new();
    for route in routes {
        check_one(cache, route, &mut |message, place, help| {
            if told.insert(place.start()) {
                report.push(Diagnostic::new(Code::NeverKept, message, place).help(help));
            }
        });
    }
}

fn check_one(cache: &CacheConfig, route: &RouteConfig, warn: &mut dyn FnMut(String, &Span, &str)) {
    use SourceConfig::{Body, Dir, File, Redirect};
    let is_rendered = !matches!(route.source, Dir(_) | File(_) | Redirect(_));
    let is_read = ["GET", "HEAD"].contains(&route.method.value.as_str());
    if !is_rendered || !is_read || route.settings.ttl == Some(None) {
        return;
    }
    let path = &route.path.value;
    if let Body(body) = &route.source
        && size(body) > cache.max_entry
    {
        let message = format!("the body of `{path}` is over `cache.max_entry`: it is never kept");
        warn(message, &body.span, "raise `max_entry`, write `ttl: off`, or send it with `file:`");
    }
    for name in ["set-cookie", "cache-control"] {
        // The last of a name counts.
        let mut headers = route.settings.headers.iter().rev();
        let header = headers.find(|header| header.name.value.eq_ignore_ascii_case(name));
        let Some(HeaderConfig { name: key, value: Some(value), .. }) = header else { continue };
        if name == "set-cookie" {
            let message = format!("`{path}` is kept, and sets one cookie for every visitor");
            warn(message, &key.span, "write `ttl: off` where it is for one visitor");
        } else if value.value.to_ascii_lowercase().contains("no-store") {
            let message = format!("`{path}` is kept, and says that nobody may keep it");
            warn(
                message,
                &value.span,
                "write `ttl: off`, or `no-cache` for browsers that ask again",
            );
        }
    }
}

/// How many bytes are sent.
fn size(body: &Node) -> u64 {
    match &body.value {
        NodeValue::Text(text) => text.len() as u64,
        _ => body.to_json().to_string().len() as u64,
    }
}
