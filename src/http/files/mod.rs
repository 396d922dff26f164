//! Answers for `file` and `dir` routes: bytes from memory or disk, with conditions and ranges.

mod dir;
mod known;
mod stream;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::answer::{Answer, Facts, bare};
use super::body::Body;
use super::conditional::{self, Validators, Verdict};
use super::encoding::{Accepted, Coding, Effort, Variants, worth_coding};
use super::headers::vary_by;
use super::ranges::{Selection, select};
use super::ready::{HEAD_BYTES, HeadSlots, Part, ReadyHead};
use super::request::RequestView;
use crate::fingerprint::Fingerprint;
use crate::site::key::Headers;
pub(crate) use dir::{Dir, Found};
use stream::Piece;
pub(in crate::http) use stream::{FilePart, Pieces};

/// What is said of a file's bytes.
#[derive(Clone, Debug)]
struct About {
    media: Arc<str>,
    etag: Arc<str>,
    last_modified: Option<SystemTime>,
    /// In which coding they are.
    coding: Option<Coding>,
    /// Whether another `Accept-Encoding` could get other bytes.
    varies: bool,
}

/// A file whose bytes are in memory, with what is made of them once.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Bytes,
    about: About,
    variants: Variants,
    heads: HeadSlots,
}

impl About {
    /// They are others where they are coded.
    fn code(&mut self, coding: Option<Coding>) {
        if let Some(coding) = coding {
            self.etag = coding.tag(&self.etag).into();
            self.coding = Some(coding);
        }
    }
}

impl Kept {
    /// A file with this content type. The entity tag is a digest of the bytes: the same from every
    /// instance, and after a restart.
    pub(crate) fn new(bytes: Bytes, media: &str, last_modified: Option<SystemTime>) -> Self {
        let varies = worth_coding(media, bytes.len());
        let etag = format!("\"{}\"", Fingerprint::of(&bytes)).into();
        let about = About { media: media.into(), etag, last_modified, coding: None, varies };
        Self { bytes, about, variants: <_>::default(), heads: <_>::default() }
    }

    /// Bytes that this holds, and may come to hold: the coded forms come later.
    fn weight(&self) -> usize {
        let is_coded_here = self.about.coding.is_none() && self.about.varies;
        let forms = if is_coded_here { 1 + Coding::ALL.len() } else { 1 };
        forms * (self.bytes.len() + HEAD_BYTES)
    }

    /// The representation that the client likes best; nothing where it is still to be made.
    pub(crate) fn ready(self: &Arc<Self>, request: &dyn Headers) -> Option<Resource> {
        let Some(coding) = self.wanted(request) else { return Some(self.resource(None)) };
        let coded = self.variants.ready(coding)?;
        Some(self.resource(coded.map(|bytes| (coding, bytes))))
    }

    /// The same, made now where it is not there.
    pub(crate) async fn made(self: &Arc<Self>, request: &dyn Headers) -> Resource {
        let Some(coding) = self.wanted(request) else { return self.resource(None) };
        let coded = self.variants.get(coding, &self.bytes).await;
        self.resource(coded.map(|bytes| (coding, bytes)))
    }

    /// A request for a range gets the bytes as they are.
    fn wanted(&self, request: &dyn Headers) -> Option<Coding> {
        if self.about.coding.is_some() || request.line("range", 0).is_some() {
            return None;
        }
        let worth = worth_coding(&self.about.media, self.bytes.len());
        Accepted::of(request).choose(worth, Effort::Thorough)
    }

    fn resource(self: &Arc<Self>, coded: Option<(Coding, &Bytes)>) -> Resource {
        let mut about = self.about.clone();
        about.code(coded.map(|(coding, _)| coding));
        let bytes = coded.map_or(&self.bytes, |(_, bytes)| bytes);
        let content = Content::Memory(bytes.clone());
        Resource { content, about, kept: Some(Arc::clone(self)) }
    }
}

/// One representation of a file: what is sent if no condition or range says otherwise.
pub(crate) struct Resource {
    content: Content,
    about: About,
    /// Where its head is kept.
    kept: Option<Arc<Kept>>,
}

enum Content {
    Memory(Bytes),
    /// All of a file.
    Disk(FilePart),
}

impl Resource {
    /// The length in bytes, as it is sent.
    pub(crate) fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Disk(all) => all.len(),
        }
    }
}

/// Answers a GET or HEAD at this time: 200, 206 or 304. The route's own lines have a serial number:
/// a head that is kept is made again where they are others.
///
/// # Errors
/// 412 where a condition fails; 416, and the value of its `Content-Range`, where the file ends
/// before the range begins.
pub(crate) fn answer(
    request: &RequestView<'_>,
    resource: &Resource,
    now: SystemTime,
    (serial, with_own_lines): (u64, impl Fn(Response<Body>) -> Response<Body>),
) -> Result<Answer, NotSent> {
    let (method, headers) = (request.method, request.headers);
    let last_modified = resource.about.last_modified.and_then(|time| said(time, now));
    let current = Validators { etag: Some(&resource.about.etag), last_modified };
    let described = |answer| with_own_lines(with_validators(answer, resource, last_modified));
    let selected = match conditional::evaluate(method, headers, current) {
        Verdict::PreconditionFailed => return Err(NotSent::Unmet),
        Verdict::NotModified => None,
        Verdict::Proceed => Some(select(method, headers, current, resource.len())),
    };
    let answer = match selected {
        None | Some(Selection::Whole) => {
            let part = if selected.is_none() { Part::NotModified } else { Part::Whole };
            // A date of the future is said as another one each second.
            if let Some(kept) = &resource.kept
                && resource.about.last_modified.is_none_or(|time| time <= now)
            {
                let make = || ReadyHead::of_response(&described(whole(resource)), serial);
                let head = kept.heads.head(resource.about.coding, serial, make);
                let body = if part == Part::Whole { all(resource) } else { Body::default() };
                return Ok(Answer::of_head(head, part, body, Facts::default()));
            }
            if part == Part::Whole { whole(resource) } else { bare(StatusCode::NOT_MODIFIED) }
        }
        Some(Selection::Parts(parts)) => partial(&parts, resource),
        Some(Selection::Unsatisfiable) => {
            return Err(NotSent::OutOfRange(format!("bytes */{}", resource.len())));
        }
    };
    Ok(Answer::from(described(answer)))
}

fn with_validators(
    mut answer: Response<Body>,
    resource: &Resource,
    last_modified: Option<SystemTime>,
) -> Response<Body> {
    let headers = answer.headers_mut();
    put(headers, ETAG, &resource.about.etag);
    if let Some(time) = last_modified {
        put(headers, LAST_MODIFIED, &httpdate::fmt_http_date(time));
    }
    if resource.about.varies {
        vary_by(headers, "accept-encoding");
    }
    answer
}

/// Why a file that is there is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// 412: a condition of the request fails.
    Unmet,
    /// 416, with the value of `Content-Range`.
    OutOfRange(String),
}

/// What `Last-Modified` says of a file's time: never more than `Date` does (RFC 9110 §8.8.2.1), and
/// nothing before 1970, of which no more is known than that a clock or an archive had no time.
/// `Date` may be of a moment ago.
fn said(time: SystemTime, now: SystemTime) -> Option<SystemTime> {
    let latest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
    (time >= SystemTime::UNIX_EPOCH).then(|| if time > now { latest } else { time })
}

fn whole(resource: &Resource) -> Response<Body> {
    let mut answer = Response::new(all(resource));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, resource.len().into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    describe(headers, resource, &resource.about.media);
    answer
}

fn describe(headers: &mut HeaderMap, resource: &Resource, media: &str) {
    put(headers, CONTENT_TYPE, media);
    if let Some(coding) = resource.about.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    }
}

fn all(resource: &Resource) -> Body {
    body(0..resource.len(), resource)
}

fn body(part: Range<u64>, resource: &Resource) -> Body {
    match piece(part, resource) {
        Piece::Bytes(bytes) => Body::full(bytes),
        part @ Piece::File(_) => Body::pieces(Pieces::new([part].into())),
    }
}

fn piece(part: Range<u64>, resource: &Resource) -> Piece {
    match &resource.content {
        Content::Memory(bytes) => Piece::Bytes(cut(bytes, &part)),
        Content::Disk(all) => Piece::File(FilePart { part, ..all.clone() }),
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
        describe(headers, resource, &resource.about.media);
        return answer;
    }
    // Any text that the file does not hold will do; its own tag is as unlikely as any.
    let boundary = format!("larder-{}", Fingerprint::of(resource.about.etag.as_bytes()));
    let mut all = Vec::with_capacity(parts.len() * 2 + 1);
    for part in parts {
        let range = content_range(part, len);
        let media = &resource.about.media;
        all.push(Piece::Bytes(Bytes::from(format!(
            "\r\n--{boundary}\r\ncontent-type: {media}\r\ncontent-range: {range}\r\n\r\n"
        ))));
        all.push(piece(part.clone(), resource));
    }
    all.push(Piece::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, all.iter().map(Piece::len).sum::<u64>().into());
    describe(headers, resource, &format!("multipart/byteranges; boundary={boundary}"));
    *answer.body_mut() = Body::pieces(Pieces::new(all.into()));
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
