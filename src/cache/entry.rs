//! What the cache keeps of a render; the HTTP edge answers from an [`Entry`].

use std::any::Any;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// A digest of what it read from elsewhere while it was rendered.
    pub inputs: Fingerprint,
    /// What no other record has.
    pub id: u64,
    /// When it was rendered, in whole seconds of wall time, for people.
    pub made: SystemTime,
    /// How long it is fresh, in whole milliseconds; zero where the route stores nothing.
    pub ttl: Duration,
    /// How long it is kept: `ttl` and the longer stale window, in whole milliseconds; longer where
    /// what it read from elsewhere may be the same again.
    pub keep_for: Duration,
    pub(super) prepared: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// How many bytes that takes.
    pub(super) prepared_bytes: AtomicU64,
}

/// The structure and the texts of one entry, in bytes, measured generously.
const OVERHEAD_BYTES: u64 = 512;
/// Nothing is kept longer: a century, so that sums cannot overflow in Redis.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Entry {
    /// The entry of a render for `request`, made at `wall`.
    pub fn new(rendered: Rendered, request: &CacheRequest, wall: SystemTime) -> Self {
        let lifetime = &request.lifetime;
        let longest = lifetime.ttl.unwrap_or(Duration::ZERO);
        let ttl = whole_ms(rendered.left.map_or(longest, |left| left.fresh.min(longest)));
        let window = lifetime.stale_while_revalidate.max(lifetime.stale_if_error);
        let window = rendered.left.map_or(window, |left| left.kept.max(window));
        let keep_for = if ttl.is_zero() { ttl } else { whole_ms(ttl.saturating_add(window)) };
        Self {
            status: rendered.status,
            content_type: rendered.content_type.into(),
            etag: etag(&rendered.body),
            body: rendered.body,
            route: Arc::clone(&request.route),
            path: request.path.as_str().into(),
            fingerprint: request.fingerprint,
            inputs: rendered.inputs,
            id: RandomState::new().hash_one(&request.key),
            made: whole_seconds(wall),
            ttl,
            keep_for,
            prepared: OnceLock::new(),
            prepared_bytes: AtomicU64::new(0),
        }
    }

    /// Where the HTTP edge keeps what it prepares once: header lines, codings.
    pub fn prepared(&self) -> &OnceLock<Arc<dyn Any + Send + Sync>> {
        &self.prepared
    }

    /// Says how many bytes that takes by now.
    pub(crate) fn count_prepared(&self, bytes: u64) {
        self.prepared_bytes.store(bytes, Ordering::Relaxed);
    }

    /// An estimate of the bytes it takes in memory, by now.
    pub fn weight(&self) -> u64 {
        let (body, path) = (self.body.len() as u64, self.path.len() as u64);
        OVERHEAD_BYTES + body + path + self.prepared_bytes.load(Ordering::Relaxed)
    }

    /// Whether all that could be prepared of another one is what would be prepared of this.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.etag == other.etag
            && self.fingerprint == other.fingerprint
            && self.content_type == other.content_type
            && self.body.len() == other.body.len()
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
pub(crate) fn etag(body: &[u8]) -> Box<str> {
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
