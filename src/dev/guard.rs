//! What a request is for and who sent it: only browsers on this machine that go to a page see what
//! is for who works on the site.
//!
//! The socket and all that names files (diagnostics show lines of them) are for this machine's own
//! browsers, and for those that come by a host that was named. A page whose name was made to point
//! here (DNS rebinding) is told by its `Host`, a page of another site by its `Origin`, another
//! machine by its address.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;

use crate::http::access::escaped;
use crate::http::guard::{Hosts, is_own_origin, without_port};
use crate::http::problem::Form;
use crate::site::key::Headers;

/// Who is told of the site's files.
#[derive(Default)]
pub(super) struct Guard {
    /// The hosts by which this machine may ask.
    hosts: Hosts,
    /// Those by which any machine may: a phone, a container, a proxy by its name.
    invited: Hosts,
    /// Of whom it was said that they are refused.
    told: Mutex<BTreeSet<String>>,
}

/// Hosts of which it is said that they are refused.
const MAX_TOLD: usize = 100;

impl Guard {
    /// `known` are hosts besides those of loopback by which this machine may ask, `invited` those
    /// by which any may.
    pub(super) fn new(known: Vec<String>, invited: Vec<String>) -> Self {
        let hosts = |named| Hosts { named, any_address: false };
        Self { hosts: hosts(known), invited: hosts(invited), told: Mutex::default() }
    }

    /// Whether this client, by this host, may be told.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn admits(&self, host: &str, peer: SocketAddr) -> Result<(), &'static str> {
        if self.invited.names(host) {
            return Ok(());
        }
        if !peer.ip().to_canonical().is_loopback() {
            return Err("live reload is for browsers on this machine, and hosts given by --host");
        }
        let is_known = self.hosts.hold(host);
        is_known.then_some(()).ok_or("live reload does not answer to this Host; see --host")
    }

    /// Whether a socket is opened by a page of the site itself: browsers always say. A proxy may
    /// have put another host into the request than the page has.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn check_origin(&self, headers: &HeaderMap, host: &str) -> Result<(), &'static str> {
        let is_own = is_own_origin(headers, host) == Some(true);
        let mut lines = headers.get_all(ORIGIN).iter().map(host_of_origin);
        let is_invited = lines.next().flatten().is_some_and(|host| self.invited.names(host));
        (is_own || is_invited && lines.next().is_none())
            .then_some(())
            .ok_or("the Origin is missing, or another site's; see --host")
    }

    /// Says in the terminal, once for each of them, whom a refusal was for and what lets them in.
    pub(super) fn tell_refused(&self, headers: &dyn Headers, peer: SocketAddr) {
        let origin = said(headers, "origin").and_then(|text| text.split_once("://"));
        let asked = host_of(headers);
        let host = origin.map_or(&*asked, |(_, host)| host);
        let host = escaped(without_port(host));
        let mut told = self.told.lock();
        if told.len() < MAX_TOLD && told.insert(host.clone()) {
            let peer = peer.ip().to_canonical();
            tracing::warn!("no live reload at {host} for {peer}: `larder dev --host {host}`");
        }
    }
}

/// Host and port of an `Origin` line.
fn host_of_origin(line: &HeaderValue) -> Option<&str> {
    line.to_str().ok()?.split_once("://").map(|(_, host)| host)
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

    use super::*;

    fn peer(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn only_this_machine_by_a_name_that_cannot_be_rebound_is_told() {
        let guard = Guard::new(vec!["my.site.test".to_owned()], vec!["192.168.1.5".to_owned()]);
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
            ("192.168.1.5:8000", peer("10.0.0.7:9"), true),
            ("192.168.1.6:8000", peer("10.0.0.7:9"), false),
        ] {
            assert_eq!(guard.admits(host, from).is_ok(), expected, "{host} {from:?}");
        }
    }

    #[test]
    fn a_socket_is_opened_only_by_the_sites_own_page() {
        let guard = Guard::new(Vec::new(), vec!["shop.example".to_owned()]);
        for (origin, expected) in [
            (Some("https://shop.example"), true),
            (Some("https://shop.example:8443"), true),
            (Some("https://shop.example.evil.example"), false),
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
            let found = guard.check_origin(&headers, "localhost:8000").is_ok();
            assert_eq!(found, expected, "{origin:?}");
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
