//! A request's facts → the job that renders its response; the site gives it only what its key
//! covers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::key::{Facts, Headers, Inputs, Names, cookies};
use super::route::{RawQuery, RouteMatch, encoded_path};
use super::template::{self, Bounds};
use super::{ErrorPage, Page, PageContent, PageForm, Route, Site, Source};
use crate::config::ErrorStatus;
use crate::fingerprint::{Fingerprint, Hasher};

/// The largest response that a render may make, in bytes.
const OUTPUT_BOUND: usize = 8 * 1024 * 1024;

/// Why a render made nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// A load of the route's own names a file that is not there: the page is a 404.
    NotFound {
        /// The address as this request made it.
        address: String,
    },
    /// The template ran for as long as it was given: where, in words.
    TooLong(String),
    /// The template failed: its own words, with the place.
    Failed(String),
}

impl fmt::Display for RenderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { address } => write!(out, "`{address}` is not there"),
            Self::TooLong(words) | Self::Failed(words) => out.write_str(words),
        }
    }
}

impl std::error::Error for RenderError {}

impl From<template::RenderError> for RenderError {
    fn from(why: template::RenderError) -> Self {
        let words = why.to_string();
        if why.out_of_time { Self::TooLong(words) } else { Self::Failed(words) }
    }
}

/// All that a render needs, apart from the request that asked for it.
#[derive(Debug)]
pub struct RenderJob {
    site: Arc<Site>,
    /// The route that is rendered.
    pub(crate) route: Arc<Route>,
    page: Arc<Page>,
    /// What the page sees of the request.
    request: Vec<(&'static str, Value)>,
    chosen: Chosen,
    /// What a stored response must carry to be this one.
    pub fingerprint: Fingerprint,
}

/// What error pages see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorFacts<'a> {
    /// The status.
    pub status: u16,
    /// Its reason phrase.
    pub title: &'a str,
    /// What went wrong, in words for the visitor.
    pub detail: &'a str,
    /// The path that was asked for.
    pub path: &'a str,
}

impl Route {
    /// The fingerprint that a stored response to these facts must carry.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn fingerprint(&self, facts: &Facts<'_>) -> Result<Fingerprint, RenderError> {
        match &self.source {
            Source::Page(page) => page.choose(page.content.digest, facts).map(|(_, of)| of),
            Source::File(_) | Source::Dir(_) | Source::Redirect(_) => Ok(self.digest),
        }
    }

    /// The same without the addresses of the stylesheets that `asset` gives: another one says that
    /// the page itself is another.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn bare_fingerprint(&self, facts: &Facts<'_>) -> Result<Fingerprint, RenderError> {
        match &self.source {
            Source::Page(page) => page.choose(page.bare, facts).map(|(_, of)| of),
            Source::File(_) | Source::Dir(_) | Source::Redirect(_) => Ok(self.digest),
        }
    }
}

impl Site {
    /// The fingerprint that an entry of `route` for `path`, the path as text, must carry to be
    /// served; nothing where the path is not the route's, or a load's address needs the query.
    pub(crate) fn expected_fingerprint(&self, route: &Route, path: &str) -> Option<Fingerprint> {
        let Source::Page(page) = &route.source else { return None };
        if page.chosen.is_empty() {
            return Some(page.content.digest);
        }
        let encoded = encoded_path(path);
        // A slash inside a segment cannot be told from one between two.
        let RouteMatch::Route(matched) = self.find(&route.method, &encoded) else { return None };
        let params = route.rules.path(&matched.params).ok()?;
        let query = route.rules.query(&RawQuery::parse("").ok()?).ok()?;
        let (path, params, query) = (&matched.path, &params, &query);
        let facts = Facts { path, params, query, headers: &NoHeaders, language: None };
        route.fingerprint(&facts).ok()
    }
}

/// A request without headers.
struct NoHeaders;

impl Headers for NoHeaders {
    fn line(&self, _name: &str, _nth: usize) -> Option<&[u8]> {
        None
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

/// Values by name that a request chose.
type Chosen = Vec<(String, Arc<Value>)>;

impl Page {
    /// The values that a request chooses, and the fingerprint of a page that is `base` but for
    /// them.
    fn choose(
        &self,
        base: Fingerprint,
        facts: &Facts<'_>,
    ) -> Result<(Chosen, Fingerprint), RenderError> {
        if self.chosen.is_empty() {
            return Ok((Vec::new(), base));
        }
        let mut hasher = Hasher::default().field(base.as_bytes());
        let mut values = Vec::with_capacity(self.chosen.len());
        for load in &self.chosen {
            let address = load.address.render(|root, name| match root {
                "query" => facts.query.get(name).map(str::to_owned),
                _ => facts.params.get(name).map(str::to_owned),
            });
            let address = address.unwrap_or_default();
            hasher.add(&load.name);
            match load.files.get(&address) {
                Some((value, digest)) => {
                    hasher.add(digest.as_bytes());
                    values.push((load.name.clone(), Arc::clone(value)));
                }
                None if load.optional => hasher.add("nothing"),
                None => return Err(RenderError::NotFound { address }),
            }
        }
        Ok((values, hasher.finish()))
    }
}

impl RenderJob {
    /// The job for `page`, which is that of `route`, with these facts.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn new(
        site: &Arc<Site>,
        route: &Arc<Route>,
        page: &Arc<Page>,
        facts: &Facts<'_>,
    ) -> Result<Self, RenderError> {
        let (chosen, fingerprint) = page.choose(page.content.digest, facts)?;
        Ok(Self {
            site: Arc::clone(site),
            route: Arc::clone(route),
            page: Arc::clone(page),
            request: request_values(&route.inputs, facts),
            chosen,
            fingerprint,
        })
    }

    /// The body, where it stands ready and nothing has to be rendered.
    pub(crate) fn ready_body(&self) -> Option<&Bytes> {
        match &self.page.content.form {
            PageForm::Body(bytes) => Some(bytes),
            PageForm::Template { .. } | PageForm::Json(_) => None,
        }
    }

    /// Renders. Blocks for as long as the template runs, `bound` at most; may be called again.
    ///
    /// # Errors
    /// [`RenderError::TooLong`] where that time was not enough, [`RenderError::Failed`] with the
    /// template's place.
    pub fn run(&self, bound: Duration) -> Result<Bytes, RenderError> {
        let content = &self.page.content;
        let constant = || {
            let Route { name, pattern, .. } = &*self.route;
            let route = json!({ "name": &**name, "path": pattern.as_str() });
            let request = self.request.iter().map(|(name, _)| ((*name).to_owned(), Value::Null));
            std::iter::once(("route".to_owned(), route))
                .chain(request)
                .chain(content.data())
                .collect()
        };
        let request = self.request.iter().map(|(name, value)| (*name, value.clone()));
        let chosen = self.chosen.iter().map(|(name, value)| (name.as_str(), Value::clone(value)));
        self.site.render(content, constant, request.chain(chosen), bound)
    }
}

/// All that the site's page for an error needs.
#[derive(Debug)]
pub(crate) struct ErrorJob {
    site: Arc<Site>,
    /// Which of the site's error pages it is.
    pub(crate) of: ErrorStatus,
    pub(crate) page: Arc<ErrorPage>,
    error: Value,
    path: String,
}

impl ErrorJob {
    /// The job for an error; nothing where the site has no page for it.
    pub(crate) fn new(site: &Arc<Site>, facts: ErrorFacts<'_>) -> Option<Self> {
        let ErrorFacts { status, title, detail, path } = facts;
        let of = site.error_page_of(status)?;
        let page = Arc::clone(site.errors.get(&of)?);
        let error = json!({ "status": status, "title": title, "detail": detail });
        Some(Self { site: Arc::clone(site), of, page, error, path: path.to_owned() })
    }

    /// Renders. Blocks for as long as the template runs, `bound` at most; may be called again.
    ///
    /// # Errors
    /// [`RenderError::TooLong`] where that time was not enough, [`RenderError::Failed`] where its
    /// template fails.
    pub(crate) fn run(&self, bound: Duration) -> Result<Bytes, RenderError> {
        let content = &self.page.content;
        let values = [("error", self.error.clone()), ("path", Value::from(self.path.as_str()))];
        self.site.render(content, || content.data().collect(), values.into_iter(), bound)
    }
}

impl PageContent {
    /// The values that no request decides, by name.
    fn data(&self) -> impl Iterator<Item = (String, Value)> {
        self.data.iter().map(|(name, value)| (name.clone(), Value::clone(value)))
    }
}

impl Site {
    /// A digest of all that decides the site's page for an error, besides the error and the
    /// addresses of stylesheets; nothing where the site has none for it.
    pub(crate) fn error_page_digest(&self, status: u16) -> Option<Fingerprint> {
        self.errors.get(&self.error_page_of(status)?).map(|page| page.content.digest)
    }

    /// Which of the site's error pages is for a status: its own before that of its class.
    fn error_page_of(&self, status: u16) -> Option<ErrorStatus> {
        let choices = [ErrorStatus::Exactly(status), ErrorStatus::Class(status / 100)];
        choices.into_iter().find(|choice| self.errors.contains_key(choice))
    }

    /// All error pages.
    pub(crate) fn error_pages(&self) -> impl Iterator<Item = ErrorStatus> {
        self.errors.keys().copied()
    }

    fn render<'v>(
        &self,
        content: &PageContent,
        constant: impl FnOnce() -> Map<String, Value>,
        values: impl Iterator<Item = (&'v str, Value)>,
        bound: Duration,
    ) -> Result<Bytes, RenderError> {
        let bounds = Bounds { bytes: OUTPUT_BOUND, time: bound, ..Bounds::default() };
        let templates = &self.templates;
        self.contexts.lend(content.digest, constant, values, |context| match &content.form {
            PageForm::Body(bytes) => Ok(bytes.clone()),
            PageForm::Template { page, layout } => {
                Ok(templates.render(*page, *layout, context, &bounds)?.into())
            }
            PageForm::Json(json) => {
                Ok(json.render(templates, context, &bounds)?.to_string().into())
            }
        })
    }
}

/// What a page sees of a request: only what it was found to read, all of which its key covers. The
/// names are the same for each request.
fn request_values(inputs: &Inputs, facts: &Facts<'_>) -> Vec<(&'static str, Value)> {
    let Inputs { query, headers, cookies, params, path, language } = inputs;
    let header = |name: &str| facts.headers.get(name).map(|value| Value::from(value.into_owned()));
    let all_params = || facts.params.iter().map(|(name, _)| Cow::Borrowed(name)).collect();
    let all_query = || facts.query.iter().map(|(name, _)| Cow::Borrowed(name)).collect();
    let mut values = vec![
        ("params", values_of(params, all_params, |name| facts.params.json(name))),
        ("query", values_of(query, all_query, |name| facts.query.json(name))),
        ("headers", values_of(headers, || facts.headers.names(), header)),
        ("cookies", cookie_values(cookies, facts)),
    ];
    if *path {
        values.push(("path", Value::from(facts.path.text())));
    }
    if *language {
        values.push(("language", facts.language.map_or(Value::Null, Value::from)));
    }
    values
}

/// The values of some names; of all that there are where the page reads them as a whole.
fn values_of<'f>(
    names: &Names,
    all: impl FnOnce() -> Vec<Cow<'f, str>>,
    value: impl Fn(&str) -> Option<Value>,
) -> Value {
    let pair = |name: &str| value(name).map(|value| (name.to_owned(), value));
    Value::Object(match names {
        Names::Some(_) => names.iter().filter_map(pair).collect(),
        Names::All => all().iter().filter_map(|name| pair(name)).collect(),
    })
}

fn cookie_values(names: &Names, facts: &Facts<'_>) -> Value {
    let Some(header) = facts.headers.get("cookie") else { return Value::Object(Map::new()) };
    let mut values = Map::new();
    for (name, value) in cookies(&header).filter(|(name, _)| names.contains(name)) {
        values.entry(name).or_insert_with(|| Value::from(value));
    }
    Value::Object(values)
}
