//! A request's facts → the job that renders its response; the site gives it only what its key
//! covers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::key::{Facts, InputKind, InputName, Inputs};
use super::remote::{Filled, PageLoad};
use super::route::AddressForm;
use super::template::{self, Bounds};
use super::{ChosenLoad, ErrorPage, Page, PageContent, PageForm, Route, Site, Source};
use crate::config::ErrorStatus;
use crate::fingerprint::{Fingerprint, Hasher};

/// The largest response that a render may make, in bytes.
const OUTPUT_BOUND: usize = 8 * 1024 * 1024;

/// Why a render made nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A load of the route's own names a file that is not there: the page is a 404.
    #[error("`{address}` is not there")]
    NotFound {
        /// The address as this request made it.
        address: String,
    },
    /// The template ran for as long as it was given: where, in words.
    #[error("{0}")]
    TooLong(String),
    /// The template failed: its own words, with the place.
    #[error("{0}")]
    Failed(String),
}

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
    /// The addresses of what is asked of servers, in the page's order.
    addresses: Vec<Filled>,
    /// The values that they sent, pruned.
    sent: Vec<(String, Value)>,
    /// What a stored response must carry to be this one.
    pub fingerprint: Fingerprint,
}

/// What a render comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The status of the answer.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
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
    /// The visitor's best language, where the site has languages.
    pub language: Option<&'a str>,
}

impl Route {
    /// The fingerprint that a stored response to these facts must carry.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn fingerprint(&self, facts: &Facts<'_>) -> Result<Fingerprint, RenderError> {
        let Source::Page(page) = &self.source else { return Ok(self.digest) };
        page.choose(page.content.digest, facts).map(|(_, of)| of)
    }

    /// The same without the addresses of the stylesheets that `asset` gives: another one says that
    /// the page itself is another.
    ///
    /// # Errors
    /// [`RenderError::NotFound`] where a load of the route's own finds nothing.
    pub fn bare_fingerprint(&self, facts: &Facts<'_>) -> Result<Fingerprint, RenderError> {
        let Source::Page(page) = &self.source else { return Ok(self.digest) };
        page.choose(page.bare, facts).map(|(_, of)| of)
    }
}

/// How many choices of values are tried for a page.
const MAX_CHOICES: usize = 10_000;

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
            let address = load.address.render(|input| facts.in_address(input, AddressForm::File));
            hasher.add(&load.name);
            match address.and_then(|address| load.files.get(&address)) {
                Some((value, digest)) => {
                    hasher.add(digest.as_bytes());
                    values.push((load.name.clone(), Arc::clone(value)));
                }
                None if load.optional => hasher.add("nothing"),
                None => return Err(RenderError::NotFound { address: load.shown(facts) }),
            }
        }
        Ok((values, hasher.finish()))
    }
}

impl ChosenLoad {
    /// The address as a request made it, for people.
    fn shown(&self, facts: &Facts<'_>) -> String {
        let value = |input: &InputName| Some(facts.get(input).unwrap_or_default());
        self.address.render(value).unwrap_or_default()
    }
}

impl Page {
    /// Whether a request, whichever it is, may get this fingerprint; taken for so where there are
    /// more choices than are tried.
    pub(super) fn may_have(&self, fingerprint: Fingerprint) -> bool {
        if self.chosen.is_empty() {
            return self.content.digest == fingerprint;
        }
        let mut all = vec![Hasher::default().field(self.content.digest.as_bytes())];
        for load in &self.chosen {
            let digests = load.files.values().map(|(_, digest)| digest.as_bytes().as_slice());
            let digests = digests.chain(load.optional.then_some(&b"nothing"[..]));
            let digests: Vec<&[u8]> = digests.collect();
            if all.len().saturating_mul(digests.len()) > MAX_CHOICES {
                return true;
            }
            let with = |before: Hasher| {
                let named = before.field(&load.name);
                digests.iter().map(move |digest| named.clone().field(digest))
            };
            all = all.into_iter().flat_map(with).collect();
        }
        all.into_iter().any(|of| of.finish() == fingerprint)
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
        let known =
            |name: &str| chosen.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let fill = |it: &PageLoad| {
            let none = || RenderError::NotFound { address: it.load.from.clone() };
            Filled::of(&it.load.address, facts, known).ok_or_else(none)
        };
        let addresses = page.remote.iter().map(fill).collect::<Result<_, _>>()?;
        Ok(Self {
            site: Arc::clone(site),
            route: Arc::clone(route),
            page: Arc::clone(page),
            request: request_values(&route.inputs, facts),
            chosen,
            addresses,
            sent: Vec::new(),
            fingerprint,
        })
    }

    /// What servers are asked for.
    pub(crate) fn remote(&self) -> &[PageLoad] {
        &self.page.remote
    }

    /// The address at which one of them is asked, by its place, with the values of those that it
    /// needs by their names; nothing where there can be none.
    pub(crate) fn address<'v>(
        &self,
        at: usize,
        value: impl Fn(&str) -> Option<&'v Value>,
    ) -> Option<String> {
        self.addresses.get(at)?.address(value)
    }

    /// Whether two renders with the same values may give different pages.
    pub(crate) fn is_of_its_moment(&self) -> bool {
        self.page.is_of_its_moment
    }

    /// The page.
    pub(crate) fn page(&self) -> Arc<Page> {
        Arc::clone(&self.page)
    }

    /// The site whose page it is.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Gives the page the values that servers sent, pruned to what it reads.
    pub(crate) fn give(&mut self, sent: Vec<(String, Value)>) {
        self.sent = sent;
    }

    /// What it comes to, where that stands ready and nothing has to be rendered.
    pub(crate) fn ready(&self) -> Option<Made> {
        match &self.page.content {
            PageContent { form: PageForm::Body(bytes), status: None, .. } => {
                Some(Made { status: self.route.status, body: bytes.clone() })
            }
            _ => None,
        }
    }

    /// Renders. Blocks for as long as the template runs, `bound` at most; may be called again.
    ///
    /// # Errors
    /// [`RenderError::TooLong`] where that time was not enough, [`RenderError::Failed`] with the
    /// template's place.
    pub fn run(&self, bound: Duration) -> Result<Made, RenderError> {
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
        let sent = self.sent.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let given = request.chain(chosen).chain(sent);
        let (body, status) = self.site.render(content, constant, given, bound)?;
        Ok(Made { status: status.unwrap_or(self.route.status), body })
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
    /// The visitor's best language, where the page reads it.
    pub(crate) language: Option<String>,
}

impl ErrorJob {
    /// The job for an error; nothing where the site has no page for it.
    pub(crate) fn new(site: &Arc<Site>, facts: ErrorFacts<'_>) -> Option<Self> {
        let ErrorFacts { status, title, detail, path, language } = facts;
        let of = site.error_page_of(status)?;
        let page = Arc::clone(site.errors.get(&of)?);
        let error = json!({ "status": status, "title": title, "detail": detail });
        let language = language.filter(|_| page.reads_language).map(str::to_owned);
        Some(Self { site: Arc::clone(site), of, page, error, path: path.to_owned(), language })
    }

    /// Renders. Blocks for as long as the template runs, `bound` at most; may be called again.
    ///
    /// # Errors
    /// [`RenderError::TooLong`] where that time was not enough, [`RenderError::Failed`] where its
    /// template fails.
    pub(crate) fn run(&self, bound: Duration) -> Result<Bytes, RenderError> {
        let content = &self.page.content;
        let values = [("error", self.error.clone()), ("path", Value::from(self.path.as_str()))];
        let language = self.language.as_deref().map(|language| ("language", language.into()));
        let values = values.into_iter().chain(language);
        let made = self.site.render(content, || content.data().collect(), values, bound);
        made.map(|(body, _)| body)
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
    pub(crate) fn error_pages(&self) -> impl Iterator<Item = (ErrorStatus, &Arc<ErrorPage>)> {
        self.errors.iter().map(|(status, page)| (*status, page))
    }

    /// A body, and the status where that is chosen.
    fn render<'v>(
        &self,
        content: &PageContent,
        constant: impl FnOnce() -> Map<String, Value>,
        values: impl Iterator<Item = (&'v str, Value)>,
        bound: Duration,
    ) -> Result<(Bytes, Option<u16>), RenderError> {
        let bounds = Bounds { bytes: OUTPUT_BOUND, time: bound, ..Bounds::default() };
        let templates = &self.templates;
        self.contexts.lend(content.digest, constant, values, |context| {
            let mut made = match &content.form {
                PageForm::Body(_) => String::new(),
                PageForm::Template { page, layout } => {
                    templates.render(*page, *layout, context, &bounds)?
                }
                PageForm::Json(json) => json.render(templates, context, &bounds)?.to_string(),
            };
            // It may be kept: not with the room that it was made in.
            made.shrink_to_fit();
            if template::was_cut() && !content.told_cut.swap(true, Ordering::Relaxed) {
                let depth = bounds.depth;
                tracing::warn!(
                    page = content.label,
                    depth,
                    "partials go deeper: the rest is left out"
                );
            }
            let chosen = content.status.as_ref();
            let status = chosen.map(|it| templates.render(it.template, None, context, &bounds));
            let body = match &content.form {
                PageForm::Body(bytes) => bytes.clone(),
                PageForm::Template { .. } | PageForm::Json(_) => made.into(),
            };
            // All that it can be is known to be a status.
            Ok((body, status.transpose()?.and_then(|text| text.trim().parse().ok())))
        })
    }
}

/// What a page sees of a request: only what it was found to read, all of which its key covers. The
/// names are the same for each request.
fn request_values(inputs: &Inputs, facts: &Facts<'_>) -> Vec<(&'static str, Value)> {
    let value = |(word, kind): (&'static str, InputKind)| {
        let mut read = inputs.of(kind);
        if kind == InputKind::Body {
            return read.next().is_some().then(|| (word, body_of(inputs, facts)));
        }
        if kind.is_named() {
            return Some((word, Value::Object(read.flat_map(|it| values_of(it, facts)).collect())));
        }
        let text = facts.get(read.next()?);
        Some((word, text.map_or(Value::Null, |text| Value::from(text.into_owned()))))
    };
    InputKind::WORDS.into_iter().filter_map(value).collect()
}

/// The body, or those of its fields that are read, with the types that they have.
fn body_of(inputs: &Inputs, facts: &Facts<'_>) -> Value {
    let Some(body) = facts.body else { return Value::Null };
    let field = |input: &InputName| {
        let name = input.name.as_ref()?;
        Some((name.clone(), template::child(body, name)?.clone()))
    };
    if inputs.contains(&InputKind::Body.all()) {
        return body.clone();
    }
    Value::Object(inputs.of(InputKind::Body).filter_map(field).collect())
}

/// The value of a name, or of all that there are of a kind, each as the type that is declared.
fn values_of(input: &InputName, facts: &Facts<'_>) -> Vec<(String, Value)> {
    let texts = match &input.name {
        None => facts.all(input.kind),
        Some(name) => {
            facts.get(input).map(|text| (name.clone(), text.into())).into_iter().collect()
        }
    };
    let typed = |(name, text): (String, String)| {
        let value = match input.kind {
            InputKind::Params => facts.params.json(&name),
            InputKind::Query => facts.query.json(&name),
            _ => None,
        };
        (name, value.unwrap_or_else(|| text.into()))
    };
    texts.into_iter().map(typed).collect()
}

#[cfg(test)]
mod tests;
