//! A request → its answer: route, key, cache, render. The whole way of a request, top to bottom,
//! whoever read it and whoever sends the answer.
//!
//! [`SiteHandler::respond`] goes the way as far as memory goes, without waiting; what takes longer
//! goes on as a future with a copy of the request. Health and documentation are warp filters of
//! their own (`own`), since they are no part of the site.

mod files;
mod pages;
mod refusals;

use std::fmt;
use std::sync::Arc;

use ::http::header::LOCATION;
use bytes::Bytes;

use warp::filters::BoxedFilter;

use super::access::Exchange;
use super::answer::{self, Answer, Facts, Responding};
use super::edge::Handle;
use super::filter::WarpHandler;
use super::headers::joined;
use super::language;
use super::live::{Live, PreparedRoute, PreparedSource, Served};
use super::own::{self, OwnPaths};
use super::problem::Problem;
use super::renders::Renders;
use super::request::{OwnedRequest, RequestView};
use crate::cache::Cache;
use crate::config::{AccessLog, CacheStatusDetail, ServerConfig};
use crate::site::Route;
use crate::site::key::Facts as RequestFacts;
use crate::site::route::rules::Violation;
use crate::site::route::{Matched, Params, PathText, Query, RawQuery, RouteMatch};
use crate::site::template::TextTemplate;

/// Serves the site that is live. Clones are the same.
#[derive(Clone)]
pub struct SiteHandler {
    core: Arc<Core>,
    own_paths: OwnPaths,
    /// What answers at [`Self::own_paths`].
    own: WarpHandler,
    access_log: AccessLog,
}

/// What all requests share.
struct Core {
    live: Arc<Live>,
    cache: Cache,
    renders: Arc<Renders>,
    cache_status: CacheStatusDetail,
}

impl SiteHandler {
    /// A handler for what `live` holds, answering from `cache`.
    #[must_use]
    pub fn new(live: Arc<Live>, cache: Cache, server: &ServerConfig) -> Self {
        let own_paths = OwnPaths::new(server);
        let own = WarpHandler::new(own::filter_for_all(&own_paths, Arc::clone(&live)));
        let renders = Arc::new(Renders::new(cache.clock().clone()));
        let core = Core { live, cache, renders, cache_status: server.cache_status };
        Self { core: Arc::new(core), own_paths, own, access_log: server.access_log }
    }

    /// Whether a path is larder's own, whatever the site has there.
    pub(crate) fn is_own(&self, path: &str) -> bool {
        self.own_paths.hold(path)
    }

    /// What a request is answered that cannot be answered otherwise: the site's own page, if any.
    pub(crate) fn problem(&self, request: &RequestView<'_>, problem: Problem) -> Responding {
        self.core.problem(&self.core.live.load(), request, problem)
    }
}

impl SiteHandler {
    /// Whether a route of the site is for a path, by whatever method.
    pub(super) fn has_route(&self, request: &RequestView<'_>) -> bool {
        let served = self.core.live.load();
        !matches!(served.site.find(request.method.as_str(), request.path), RouteMatch::NotFound)
    }

    /// The answer of the site's routes, or its 404.
    pub(super) fn respond_by_route(&self, request: &RequestView<'_>) -> Responding {
        self.core.respond(request)
    }

    /// What larder itself answers, beside the site's routes; rejects all else.
    pub(super) fn own_filter(&self) -> BoxedFilter<(warp::reply::Response,)> {
        own::filter(&self.own_paths, Arc::clone(&self.core.live))
    }
}

impl fmt::Debug for SiteHandler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SiteHandler")
    }
}

impl Handle for SiteHandler {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        if request.is_read() && self.own_paths.hold(request.path) {
            return self.own.respond(request);
        }
        self.core.respond(request)
    }

    fn observes(&self) -> bool {
        self.access_log != AccessLog::Off
    }

    fn sent(&self, exchange: &Exchange<'_>) {
        exchange.log(self.access_log, self.core.cache.clock().wall());
    }
}

/// A route and what a request says to it.
struct MatchedRequest<'s> {
    served: &'s Arc<Served>,
    route: &'s Arc<Route>,
    prepared: &'s Arc<PreparedRoute>,
    target: u32,
    path: &'s PathText,
    params: Params<'s>,
    query: Query<'s>,
    request: &'s RequestView<'s>,
}

/// What goes on with a request that takes longer: it has a copy of all that its answer needs.
struct Later {
    core: Arc<Core>,
    served: Arc<Served>,
    prepared: Arc<PreparedRoute>,
    request: OwnedRequest,
}

/// Why the parameters of a request do not do.
enum Refused {
    Path,
    Query(Violation),
}

impl Core {
    /// The answer of the site.
    fn respond(self: &Arc<Self>, request: &RequestView<'_>) -> Responding {
        let served = self.live.load();
        let method = request.method.as_str();
        match served.site.find(method, request.path) {
            RouteMatch::Route(matched) => self.route(&served, &matched, request),
            RouteMatch::Redirect { to } => self.moved(&to, request).into(),
            RouteMatch::Method { allow } if method == "OPTIONS" => {
                self.options(&served, request, &allow).into()
            }
            RouteMatch::Method { allow } => self.wrong_method(&served, request, &allow),
            RouteMatch::NotFound => {
                self.live.count_unmatched();
                self.not_found(&served, request)
            }
            RouteMatch::Malformed => {
                self.malformed(&served, request, "the address is not well-formed")
            }
        }
    }

    /// What a route answers. Who may read its pages may read its errors too.
    fn route(
        self: &Arc<Self>,
        served: &Arc<Served>,
        matched: &Matched<'_>,
        request: &RequestView<'_>,
    ) -> Responding {
        let Some((route, prepared)) = served.route(matched.target) else {
            return self.not_found(served, request);
        };
        let responding = self.matched(served, (route, prepared), matched, request);
        if prepared.cors.is_none() {
            return responding;
        }
        let origin = request.headers.line("origin", 0).map(Bytes::copy_from_slice);
        let prepared = Arc::clone(prepared);
        responding.map(move |answer| {
            if let Some(cors) = &prepared.cors {
                cors.apply(origin.as_deref(), answer);
            }
        })
    }

    fn matched(
        self: &Arc<Self>,
        served: &Arc<Served>,
        (route, prepared): (&Arc<Route>, &Arc<PreparedRoute>),
        matched: &Matched<'_>,
        request: &RequestView<'_>,
    ) -> Responding {
        let Ok(raw) = RawQuery::parse(request.query.unwrap_or_default()) else {
            return self.malformed(served, request, "the query is not well-formed");
        };
        let (params, query) = match check(route, matched, &raw) {
            Ok(checked) => checked,
            Err(refused) => return self.refused(served, request, &refused),
        };
        let Matched { target, path, .. } = matched;
        let target = *target;
        let asked =
            MatchedRequest { served, route, prepared, target, path, params, query, request };
        match &prepared.source {
            PreparedSource::Page(page) => self.page(&asked, page),
            PreparedSource::File(_) => self.file(&asked),
            PreparedSource::Dir(dir) => self.dir(&asked, &dir.0),
            PreparedSource::Redirect(to) => self.redirect(&asked, to).into(),
        }
    }

    fn redirect(&self, asked: &MatchedRequest<'_>, to: &TextTemplate) -> Answer {
        let address = to.render(|root, name| {
            let value = match root {
                "query" => asked.query.get(name),
                _ => asked.params.get(name),
            };
            Some(answer::encoded(value.unwrap_or_default()).into_owned())
        });
        let mut response = answer::with_body(asked.prepared, Bytes::new());
        answer::put(&mut response, LOCATION, &address.unwrap_or_default());
        self.bypass(response, Some(asked.prepared))
    }

    /// An answer that the cache had no part in.
    fn bypass(
        &self,
        response: ::http::Response<super::body::Body>,
        route: Option<&Arc<PreparedRoute>>,
    ) -> Answer {
        let mut answer = Answer::from(response);
        answer.facts = Facts { route: route.cloned(), ..Facts::bypass(self.cache_status) };
        answer
    }
}

/// The parameters of path and query, checked.
fn check<'s>(
    route: &'s Route,
    matched: &'s Matched<'s>,
    raw: &'s RawQuery<'s>,
) -> Result<(Params<'s>, Query<'s>), Refused> {
    let params = route.rules.path(&matched.params).map_err(|_| Refused::Path)?;
    let query = route.rules.query(raw).map_err(Refused::Query)?;
    Ok((params, query))
}

impl<'s> MatchedRequest<'s> {
    fn facts(&'s self) -> RequestFacts<'s> {
        RequestFacts {
            path: self.path,
            params: &self.params,
            query: &self.query,
            headers: self.request.headers,
            language: self.language(),
        }
    }

    /// The visitor's best language, where the page reads it.
    fn language(&self) -> Option<&'s str> {
        if !self.route.inputs.language {
            return None;
        }
        let accept = joined(self.request.headers, "accept-language");
        language::best(&self.served.site.languages, accept.as_deref())
    }

    fn later(&self, core: &Arc<Core>) -> Later {
        Later {
            core: Arc::clone(core),
            served: Arc::clone(self.served),
            prepared: Arc::clone(self.prepared),
            request: self.request.into_owned(),
        }
    }
}

impl Later {
    /// A problem of the route's.
    async fn problem(&self, problem: Problem) -> Answer {
        let view = self.request.view();
        self.core.problem(&self.served, &view, problem).answer().await
    }
}
