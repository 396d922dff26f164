//! Answers that no route gives: problems, moved addresses, what an address answers at all.

use std::sync::Arc;

use ::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::super::answer::{self, Answer, Responding};
use super::super::body::Body;
use super::super::cors::is_preflight;
use super::super::headers::{add_missing, joined, vary_by};
use super::super::live::{DefaultLines, PreparedError, lines};
use super::super::problem::{Form, Problem};
use super::{Asking, Core, Refused};
use crate::site::route::rules::Violation;
use crate::site::route::{PathText, RouteMatch};
use crate::site::{ErrorFacts, ErrorJob, ErrorPage};

impl Core {
    pub(super) fn malformed(self: &Arc<Self>, asking: Asking<'_>, detail: &str) -> Responding {
        self.problem(asking, Problem::new(StatusCode::BAD_REQUEST).detail(detail))
    }

    pub(super) fn refused(self: &Arc<Self>, asking: Asking<'_>, refused: Refused) -> Responding {
        let problem = match refused {
            Refused::NoRoom => return self.busy(asking, "bodies are being read").into(),
            Refused::Path => Problem::not_found(),
            Refused::Body(problem) => *problem,
            Refused::Parameter(Violation { name, detail }) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
                    .detail(format!("`{name}` {detail}"))
                    .with("parameter", name.as_str())
            }
        };
        self.problem(asking, problem)
    }

    pub(super) fn wrong_method(self: &Arc<Self>, asking: Asking<'_>, allow: &str) -> Responding {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED)
            .detail(format!("this address answers {allow}"));
        let allow = HeaderValue::from_str(allow).ok();
        self.problem(asking, problem).map(move |answer| {
            if let Some(allow) = allow {
                answer.insert(ALLOW, allow);
            }
        })
    }

    /// 308 to the form of the path that exists, the query kept. A browser would keep it for ever: a
    /// slash that an edit moves could send it to and fro.
    pub(super) fn moved(&self, asking: Asking<'_>, to: &str) -> Answer {
        let mut response = answer::bare(StatusCode::PERMANENT_REDIRECT);
        let base = &self.base;
        let address = match asking.request.query {
            Some(query) => format!("{base}{to}?{query}"),
            None => format!("{base}{to}"),
        };
        answer::put(&mut response, LOCATION, &address);
        answer::put(&mut response, CACHE_CONTROL, "no-cache");
        self.beside(response, asking.lines)
    }

    /// What a path answers; to a browser's preflight, what another origin may do.
    pub(super) fn options(&self, asking: Asking<'_>, allow: &str) -> Answer {
        let Asking { served, request, .. } = asking;
        let mut response = answer::bare(StatusCode::NO_CONTENT);
        answer::put(&mut response, ALLOW, allow);
        let mut answer = self.beside(response, asking.lines);
        if is_preflight(request)
            && let Some(method) = joined(request.headers, "access-control-request-method")
            && let RouteMatch::Route(matched) = served.site.find(&method, request.path)
            && let Some((_, route)) = served.route(matched.target)
            && let Some(cors) = &route.cors
        {
            cors.preflight(request.headers, allow, &mut answer);
        }
        answer
    }

    /// The site's own page for an error, for who accepts HTML; else larder's, or problem JSON.
    pub(super) fn problem(self: &Arc<Self>, asking: Asking<'_>, problem: Problem) -> Responding {
        let Asking { served, request, lines } = asking;
        let form = Form::wanted(request.headers);
        let plain = || self.beside(problem.answer(form), lines).into();
        if form == Form::Json {
            return plain();
        }
        let decoded = PathText::parse(request.path);
        let facts = ErrorFacts {
            status: problem.status.as_u16(),
            title: &problem.title,
            detail: problem.detail.as_deref().unwrap_or_default(),
            path: decoded.as_ref().map_or(request.path, PathText::text),
            language: asking.language(),
        };
        let Some(job) = ErrorJob::new(&served.site, facts) else { return plain() };
        let Some(page) = served.error(job.of) else { return plain() };
        if let Some(body) = page.made(facts.status, job.language.as_deref()) {
            return self.error_page(&problem, body, ErrorParts::of(&job, page, lines)).into();
        }
        let (core, page, lines) = (Arc::clone(self), Arc::clone(page), Arc::clone(lines));
        let path = request.path.to_owned();
        let render = async move { core.render_error(job, &page, &lines, &path, problem).await };
        Responding::begin(render)
    }

    async fn render_error(
        &self,
        job: ErrorJob,
        prepared: &PreparedError,
        lines: &DefaultLines,
        path: &str,
        problem: Problem,
    ) -> Answer {
        let (page, language) = (Arc::clone(&job.page), job.language.clone());
        let language = language.as_deref();
        match self.renders.run(&prepared.renders, job).await {
            Ok(Ok(body)) => {
                if !page.reads_request {
                    prepared.keep(problem.status.as_u16(), language, body.clone());
                }
                self.error_page(
                    &problem,
                    body,
                    ErrorParts { page: &page, language, prepared, lines },
                )
            }
            Ok(Err(why)) => {
                tracing::error!(path, %why, "the error page failed");
                self.beside(problem.answer(Form::Html), lines)
            }
            Err(_busy) => self.beside(too_busy(Form::Html, PAGES), lines),
        }
    }

    fn error_page(&self, problem: &Problem, body: Bytes, parts: ErrorParts<'_>) -> Answer {
        // The problem's own lines; only the page is another.
        let mut response = problem.answer(Form::Html);
        answer::put(&mut response, CONTENT_TYPE, &parts.page.content_type);
        // It may show what was asked for: where it is text, no browser may take it for a page.
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(language) = parts.language {
            vary_by(response.headers_mut(), "accept-language");
            answer::put(&mut response, CONTENT_LANGUAGE, language);
        }
        parts.prepared.add_lines(response.headers_mut(), parts.lines);
        *response.body_mut() = Body::full(body);
        self.bypass(response, None)
    }

    /// 503: too many of these at once. No page of the site's, which would be one more.
    pub(super) fn busy(&self, asking: Asking<'_>, what: &str) -> Answer {
        self.beside(too_busy(Form::wanted(asking.request.headers), what), asking.lines)
    }

    /// An answer that is no page of the site's, with the lines that all its answers have.
    fn beside(&self, mut response: Response<Body>, defaults: &DefaultLines) -> Answer {
        add_missing(response.headers_mut(), lines(defaults));
        self.bypass(response, None)
    }
}

/// What an answer with the site's page for an error is made of, beside the page.
#[derive(Clone, Copy)]
struct ErrorParts<'a> {
    page: &'a ErrorPage,
    language: Option<&'a str>,
    prepared: &'a PreparedError,
    lines: &'a DefaultLines,
}

impl<'a> ErrorParts<'a> {
    fn of(job: &'a ErrorJob, prepared: &'a PreparedError, lines: &'a DefaultLines) -> Self {
        Self { page: &job.page, language: job.language.as_deref(), prepared, lines }
    }
}

/// What there are too many of where a render does not fit.
pub(super) const PAGES: &str = "pages are being made";

fn too_busy(form: Form, what: &str) -> Response<Body> {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = problem.detail(format!("too many {what}; try again")).answer(form);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
