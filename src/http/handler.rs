//! A request → its answer: route, key, cache, render. The whole way of a request, top to bottom,
//! whoever read it and whoever sends the answer.
//!
//! [`SiteHandler::respond`] goes the way as far as memory goes, without waiting; what takes longer
//! goes on as a future with a copy of the request. Health and documentation are warp filters of
//! their own (`own`), since they are no part of the site.

mod bodies;
mod files;
mod pages;
mod refusals;

use std::fmt;
use std::sync::Arc;

use ::http::header::LOCATION;
use bytes::Bytes;
use serde_json::Value;

use warp::filters::BoxedFilter;

use self::bodies::Received;
use super::access::{Exchange, LineStyle};
use super::answer::{self, Answer, Facts, Responding};
use super::counts::Answers;
use super::edge::{Handle, Unread};
use super::filter::WarpHandler;
use super::headers::add_missing;
use super::language;
use super::live::{DefaultLines, Live, PreparedRoute, PreparedSource, Served, lines};
use super::own::{self, OwnPaths};
use super::problem::Problem;
use super::renders::Renders;
use super::request::{OwnedRequest, RequestView};
use super::unread::{BodyRoom, RequestBody};
use crate::cache::{Cache, OrderedPages, PurgeOrder};
use crate::config::{AccessLog, CacheStatusDetail, ServerConfig};
use crate::site::key::{Facts as RequestFacts, InputKind};
use crate::site::route::rules::Violation;
use crate::site::route::{
    AddressForm, Matched, Params, PathText, Query, RawQuery, RouteMatch, leads_as_written,
};
use crate::site::template::TextTemplate;
use crate::site::{Purged, PurgedPages, Route};

/// Serves the site that is live. Clones are the same.
#[derive(Clone)]
pub struct SiteHandler {
    core: Arc<Core>,
    own_paths: OwnPaths,
    /// What answers at [`Self::own_paths`].
    own: WarpHandler,
    access_log: LineStyle,
}

/// What all requests share.
struct Core {
    live: Arc<Live>,
    cache: Cache,
    renders: Arc<Renders>,
    bodies: BodyRoom,
    cache_status: CacheStatusDetail,
    /// What stands before every address; empty where nothing does.
    base: String,
}

impl SiteHandler {
    /// A handler for what `live` holds, answering from `cache`.
    #[must_use]
    pub fn new(live: Arc<Live>, cache: Cache, server: &ServerConfig) -> Self {
        let own_paths = OwnPaths::new(server);
        let own = WarpHandler::new(own::filter_for_all(&own_paths, Arc::clone(&live)));
        let renders = Arc::new(Renders::new(cache.clock().clone()));
        let (bodies, cache_status) = (BodyRoom::default(), server.cache_status);
        let base = server.base().to_owned();
        let core = Core { live, cache, renders, bodies, cache_status, base };
        let proxies = server.trusted_proxies.as_slice().into();
        let access_log = LineStyle { form: server.access_log, proxies };
        Self { core: Arc::new(core), own_paths, own, access_log }
    }

    /// Whether a path is larder's own, whatever the site has there.
    pub(crate) fn is_own(&self, path: &str) -> bool {
        self.own_paths.hold(path)
    }

    /// What a request is answered that cannot be answered otherwise: the site's own page, if any.
    pub(crate) fn problem(&self, request: &RequestView<'_>, problem: Problem) -> Responding {
        let served = self.core.live.load();
        self.core.problem(Asking::of_site(&served, request), problem)
    }
}

impl SiteHandler {
    /// Whether a route of the site is for a path, by whatever method.
    pub(super) fn has_route(&self, request: &RequestView<'_>) -> bool {
        let served = self.core.live.load();
        !matches!(served.site.find(request.method.as_str(), request.path), RouteMatch::NotFound)
    }

    /// The answer of the site's routes, or its 404.
    pub(super) fn respond_by_route(
        &self,
        request: &RequestView<'_>,
        body: RequestBody,
    ) -> Responding {
        self.core.respond_to_whole(request, body)
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
        self.core.respond_in(&self.core.live.load(), request, &Received::Nothing)
    }

    fn base(&self) -> &str {
        &self.core.base
    }

    /// What comes with a GET nobody wants: it is the edge that throws it away.
    fn takes_whole(&self, request: &RequestView<'_>) -> bool {
        !request.is_read()
    }

    fn respond_to_whole(&self, request: &RequestView<'_>, unread: Unread) -> Responding {
        self.core.respond_to_whole(request, unread.body)
    }

    fn finish(&self, answer: &mut Answer) {
        let served = self.core.live.load();
        add_missing(answer.response_mut().headers_mut(), lines(&served.default_lines));
        answer.facts = Facts::bypass(self.core.cache_status);
    }

    fn answers(&self) -> Option<Arc<Answers>> {
        Some(Arc::clone(self.core.live.answers()))
    }

    fn observes(&self) -> bool {
        self.access_log.form != AccessLog::Off
    }

    fn sent(&self, exchange: &Exchange<'_>) {
        // Load balancers ask for it each second.
        if !self.own_paths.is_health(&exchange.asked.path) {
            exchange.log(&self.access_log, self.core.cache.clock().wall());
        }
    }
}

/// A route and what a request says to it.
struct MatchedRequest<'s> {
    served: &'s Arc<Served>,
    route: &'s Arc<Route>,
    prepared: &'s Arc<PreparedRoute>,
    target: u32,
    path: &'s PathText<'s>,
    params: &'s Params<'s>,
    query: Query<'s>,
    body: Option<Value>,
    request: &'s RequestView<'s>,
}

/// What goes on with a request that takes longer: it has a copy of all that its answer needs.
struct Later {
    core: Arc<Core>,
    served: Arc<Served>,
    prepared: Arc<PreparedRoute>,
    request: OwnedRequest,
    /// The visitor's best language, where the page reads it.
    language: Option<String>,
}

/// A request, and what an answer that is no route's page has to be made of.
#[derive(Clone, Copy)]
struct Asking<'s> {
    served: &'s Arc<Served>,
    request: &'s RequestView<'s>,
    /// Those of the route that the request is for, if any.
    lines: &'s DefaultLines,
}

/// Why what a request says does not do.
enum Refused {
    Path,
    /// Of the query, or a field of the body.
    Parameter(Violation),
    Body(Box<Problem>),
    NoRoom,
}

impl Core {
    /// The answer of one version of the site.
    fn respond_in(
        self: &Arc<Self>,
        served: &Arc<Served>,
        request: &RequestView<'_>,
        received: &Received,
    ) -> Responding {
        let method = request.method.as_str();
        let asking = Asking::of_site(served, request);
        match served.site.find(method, request.path) {
            RouteMatch::Route(mut matched) => self.route(asking, &mut matched, received),
            RouteMatch::Redirect { to } => self.other_form(asking, &to),
            RouteMatch::Method { allow } if method == "OPTIONS" => {
                self.options(asking, &allow).into()
            }
            RouteMatch::Method { allow } => {
                self.live.count_unmatched();
                self.wrong_method(asking, &allow)
            }
            RouteMatch::NotFound => {
                self.live.count_unmatched();
                self.problem(asking, Problem::not_found())
            }
            RouteMatch::Malformed => self.malformed(asking, "the address is not well-formed"),
        }
    }

    /// What a route answers. Who may read its pages may read its errors too.
    fn route<'s>(
        self: &Arc<Self>,
        asking: Asking<'s>,
        matched: &mut Matched<'s>,
        received: &Received,
    ) -> Responding {
        let Asking { served, request, .. } = asking;
        let Some((route, prepared)) = served.route(matched.target) else {
            return self.problem(asking, Problem::not_found());
        };
        let asking = Asking { lines: &prepared.default_lines, ..asking };
        let responding = self.matched(asking, (route, prepared), matched, received);
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

    fn matched<'s>(
        self: &Arc<Self>,
        asking: Asking<'s>,
        (route, prepared): (&'s Arc<Route>, &'s Arc<PreparedRoute>),
        matched: &mut Matched<'s>,
        received: &Received,
    ) -> Responding {
        let Asking { served, request, .. } = asking;
        let Ok(raw) = request.query.map_or(Ok(RawQuery::default()), RawQuery::parse) else {
            return self.malformed(asking, "the query is not well-formed");
        };
        let checked = check(route, matched, &raw);
        let (query, body) = match checked.and_then(|query| Ok((query, received.of_route(route)?))) {
            Ok(both) => both,
            Err(refused) => return self.refused(asking, refused),
        };
        let Matched { target, path, params } = &*matched;
        let target = *target;
        let asked =
            MatchedRequest { served, route, prepared, target, path, params, query, body, request };
        let responding = match &prepared.source {
            PreparedSource::Page(page) => self.page(&asked, page),
            PreparedSource::File(file) => self.file(&asked, file),
            PreparedSource::Dir(dir) => self.dir(&asked, dir),
            PreparedSource::Redirect(to) => self.redirect(&asked, to),
        };
        if route.purges.is_empty() { responding } else { self.purging(&asked, responding) }
    }

    /// An answer that says that all went well goes out when what it makes old is purged.
    fn purging(self: &Arc<Self>, asked: &MatchedRequest<'_>, responding: Responding) -> Responding {
        let purged = asked.served.site.purged_by(asked.route, asked.params);
        let core = Arc::clone(self);
        Responding::begin(async move {
            let answer = responding.answer().await;
            if answer.status().as_u16() < 400 {
                core.cache.purge_ordered(purged.into_iter().map(order).collect()).await;
            }
            answer
        })
    }

    /// The address that a route sends to; 404 where what the request says makes none.
    fn redirect(self: &Arc<Self>, asked: &MatchedRequest<'_>, to: &TextTemplate) -> Responding {
        let facts = asked.facts();
        let address = to.render(|input| facts.in_address(input, AddressForm::Url));
        let Some(address) = address.filter(|address| leads_as_written(address)) else {
            return self.problem(asked.asking(), Problem::not_found());
        };
        let mut response =
            answer::with_body(asked.prepared, asked.prepared.status, Bytes::new(), None);
        let base = if address.starts_with('/') { &*self.base } else { "" };
        answer::put(&mut response, LOCATION, &format!("{base}{address}"));
        self.bypass(response, Some(asked.prepared)).into()
    }

    /// An answer that the cache had no part in.
    fn bypass(&self, answer: impl Into<Answer>, route: Option<&Arc<PreparedRoute>>) -> Answer {
        let mut answer = answer.into();
        answer.facts = Facts { route: route.cloned(), ..Facts::bypass(self.cache_status) };
        answer
    }
}

fn order(Purged { route, namespace, pages }: Purged) -> PurgeOrder {
    let pages = match pages {
        PurgedPages::All => OrderedPages::All,
        PurgedPages::Key(key) => OrderedPages::Key(key),
        PurgedPages::Path(path) => OrderedPages::Path(path),
    };
    PurgeOrder { route, namespace, pages }
}

/// The parameters of path and query, checked.
fn check<'r, 'q>(
    route: &'r Route,
    matched: &mut Matched<'r>,
    raw: &'q RawQuery<'q>,
) -> Result<Query<'q>, Refused>
where
    'r: 'q,
{
    route.rules.path(&mut matched.params).map_err(|_| Refused::Path)?;
    route.rules.query(raw).map_err(Refused::Parameter)
}

impl<'s> Asking<'s> {
    fn of_site(served: &'s Arc<Served>, request: &'s RequestView<'s>) -> Self {
        Self { served, request, lines: &served.default_lines }
    }

    /// The visitor's best language, where the site has languages.
    fn language(self) -> Option<&'s str> {
        language::of_visitor(&self.served.site, self.request.headers)
    }
}

impl<'s> MatchedRequest<'s> {
    fn facts(&'s self) -> RequestFacts<'s> {
        RequestFacts {
            path: self.path,
            params: self.params,
            query: &self.query,
            headers: self.request.headers,
            language: if self.has_language() { self.asking().language() } else { None },
            body: self.body.as_ref(),
        }
    }

    /// Whether the page reads the language, or its key names it.
    fn has_language(&self) -> bool {
        let covers = self.route.key.as_ref().map(|key| &key.covers);
        let mut both = [Some(&self.route.inputs), covers].into_iter().flatten();
        both.any(|inputs| inputs.any(InputKind::Language))
    }

    /// The visitor's best language, where the page reads it.
    fn language(&self) -> Option<&'s str> {
        if !self.route.inputs.any(InputKind::Language) {
            return None;
        }
        self.asking().language()
    }

    fn asking(&self) -> Asking<'s> {
        let (served, request) = (self.served, self.request);
        Asking { served, request, lines: &self.prepared.default_lines }
    }

    fn later(&self, core: &Arc<Core>) -> Later {
        Later {
            core: Arc::clone(core),
            served: Arc::clone(self.served),
            prepared: Arc::clone(self.prepared),
            request: self.request.into_owned(),
            language: self.language().map(str::to_owned),
        }
    }
}

impl Later {
    /// A problem of the route's.
    async fn problem(&self, problem: Problem) -> Answer {
        let request = &self.request.view();
        self.core.problem(self.asking(request), problem).answer().await
    }

    fn asking<'s>(&'s self, request: &'s RequestView<'s>) -> Asking<'s> {
        Asking { served: &self.served, request, lines: &self.prepared.default_lines }
    }
}
