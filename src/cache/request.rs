//! What a request wants of the cache, and the render that makes it where the cache has nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::entry::Entry;
use crate::fingerprint::Fingerprint;
pub use crate::units::Lifetime;
pub(super) use crate::units::RENDER_AT_MOST;

/// What a request wants of the cache: its key, and what may be served under it.
#[derive(Clone, Debug)]
pub struct CacheRequest {
    /// The whole key, with prefix and namespace.
    pub key: String,
    /// What decides the response besides the request; another one's entry is a miss.
    pub fingerprint: Fingerprint,
    /// How long the response is kept, and how long it may be served stale.
    pub lifetime: Lifetime,
    /// The route's name, for the record and the key list.
    pub route: Arc<str>,
    /// The request's path, for the record and the key list.
    pub path: String,
    /// The status that the render gives: a record of another is not the route's.
    pub status: u16,
    /// Whether the render reads from elsewhere or takes its time: then the whole fleet shares one,
    /// by a lease. One that only computes, in microseconds, each process does for itself.
    pub io: bool,
}

/// What comes of a render; nothing is stored of a failure, and a stale copy may be served instead.
pub(super) type RenderResult = Result<Rendered, RenderFailure>;

/// A finished render.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The HTTP status.
    pub status: u16,
    /// The `content-type` line's value.
    pub content_type: String,
    /// The body, in identity coding.
    pub body: Bytes,
    /// A digest of what the render read from elsewhere; the default one where that is nothing.
    pub inputs: Fingerprint,
    /// What is left of the life of what it read from elsewhere; nothing where it read nothing.
    pub left: Option<Left>,
}

/// How long what was read from elsewhere lets a response live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How long it is fresh, at most.
    pub fresh: Duration,
    /// How long it is kept after that, at least: what it read may be the same again, and then it
    /// goes on as it is.
    pub kept: Duration,
}

/// What makes a response where the cache has none: any future that gives one.
pub trait Render: Send + 'static {
    /// Makes it. `earlier` is what was made of the same before, and is too old: where what it read
    /// from elsewhere is the same again, it may be given back as it is.
    fn render(
        self,
        earlier: Option<Arc<Entry>>,
    ) -> impl Future<Output = Result<Rendered, RenderFailure>> + Send;
}

impl<F: Future<Output = Result<Rendered, RenderFailure>> + Send + 'static> Render for F {
    fn render(
        self,
        _earlier: Option<Arc<Entry>>,
    ) -> impl Future<Output = Result<Rendered, RenderFailure>> + Send {
        self
    }
}

/// Why a render gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderFailure {
    /// The status for the client: 404, where there is nothing to make it of, 500, 502, 503 or 504.
    pub status: u16,
    /// What went wrong, for the log: never sent.
    pub detail: Arc<str>,
}

impl RenderFailure {
    /// A failure with this status; `detail` is for the log.
    #[must_use]
    pub fn new(status: u16, detail: &str) -> Self {
        Self { status, detail: detail.into() }
    }
}
