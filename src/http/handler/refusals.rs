//! Answers that no route gives: problems, moved addresses, what an address answers at all.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use bytes::Bytes;

use super::super::answer::{self, Answer, Responding};
use super::super::body::Body;
use super::super::cors::is_preflight;
use super::super::headers::joined;
use super::super::live::Served;
use super::super::problem::{Form, Problem};
use super::super::request::RequestView;
use super::{Core, Refused};
use crate::site::route::rules::Violation;
use crate::site::route::{PathText, RouteMatch};
use crate::site::{ErrorFacts, ErrorJob};

impl Core {
    pub(super) fn not_found(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
    ) -> Responding {
        self.problem(served, request, Problem::not_found())
    }

    pub(super) fn malformed(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
        detail: &str,
    ) -> Responding {
        self.problem(served, request, Problem::new(StatusCode::BAD_REQUEST).detail(detail))
    }

    pub(super) fn refused(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
        refused: &Refused,
    ) -> Responding {
        let problem = match refused {
            Refused::Path => Problem::not_found(),
            Refused::Query(Violation { name, detail }) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
                    .detail(format!("`{name}` {detail}"))
                    .with("parameter", name.as_str())
            }
        };
        self.problem(served, request, problem)
    }

    pub(super) fn wrong_method(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
        allow: &str,
    ) -> Responding {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED)
            .detail(format!("this address answers {allow}"));
        let allow = HeaderValue::from_str(allow).ok();
        self.problem(served, request, problem).map(move |answer| {
            if let Some(allow) = allow {
                answer.insert(ALLOW, allow);
            }
        })
    }

    /// 308 to the form of the path that exists, the query kept.
    pub(super) fn moved(&self, to: &str, request: &RequestView<'_>) -> Answer {
        let mut response = answer::bare(StatusCode::PERMANENT_REDIRECT);
        let address = match request.query {
            Some(query) => format!("{to}?{query}"),
            None => to.to_owned(),
        };
        answer::put(&mut response, LOCATION, &address);
        self.bypass(response, None)
    }

    /// What a path answers; to a browser's preflight, what another origin may do.
    pub(super) fn options(
        &self,
        served: &Served,
        request: &RequestView<'_>,
        allow: &str,
    ) -> Answer {
        let mut response = answer::bare(StatusCode::NO_CONTENT);
        answer::put(&mut response, ALLOW, allow);
        let mut answer = self.bypass(response, None);
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
    pub(super) fn problem(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
        problem: Problem,
    ) -> Responding {
        let form = Form::wanted(request.headers);
        if form == Form::Json {
            return self.bypass(problem.answer(form), None).into();
        }
        let decoded = PathText::parse(request.path);
        let facts = ErrorFacts {
            status: problem.status.as_u16(),
            title: &problem.title,
            detail: problem.detail.as_deref().unwrap_or_default(),
            path: decoded.as_ref().map_or(request.path, PathText::text),
        };
        let Some(job) = ErrorJob::new(&served.site, facts) else {
            return self.bypass(problem.answer(form), None).into();
        };
        let made = served.error(job.of).and_then(|page| page.made(facts.status));
        if let Some(body) = made {
            return self.error_page(&problem, body, &job.page.content_type).into();
        }
        let (core, served, path) = (Arc::clone(self), Arc::clone(served), request.path.to_owned());
        Responding::begin(async move { core.render_error(&served, job, &path, problem).await })
    }

    async fn render_error(
        &self,
        served: &Served,
        job: ErrorJob,
        path: &str,
        problem: Problem,
    ) -> Answer {
        let content_type = job.page.content_type.clone();
        let is_the_same_for_all = !job.page.reads_request;
        let Some(page) = served.error(job.of) else {
            return self.bypass(problem.answer(Form::Html), None);
        };
        match self.renders.run(&page.renders, job).await {
            Ok(Ok(body)) => {
                if is_the_same_for_all {
                    page.keep(problem.status.as_u16(), body.clone());
                }
                self.error_page(&problem, body, &content_type)
            }
            Ok(Err(why)) => {
                tracing::error!(path, %why, "the error page failed");
                self.bypass(problem.answer(Form::Html), None)
            }
            Err(_busy) => self.bypass(too_busy(Form::Html), None),
        }
    }

    fn error_page(&self, problem: &Problem, body: Bytes, content_type: &str) -> Answer {
        // The problem's own lines; only the page is another.
        let mut response = problem.answer(Form::Html);
        answer::put(&mut response, CONTENT_TYPE, content_type);
        *response.body_mut() = Body::full(body);
        self.bypass(response, None)
    }

    /// 503: too many renders wait already. No page of the site's, which would be one more.
    pub(super) fn busy(&self, request: &RequestView<'_>) -> Answer {
        self.bypass(too_busy(Form::wanted(request.headers)), None)
    }
}

fn too_busy(form: Form) -> ::http::Response<Body> {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = problem.detail("too many pages are being made; try again").answer(form);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
