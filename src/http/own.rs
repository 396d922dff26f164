//! What larder itself answers on the main listener, as warp filters: health, and the documentation
//! of the site's addresses with Swagger UI.

use std::sync::Arc;

use ::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use utoipa_swagger_ui::Config;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response as Reply;
use warp::{Filter, Rejection};

use super::answer;
use super::body::Body;
use super::filter::into_reply;
use super::live::Live;
use super::problem::{Form, Problem};
use crate::config::ServerConfig;
use crate::site::below;

/// Where the OpenAPI document is.
const DOCUMENT: &str = "/openapi.json";

/// What Swagger UI loads is its own, but for styles, which it writes into elements, and pictures in
/// its stylesheet. It asks the site alone, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'";

/// The paths that are larder's own, whatever the site has there.
#[derive(Clone, Debug)]
pub(crate) struct OwnPaths {
    /// Answers 200 while the process lives.
    health: Option<Arc<str>>,
    /// Where Swagger UI is, without a slash at its end: `/docs`.
    docs: Option<Arc<str>>,
    /// What stands before them; a site in another program sees it.
    base: Arc<str>,
}

impl OwnPaths {
    pub(crate) fn new(server: &ServerConfig) -> Self {
        let docs = server.docs.as_ref().map(|docs| docs.path.trim_end_matches('/').into());
        let health = server.health.as_deref().map(Arc::from);
        Self { health, docs, base: server.base().into() }
    }

    /// Whether a path is where health is asked for.
    pub(super) fn is_health(&self, path: &str) -> bool {
        self.health.as_deref() == Some(path)
    }

    /// Whether a path is one of them.
    pub(super) fn hold(&self, path: &str) -> bool {
        self.what(path).is_some()
    }

    /// What is at a path, in a person's words; nothing where it is the site's.
    pub(crate) fn what(&self, path: &str) -> Option<&'static str> {
        if self.is_health(path) {
            return Some("health");
        }
        let below = path.strip_prefix(self.docs.as_deref()?);
        let is_docs = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (is_docs || path == DOCUMENT).then_some("documentation")
    }
}

/// What answers there; rejects all else.
pub(super) fn filter(paths: &OwnPaths, live: Arc<Live>) -> BoxedFilter<(Reply,)> {
    health(paths.clone())
        .or(document(paths.clone(), live))
        .unify()
        .or(swagger(paths.clone()))
        .unify()
        .boxed()
}

/// The same, for who asks for nothing else: what is not there is a 404.
pub(super) fn filter_for_all(paths: &OwnPaths, live: Arc<Live>) -> BoxedFilter<(Reply,)> {
    let missing = warp::any().map(|| into_reply(Problem::not_found().answer(Form::Json)));
    filter(paths, live).or(missing).unify().boxed()
}

fn health(paths: OwnPaths) -> BoxedFilter<(Reply,)> {
    at(move |asked| paths.is_health(below(asked, &paths.base)))
        .map(|_path| sent(Bytes::from_static(b"ok\n"), "text/plain; charset=utf-8", "no-store"))
        .boxed()
}

fn document(paths: OwnPaths, live: Arc<Live>) -> BoxedFilter<(Reply,)> {
    at(move |asked| paths.docs.is_some() && below(asked, &paths.base) == DOCUMENT)
        .map(move |_path| sent(live.load().openapi(), "application/json", "no-cache"))
        .boxed()
}

fn swagger(paths: OwnPaths) -> BoxedFilter<(Reply,)> {
    let document = format!("{}{DOCUMENT}", paths.base);
    let config = Arc::new(Config::new([document]).try_it_out_enabled(true));
    warp::path::full()
        .and_then(move |path: FullPath| {
            let asked = below(path.as_str(), &paths.base);
            let answer = paths.docs.as_deref().and_then(|docs| {
                swagger_file(&format!("{}{docs}", paths.base), asked.strip_prefix(docs)?, &config)
            });
            std::future::ready(answer.ok_or_else(warp::reject::not_found))
        })
        .boxed()
}

/// The path, where it is meant.
fn at(
    is_meant: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (FullPath,), Error = Rejection> + Clone {
    warp::path::full().and_then(move |path: FullPath| {
        let meant = is_meant(path.as_str());
        std::future::ready(if meant { Ok(path) } else { Err(warp::reject::not_found()) })
    })
}

fn swagger_file(docs: &str, below: &str, config: &Arc<Config<'static>>) -> Option<Reply> {
    let Some(name) = below.strip_prefix('/') else {
        // Its files are found relative to the directory.
        let mut moved = answer::bare(StatusCode::PERMANENT_REDIRECT);
        answer::put(&mut moved, LOCATION, &format!("{docs}/"));
        answer::put(&mut moved, CACHE_CONTROL, "no-cache");
        return Some(into_reply(moved));
    };
    let file = utoipa_swagger_ui::serve(name, Arc::clone(config)).ok()??;
    Some(sent(Bytes::from(file.bytes.into_owned()), &file.content_type, "no-cache"))
}

fn sent(bytes: Bytes, content_type: &str, cache_control: &str) -> Reply {
    let mut response = Response::new(Body::full(bytes));
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache_control),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        answer::put(&mut response, name, value);
    }
    into_reply(response)
}
