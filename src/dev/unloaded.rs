//! What every address answers while the site's files have been wrong since the start.

use std::fmt::Write as _;

use http::{Response, StatusCode};

use super::hub::{drawn, errors};
use super::view;
use crate::diagnostic::Report;
use crate::http::body::Body;
use crate::http::problem::{Form, Problem, escaped};
use crate::reload::{ReloadState, ReloadStatus};

/// Diagnostics that are shown.
const MAX_SHOWN: usize = 50;

/// The page that shows what is wrong.
pub(super) fn page(status: &ReloadStatus) -> Response<Body> {
    let nothing = Report::default();
    let report = match &status.state {
        ReloadState::Stale(report) => report,
        ReloadState::Current => &nothing,
    };
    view::answer(StatusCode::SERVICE_UNAVAILABLE, html(report))
}

/// The same for who sees no page: no more than that there is nothing yet.
pub(super) fn problem(form: Form) -> Response<Body> {
    let detail = "the site's files are wrong, and no good ones were loaded yet";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail).answer(form)
}

fn html(report: &Report) -> String {
    let errors = errors(report);
    let count = if errors == 1 { "an error".to_owned() } else { format!("{errors} errors") };
    let mut main = format!(
        "<p class=\"status\">503</p>\n<h1>The site has {count}</h1>\n\
         <p>Nothing can be served yet. Save the file when it is mended: this page goes on by \
         itself.</p>\n"
    );
    for text in drawn(report).take(MAX_SHOWN) {
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let (first, rest) = (escaped(first), escaped(rest));
        // Writing into a String cannot fail.
        let _infallible =
            writeln!(main, "<pre class=\"problem\" tabindex=\"0\"><b>{first}</b>\n{rest}</pre>");
    }
    view::page("The site has errors", &main)
}
