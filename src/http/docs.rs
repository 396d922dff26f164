//! Swagger UI and the OpenAPI document, at `server.docs` and `/openapi.json`.

use std::fmt;
use std::sync::Arc;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use super::answer;
use super::body::Body;
use super::live::Served;

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// The documentation of the site's addresses.
#[derive(Clone)]
pub(super) struct Docs {
    /// Where Swagger UI is: `/docs`.
    path: String,
    config: Arc<Config<'static>>,
}

impl fmt::Debug for Docs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Docs({})", self.path)
    }
}

impl Docs {
    /// Swagger UI at `path`.
    pub(super) fn at(path: &str) -> Self {
        let config = Config::new([DOCUMENT]).try_it_out_enabled(true);
        Self { path: path.trim_end_matches('/').to_owned(), config: Arc::new(config) }
    }

    /// Whether `path` may be one of these: then nothing else is asked before [`Docs::answer`].
    pub(super) fn own(&self, path: &str) -> bool {
        let inner = path.strip_prefix(&self.path);
        path == DOCUMENT || inner.is_some_and(|inner| inner.is_empty() || inner.starts_with('/'))
    }

    /// The answer to a GET of `path`, where it is one of these.
    pub(super) fn answer(&self, path: &str, served: &Served) -> Option<Response<Body>> {
        if path == DOCUMENT {
            return Some(told(served.openapi(), "application/json"));
        }
        let inner = path.strip_prefix(&self.path)?;
        if inner.is_empty() {
            // Its files are found relative to the directory.
            let mut answer = answer::plain(StatusCode::PERMANENT_REDIRECT);
            answer::put(&mut answer, ::http::header::LOCATION, &format!("{}/", self.path));
            return Some(answer);
        }
        let name = inner.strip_prefix('/')?;
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&self.config)).ok()??;
        Some(told(Bytes::from(file.bytes.into_owned()), &file.content_type))
    }
}

fn told(bytes: Bytes, content_type: &str) -> Response<Body> {
    let mut answer = Response::new(Body::full(bytes));
    answer::put(&mut answer, CONTENT_TYPE, content_type);
    answer::put(&mut answer, CACHE_CONTROL, "no-cache");
    answer
}
