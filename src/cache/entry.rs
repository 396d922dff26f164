//! What the cache keeps of a render; the HTTP edge answers from an [`Entry`].

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::request::{CacheRequest, Rendered};
use crate::fingerprint::Fingerprint;

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
    /// How long it is fresh, in whole milliseconds; zero where the route stores nothing.
    pub ttl: Duration,
    /// How long it is kept: `ttl` and the longer stale window, in whole milliseconds.
    pub keep_for: Duration,
    pub(super) prepared: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What the edge keeps beside an entry, codings included, is taken to weigh as much as the body.
const PREPARED_BODIES: u64 = 1;
/// Structure, headers and map slot of one entry, in bytes, measured generously.
const OVERHEAD_BYTES: u64 = 768;
/// Nothing is kept longer: a century, so that sums cannot overflow in Redis.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Entry {
    /// The entry of a render for `request`, made at `wall`.
    pub fn new(rendered: Rendered, request: &CacheRequest, wall: SystemTime) -> Self {
        let lifetime = &request.lifetime;
        let ttl = whole_ms(lifetime.ttl.unwrap_or(Duration::ZERO));
        let window = lifetime.stale_while_revalidate.max(lifetime.stale_if_error);
        let keep_for = if ttl.is_zero() { ttl } else { whole_ms(ttl.saturating_add(window)) };
        Self {
            status: rendered.status,
            content_type: rendered.content_type.into(),
            etag: etag(&rendered.body),
            body: rendered.body,
            route: Arc::clone(&request.route),
            path: request.path.as_str().into(),
            fingerprint: request.fingerprint,
            made: whole_seconds(wall),
            ttl,
            keep_for,
            prepared: OnceLock::new(),
        }
    }

    /// Where the HTTP edge keeps what it prepares once: header lines, codings.
    ///
    /// Its weight is part of the estimate that [`Entry::weight`] gives.
    pub fn prepared(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.prepared
    }

    /// An estimate of the bytes it takes in memory, what the edge prepares included.
    pub fn weight(&self) -> u64 {
        let body = self.body.len() as u64;
        OVERHEAD_BYTES + body * (1 + PREPARED_BODIES) + self.path.len() as u64
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, route, path, fingerprint, ttl, .. } = self;
        let bytes = self.body.len();
        write!(out, "Entry({status} {path} of {route}, {fingerprint}, {bytes} bytes for {ttl:?})")
    }
}

/// The strong validator of a body: the same from every instance (RFC 9110, section 8.8.3).
fn etag(body: &[u8]) -> Box<str> {
    let digest = Fingerprint::of(body);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.as_bytes())).into()
}

fn whole_ms(duration: Duration) -> Duration {
    let bounded = duration.min(LONGEST);
    Duration::from_secs(bounded.as_secs()) + Duration::from_millis(bounded.subsec_millis().into())
}

/// A clock that is before 1970 is wrong, and no record could say so: then it is 1970.
fn whole_seconds(wall: SystemTime) -> SystemTime {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
