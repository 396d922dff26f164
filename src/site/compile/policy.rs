//! A route's lifetimes and headers: what it says itself, then its file's defaults, then larder's.

use std::time::Duration;

use super::super::key::{Inputs, Names};
use crate::config::{DEFAULT_TTL, RouteConfig, Ttl};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::units::Lifetime;

/// The lifetime of a route's responses.
pub(super) fn lifetime(typed: &RouteConfig) -> Lifetime {
    let settings = &typed.settings;
    let window = |window: &Option<At<Ttl>>| {
        window.as_ref().and_then(|ttl| ttl.value.duration()).unwrap_or(Duration::ZERO)
    };
    Lifetime {
        ttl: settings.ttl.as_ref().map_or(DEFAULT_TTL, |ttl| ttl.value).duration(),
        stale_while_revalidate: window(&settings.stale_while_revalidate),
        stale_if_error: window(&settings.stale_if_error),
    }
}

/// The headers that a route adds, with the place of each: its own over the defaults, `null`
/// removes.
pub(super) fn headers(typed: &RouteConfig) -> Vec<(String, String, Span)> {
    let mut merged: Vec<(String, String, Span)> = Vec::new();
    for (name, value) in &typed.settings.headers {
        let name = name.value.to_ascii_lowercase();
        merged.retain(|(known, _, _)| *known != name);
        if let Some(value) = value {
            merged.push((name, value.value.clone(), value.span.clone()));
        }
    }
    merged
}

/// Whether what a route sends is for one visitor only.
pub(super) fn is_private(inputs: &Inputs) -> bool {
    !inputs.cookies.is_empty() || inputs.headers.contains("authorization")
}

/// The `Cache-Control` line of a route without a `headers:` entry for it.
pub(super) fn cache_control(typed: &RouteConfig, private: bool) -> String {
    let max_age = typed.settings.max_age.as_ref().map(|ttl| ttl.value);
    match (max_age, private) {
        (Some(Ttl::For(age)), false) => format!("public, max-age={}", age.as_secs()),
        (Some(Ttl::For(age)), true) => format!("private, max-age={}", age.as_secs()),
        (_, false) => "no-cache".to_owned(),
        (_, true) => "private, no-cache".to_owned(),
    }
}

/// Warns where a `headers:` entry makes public what is for one visitor only.
pub(super) fn check_public(
    headers: &[(String, String, Span)],
    private: bool,
    path: &str,
    report: &mut Report,
) {
    let line = headers.iter().find(|(name, _, _)| name == "cache-control");
    let Some((_, value, span)) = line.filter(|_| private) else { return };
    let value = value.to_ascii_lowercase();
    if !value.contains("private") && !value.contains("no-store") {
        let message =
            format!("`{path}` reads cookies or `authorization`, and this makes it public");
        report.push(
            Diagnostic::new(Code::PublicPrivate, message, span)
                .help("write `private` into it, or leave `cache-control` to larder"),
        );
    }
}

/// The request headers that decide an answer, for `Vary`, sorted.
pub(super) fn vary(inputs: &Inputs) -> Vec<String> {
    let mut names: Vec<String> = match &inputs.headers {
        Names::Some(names) => names.iter().cloned().collect(),
        Names::All => vec!["*".to_owned()],
    };
    if !inputs.cookies.is_empty() {
        names.push("cookie".to_owned());
    }
    if inputs.language {
        names.push("accept-language".to_owned());
    }
    names.sort();
    names.dedup();
    names
}
