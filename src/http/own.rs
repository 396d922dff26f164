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
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response as Reply;

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

    fn answer(&self, path: &str, live: &Live, config: &Arc<Config<'static>>) -> Option<Reply> {
        let path = below(path, &self.base);
        if self.is_health(path) {
            let ok = Bytes::from_static(b"ok\n");
            return Some(sent(ok, "text/plain; charset=utf-8", "no-store"));
        }
        let docs = self.docs.as_deref()?;
        if path == DOCUMENT {
            return Some(sent(live.load().openapi(), "application/json", "no-cache"));
        }
        swagger_file(&format!("{}{docs}", self.base), path.strip_prefix(docs)?, config)
    }
}

/// What answers there; rejects all else.
pub(super) fn filter(paths: &OwnPaths, live: Arc<Live>) -> BoxedFilter<(Reply,)> {
    let paths = paths.clone();
    let document = format!("{}{DOCUMENT}", paths.base);
    let config = Arc::new(Config::new([document]).try_it_out_enabled(true));
    warp::path::full()
        .and_then(move |path: FullPath| {
            let answer = paths.answer(path.as_str(), &live, &config);
            std::future::ready(answer.ok_or_else(warp::reject::not_found))
        })
        .boxed()
}

/// The same, for who asks for nothing else: what is not there is a 404.
pub(super) fn filter_for_all(paths: &OwnPaths, live: Arc<Live>) -> BoxedFilter<(Reply,)> {
    let missing = warp::any().map(|| into_reply(Problem::not_found().answer(Form::Json)));
    filter(paths, live).or(missing).unify().boxed()
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
