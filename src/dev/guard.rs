//! What a request is for and who sent it: only browsers on this machine that go to a page see what
//! is for who works on the site.
//!
//! The socket and all that names files (diagnostics show lines of them) are for this machine's own
//! browsers. A page whose name was
//! made to point here (DNS rebinding) is told by its `Host`, a page of another site by its
//! `Origin`, another machine by its address.

use std::net::SocketAddr;

use http::HeaderMap;

use crate::http::guard::{is_listed, is_own_origin, literal_address, without_port};
use crate::http::problem::Form;
use crate::site::key::Headers;

/// The hosts by which the site may be asked for.
pub(super) struct Guard {
    /// Those of `server.admin_hosts`, besides loopback names and addresses.
    pub(super) hosts: Vec<String>,
}

impl Guard {
    /// Whether this client, by this host, may be told.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn admits(&self, host: &str, peer: SocketAddr) -> Result<(), &'static str> {
        if !peer.ip().to_canonical().is_loopback() {
            return Err("live reload is for browsers on this machine");
        }
        let name = without_port(host).to_ascii_lowercase();
        let is_known = match literal_address(&name) {
            Some(address) => address.is_loopback(),
            // RFC 6761 §6.3: what ends in `localhost` is this machine.
            None => {
                name == "localhost" || name.ends_with(".localhost") || is_listed(&self.hosts, &name)
            }
        };
        is_known
            .then_some(())
            .ok_or("live reload does not answer to this Host; see server.admin_hosts")
    }
}

/// Whether a socket is opened by a page of the site itself. Browsers always say.
///
/// # Errors
/// Why not, in words.
pub(super) fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), &'static str> {
    let is_own = is_own_origin(headers, host) == Some(true);
    is_own.then_some(()).ok_or("the Origin is missing, or another site's")
}

/// Host and port that a request names: where it was sent to by HTTP/2 or in absolute form, the
/// field says the same.
pub(super) fn host_of(headers: &dyn Headers) -> String {
    headers.get("host").unwrap_or_default().into_owned()
}

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
    use http::HeaderName;
    use http::header::ORIGIN;

    use super::*;

    fn peer(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn only_this_machine_by_a_name_that_cannot_be_rebound_is_told() {
        let guard = Guard { hosts: vec!["my.site.test".to_owned()] };
        let near = peer("127.0.0.1:9");
        for (host, from, expected) in [
            ("localhost:8000", near, true),
            ("127.0.0.1:8000", near, true),
            ("[::1]:8000", peer("[::1]:9"), true),
            ("LocalHost", peer("[::ffff:127.0.0.1]:9"), true),
            ("app.localhost:8000", near, true),
            ("my.site.test", near, true),
            ("evil.example:8000", near, false),
            ("localhost.evil.example", near, false),
            ("notlocalhost", near, false),
            ("10.0.0.7:8000", near, false),
            ("", near, false),
            ("localhost:8000", peer("10.0.0.7:9"), false),
        ] {
            assert_eq!(guard.admits(host, from).is_ok(), expected, "{host} {from:?}");
        }
    }

    #[test]
    fn a_socket_is_opened_only_by_the_sites_own_page() {
        for (origin, expected) in [
            (Some("http://localhost:8000"), true),
            (Some("https://LOCALHOST:8000"), true),
            (Some("http://localhost:8001"), false),
            (Some("http://evil.example"), false),
            (Some("null"), false),
            (Some("file://localhost:8000"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(check_origin(&headers, "localhost:8000").is_ok(), expected, "{origin:?}");
        }
    }

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
