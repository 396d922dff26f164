//! Pages: from memory, from the store, or by a render.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::CACHE_CONTROL;

use super::super::answer::{self, Answer, Coded, Facts, Origin, Responding};
use super::super::encoding::Effort;
use super::super::live::PreparedRoute;
use super::super::page::PageRender;
use super::super::problem::Problem;
use super::super::request::RequestView;
use super::refusals::PAGES;
use super::{Core, Later, MatchedRequest};
use crate::cache::{self, CacheRequest, Entry, Outcome, RenderFailure};
use crate::site::{self, RenderError, RenderJob};

impl Core {
    pub(super) fn page(
        self: &Arc<Self>,
        asked: &MatchedRequest<'_>,
        page: &Arc<site::Page>,
    ) -> Responding {
        let facts = asked.facts();
        let job = || RenderJob::new(&asked.served.site, asked.route, page, &facts);
        let Some(plan) = &asked.route.key else {
            return match job() {
                Ok(job) => self.uncached(asked, job),
                Err(why) => self.unmade(asked, &why),
            };
        };
        let fingerprint = match asked.route.fingerprint(&facts) {
            Ok(fingerprint) => fingerprint,
            Err(why) => return self.unmade(asked, &why),
        };
        let key = plan.build(&facts);
        let lifetime = asked.route.lifetime;
        if let Some(found) = self.cache.peek(&key, &fingerprint, &lifetime)
            && let Ok(entry) = &found.result
            && let Some(coded) = Coded::ready(entry, asked.request)
        {
            self.cache.count_hit();
            let (outcome, language) = (found.outcome, asked.language());
            let page = Page { entry, outcome, key: Some(key), language };
            return match page.answer(self, asked.prepared, asked.request, &coded) {
                Some(answer) => answer.into(),
                None => self.problem(asked.asking(), Problem::unmet()),
            };
        }
        let job = match job() {
            Ok(job) => job,
            Err(why) => return self.unmade(asked, &why),
        };
        let ask = CacheRequest { key, fingerprint, ..request_of(asked) };
        let later = asked.later(self);
        Responding::begin(async move { later.page(ask, job).await })
    }

    /// A page for a method that is never cached.
    fn uncached(self: &Arc<Self>, asked: &MatchedRequest<'_>, job: RenderJob) -> Responding {
        let (mut ask, later) = (request_of(asked), asked.later(self));
        // What has no key is kept for nobody, nor waited for together.
        ask.lifetime.ttl = None;
        Responding::begin(async move { later.uncached(ask, job).await })
    }

    /// Why a page has no render.
    fn unmade(self: &Arc<Self>, asked: &MatchedRequest<'_>, why: &RenderError) -> Responding {
        let problem = match why {
            RenderError::NotFound { .. } => Problem::not_found(),
            why => {
                tracing::error!(path = asked.request.path, %why, "no answer");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail(NOT_MADE)
            }
        };
        let (route, why) = (Arc::clone(asked.prepared), why.to_string().into());
        self.problem(asked.asking(), problem).map(move |answer| {
            (answer.facts.route, answer.facts.failed) = (Some(route), Some(why));
        })
    }
}

/// What the cache is asked for a page, but for its key and what decides it.
fn request_of(asked: &MatchedRequest<'_>) -> CacheRequest {
    CacheRequest {
        key: String::new(),
        fingerprint: asked.route.digest,
        lifetime: asked.route.lifetime,
        route: Arc::clone(&asked.route.name),
        path: asked.path.text().to_owned(),
        status: asked.route.status,
        io: asked.route.delay.is_some() || !asked.route.remote().is_empty(),
    }
}

const NOT_MADE: &str = "the page could not be made";

/// An entry, and how it came to be there.
struct Page<'a> {
    entry: &'a Entry,
    outcome: Outcome,
    key: Option<String>,
    /// The language that it is in, where it has one.
    language: Option<&'a str>,
}

impl Page<'_> {
    /// The answer to a request; nothing where one of its conditions fails, which is a 412.
    fn answer(
        self,
        core: &Core,
        route: &Arc<PreparedRoute>,
        request: &RequestView<'_>,
        coded: &Coded<'_>,
    ) -> Option<Box<Answer>> {
        let is_kept = self.outcome.is_kept() && coded.is_kept();
        let origin = if is_kept { Origin::Kept } else { Origin::Passing };
        let made = (origin, self.language);
        let facts = Facts {
            route: Some(Arc::clone(route)),
            outcome: Some(self.outcome),
            shown: core.cache_status,
            key: self.key,
            ..Facts::default()
        };
        let mut answer = Answer::of_entry(self.entry, coded, route, request, made, facts)?;
        if let Some(stale) = route.stale_control.as_ref().filter(|_| self.outcome.is_stale()) {
            answer.response_mut().headers_mut().insert(CACHE_CONTROL, stale.clone());
        }
        Some(answer)
    }
}

impl Later {
    /// A page that is not in memory, or not yet in the coding that the client takes.
    async fn page(self, ask: CacheRequest, job: RenderJob) -> Answer {
        let key = ask.key.clone();
        let (result, outcome) = self.made(ask, job).await;
        let entry = match result {
            Ok(entry) => entry,
            Err(failure) => return self.failed(&failure, outcome, Some(key)).await,
        };
        let view = self.request.view();
        let effort = if outcome.is_hit() { Effort::Thorough } else { Effort::Quick };
        let coded = Coded::made(&entry, &view, effort).await;
        let language = self.language.as_deref();
        let page = Page { entry: &entry, outcome, key: Some(key), language };
        match page.answer(&self.core, &self.prepared, &view, &coded) {
            Some(answer) => *answer,
            None => self.problem(Problem::unmet()).await,
        }
    }

    /// An answer that is none of the address's own: it has no validator and no conditions.
    async fn uncached(self, ask: CacheRequest, job: RenderJob) -> Answer {
        let (result, outcome) = self.made(ask, job).await;
        match result {
            Ok(entry) => {
                let (body, language) = (entry.body.clone(), self.language.as_deref());
                let status = StatusCode::from_u16(entry.status).unwrap_or(self.prepared.status);
                let response = answer::with_body(&self.prepared, status, body, language);
                self.core.bypass(response, Some(&self.prepared))
            }
            Err(failure) => self.failed(&failure, outcome, None).await,
        }
    }

    async fn made(
        &self,
        ask: CacheRequest,
        job: RenderJob,
    ) -> (Result<Arc<Entry>, RenderFailure>, Outcome) {
        let (renders, of) = (Arc::clone(&self.core.renders), Arc::clone(&self.prepared.renders));
        let (sources, cache) = (Arc::clone(self.core.live.sources()), self.core.cache.clone());
        let render = PageRender { renders, of, job, sources, cache };
        let cache::Answer { result, outcome } = self.core.cache.answer(ask, render).await;
        (result, outcome)
    }

    /// No page, and no stale copy in its place.
    async fn failed(
        &self,
        failure: &RenderFailure,
        outcome: Outcome,
        key: Option<String>,
    ) -> Answer {
        let RenderFailure { status, detail, .. } = failure;
        if *status != 404 {
            tracing::error!(path = self.request.path, status, why = %detail, "no answer");
        }
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = if status == StatusCode::SERVICE_UNAVAILABLE {
            // There are too many renders: this must not be one more.
            self.core.busy(self.asking(&self.request.view()), PAGES)
        } else if status == StatusCode::NOT_FOUND {
            self.problem(Problem::not_found()).await
        } else {
            self.problem(Problem::new(status).detail(NOT_MADE)).await
        };
        answer.facts = Facts {
            route: Some(Arc::clone(&self.prepared)),
            outcome: Some(outcome),
            shown: self.core.cache_status,
            key,
            failed: Some(Arc::clone(detail)),
            lacked: None,
        };
        answer
    }
}
