//! An address and the site as it is now → a digest of all that decides what is shown there.
//!
//! Two versions of a site in which an address has the same digest show the same page: a reload
//! would be for nothing.

use http::{HeaderMap, StatusCode};

use super::{ERROR_PAGE, missing};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::site::dir::SiteDir;
use crate::site::key::Facts;
use crate::site::route::{Matched, RawQuery, RouteMatch};
use crate::site::{RenderError, Route, Site, Source};

/// What an address shows.
#[derive(Debug)]
pub(super) enum Shown {
    /// What the site says by itself.
    Page(Fingerprint),
    /// A file on the disk.
    File(File),
}

/// A file of a `dir` route.
#[derive(Debug)]
pub(super) struct File {
    /// The directory.
    pub(super) dir: SiteDir,
    /// The file's name in it.
    pub(super) name: String,
    /// The version of all but the file.
    pub(super) beside: Fingerprint,
}

/// What a GET of `target` (path and query) shows.
pub(super) fn of(site: &Site, target: &str) -> Shown {
    let path = target.split('?').next().unwrap_or_default();
    match file(site, path) {
        Some(file) => Shown::File(file),
        None => Shown::Page(of_page(site, target)),
    }
}

/// The file that a path means.
fn file(site: &Site, path: &str) -> Option<File> {
    let RouteMatch::Route(matched) = site.find("GET", path) else { return None };
    let route = site.route(matched.target)?;
    let Source::Dir(dir) = &route.source else { return None };
    let mut name = dir.name(&matched.path)?;
    if name.is_empty() || name.ends_with('/') {
        name.push_str("index.html");
    }
    Some(File { dir: dir.clone(), name, beside: of_answer(route, &route.digest) })
}

fn of_page(site: &Site, target: &str) -> Fingerprint {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(status) = path.strip_prefix(ERROR_PAGE).and_then(|text| text.parse().ok()) {
        return error(site, status);
    }
    match site.find("GET", path) {
        RouteMatch::Route(matched) => match site.route(matched.target) {
            Some(route) => of_route(site, route, &matched, query),
            None => error(site, StatusCode::INTERNAL_SERVER_ERROR.as_u16()),
        },
        RouteMatch::Redirect { to } => Hasher::default().field("redirect").field(to).finish(),
        RouteMatch::Method { .. } => error(site, StatusCode::METHOD_NOT_ALLOWED.as_u16()),
        RouteMatch::Malformed => error(site, StatusCode::BAD_REQUEST.as_u16()),
        RouteMatch::NotFound => Hasher::default()
            .field("missing")
            .field(missing::Missing::new(site, path).html())
            .finish(),
    }
}

/// The version of the whole site: another one where any address may have changed.
pub(super) fn of_all(site: &Site) -> Fingerprint {
    let mut hasher = Hasher::default();
    for route in &site.routes {
        hasher.add(route.address());
        hasher.add(route.digest.as_bytes());
    }
    hasher.finish()
}

/// The version of what describes the site.
pub(super) fn of_docs(site: &Site) -> Fingerprint {
    Hasher::default().field("docs").field(site.openapi().to_string()).finish()
}

/// The version of anything while no site is loaded: what is wrong is what is shown.
pub(super) fn of_nothing(wrong: &str) -> Fingerprint {
    Hasher::default().field("nothing is loaded").field(wrong).finish()
}

fn of_route(site: &Site, route: &Route, matched: &Matched<'_>, query: &str) -> Fingerprint {
    let Ok(params) = route.rules.path(&matched.params) else { return error(site, 404) };
    let Ok(raw) = RawQuery::parse(query) else { return error(site, 400) };
    let Ok(query) = route.rules.query(&raw) else { return error(site, 422) };
    let headers = HeaderMap::new();
    let facts = Facts {
        path: &matched.path,
        params: &params,
        query: &query,
        headers: &headers,
        language: None,
    };
    match route.bare_fingerprint(&facts) {
        Ok(fingerprint) => of_answer(route, &fingerprint),
        Err(RenderError::NotFound { .. }) => error(site, 404),
        Err(RenderError::TooLong(_) | RenderError::Failed(_)) => error(site, 500),
    }
}

/// What is sent beside the body may change what is seen: a policy, a status.
fn of_answer(route: &Route, fingerprint: &Fingerprint) -> Fingerprint {
    let mut hasher = Hasher::default().field(&*route.name).field(fingerprint.as_bytes());
    hasher.add(route.status.to_string());
    hasher.add(&route.content_type);
    for (name, value) in &route.headers {
        hasher.add(name);
        hasher.add(value);
    }
    hasher.finish()
}

/// An error's page: the path is the same for as long as the address is.
fn error(site: &Site, status: u16) -> Fingerprint {
    let hasher = Hasher::default().field("error").field(status.to_string());
    match site.error_page_digest(status) {
        Some(digest) => hasher.field(digest.as_bytes()).finish(),
        None => hasher.finish(),
    }
}
