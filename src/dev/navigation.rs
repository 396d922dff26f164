//! What a request is for, as its browser says: a page that is gone to, a part of one, or neither.

use crate::http::problem::Form;
use crate::site::key::Headers;

/// Whether a browser goes to a page. Browsers say so (W3C Fetch Metadata); where nothing is said,
/// who accepts HTML by name is taken for one.
pub(super) fn is_navigation(headers: &dyn Headers) -> bool {
    match (said(headers, "sec-fetch-dest"), said(headers, "sec-fetch-mode")) {
        (Some(dest), _) => matches!(dest, "document" | "iframe" | "frame"),
        (None, Some(mode)) => mode == "navigate",
        (None, None) => Form::wanted(headers) == Form::Html,
    }
}

/// Whether a page loads a part of itself: a script, a stylesheet, an image. A fetch is none.
pub(super) fn is_subresource(headers: &dyn Headers) -> bool {
    const NONE: [&str; 5] = ["document", "iframe", "frame", "empty", "websocket"];
    said(headers, "sec-fetch-dest").is_some_and(|dest| !NONE.contains(&dest))
}

fn said<'h>(headers: &'h dyn Headers, name: &str) -> Option<&'h str> {
    std::str::from_utf8(headers.line(name, 0)?).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn only_a_page_that_a_browser_goes_to_is_a_navigation() {
        let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        for (lines, expected) in [
            (vec![("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate"), html], true),
            (vec![("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")], true),
            (vec![("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors"), html], false),
            (vec![("sec-fetch-dest", "script"), ("sec-fetch-mode", "no-cors")], false),
            (vec![("sec-fetch-mode", "navigate")], true),
            (vec![("sec-fetch-mode", "cors"), html], false),
            (vec![html], true),
            (vec![("accept", "*/*")], false),
            (vec![("accept", "application/json")], false),
            (vec![], false),
        ] {
            assert_eq!(is_navigation(&headers(&lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn parts_of_a_page_are_told_from_fetches() {
        for (dest, expected) in [
            ("style", true),
            ("script", true),
            ("image", true),
            ("empty", false),
            ("iframe", false),
        ] {
            assert_eq!(is_subresource(&headers(&[("sec-fetch-dest", dest)])), expected, "{dest}");
        }
        assert!(!is_subresource(&HeaderMap::new()));
    }
}
