//! A request's facts → the job that renders its response; the site gives it only what its key
//! covers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::key::{Facts, Headers, Inputs, Names, cookies};
use super::route::{Found, RawQuery};
use super::template::{Bounds, TemplateSet};
use super::{ErrorPage, Form, Page, Route, Site, Source};
use crate::config::ErrorStatus;
use crate::fingerprint::{Fingerprint, Hasher};

/// The largest response that a render may make, in bytes.
const OUTPUT_BOUND: usize = 8 * 1024 * 1024;

/// How long a template may run.
const TIME_BOUND: Duration = Duration::from_secs(10);

/// Why a render made nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// A load of the route's own names a file that is not there: the page is a 404.
    NotFound {
        /// The address as this request made it.
        address: String,
    },
    /// The template failed: its own words, with the place.
    Failed(String),
}

impl fmt::Display for RenderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { address } => write!(out, "`{address}` is not there"),
            Self::Failed(words) => out.write_str(words),
        }
    }
}

impl std::error::Error for RenderError {}

/// All that a render needs, apart from the request that asked for it.
#[derive(Debug)]
pub struct RenderJob {
    site: Arc<Site>,
    route: Arc<Route>,
    request: Map<String, Value>,
    chosen: Vec<(String, Arc<Value>)>,
    /// What a stored response must carry to be this one.
    pub fingerprint: Fingerprint,
}

/// What error pages see.
#[derive(Clone, Copy, Debug)]
pub struct ErrorFacts<'a> {
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
            Source::Page(page) if page.chosen.is_empty() => Ok(page.base),
            Source::Page(page) => page.choose(facts).map(|chosen| chosen.fingerprint),
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
            Source::Page(page) => {
                page.choose_upon(&page.bare, facts).map(|chosen| chosen.fingerprint)
            }
            Source::File(_) | Source::Dir(_) | Source::Redirect(_) => Ok(self.digest),
        }
    }
}

impl Site {
    /// The fingerprint that an entry of `route` for `path`, the path as text, must carry to be
    /// served; nothing where the path is not the route's, or a load's address needs the query.
    #[must_use]
    pub fn expected_fingerprint(&self, route: &Route, path: &str) -> Option<Fingerprint> {
        let Source::Page(page) = &route.source else { return None };
        if page.chosen.is_empty() {
            return Some(page.base);
        }
        let encoded = utf8_percent_encode(path, IN_PATH).to_string();
        let Found::Route(matched) = self.find(&route.method, &encoded) else { return None };
        let params = route.rules.path(&matched.params).ok()?;
        let raw = RawQuery::parse("").ok()?;
        let query = route.rules.query(&raw).ok()?;
        let headers = NoHeaders;
        let facts = Facts {
            path: &matched.path,
            params: &params,
            query: &query,
            headers: &headers,
            language: None,
        };
        page.choose(&facts).ok().map(|chosen| chosen.fingerprint)
    }
}

/// What a path's text may hold unencoded; a slash inside a segment can't be told from one between.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_');

/// A request without headers.
struct NoHeaders;

impl Headers for NoHeaders {
    fn get(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

struct ChosenValues {
    values: Vec<(String, Arc<Value>)>,
    fingerprint: Fingerprint,
}

impl Page {
    fn choose(&self, facts: &Facts<'_>) -> Result<ChosenValues, RenderError> {
        self.choose_upon(&self.base, facts)
    }

    fn choose_upon(
        &self,
        base: &Fingerprint,
        facts: &Facts<'_>,
    ) -> Result<ChosenValues, RenderError> {
        let mut hasher = Hasher::default().field(base.as_bytes());
        let mut values = Vec::with_capacity(self.chosen.len());
        for load in &self.chosen {
            let address = load.address.render(|root, name| match root {
                "query" => facts.query.get(name).map(str::to_owned),
                _ => facts.params.get(name).map(str::to_owned),
            });
            let found = address.as_ref().and_then(|address| load.files.get(address));
            hasher.add(&load.name);
            match found {
                Some((value, digest)) => {
                    hasher.add(digest.as_bytes());
                    values.push((load.name.clone(), Arc::clone(value)));
                }
                None if load.optional => hasher.add("nothing"),
                None => {
                    return Err(RenderError::NotFound { address: address.unwrap_or_default() });
                }
            }
        }
        Ok(ChosenValues { values, fingerprint: hasher.finish() })
    }
}

impl RenderJob {
    /// The job for a page of `route` with these facts; nothing for a route that is no page.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn new(
        site: &Arc<Site>,
        route: &Arc<Route>,
        facts: &Facts<'_>,
    ) -> Result<Option<Self>, RenderError> {
        let Source::Page(page) = &route.source else { return Ok(None) };
        let chosen = page.choose(facts)?;
        let fingerprint = if page.chosen.is_empty() { page.base } else { chosen.fingerprint };
        Ok(Some(Self {
            site: Arc::clone(site),
            route: Arc::clone(route),
            request: request_values(route, facts),
            chosen: chosen.values,
            fingerprint,
        }))
    }

    /// The route that is rendered.
    #[must_use]
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Whether the render is so short that a thread of its own would cost more.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(&self.route.source, Source::Page(Page { form: Form::Body(_), .. }))
    }

    /// Renders. Blocks for as long as the template runs, 10 s at most.
    ///
    /// # Errors
    /// [`RenderError::Failed`] with the template's place.
    pub fn run(self) -> Result<Bytes, RenderError> {
        let Source::Page(page) = &self.route.source else { return Ok(Bytes::new()) };
        let mut context = self.request;
        for (name, value) in &page.data {
            context.insert(name.clone(), value.as_ref().clone());
        }
        for (name, value) in &self.chosen {
            context.insert(name.clone(), value.as_ref().clone());
        }
        render(&page.form, &self.site.templates, context)
    }
}

impl Site {
    /// A digest of all that decides the site's page for an error, besides the error and the
    /// addresses of stylesheets; nothing where the site has none for it.
    #[must_use]
    pub fn error_page_digest(&self, status: u16) -> Option<Fingerprint> {
        self.error_page_for(status).map(|page| page.digest)
    }

    fn error_page_for(&self, status: u16) -> Option<&ErrorPage> {
        let exactly = self.errors.get(&ErrorStatus::Exactly(status));
        exactly.or_else(|| self.errors.get(&ErrorStatus::Class(status / 100)))
    }

    /// The site's page for an error and its content type; nothing where the site has none for it.
    ///
    /// # Errors
    /// [`RenderError::Failed`] where its template fails.
    pub fn error_page(&self, facts: ErrorFacts<'_>) -> Result<Option<(Bytes, &str)>, RenderError> {
        let Some(page) = self.error_page_for(facts.status) else { return Ok(None) };
        let mut context = page.data.clone();
        let error = json!({
            "status": facts.status, "title": facts.title, "detail": facts.detail,
        });
        context.insert("error".to_owned(), error);
        context.insert("path".to_owned(), Value::String(facts.path.to_owned()));
        let bytes = render(&page.form, &self.templates, context)?;
        Ok(Some((bytes, &page.content_type)))
    }
}

fn render(
    form: &Form,
    templates: &TemplateSet,
    context: Map<String, Value>,
) -> Result<Bytes, RenderError> {
    let bounds = Bounds { bytes: OUTPUT_BOUND, time: TIME_BOUND, ..Bounds::default() };
    let failed = |why: super::template::RenderError| RenderError::Failed(why.to_string());
    let context = Value::Object(context);
    match form {
        Form::Body(bytes) => Ok(bytes.clone()),
        Form::Template { page, layout } => {
            templates.render(*page, *layout, &context, &bounds).map(Bytes::from).map_err(failed)
        }
        Form::Json(json) => {
            let value = json.render(templates, &context, &bounds).map_err(failed)?;
            Ok(Bytes::from(value.to_string()))
        }
    }
}

/// What the page sees of the request: only what it was found to read, all of which its key covers.
fn request_values(route: &Route, facts: &Facts<'_>) -> Map<String, Value> {
    let Inputs { query, headers, cookies, params, path, language } = &route.inputs;
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    put("route", json!({ "name": &*route.name, "path": route.pattern.as_str() }));
    put("params", values_of(params, facts.params.iter(), |name| facts.params.json(name)));
    put("query", values_of(query, facts.query.iter(), |name| facts.query.json(name)));
    put("headers", header_values(headers, facts));
    put("cookies", cookie_values(cookies, facts));
    if *path {
        put("path", Value::from(facts.path.text()));
    }
    if *language {
        put("language", facts.language.map_or(Value::Null, Value::from));
    }
    values
}

/// The values of some names; of all that there are where the page reads them as a whole.
fn values_of<'f>(
    names: &Names,
    all: impl Iterator<Item = (&'f str, &'f str)>,
    value: impl Fn(&str) -> Option<Value>,
) -> Value {
    let pair = |name: &str| value(name).map(|value| (name.to_owned(), value));
    let values: Map<_, _> = match names {
        Names::Some(_) => names.iter().filter_map(pair).collect(),
        Names::All => all.filter_map(|(name, _)| pair(name)).collect(),
    };
    Value::Object(values)
}

fn header_values(names: &Names, facts: &Facts<'_>) -> Value {
    let pair = |name: &str| {
        facts.headers.get(name).map(|value| (name.to_owned(), Value::from(value.into_owned())))
    };
    let values: Map<_, _> = match names {
        Names::Some(_) => names.iter().filter_map(pair).collect(),
        Names::All => facts.headers.names().iter().filter_map(|name| pair(name)).collect(),
    };
    Value::Object(values)
}

fn cookie_values(names: &Names, facts: &Facts<'_>) -> Value {
    let Some(header) = facts.headers.get("cookie") else { return Value::Object(Map::new()) };
    let mut values = Map::new();
    for (name, value) in cookies(&header).filter(|(name, _)| names.contains(name)) {
        values.entry(name).or_insert_with(|| Value::from(value));
    }
    Value::Object(values)
}
