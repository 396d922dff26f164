//! The frame of the pages that `dev` shows in place of the site's.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::escaped;
use crate::site::Route;

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

/// Puts another page in place of an answer's own, with its status and lines.
pub(super) fn put_in_place(own: &mut Answer, page: String) {
    let own = own.response_mut();
    let mut answer = answer(own.status(), page);
    for (name, value) in own.headers() {
        if !matches!(name, &CONTENT_LENGTH | &CONTENT_SECURITY_POLICY) {
            answer.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    *own = answer;
}

/// The page for a render that failed.
pub(super) fn failed(route: &Route, status: StatusCode, why: &str) -> String {
    let (address, place) = (escaped(&route.address()), escaped(&route.place.to_string()));
    let main = format!(
        "<p class=\"status\">{}</p>\n<h1>This page could not be made</h1>\n\
         <p>The route <code>{address}</code> <small>{place}</small> failed:</p>\n\
         <pre class=\"problem\" tabindex=\"0\">{}</pre>\n\
         <footer>This page is shown by <code>larder dev</code> only, and goes on by itself when \
         the files are mended.</footer>\n",
        status.as_str(),
        escaped(why),
    );
    page("The page could not be made", &main)
}
