//! What Redis holds: an HTTP response message that a person can read, and back.
//!
//! ```text
//! HTTP/1.1 200 OK
//! content-type: text/html; charset=utf-8
//! etag: "kq3f…"
//! larder: v=2; route=about; path=/about; fp=…; in=…; id=…; made=2026-11-23T21:00:00Z; ttl=…;
//! px=…; len=…; sum=…
//!
//! <p>…</p>
//! ```
//!
//! Lines end in a line feed alone, so that `grep -x` and `head -1` work on what `redis-cli` prints.
//! The sum covers the key, every byte before it and the body: what was cut, mended by hand, half
//! written or copied to another key is told from what larder wrote.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::entry::Entry;
use crate::fingerprint::{Fingerprint, Hasher};

/// The form that is written, and the only one that is read.
const VERSION: &str = "2";
/// The longest head that is read, in bytes: a path of 8 KiB, all of it encoded, and the rest.
pub(crate) const HEAD_BYTES: usize = 32 * 1024;

/// The statuses that an answer of its own may have.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// Why bytes are no record: a miss, never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not a record of larder at all, or not of this version.
    #[error("not a record of this version")]
    Foreign,
    /// The body is not as long as the record says.
    #[error("cut short, or too long")]
    Length,
    /// It was changed after it was written, or written under another key.
    #[error("changed since it was written, or of another key")]
    Sum,
    /// Not of the status that the route has.
    #[error("not of the route's status")]
    Status,
    /// Without a TTL, or with a longer one than it was written with: another wrote it, or
    /// `PERSIST`.
    #[error("without the TTL that it was written with")]
    Ttl,
}

/// What the lines before the body say.
pub(crate) struct Head<'a> {
    /// The entry, still without its body.
    pub(crate) entry: Entry,
    body_len: usize,
    sum: Fingerprint,
    /// All that the sum covers before the body.
    summed: &'a str,
    /// Where the body begins.
    body_at: usize,
}

/// The record of an entry under `key`; nothing where a line of it could not be read back.
pub fn write(key: &str, entry: &Entry) -> Option<Vec<u8>> {
    let made = Timestamp::try_from(entry.made).ok()?;
    let lines = [&*entry.content_type, &entry.etag, &entry.route];
    if lines.iter().any(|line| line.contains(char::is_control)) || entry.route.contains(';') {
        return None;
    }
    let head = format!(
        "HTTP/1.1 {} {}\ncontent-type: {}\netag: {}\nlarder: v={VERSION}; route={}; path={}; \
         fp={}; in={}; id={:016x}; made={made}; ttl={}; px={}; len={}; ",
        entry.status,
        reason(entry.status),
        entry.content_type,
        entry.etag,
        entry.route,
        encode_field(&entry.path),
        entry.fingerprint,
        entry.inputs,
        entry.id,
        entry.ttl.as_millis(),
        entry.keep_for.as_millis(),
        entry.body.len(),
    );
    let tail = format!("sum={}\n\n", sum_of(key, &head, &entry.body));
    let mut record = Vec::with_capacity(head.len() + tail.len() + entry.body.len());
    record.extend_from_slice(head.as_bytes());
    record.extend_from_slice(tail.as_bytes());
    record.extend_from_slice(&entry.body);
    (head.len() + tail.len() <= HEAD_BYTES).then_some(record)
}

/// Encodes what would end the field or the line; letters of any script stay readable.
fn encode_field(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || matches!(char, ';' | ' ' | '%') {
            out.extend(utf8_percent_encode(char.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC));
        } else {
            out.push(char);
        }
    }
    out
}

/// The entry of a record that was found under `key`.
///
/// # Errors
/// The [`Flaw`] that makes it a miss.
pub fn read(key: &[u8], record: &Bytes) -> Result<Entry, Flaw> {
    let Head { entry, body_len, sum, summed, body_at } = read_head(record).ok_or(Flaw::Foreign)?;
    let body = record.slice(body_at..);
    if body.len() != body_len {
        return Err(Flaw::Length);
    }
    if sum_of(key, summed, &body) != sum {
        return Err(Flaw::Sum);
    }
    Ok(Entry { body, ..entry })
}

/// What the first bytes of a record say, for lists; the body is not looked at.
///
/// Reads the lines in the one order in which they are written.
pub(crate) fn read_head(start: &[u8]) -> Option<Head<'_>> {
    let bounded = start.get(..HEAD_BYTES.min(start.len()))?;
    let end = bounded.windows(2).position(|pair| pair == b"\n\n")?;
    let text = std::str::from_utf8(start.get(..end)?).ok()?;
    let summed = text.rsplit_once("sum=")?.0;
    let mut lines = text.split('\n');
    let (status, reason_given) = lines.next()?.strip_prefix("HTTP/1.1 ")?.split_once(' ')?;
    let status = number::<u16>(status)?;
    let content_type = lines.next()?.strip_prefix("content-type: ")?;
    let etag = lines.next()?.strip_prefix("etag: ")?;
    let mut fields = lines.next()?.strip_prefix("larder: ")?.split("; ");
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
    let version = field("v")?;
    let route = field("route")?;
    let path = percent_decode_str(field("path")?).decode_utf8().ok()?;
    let fingerprint = Fingerprint::parse(field("fp")?)?;
    let (inputs, id) = (Fingerprint::parse(field("in")?)?, field("id")?);
    let id = (id.len() == 16).then(|| u64::from_str_radix(id, 16).ok())??;
    let made = Timestamp::from_str(field("made")?).ok()?.as_second();
    let (ttl, keep_for) = (number(field("ttl")?)?, number(field("px")?)?);
    let (body_len, sum) = (number(field("len")?)?, Fingerprint::parse(field("sum")?)?);
    let sound = version == VERSION
        && reason_given == reason(status)
        && STATUSES.contains(&status)
        && !content_type.contains(char::is_control)
        && is_etag(etag)
        && ttl <= keep_for
        && fields.next().is_none()
        && lines.next().is_none();
    let entry = Entry {
        status,
        content_type: content_type.into(),
        body: Bytes::new(),
        etag: etag.into(),
        route: route.into(),
        path: path.into(),
        fingerprint,
        inputs,
        id,
        made: UNIX_EPOCH + Duration::from_secs(u64::try_from(made).ok()?),
        ttl: Duration::from_millis(ttl),
        keep_for: Duration::from_millis(keep_for),
        prepared: OnceLock::new(),
        prepared_bytes: AtomicU64::new(0),
    };
    sound.then_some(Head { entry, body_len, sum, summed, body_at: end + 2 })
}

/// Whether the first `asked` bytes of a value may be the beginning of a record whose head goes on.
pub(crate) fn may_go_on(start: &[u8], asked: usize) -> bool {
    start.len() >= asked
        && start.starts_with(b"HTTP/1.1 ")
        && !start.windows(2).any(|pair| pair == b"\n\n")
}

/// A number as it is written: digits, no sign, no leading zero.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let plain = text.bytes().all(|digit| digit.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// A strong validator: quoted, visible characters (RFC 9110, section 8.8.3).
fn is_etag(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| inner.bytes().all(|char| char.is_ascii_graphic() && char != b'"'))
}

fn sum_of(key: impl AsRef<[u8]>, head: &str, body: &[u8]) -> Fingerprint {
    Hasher::default().field(key).field(head).field(body).finish()
}

/// The words of RFC 9110 for a status; none for one that it does not know.
fn reason(status: u16) -> &'static str {
    let known = StatusCode::from_u16(status).ok();
    known.and_then(|status| status.canonical_reason()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
