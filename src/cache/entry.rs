//! What a render gives and what the cache keeps of it; the HTTP edge answers from an [`Entry`].

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::freshness::Lifetime;
use crate::fingerprint::Fingerprint;

/// What a request wants of the cache: its key, and what may be served under it.
#[derive(Clone, Debug)]
pub struct Ask {
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
    /// Whether the render reads from elsewhere or takes its time: then the whole fleet shares one,
    /// by a lease. One that only computes, in microseconds, each process does for itself.
    pub io: bool,
}

/// Makes the response of an [`Ask`]: called at most once, without the request at hand.
pub trait Render: Send + 'static {
    /// Renders; ended after 30 s, and then counted as failed.
    ///
    /// # Errors
    /// A [`RenderFailure`]; nothing is stored then, and a stale copy may be served instead.
    fn render(self) -> impl Future<Output = Result<Rendered, RenderFailure>> + Send;
}

impl<F, T> Render for F
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = Result<Rendered, RenderFailure>> + Send,
{
    async fn render(self) -> Result<Rendered, RenderFailure> {
        self().await
    }
}

/// A finished render.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The HTTP status.
    pub status: u16,
    /// The `content-type` line's value.
    pub content_type: String,
    /// The body, in identity coding.
    pub body: Bytes,
    /// What is left of the values that were read: the entry lives no longer. `None`: no bound.
    pub at_most: Option<Duration>,
    /// Whether it may be kept; fallbacks and error pages may not.
    pub store: bool,
}

/// Why a render gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderFailure {
    /// The status for the client: 404, 500, 502, 503 or 504.
    pub status: u16,
    /// What went wrong, for the log: never sent.
    pub detail: Arc<str>,
    /// Whether the old entry goes too: the route's own load found that the thing is gone.
    pub forget: bool,
}

impl RenderFailure {
    /// A failure that leaves the old entry alone.
    #[must_use]
    pub fn new(status: u16, detail: &str) -> Self {
        Self { status, detail: detail.into(), forget: false }
    }
}

/// A response as it is kept: immutable, shared by all who are answered from it.
pub struct Entry {
    /// The HTTP status.
    pub status: u16,
    /// The `content-type` line's value.
    pub content_type: Box<str>,
    /// The body, in identity coding.
    pub body: Bytes,
    /// The strong validator of the identity body, with its quotes.
    pub etag: Box<str>,
    /// The route's name.
    pub route: Arc<str>,
    /// The path that was asked for.
    pub path: Box<str>,
    /// What decided it besides the request.
    pub fingerprint: Fingerprint,
    /// When it was rendered, in whole seconds of wall time, for people.
    pub made: SystemTime,
    /// How long it is fresh, in whole milliseconds; zero where it was not to be kept.
    pub ttl: Duration,
    /// How long it is kept: `ttl` and the longer stale window, in whole milliseconds.
    pub px: Duration,
    prepared: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What the edge keeps beside an entry, codings included, is taken to weigh as much as the body.
const PREPARED_BODIES: u64 = 1;
/// Structure, headers and map slot of one entry, in bytes, measured generously.
const OVERHEAD_BYTES: u64 = 768;
/// Nothing is kept longer, in milliseconds: a century, so that sums cannot overflow in Redis.
const LONGEST_MS: u128 = 100 * 365 * 86_400_000;

impl Entry {
    /// The entry of a render for `ask`, made at `wall`.
    #[must_use]
    pub fn new(rendered: Rendered, ask: &Ask, wall: SystemTime) -> Self {
        let lifetime = &ask.lifetime;
        let wanted = if rendered.store { lifetime.ttl.unwrap_or_default() } else { Duration::ZERO };
        let ttl = whole_ms(rendered.at_most.map_or(wanted, |left| wanted.min(left)));
        let window = lifetime.stale_while_revalidate.max(lifetime.stale_if_error);
        let px = if ttl.is_zero() { ttl } else { whole_ms(ttl.saturating_add(window)) };
        Self {
            status: rendered.status,
            content_type: rendered.content_type.into(),
            etag: etag(&rendered.body),
            body: rendered.body,
            route: Arc::clone(&ask.route),
            path: ask.path.as_str().into(),
            fingerprint: ask.fingerprint,
            made: whole_seconds(wall),
            ttl,
            px,
            prepared: OnceLock::new(),
        }
    }

    /// An entry from its parts, as a record tells them.
    pub(crate) fn from_parts(parts: Parts) -> Self {
        let Parts { status, content_type, body, etag, route, path, fingerprint, made, ttl, px } =
            parts;
        let prepared = OnceLock::new();
        Self { status, content_type, body, etag, route, path, fingerprint, made, ttl, px, prepared }
    }

    /// Where the HTTP edge keeps what it prepares once: header lines, codings.
    ///
    /// Its weight is part of the estimate that [`Entry::weight`] gives.
    #[must_use]
    pub fn prepared(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.prepared
    }

    /// An estimate of the bytes it takes in memory, what the edge prepares included.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let body = self.body.len() as u64;
        OVERHEAD_BYTES + body * (1 + PREPARED_BODIES) + self.path.len() as u64
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Entry")
            .field("status", &self.status)
            .field("route", &self.route)
            .field("path", &self.path)
            .field("fingerprint", &self.fingerprint)
            .field("bytes", &self.body.len())
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// All that a record tells of an entry.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) status: u16,
    pub(crate) content_type: Box<str>,
    pub(crate) body: Bytes,
    pub(crate) etag: Box<str>,
    pub(crate) route: Arc<str>,
    pub(crate) path: Box<str>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) made: SystemTime,
    pub(crate) ttl: Duration,
    pub(crate) px: Duration,
}

/// The strong validator of a body: the same from every instance (RFC 9110, section 8.8.3).
fn etag(body: &[u8]) -> Box<str> {
    let digest = Fingerprint::of(body);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.as_bytes())).into()
}

fn whole_ms(duration: Duration) -> Duration {
    let ms = duration.as_millis().min(LONGEST_MS);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

fn whole_seconds(wall: SystemTime) -> SystemTime {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
