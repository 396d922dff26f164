//! Answers for `file` and `dir` routes: bytes from memory or disk, with conditions and ranges.

mod dir;
mod stream;

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::answer::bare;
use super::body::Body;
use super::conditional::{self, Validators, Verdict};
use super::encoding::{Accepted, Coding, Effort, Variants, worth_coding};
use super::headers::vary_by;
use super::ranges::{Selection, select};
use super::request::RequestView;
use crate::fingerprint::Fingerprint;
use crate::site::key::Headers;
pub(crate) use dir::{Dir, Found};
use stream::{Piece, pieces};

/// A file whose bytes are in memory, with its coded forms.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Bytes,
    media: String,
    etag: String,
    last_modified: Option<SystemTime>,
    variants: Variants,
}

impl Kept {
    /// A file with this content type. The entity tag is a digest of the bytes: the same from every
    /// instance, and after a restart.
    pub(crate) fn new(bytes: Bytes, media: &str, last_modified: Option<SystemTime>) -> Self {
        let etag = format!("\"{}\"", Fingerprint::of(&bytes));
        Self { bytes, media: media.to_owned(), etag, last_modified, variants: Variants::default() }
    }

    /// Bytes that this holds.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len() + self.variants.weight() + self.media.len() + self.etag.len()
    }
}

/// One representation of a file: what is sent if no condition or range says otherwise.
pub(crate) struct Resource {
    content: Content,
    media: String,
    etag: String,
    last_modified: Option<SystemTime>,
    coding: Option<Coding>,
    /// Whether another `Accept-Encoding` could get other bytes.
    varies: bool,
}

enum Content {
    Memory(Bytes),
    Disk(Arc<File>, u64),
}

impl Resource {
    /// The representation of a kept file that the client likes best; makes the coded form where it
    /// is not there yet. A request for a range gets the bytes as they are.
    pub(crate) async fn of_kept(kept: &Kept, request: &dyn Headers) -> Self {
        let varies = worth_coding(&kept.media, kept.bytes.len());
        let ranged = request.line("range", 0).is_some();
        let mut resource = Self {
            content: Content::Memory(kept.bytes.clone()),
            media: kept.media.clone(),
            etag: kept.etag.clone(),
            last_modified: kept.last_modified,
            coding: None,
            varies,
        };
        let wanted = Accepted::of(request).choose(varies, Effort::Thorough).filter(|_| !ranged);
        if let Some(coding) = wanted
            && let Some(coded) = kept.variants.get(coding, &kept.bytes).await
        {
            resource.content = Content::Memory(coded.clone());
            resource.etag = coding.tag(&kept.etag);
            resource.coding = Some(coding);
        }
        resource
    }

    /// A file on disk, too large to be kept. Its entity tag says when it was changed and how long
    /// it is: a digest would take a reading of all of it.
    fn on_disk(file: File, len: u64, media: String, last_modified: Option<SystemTime>) -> Self {
        let since = last_modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let etag = format!("\"{:x}-{len:x}\"", since.unwrap_or_default().as_nanos());
        let content = Content::Disk(Arc::new(file), len);
        Self { content, media, etag, last_modified, coding: None, varies: false }
    }

    /// The length in bytes, as it is sent.
    pub(crate) fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Disk(_, len) => *len,
        }
    }
}

/// Answers a GET or HEAD: 200, 206 or 304. Lifetime and everything else about the route is the
/// caller's to add.
///
/// # Errors
/// 412 where a condition fails; 416, and the value of its `Content-Range`, where the file ends
/// before the range begins.
pub(crate) fn answer(
    request: &RequestView<'_>,
    resource: &Resource,
) -> Result<Response<Body>, NotSent> {
    let (method, headers) = (request.method, request.headers);
    let current = Validators { etag: Some(&resource.etag), last_modified: resource.last_modified };
    let mut answer = match conditional::evaluate(method, headers, current) {
        Verdict::PreconditionFailed => return Err(NotSent::Unmet),
        Verdict::NotModified => bare(StatusCode::NOT_MODIFIED),
        Verdict::Proceed => match select(method, headers, current, resource.len()) {
            Selection::Whole => whole(resource),
            Selection::Parts(parts) => partial(&parts, resource),
            Selection::Unsatisfiable => {
                return Err(NotSent::OutOfRange(format!("bytes */{}", resource.len())));
            }
        },
    };
    let headers = answer.headers_mut();
    put(headers, ETAG, &resource.etag);
    if let Some(time) = resource.last_modified {
        put(headers, LAST_MODIFIED, &httpdate::fmt_http_date(time));
    }
    if resource.varies {
        vary_by(headers, "accept-encoding");
    }
    Ok(answer)
}

/// Why a file that is there is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// 412: a condition of the request fails.
    Unmet,
    /// 416, with the value of `Content-Range`.
    OutOfRange(String),
}

fn whole(resource: &Resource) -> Response<Body> {
    let len = resource.len();
    let mut answer = Response::new(body(0..len, resource));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, len.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    describe(headers, resource, &resource.media);
    answer
}

fn describe(headers: &mut HeaderMap, resource: &Resource, media: &str) {
    put(headers, CONTENT_TYPE, media);
    if let Some(coding) = resource.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    }
}

fn body(part: Range<u64>, resource: &Resource) -> Body {
    match &resource.content {
        Content::Memory(bytes) => Body::full(cut(bytes, &part)),
        Content::Disk(file, _) => pieces([Piece::File(Arc::clone(file), part)].into()),
    }
}

fn cut(bytes: &Bytes, part: &Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(at(part.start)..at(part.end))
}

fn partial(parts: &[Range<u64>], resource: &Resource) -> Response<Body> {
    let len = resource.len();
    let mut answer = bare(StatusCode::PARTIAL_CONTENT);
    if let [part] = parts {
        *answer.body_mut() = body(part.clone(), resource);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_LENGTH, (part.end - part.start).into());
        put(headers, CONTENT_RANGE, &content_range(part, len));
        describe(headers, resource, &resource.media);
        return answer;
    }
    // Any text that the file does not hold will do; its own tag is as unlikely as any.
    let boundary = format!("larder-{}", Fingerprint::of(resource.etag.as_bytes()));
    let mut all = Vec::with_capacity(parts.len() * 2 + 1);
    for part in parts {
        let range = content_range(part, len);
        let media = &resource.media;
        all.push(Piece::Bytes(Bytes::from(format!(
            "\r\n--{boundary}\r\ncontent-type: {media}\r\ncontent-range: {range}\r\n\r\n"
        ))));
        all.push(match &resource.content {
            Content::Memory(bytes) => Piece::Bytes(cut(bytes, part)),
            Content::Disk(file, _) => Piece::File(Arc::clone(file), part.clone()),
        });
    }
    all.push(Piece::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, all.iter().map(Piece::len).sum::<u64>().into());
    describe(headers, resource, &format!("multipart/byteranges; boundary={boundary}"));
    *answer.body_mut() = pieces(all.into());
    answer
}

fn content_range(part: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end.saturating_sub(1))
}

/// Inserts a field that is ASCII by its making; one that a file's odd name made otherwise is left
/// out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
