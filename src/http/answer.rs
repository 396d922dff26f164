//! Status, header lines and body of an answer, put together.

use std::borrow::Cow;

use ::http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, VARY,
};
use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::body::Body;
use super::conditional::{Validators, Verdict, evaluate};
use super::encoding::{Accepted, Coding, Variants, worth_coding};
use super::headers::{Fields, joined, vary_by};
use super::hit::{Asking, HitForm, Kit};
use super::live::RouteLines;
use crate::cache::{Entry, Outcome};
use crate::config::CacheStatusDetail;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What a value may keep of itself in an address: RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An entry of the cache, the lines that its route sends with it, and the form that is sent.
pub(super) struct Told<'a> {
    pub(super) entry: &'a Entry,
    pub(super) lines: Option<&'a RouteLines>,
    pub(super) coded: Coded<'a>,
}

/// The form in which an entry's body is sent.
pub(super) struct Coded<'a>(pub(super) Option<(Coding, &'a Bytes)>);

impl<'a> Coded<'a> {
    /// The form that the client likes best; nothing where it is still to be made.
    pub(super) fn ready(entry: &'a Entry, fields: &impl Fields) -> Option<Self> {
        let Some(coding) = wanted(entry, fields) else { return Some(Self(None)) };
        let coded = variants(entry)?.ready(coding)?;
        Some(Self(coded.map(|bytes| (coding, bytes))))
    }

    /// The same, made now where it is not there.
    pub(super) async fn made(entry: &'a Entry, headers: &HeaderMap) -> Self {
        let Some(coding) = wanted(entry, headers) else { return Self(None) };
        let Some(variants) = variants(entry) else { return Self(None) };
        Self(variants.get(coding, &entry.body).await.map(|bytes| (coding, bytes)))
    }

    /// The bytes that are sent of `entry` in this form, and their entity tag.
    pub(super) fn of(&self, entry: &'a Entry) -> (&'a Bytes, Cow<'a, str>) {
        match self.0 {
            Some((coding, bytes)) => (bytes, Cow::Owned(coding.tag(&entry.etag))),
            None => (&entry.body, Cow::Borrowed(&*entry.etag)),
        }
    }
}

fn wanted(entry: &Entry, fields: &impl Fields) -> Option<Coding> {
    let field = joined(fields, &ACCEPT_ENCODING)?;
    let worth = worth_coding(&entry.content_type, entry.body.len());
    // Without a weight nobody refuses the body as it is: most small answers need no closer look.
    if !worth && !field.contains('=') {
        return None;
    }
    Accepted::read(&field).choose(worth)
}

/// The coded forms, kept beside the entry for as long as it is kept.
fn variants(entry: &Entry) -> Option<&Variants> {
    Kit::of(entry).map(Kit::variants)
}

impl Told<'_> {
    /// The answer to `request`, 304 where its conditions say so; nothing where one of them fails,
    /// which is a 412.
    pub(super) fn response<B>(
        &self,
        request: &Request<B>,
        outcome: &Outcome,
    ) -> Option<Response<Body>> {
        let entry = self.entry;
        let (body, etag) = self.coded.of(entry);
        let mut answer = made(self.lines, body.clone());
        if let Ok(status) = StatusCode::from_u16(entry.status) {
            *answer.status_mut() = status;
        }
        put(&mut answer, ETAG, &etag);
        if let Some((coding, _)) = self.coded.0 {
            let token = HeaderValue::from_static(coding.token());
            answer.headers_mut().insert(CONTENT_ENCODING, token);
        }
        if let Some(age) = outcome.age_seconds() {
            answer.headers_mut().insert(AGE, HeaderValue::from(age));
        }
        conditional(answer, request, Validators { etag: Some(&etag), last_modified: None })
    }
}

/// What of a kept answer is sent, and which bytes follow its head; nothing where a condition of the
/// request fails (412), and for a status that has no body.
pub(super) fn form_of_hit(
    asking: &Asking<'_, impl Fields>,
    entry: &Entry,
    coded: &Coded<'_>,
) -> Option<(HitForm, Bytes)> {
    let (body, etag) = coded.of(entry);
    if matches!(entry.status, 100..=199 | 204 | 205 | 304) {
        return None;
    }
    let body = if *asking.method == Method::HEAD { Bytes::new() } else { body.clone() };
    if !(200..300).contains(&entry.status) {
        return Some((HitForm::Whole, body));
    }
    let validators = Validators { etag: Some(&etag), last_modified: None };
    match evaluate(asking.method, asking.fields, validators) {
        Verdict::Proceed => Some((HitForm::Whole, body)),
        Verdict::NotModified => Some((HitForm::NotModified, Bytes::new())),
        Verdict::PreconditionFailed => None,
    }
}

/// A route's own lines beside those that the answer has: `Vary` stays one line.
pub(super) fn with_own_lines(mut answer: Response<Body>, lines: &RouteLines) -> Response<Body> {
    if answer.status() == StatusCode::OK && lines.status != StatusCode::OK {
        *answer.status_mut() = lines.status;
    }
    // A 304 says nothing of the content that it does not send (RFC 9110 §15.4.5).
    let has_content = answer.status() != StatusCode::NOT_MODIFIED;
    let headers = answer.headers_mut();
    for (name, value) in &lines.headers {
        if name == VARY {
            vary_by(headers, value.to_str().unwrap_or_default());
        } else if !headers.contains_key(name) && (has_content || name != CONTENT_TYPE) {
            headers.insert(name, value.clone());
        }
    }
    answer
}

/// Conditions count only for what would be a 2xx (RFC 9110 §13.2.1).
fn conditional<B>(
    answer: Response<Body>,
    request: &Request<B>,
    validators: Validators<'_>,
) -> Option<Response<Body>> {
    if !answer.status().is_success() {
        return Some(answer);
    }
    match evaluate(request.method(), request.headers(), validators) {
        Verdict::Proceed => Some(answer),
        Verdict::NotModified => Some(not_modified(answer)),
        Verdict::PreconditionFailed => None,
    }
}

fn not_modified(answer: Response<Body>) -> Response<Body> {
    let (mut parts, _) = answer.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_ENCODING);
    Response::from_parts(parts, Body::empty())
}

/// A route's own lines around a body.
pub(super) fn made(lines: Option<&RouteLines>, body: Bytes) -> Response<Body> {
    match lines {
        Some(lines) => with_lines(lines, body),
        None => Response::new(Body::full(body)),
    }
}

fn with_lines(lines: &RouteLines, body: Bytes) -> Response<Body> {
    let mut answer = Response::new(Body::full(body));
    *answer.status_mut() = lines.status;
    *answer.headers_mut() = lines.headers.clone();
    answer
}

/// A page for an error.
pub(super) fn error_page(status: StatusCode, body: Bytes, content_type: &str) -> Response<Body> {
    let mut answer = Response::new(Body::full(body));
    *answer.status_mut() = status;
    put(&mut answer, CONTENT_TYPE, content_type);
    answer
}

/// The answer to a health check: never kept by anybody.
pub(super) fn healthy() -> Response<Body> {
    let mut answer = Response::new(Body::from("ok\n"));
    put(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    put(&mut answer, CACHE_CONTROL, "no-store");
    answer
}

/// A status and nothing else.
pub(super) fn plain(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// Sets a line; a value that no line can hold leaves it out.
pub(super) fn put(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// The `Cache-Status` line (RFC 9211).
pub(super) fn cache_status(
    answer: &mut Response<Body>,
    outcome: &Outcome,
    key: Option<&str>,
    detail: CacheStatusDetail,
) {
    let value = match (detail, key) {
        (CacheStatusDetail::Off, _) => return,
        (CacheStatusDetail::Full, Some(key)) => format!("{outcome}; key={}", quoted(key)),
        (CacheStatusDetail::Full | CacheStatusDetail::Short, _) => outcome.cache_status(),
    };
    put(answer, CACHE_STATUS, &value);
}

/// A string of RFC 8941 §3.3.3; what it cannot hold is percent-encoded as keys are.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' '..='~' => out.push(char),
            _ => out.extend(utf8_percent_encode(&char.to_string(), NON_ALPHANUMERIC)),
        }
    }
    out.push('"');
    out
}

/// A value as it may stand anywhere in an address.
pub(super) fn encoded(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, UNRESERVED).into()
}
