//! An address and the site as it is now → a digest of all that decides what is shown there.
//!
//! Two versions of a site in which an address has the same digest show the same page: a reload
//! would be for nothing.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::socket::state_of_files;
use super::{ERROR_PAGE, missing};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::http::edge::Handle as _;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::reload::ReloadHandle;
use crate::site::key::Facts;
use crate::site::route::{Matched, RawQuery, RouteMatch};
use crate::site::{RenderError, Route, Site, Source, below};

/// The versions of what is live.
pub(super) struct Versions {
    pub(super) live: Arc<Live>,
    pub(super) reload: ReloadHandle,
    pub(super) site: SiteHandler,
}

impl Versions {
    /// Whether no good site was ever loaded.
    pub(super) fn is_unloaded(&self) -> bool {
        self.reload.status().generation == 0
    }

    /// The version of all files that the site is made from.
    pub(super) fn of_all(&self) -> Fingerprint {
        self.reload.status().digest
    }

    /// The version of what a GET of `target` (path and query) shows.
    pub(super) async fn of(&self, target: &str) -> Fingerprint {
        let target = below(target, self.site.base());
        match self.of_file(target).await {
            Some(version) => version,
            None => self.of_page(target),
        }
    }

    /// The same where `target` is a file of a `dir` route, as it is on the disk now.
    pub(super) async fn of_file(&self, target: &str) -> Option<Fingerprint> {
        let path = below(target.split('?').next().unwrap_or_default(), self.site.base());
        if self.site.is_own(path) {
            return None;
        }
        let (dir, name, beside) = {
            let served = self.live.load();
            let RouteMatch::Route(matched) = served.site.find("GET", path) else { return None };
            let (route, prepared) = served.route(matched.target)?;
            let Source::Dir(dir) = &route.source else { return None };
            let mut name = dir.name(&matched.path)?;
            if name.is_empty() || name.ends_with('/') {
                name.push_str("index.html");
            }
            (prepared.dir()?.clone(), name, of_answer(route, &route.digest))
        };
        let version = dir.version(&name).await.unwrap_or_default();
        Some(Hasher::default().field(beside.as_bytes()).field(version).finish())
    }

    fn of_page(&self, target: &str) -> Fingerprint {
        let status = self.reload.status();
        if status.generation == 0 {
            // What is wrong is what is shown.
            return digest("nothing is loaded", state_of_files(&status.state));
        }
        let site = self.live.site();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if self.site.is_own(path) {
            return digest("docs", site.openapi().to_string());
        }
        if let Some(status) = path.strip_prefix(ERROR_PAGE).and_then(|text| text.parse().ok()) {
            return error(&site, status);
        }
        match site.find("GET", path) {
            RouteMatch::Route(mut matched) => match site.route(matched.target) {
                Some(route) => of_route(&site, route, &mut matched, query),
                None => error(&site, StatusCode::INTERNAL_SERVER_ERROR.as_u16()),
            },
            RouteMatch::Redirect { to } => digest("redirect", to),
            RouteMatch::Method { .. } => error(&site, StatusCode::METHOD_NOT_ALLOWED.as_u16()),
            RouteMatch::Malformed => error(&site, StatusCode::BAD_REQUEST.as_u16()),
            RouteMatch::NotFound => digest("missing", missing::page(&site, path)),
        }
    }
}

fn of_route<'r>(
    site: &Site,
    route: &'r Route,
    matched: &mut Matched<'r>,
    query: &str,
) -> Fingerprint {
    let Ok(()) = route.rules.path(&mut matched.params) else { return error(site, 404) };
    let Ok(raw) = RawQuery::parse(query) else { return error(site, 400) };
    let Ok(query) = route.rules.query(&raw) else { return error(site, 422) };
    let headers = HeaderMap::new();
    let facts = Facts {
        path: &matched.path,
        params: &matched.params,
        query: &query,
        headers: &headers,
        language: None,
        body: None,
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
    for line in &route.headers {
        hasher.add(&line.name);
        hasher.add(&line.value);
    }
    hasher.finish()
}

/// An error's page: the path is the same for as long as the address is.
fn error(site: &Site, status: u16) -> Fingerprint {
    let page = site.error_page_digest(status).unwrap_or_default();
    digest("error", format!("{status} {page}"))
}

fn digest(what: &str, shown: impl AsRef<[u8]>) -> Fingerprint {
    Hasher::default().field(what).field(shown).finish()
}
