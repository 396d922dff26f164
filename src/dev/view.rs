//! The pages that `dev` shows in place of the site's.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

use crate::diagnostic::render::human;
use crate::diagnostic::{Diagnostic, Report};
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::escaped;
use crate::reload::ReloadState;
use crate::site::Route;

const PAGE: &str = include_str!("page.html");
/// Diagnostics that are shown.
const MAX_SHOWN: usize = 50;

/// A page with a title and what it shows.
pub(super) fn page(title: &str, main: &Markup) -> String {
    // Each is filled in once: what they quote of a request is filled in nowhere.
    let (before, rest) = PAGE.split_once("{title}").unwrap_or((PAGE, ""));
    let (between, after) = rest.split_once("{main}").unwrap_or((rest, ""));
    [before, &escaped(title), between, &main.0, after].concat()
}

/// The answer that shows a page; nobody is to keep it.
fn answer(status: StatusCode, page: String) -> Response<Body> {
    let mut answer = Response::new(Body::full(page));
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
    let main = html! {
        p.status { (status.as_str()) }
        h1 { "This page could not be made" }
        p {
            "The route " code { (route.address()) } " " small { (route.place) } " failed:"
        }
        pre.problem tabindex="0" { (why) }
        footer {
            "This page is shown by " code { "larder dev" } " only, and goes on by itself when the "
            "files are mended."
        }
    };
    page("The page could not be made", &main)
}

/// What every address answers while the site's files have been wrong since the start.
pub(super) fn unloaded(state: &ReloadState) -> Response<Body> {
    // A site is unloaded because of what is wrong with it.
    let (problems, errors) = wrong(state, MAX_SHOWN).unwrap_or_default();
    let main = html! {
        p.status { "503" }
        h1 {
            "The site has "
            @if errors == 1 { "an error" } @else { (errors) " errors" }
        }
        p {
            "Nothing can be served yet. Save the file when it is mended: this page goes on by "
            "itself."
        }
        @for text in &problems {
            @let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
            pre.problem tabindex="0" { b { (first) } "\n" (rest) }
        }
    };
    answer(StatusCode::SERVICE_UNAVAILABLE, page("The site has errors", &main))
}

/// What is wrong with the files, nothing where they are good: the first `most` diagnostics with
/// their lines, errors before warnings, and how many errors there are in all.
pub(super) fn wrong(state: &ReloadState, most: usize) -> Option<(Vec<String>, usize)> {
    let ReloadState::Stale(report) = state else { return None };
    let (errors, warnings): (Vec<_>, Vec<_>) =
        report.clone().sorted().into_iter().partition(Diagnostic::is_error);
    let count = errors.len();
    let drawn = errors.into_iter().chain(warnings).take(most).map(|diagnostic| {
        let text = human(&Report::from_iter([diagnostic]), false, None);
        // Without the line that counts.
        text.trim_end().rsplit_once("\n\n").map_or(text.as_str(), |(drawn, _)| drawn).to_owned()
    });
    Some((drawn.collect(), count))
}
