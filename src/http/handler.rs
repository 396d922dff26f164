//! A request → its answer: route, key, cache, render. The whole way of a request, top to bottom.
//!
//! [`SiteHandler::quick`] goes that way as long as everything is in memory; [`SiteHandler::slow`]
//! goes it again for the rest, inside one warp filter.

mod directory;
mod memory;
mod refusals;

use std::fmt;
use std::sync::Arc;

use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use warp::Filter as _;
use warp::filters::BoxedFilter;

use ::http::header::{ACCEPT_LANGUAGE, ALLOW, LOCATION};
use ::http::{Method, Request, Response, StatusCode};

use super::access::{Seen, Trace};
use super::answer::{self, Coded, Told};
use super::body::Body;
use super::carry::{Carried, WholeRequest, answer_for_warp, answer_from_warp, request_for_warp};
use super::docs::Docs;
use super::edge::Handle;
use super::files::Resource;
use super::headers::{Fields, joined};
use super::hit::{Asking, Hit};
use super::language;
use super::live::{Live, RouteLines, Served};
use super::page::PageRender;
use crate::cache::{Answer, Ask, Cache, Lifetime, Outcome, Why};
use crate::config::{AccessLog, CacheStatusDetail, ServerConfig, Ttl};
use crate::site::key::{Facts, Headers};
use crate::site::route::rules::Violation;
use crate::site::route::{Found, Matched, Params, PathText, Query, RawQuery};
use crate::site::{RenderError, RenderJob, Route, Source};
use crate::telemetry::access_line;

/// Serves the site that is live. Clones are the same.
#[derive(Clone)]
pub struct SiteHandler {
    core: Arc<Core>,
    filter: BoxedFilter<(warp::reply::Response,)>,
}

/// What all requests share.
struct Core {
    live: Arc<Live>,
    cache: Cache,
    cache_status: CacheStatusDetail,
    access_log: AccessLog,
    /// A path that answers 200, whatever the site has there.
    health: Option<String>,
    docs: Option<Docs>,
    notes: Notes,
}

/// Whether an answer carries what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// It does not.
    None,
    /// A [`Trace`] in its extensions.
    Trace,
}

impl SiteHandler {
    /// A handler for what `live` holds, answering from `cache`.
    #[must_use]
    pub fn new(live: Arc<Live>, cache: Cache, server: &ServerConfig) -> Self {
        Self::with_notes(live, cache, server, Notes::None)
    }

    /// The same, for who wants to know more of each answer.
    #[must_use]
    pub fn with_notes(live: Arc<Live>, cache: Cache, server: &ServerConfig, notes: Notes) -> Self {
        let core = Arc::new(Core {
            live,
            cache,
            cache_status: server.cache_status,
            access_log: server.access_log,
            health: server.health.clone(),
            docs: server.docs.as_deref().map(Docs::at),
            notes,
        });
        let shared = Arc::clone(&core);
        let filter = warp::ext::get::<Carried<WholeRequest>>()
            .then(move |carried: Carried<WholeRequest>| {
                let core = Arc::clone(&shared);
                async move {
                    let answer = match carried.take() {
                        Some(request) => core.answer(&request).await,
                        None => answer::plain(StatusCode::INTERNAL_SERVER_ERROR),
                    };
                    answer_for_warp(answer)
                }
            })
            .boxed();
        Self { core, filter }
    }
}

impl fmt::Debug for SiteHandler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SiteHandler")
    }
}

impl Handle for SiteHandler {
    fn quick<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        self.core.quick(request)
    }

    fn hit<F: Fields + Headers>(&self, asking: &Asking<'_, F>) -> Option<Hit> {
        self.core.hit(asking)
    }

    async fn slow(&self, request: WholeRequest) -> Response<Body> {
        let service = TowerToHyperService::new(warp::service(self.filter.clone()));
        match service.call(request_for_warp(request)).await {
            Ok(answer) => answer_from_warp(answer),
            Err(never) => match never {},
        }
    }

    fn observes(&self) -> bool {
        self.core.access_log != AccessLog::Off
    }

    fn sent(&self, seen: &Seen) {
        let now = self.core.cache.clock().wall();
        match self.core.access_log {
            AccessLog::Off => {}
            AccessLog::Text => access_line(&seen.text(now)),
            AccessLog::Json => access_line(&seen.json(now)),
        }
    }
}

/// A page and what a request says to it.
struct Asked<'s> {
    served: &'s Served,
    target: u32,
    route: &'s Arc<Route>,
    path: &'s PathText,
    params: Params<'s>,
    query: Query<'s>,
}

impl<'s> Asked<'s> {
    /// # Errors
    /// What the route's rules say against the parameters.
    fn new(
        served: &'s Served,
        matched: &'s Matched<'s>,
        raw: &'s RawQuery<'s>,
    ) -> Result<Option<Self>, Refused> {
        let target = matched.target;
        let Some(route) = served.site.route(target) else { return Ok(None) };
        let params = route.rules.path(&matched.params).map_err(|_| Refused::Path)?;
        let query = route.rules.query(raw).map_err(Refused::Query)?;
        Ok(Some(Self { served, target, route, path: &matched.path, params, query }))
    }

    fn facts<'r, F: Fields + Headers>(&'r self, fields: &'r F) -> Facts<'r> {
        Facts {
            path: self.path,
            params: &self.params,
            query: &self.query,
            headers: fields,
            language: self.language(fields),
        }
    }
}

impl Asked<'_> {
    /// The visitor's best language, where the page reads it.
    fn language(&self, fields: &impl Fields) -> Option<&str> {
        if !self.route.inputs.language {
            return None;
        }
        let accept = joined(fields, &ACCEPT_LANGUAGE);
        language::best(&self.served.site.languages, accept.as_deref())
    }

    fn lines(&self) -> Option<&RouteLines> {
        self.served.lines(self.target)
    }

    fn count_error(&self) {
        if let Some(lines) = self.lines() {
            lines.counts.add_error();
        }
    }

    /// The render of a page, and what the cache is asked for it: for methods that are never cached,
    /// only to watch over the render. Nothing for a route that is no page.
    fn render(&self, request: &WholeRequest) -> Result<Option<(Ask, PageRender)>, RenderError> {
        let facts = self.facts(request.headers());
        let Some(job) = RenderJob::new(&self.served.site, self.route, &facts)? else {
            return Ok(None);
        };
        let plan = self.route.key.as_ref();
        let ask = Ask {
            key: plan.map_or_else(String::new, |plan| plan.build(&facts)),
            fingerprint: job.fingerprint,
            lifetime: plan.map_or_else(Lifetime::default, |_| lifetime(self.route)),
            route: Arc::clone(&self.route.name),
            path: self.path.text().to_owned(),
            io: self.route.delay.is_some(),
        };
        Ok(Some((ask, PageRender { delay: self.route.delay, job })))
    }
}

/// Why the parameters of a request do not do.
enum Refused {
    Path,
    Query(Violation),
}

impl Core {
    /// The answer, whatever it takes.
    async fn answer(&self, request: &WholeRequest) -> Response<Body> {
        let served = Arc::clone(&*self.live.load());
        let method = request.method().as_str();
        if is_read(request.method()) && self.health.as_deref() == Some(request.uri().path()) {
            return answer::healthy();
        }
        if let Some(docs) = self.docs.as_ref().filter(|_| is_read(request.method()))
            && let Some(answer) = docs.answer(request.uri().path(), &served)
        {
            return self.with_status(answer, Outcome::forwarded(Why::Bypass), None);
        }
        match served.site.find(method, request.uri().path()) {
            Found::Route(matched) => self.route(&served, &matched, request).await,
            Found::Redirect { to } => self.moved(&to, request),
            Found::Method { allow } if method == "OPTIONS" => {
                self.options(&served, request, &allow)
            }
            Found::Method { allow } => {
                let detail = format!("this address answers {allow}");
                let mut answer =
                    self.problem(&served, request, StatusCode::METHOD_NOT_ALLOWED, &detail);
                answer::put(&mut answer, ALLOW, &allow);
                answer
            }
            Found::NotFound => {
                self.live.count_unmatched();
                self.problem(&served, request, StatusCode::NOT_FOUND, "there is no such page")
            }
            Found::Malformed => {
                let detail = "the address is not well-formed";
                self.problem(&served, request, StatusCode::BAD_REQUEST, detail)
            }
        }
    }

    /// What a route answers, which who may read its pages may read too where it is an error.
    async fn route(
        &self,
        served: &Served,
        matched: &Matched<'_>,
        request: &WholeRequest,
    ) -> Response<Body> {
        let mut answer = self.routed(served, matched, request).await;
        if let Some(lines) = served.lines(matched.target) {
            lines.allow_origin(request.headers(), answer.headers_mut());
        }
        answer
    }

    async fn routed(
        &self,
        served: &Served,
        matched: &Matched<'_>,
        request: &WholeRequest,
    ) -> Response<Body> {
        let Ok(raw) = RawQuery::parse(query_of(request)) else {
            let detail = "the query is not well-formed";
            return self.problem(served, request, StatusCode::BAD_REQUEST, detail);
        };
        let asked = match Asked::new(served, matched, &raw) {
            Ok(Some(asked)) => asked,
            Ok(None) => return answer::plain(StatusCode::INTERNAL_SERVER_ERROR),
            Err(refused) => return self.refused(served, request, &refused),
        };
        match &asked.route.source {
            Source::Page(_) => self.page(&asked, request).await,
            Source::File(_) => self.file(&asked, request).await,
            Source::Dir(dir) => self.dir(&asked, dir, request).await,
            Source::Redirect(to) => self.redirect(&asked, to, request),
        }
    }

    async fn page(&self, asked: &Asked<'_>, request: &WholeRequest) -> Response<Body> {
        let (ask, render) = match asked.render(request) {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return answer::plain(StatusCode::INTERNAL_SERVER_ERROR),
            Err(why) => return self.failed(asked, request, &why),
        };
        if asked.route.key.is_none() {
            return self.uncached(asked, request, ask, render).await;
        }
        let key = ask.key.clone();
        let Answer { result, outcome } = self.cache.answer(ask, render).await;
        match result {
            Ok(entry) => {
                let coded = Coded::made(&entry, request.headers()).await;
                let told = Told { entry: &entry, lines: asked.lines(), coded };
                let answer = told.response(request, &outcome);
                let answer = answer.unwrap_or_else(|| self.unmet(asked, request));
                self.finish(asked, answer, outcome, Some(&key))
            }
            Err(failure) => self.failure(asked, request, &failure, outcome, Some(&key)),
        }
    }

    async fn file(&self, asked: &Asked<'_>, request: &WholeRequest) -> Response<Body> {
        let Some(lines) = asked.lines() else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let Some(file) = &lines.file else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let resource = Resource::of_kept(file, request.headers()).await;
        let answer = self.of_file(asked, lines, &resource, request);
        self.finish(asked, answer, Outcome::forwarded(Why::Bypass), None)
    }

    /// A page for a method that is never cached: its answer is none of the address's own, so it has
    /// no validator and no conditions.
    async fn uncached(
        &self,
        asked: &Asked<'_>,
        request: &WholeRequest,
        ask: Ask,
        render: PageRender,
    ) -> Response<Body> {
        let Answer { result, outcome } = self.cache.answer(ask, render).await;
        match result {
            Ok(entry) => {
                let answer = answer::made(asked.lines(), entry.body.clone());
                self.finish(asked, answer, outcome, None)
            }
            Err(failure) => self.failure(asked, request, &failure, outcome, None),
        }
    }

    fn redirect(
        &self,
        asked: &Asked<'_>,
        to: &crate::site::template::TextTemplate,
        request: &WholeRequest,
    ) -> Response<Body> {
        let facts = asked.facts(request.headers());
        let address = to.render(|root, name| {
            let value = match root {
                "query" => facts.query.get(name),
                _ => facts.params.get(name),
            };
            Some(answer::encoded(value.unwrap_or_default()).into_owned())
        });
        let mut answer = answer::made(asked.lines(), bytes::Bytes::new());
        answer::put(&mut answer, LOCATION, &address.unwrap_or_default());
        self.finish(asked, answer, Outcome::forwarded(Why::Bypass), None)
    }

    /// A route's answer, counted, with what the cache did for it.
    fn finish(
        &self,
        asked: &Asked<'_>,
        mut answer: Response<Body>,
        outcome: Outcome,
        key: Option<&str>,
    ) -> Response<Body> {
        if let Some(lines) = asked.lines() {
            lines.counts.add(&outcome);
        }
        self.note(asked, &mut answer, outcome, key);
        self.with_status(answer, outcome, key)
    }

    /// Notes what is known of a route's answer, where somebody wants to know.
    fn note(
        &self,
        asked: &Asked<'_>,
        answer: &mut Response<Body>,
        outcome: Outcome,
        key: Option<&str>,
    ) {
        if self.notes == Notes::Trace {
            let (route, key) = (Arc::clone(&asked.route.name), key.map(Box::from));
            answer.extensions_mut().insert(Trace {
                route,
                key,
                outcome,
                lacked: None,
                failed: None,
            });
        }
    }

    fn with_status(
        &self,
        mut answer: Response<Body>,
        outcome: Outcome,
        key: Option<&str>,
    ) -> Response<Body> {
        answer::cache_status(&mut answer, &outcome, key, self.cache_status);
        answer
    }
}

fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn query_of<B>(request: &Request<B>) -> &str {
    request.uri().query().unwrap_or_default()
}

fn lifetime(route: &Route) -> Lifetime {
    let own = route.lifetime;
    Lifetime {
        ttl: match own.ttl {
            Ttl::For(ttl) => Some(ttl),
            Ttl::Off => None,
        },
        stale_while_revalidate: own.stale_while_revalidate,
        stale_if_error: own.stale_if_error,
    }
}
