//! A route's lifetimes and headers: what it says itself, then its file's defaults, then larder's.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::HeaderLine;
use super::super::key::{InputKind, Inputs};
use super::super::template::Language;
use super::page::language;
use super::parts::RouteParts;
use crate::config::{
    DEFAULT_TTL, HeaderConfig, HeadersConfig, RouteConfig, RouteSettings, SourceConfig,
};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::units::Lifetime;

const NOSNIFF: (&str, &str) = ("x-content-type-options", "nosniff");

/// The lifetime of a route's responses.
pub(super) fn lifetime(typed: &RouteConfig) -> Lifetime {
    let settings = &typed.settings;
    let window = |window: Option<Option<Duration>>| window.flatten().unwrap_or_default();
    Lifetime {
        ttl: settings.ttl.unwrap_or(Some(DEFAULT_TTL)),
        stale_while_revalidate: window(settings.stale_while_revalidate),
        stale_if_error: window(settings.stale_if_error),
    }
}

/// What headers of the defaults do not say of an answer that is no page: larder's own are nearer.
/// Lifetimes, and what describes a body.
const OF_PAGES: [&str; 10] = [
    "cache-control",
    "expires",
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-language",
    "content-location",
    "digest",
    "last-modified",
    "repr-digest",
];

/// The headers that a route adds, with the place of each: its own over the defaults, `null`
/// removes.
pub(super) fn headers(typed: &RouteConfig, parts: &RouteParts) -> Vec<(HeaderLine, Span)> {
    let is_page = !matches!(typed.source, SourceConfig::Redirect(_));
    let says_language = parts.inputs.any(InputKind::Language);
    let mut merged: Vec<(HeaderLine, Span)> = Vec::new();
    for HeaderConfig { name, value, is_default } in &typed.settings.headers {
        let (name, mut is_default) = (name.value.to_ascii_lowercase(), *is_default);
        let is_for_pages = OF_PAGES.contains(&name.as_str());
        if let Some(at) = merged.iter().position(|(known, _)| known.name == name) {
            is_default |= merged.remove(at).0.is_default;
        } else if is_default
            && (is_for_pages && !is_page || says_language && name == "content-language")
        {
            continue;
        }
        if let Some(At { value, span }) = value {
            is_default &= !is_for_pages;
            merged.push((HeaderLine { name, value: value.clone(), is_default }, span.clone()));
        }
    }
    // What a visitor writes stands in it as it is: no browser may take it for a page.
    let is_text = parts.is_template && language(&parts.content_type) == Language::Text;
    if is_text && merged.iter().all(|(line, _)| line.name != NOSNIFF.0) {
        let (name, value) = (NOSNIFF.0.to_owned(), NOSNIFF.1.to_owned());
        merged.push((HeaderLine { name, value, is_default: false }, typed.path.span.clone()));
    }
    merged
}

/// The headers of answers that are no route's.
pub(super) fn default_headers(typed: &HeadersConfig) -> Vec<HeaderLine> {
    let line = |header: &HeaderConfig| {
        let (name, value) = (header.name.value.to_ascii_lowercase(), header.value.as_ref()?);
        let is_meant = !OF_PAGES.contains(&name.as_str());
        is_meant.then(|| HeaderLine { name, value: value.value.clone(), is_default: true })
    };
    typed.iter().filter_map(line).collect()
}

/// The fields of `defaults` as they are written out, without their places.
pub(super) fn written(defaults: &RouteSettings) -> Vec<(&'static str, String)> {
    let RouteSettings {
        ttl,
        key,
        headers,
        stale_while_revalidate,
        stale_if_error,
        max_age,
        layout,
        cors,
    } = defaults;
    // The case of a header's name is in no answer.
    let headers = headers.iter().map(|it| (it.name.value.to_ascii_lowercase(), &it.value));
    let headers: Vec<_> = headers.collect();
    vec![
        ("ttl", format!("{ttl:?}")),
        ("key", format!("{key:?}")),
        ("headers", format!("{headers:?}")),
        ("stale_while_revalidate", format!("{stale_while_revalidate:?}")),
        ("stale_if_error", format!("{stale_if_error:?}")),
        ("max_age", format!("{max_age:?}")),
        ("layout", format!("{layout:?}")),
        ("cors", format!("{cors:?}")),
    ]
}

/// Whether what a route sends is for one visitor only.
pub(super) fn is_private(inputs: &Inputs) -> bool {
    inputs.any(InputKind::Cookies) || inputs.has(InputKind::Headers, "authorization")
}

/// The `Cache-Control` line of a route without a `headers:` entry for it.
pub(super) fn cache_control(typed: &RouteConfig, private: bool) -> String {
    match (typed.settings.max_age.flatten(), private) {
        (Some(age), false) => format!("public, max-age={}", age.as_secs()),
        (Some(age), true) => format!("private, max-age={}", age.as_secs()),
        (_, false) => "no-cache".to_owned(),
        (_, true) => "private, no-cache".to_owned(),
    }
}

/// Warns where a `headers:` entry makes public what is for one visitor only.
pub(super) fn check_public(
    headers: &[(HeaderLine, Span)],
    private: bool,
    path: &str,
    report: &mut Report,
) {
    let line = headers.iter().find(|(line, _)| line.name == "cache-control");
    let Some((line, span)) = line.filter(|_| private) else { return };
    let value = line.value.to_ascii_lowercase();
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
    let names = inputs.iter().filter_map(|input| match input.kind {
        InputKind::Headers => Some(input.name.as_deref().unwrap_or("*")),
        InputKind::Cookies => Some("cookie"),
        InputKind::Language => Some("accept-language"),
        InputKind::Params | InputKind::Path | InputKind::Query | InputKind::Body => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}
