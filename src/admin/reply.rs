//! Answers of the admin listener, and the fields that every one of them has.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde_json::Value;

use super::guard::Refused;
use crate::cache::StoreError;
use crate::http::body::Body;
use crate::http::problem::{Form, Problem};

/// Scripts, styles and requests of the listener's own only; nothing inline, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to browsers. With `Referrer-Policy: no-referrer` they would send the
/// page's own forms with `Origin: null`.
const GUARDS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the fields on that every answer has.
pub(super) fn guarded(mut answer: Response<Body>) -> Response<Body> {
    for (name, value) in GUARDS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A body of a type.
pub(super) fn typed(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A page.
pub(super) fn html(page: String) -> Response<Body> {
    typed("text/html; charset=utf-8", page)
}

/// A JSON document.
pub(super) fn json(value: &Value) -> Response<Body> {
    typed("application/json", value.to_string())
}

/// A JSON document with another status than 200.
pub(super) fn json_with(status: StatusCode, value: &Value) -> Response<Body> {
    let mut answer = json(value);
    *answer.status_mut() = status;
    answer
}

/// A problem document.
pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Response<Body> {
    Problem::new(status).detail(detail).answer(Form::Json)
}

/// The store could not be asked or told.
pub(super) fn store_down(why: &StoreError) -> Response<Body> {
    problem(StatusCode::SERVICE_UNAVAILABLE, format!("the store did not do it: {why}"))
}

/// A request that the guards refuse.
pub(super) fn refused(why: Refused) -> Response<Body> {
    let mut answer = problem(why.status(), why.detail());
    if why == Refused::Token {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// Another method than the address has.
pub(super) fn not_allowed(allow: &'static str) -> Response<Body> {
    let detail = format!("this address answers {allow}");
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, detail);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// On to another page, by GET.
pub(super) fn see_other(to: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(LOCATION, to);
    }
    answer
}
