//! The way of a request as long as everything is in memory: no wait, no task, no warp.

use std::sync::Arc;

use ::http::{HeaderMap, Request, Response};

use super::super::answer::{self, Coded, Told};
use super::super::body::Body;
use super::super::headers::Fields;
use super::super::hit::{Asking, Hit, Kit, Shown};
use super::{Asked, Core, is_read, lifetime, query_of};
use crate::cache::{Answer, Entry, Outcome};
use crate::config::CacheStatusDetail;
use crate::site::key::Headers;
use crate::site::route::{Found, RawQuery};

impl Core {
    /// The answer where all that it takes is in memory.
    pub(super) fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !is_read(request.method()) {
            return None;
        }
        if self.health.as_deref() == Some(request.uri().path()) {
            return Some(answer::healthy());
        }
        self.in_memory(&asking(request), |asked, key, entry, outcome| {
            let coded = Coded::ready(&entry, request.headers())?;
            let told = Told { entry: &entry, lines: asked.lines(), coded };
            let answer = told.response(request, &outcome)?;
            let mut answer = self.finish(asked, answer, outcome, Some(&key));
            if let Some(lines) = asked.lines() {
                lines.allow_origin(request.headers(), answer.headers_mut());
            }
            Some(answer)
        })
    }

    /// The same in bytes, for what nearly every request is. Nothing for the rest, which `quick`
    /// answers: another origin's page, a condition that fails.
    pub(super) fn hit<F: Fields + Headers>(&self, asking: &Asking<'_, F>) -> Option<Hit> {
        if self.health.as_deref() == Some(asking.path) {
            return None;
        }
        self.in_memory(asking, |asked, key, entry, outcome| {
            let lines = asked.lines().filter(|lines| lines.cors.is_none())?;
            let coded = Coded::ready(&entry, asking.fields)?;
            let (form, body) = answer::form_of_hit(asking, &entry, &coded)?;
            let ready = Kit::of(&entry)?.ready(&entry, lines, &coded);
            lines.counts.add(&outcome);
            let shown = match self.cache_status {
                CacheStatusDetail::Off => Shown::Nothing,
                CacheStatusDetail::Short => Shown::Outcome,
                CacheStatusDetail::Full => Shown::Key(key),
            };
            Some(Hit { ready, form, body, outcome, shown })
        })
    }

    /// Finds the page, its key, and what is in memory under it.
    fn in_memory<F: Fields + Headers, T>(
        &self,
        asking: &Asking<'_, F>,
        answer: impl FnOnce(&Asked<'_>, String, Arc<Entry>, Outcome) -> Option<T>,
    ) -> Option<T> {
        if self.docs.as_ref().is_some_and(|docs| docs.own(asking.path)) {
            return None;
        }
        let served = self.live.load();
        let Found::Route(matched) = served.site.find("GET", asking.path) else { return None };
        let raw = RawQuery::parse(asking.query).ok()?;
        let asked = Asked::new(&served, &matched, &raw).ok()??;
        let plan = asked.route.key.as_ref()?;
        let facts = asked.facts(asking.fields);
        let fingerprint = asked.route.fingerprint(&facts).ok()?;
        let key = plan.build(&facts);
        let Answer { result, outcome } =
            self.cache.peek(&key, &fingerprint, &lifetime(asked.route))?;
        let answer = answer(&asked, key, result.ok()?, outcome)?;
        self.cache.count_hit();
        Some(answer)
    }
}

fn asking<B>(request: &Request<B>) -> Asking<'_, HeaderMap> {
    Asking {
        method: request.method(),
        path: request.uri().path(),
        query: query_of(request),
        fields: request.headers(),
    }
}
