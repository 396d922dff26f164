//! Status, header lines and body of an answer, put together.

use std::borrow::Cow;

use ::http::header::{
    AGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
};
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::body::Body;
use super::conditional::{Validators, Verdict, evaluate};
use super::live::RouteLines;
use crate::cache::{Entry, Outcome};
use crate::config::CacheStatusDetail;
use crate::site::SiteFile;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What a value may keep of itself in an address: RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An entry of the cache and the lines that its route sends with it.
pub(super) struct Told<'a> {
    pub(super) entry: &'a Entry,
    pub(super) lines: Option<&'a RouteLines>,
}

impl Told<'_> {
    /// The answer to `request`: 304 or 412 where its conditions say so.
    pub(super) fn response<B>(&self, request: &Request<B>, outcome: &Outcome) -> Response<Body> {
        let entry = self.entry;
        let mut answer = match self.lines {
            Some(lines) => with_lines(lines, entry.body.clone()),
            None => Response::new(Body::full(entry.body.clone())),
        };
        if let Ok(status) = StatusCode::from_u16(entry.status) {
            *answer.status_mut() = status;
        }
        put(&mut answer, ETAG, &entry.etag);
        if let Some(age) = outcome.age_seconds() {
            answer.headers_mut().insert(AGE, HeaderValue::from(age));
        }
        let validators = Validators { etag: Some(&entry.etag), last_modified: None };
        conditional(answer, request, validators)
    }
}

/// A file as it is.
pub(super) fn file<B>(
    file: &SiteFile,
    lines: Option<&RouteLines>,
    request: &Request<B>,
) -> Response<Body> {
    let mut answer = made(lines, file.bytes.clone());
    let etag = format!("\"{}\"", file.digest);
    put(&mut answer, ETAG, &etag);
    if let Some(modified) = file.modified {
        put(&mut answer, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
    let validators = Validators { etag: Some(&etag), last_modified: file.modified };
    conditional(answer, request, validators)
}

/// Conditions count only for what would be a 2xx (RFC 9110 §13.2.1).
fn conditional<B>(
    answer: Response<Body>,
    request: &Request<B>,
    validators: Validators<'_>,
) -> Response<Body> {
    if !answer.status().is_success() {
        return answer;
    }
    match evaluate(request.method(), request.headers(), validators) {
        Verdict::Proceed => answer,
        Verdict::NotModified => without_content(answer, StatusCode::NOT_MODIFIED),
        Verdict::PreconditionFailed => without_content(answer, StatusCode::PRECONDITION_FAILED),
    }
}

fn without_content(answer: Response<Body>, status: StatusCode) -> Response<Body> {
    let (mut parts, _) = answer.into_parts();
    parts.status = status;
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.remove(CONTENT_LENGTH);
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
fn quoted(text: &str) -> String {
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
