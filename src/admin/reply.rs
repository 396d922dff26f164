//! Answers of the admin listener: the headers that all have, and why a request has no other.

use std::borrow::Cow;
use std::convert::Infallible;

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use warp::reject::Reject;
use warp::reply::Response;
use warp::{Rejection, Reply};

use super::page::{login_page, refusal_page, store_trouble};
use crate::cache::StoreError;
use crate::http::filter::into_reply;
use crate::http::problem::{Form, Problem};

/// Scripts, styles and requests of the listener's own only; nothing inline, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to browsers. With `Referrer-Policy: no-referrer` they would send the
/// page's own forms with `Origin: null`.
const SAFE_HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The headers that every answer has.
pub(super) fn safe_headers() -> HeaderMap {
    SAFE_HEADERS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// A body of a type.
pub(super) fn typed(kind: &'static str, body: impl Into<Cow<'static, str>>) -> Response {
    warp::reply::with_header(body.into(), CONTENT_TYPE, kind).into_response()
}

/// A page.
pub(super) fn html(page: maud::Markup) -> Response {
    warp::reply::html(page.into_string()).into_response()
}

/// A JSON document.
pub(super) fn json(value: &impl Serialize) -> Response {
    warp::reply::json(value).into_response()
}

/// An answer with another status than its own.
pub(super) fn with_status(status: StatusCode, answer: Response) -> Response {
    warp::reply::with_status(answer, status).into_response()
}

/// On to another page, by GET. The address is one that can stand in a header.
pub(super) fn see_other(to: &str) -> Response {
    warp::reply::with_header(StatusCode::SEE_OTHER, LOCATION, to).into_response()
}

/// Why a request gets nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The login is shown instead; `wrong` is what was wrong about the last try.
    Login { wrong: Option<&'static str> },
    /// A problem document, with a header that the status wants.
    Problem {
        status: StatusCode,
        detail: Cow<'static, str>,
        header: Option<(HeaderName, &'static str)>,
    },
}

impl Reject for Refusal {}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Problem { status, detail: detail.into(), header: None }
    }

    /// The same for constants.
    pub(super) const fn fixed(status: StatusCode, detail: &'static str) -> Self {
        Self::Problem { status, detail: Cow::Borrowed(detail), header: None }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Login { .. } => StatusCode::UNAUTHORIZED,
            Self::Problem { status, .. } => *status,
        }
    }

    /// The address answers only these methods.
    pub(super) fn method(allow: &'static str) -> Self {
        Self::Problem {
            status: StatusCode::METHOD_NOT_ALLOWED,
            detail: format!("this address answers {allow}").into(),
            header: Some((ALLOW, allow)),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(why: StoreError) -> Self {
        let detail = format!("the store did not do it: {}", store_trouble(&why));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl Reply for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Login { wrong } => with_status(StatusCode::UNAUTHORIZED, html(login_page(wrong))),
            Self::Problem { status, detail, header } => {
                let problem = Problem::new(status).detail(detail.clone()).answer(Form::Json);
                let mut answer = into_reply(problem);
                let line = header.map(|(name, value)| (name, HeaderValue::from_static(value)));
                answer.headers_mut().extend(line);
                answer.extensions_mut().insert(Refused { status, detail });
                answer
            }
        }
    }
}

/// What a problem document says, beside the answer that it is: a person is shown a page instead.
#[derive(Clone)]
struct Refused {
    status: StatusCode,
    detail: Cow<'static, str>,
}

/// The answer as a person's browser is to have it: a page in place of a problem document.
pub(super) fn for_browsers(mut answer: Response) -> Response {
    let Some(Refused { status, detail }) = answer.extensions_mut().remove() else { return answer };
    let (parts, body) = html(refusal_page(status, &detail)).into_parts();
    answer.headers_mut().remove(CONTENT_LENGTH);
    answer.headers_mut().extend(parts.headers);
    *answer.body_mut() = body;
    answer
}

/// The answer to what the filters rejected.
pub(super) async fn refusal(rejection: Rejection) -> Result<Response, Infallible> {
    let refusal = match rejection.find::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None if rejection.is_not_found() => {
            Refusal::fixed(StatusCode::NOT_FOUND, "there is no such address")
        }
        None => {
            tracing::error!(?rejection, "a filter of the admin listener does not fit the others");
            let detail = "the request could not be answered";
            Refusal::fixed(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
    };
    Ok(refusal.into_response())
}
