//! What a request wants of the cache, and the render that makes it where the cache has nothing.

use std::sync::Arc;

use bytes::Bytes;

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
}

/// Why a render gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderFailure {
    /// The status for the client: 500, 503 or 504.
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
