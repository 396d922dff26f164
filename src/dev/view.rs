//! The frame of the pages that `dev` shows in place of the site's.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::http::body::Body;
use crate::http::problem::escaped;

const PAGE: &str = include_str!("page.html");

/// A page with a title, which is text, and what it shows, which is HTML.
pub(super) fn page(title: &str, main: &str) -> String {
    // What it shows goes last: it may quote a request, which must not be filled in itself.
    PAGE.replace("{title}", &escaped(title)).replace("{main}", main)
}

/// The answer that shows a page; nobody is to keep it.
pub(super) fn answer(status: StatusCode, page: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
