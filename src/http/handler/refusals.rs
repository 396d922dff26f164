//! Answers that no route gives: problems, moved addresses, what an address answers at all.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CACHE_CONTROL, HeaderValue, LOCATION};
use ::http::{Request, Response, StatusCode};

use super::super::access::Trace;
use super::super::answer;
use super::super::body::Body;
use super::super::carry::WholeRequest;
use super::super::cors::is_preflight;
use super::super::headers::{joined, vary_by};
use super::super::live::Served;
use super::super::problem::{Form, Problem};
use super::{Asked, Core, Refused};
use crate::cache::{Outcome, RenderFailure, Why};
use crate::site::route::rules::Violation;
use crate::site::route::{Found, PathText};
use crate::site::{ErrorFacts, RenderError};

impl Core {
    pub(super) fn failure<B>(
        &self,
        asked: &Asked<'_>,
        request: &Request<B>,
        failure: &RenderFailure,
        outcome: Outcome,
        key: Option<&str>,
    ) -> Response<Body> {
        asked.count_error();
        let path = request.uri().path();
        tracing::error!(path, status = failure.status, why = %failure.detail, "no answer");
        let status = StatusCode::from_u16(failure.status).unwrap_or_default();
        let mut answer = self.problem(asked.served, request, status, "the page could not be made");
        self.note(asked, &mut answer, outcome, key);
        if let Some(trace) = answer.extensions_mut().get_mut::<Trace>() {
            trace.failed = Some(Arc::clone(&failure.detail));
        }
        self.with_status(answer, outcome, key)
    }

    pub(super) fn failed(
        &self,
        asked: &Asked<'_>,
        request: &WholeRequest,
        why: &RenderError,
    ) -> Response<Body> {
        asked.count_error();
        match why {
            RenderError::NotFound { .. } => {
                self.problem(asked.served, request, StatusCode::NOT_FOUND, "there is no such page")
            }
            RenderError::Failed(words) => {
                tracing::error!(path = request.uri().path(), why = %words, "no answer");
                let detail = "the page could not be made";
                self.problem(asked.served, request, StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
        }
    }

    pub(super) fn refused(
        &self,
        served: &Served,
        request: &WholeRequest,
        refused: &Refused,
    ) -> Response<Body> {
        match refused {
            Refused::Path => {
                self.problem(served, request, StatusCode::NOT_FOUND, "there is no such page")
            }
            Refused::Query(violation) => {
                let Violation { name, detail } = violation;
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
                    .detail(format!("`{name}` {detail}"))
                    .with("parameter", name.as_str());
                self.problem_page(served, request, &problem)
            }
        }
    }

    /// 412: the client wanted another state of what is there.
    pub(super) fn unmet(&self, asked: &Asked<'_>, request: &WholeRequest) -> Response<Body> {
        let detail = "what is there now is not what the request's conditions name";
        self.problem(asked.served, request, StatusCode::PRECONDITION_FAILED, detail)
    }

    /// 308 to the form of the path that exists, the query kept.
    pub(super) fn moved(&self, to: &str, request: &WholeRequest) -> Response<Body> {
        let mut answer = answer::plain(StatusCode::PERMANENT_REDIRECT);
        let address = match request.uri().query() {
            Some(query) => Cow::Owned(format!("{to}?{query}")),
            None => Cow::Borrowed(to),
        };
        answer::put(&mut answer, LOCATION, &address);
        self.with_status(answer, Outcome::forwarded(Why::Bypass), None)
    }

    /// What a path answers; to a browser's preflight, what another origin may do.
    pub(super) fn options(
        &self,
        served: &Served,
        request: &WholeRequest,
        allow: &str,
    ) -> Response<Body> {
        let mut answer = answer::plain(StatusCode::NO_CONTENT);
        answer::put(&mut answer, ALLOW, allow);
        let headers = request.headers();
        if is_preflight(request.method(), headers)
            && let Some(method) = joined(headers, &ACCESS_CONTROL_REQUEST_METHOD)
            && let Found::Route(matched) = served.site.find(&method, request.uri().path())
            && let Some(cors) = served.lines(matched.target).and_then(|lines| lines.cors.as_ref())
        {
            cors.preflight(headers, allow, answer.headers_mut());
        }
        self.with_status(answer, Outcome::forwarded(Why::Bypass), None)
    }

    pub(super) fn problem<B>(
        &self,
        served: &Served,
        request: &Request<B>,
        status: StatusCode,
        detail: &str,
    ) -> Response<Body> {
        self.problem_page(served, request, &Problem::new(status).detail(detail))
    }

    /// The site's own page for an error, for who accepts HTML; else larder's, or problem JSON.
    pub(super) fn problem_page<B>(
        &self,
        served: &Served,
        request: &Request<B>,
        problem: &Problem,
    ) -> Response<Body> {
        let path = request.uri().path();
        let decoded = PathText::parse(path);
        let facts = ErrorFacts {
            status: problem.status().as_u16(),
            title: problem.title(),
            detail: problem.detail_text(),
            path: decoded.as_ref().map_or(path, PathText::text),
        };
        let form = Form::wanted(request.headers());
        let own = if form == Form::Html {
            served.site.error_page(facts).unwrap_or_else(|why| {
                tracing::error!(path, %why, "the error page failed");
                None
            })
        } else {
            None
        };
        let mut answer = match own {
            Some((body, content_type)) => answer::error_page(problem.status(), body, content_type),
            None => problem.answer(form),
        };
        vary_by(answer.headers_mut(), "accept");
        answer.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        self.with_status(answer, Outcome::forwarded(Why::Bypass), None)
    }
}
