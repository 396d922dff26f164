//! Who may see what is only for who works on the site: diagnostics show lines of its files.
//!
//! The socket and all that names files are for this machine's own browsers. A page whose name was
//! made to point here (DNS rebinding) is told by its `Host`, a page of another site by its
//! `Origin`, another machine by its address.

use std::net::SocketAddr;

use http::HeaderMap;

use crate::config::ServerConfig;
use crate::http::guard::{is_listed, is_own_origin, literal_address, without_port};
use crate::site::key::Headers;

const FAR: &str = "live reload is for browsers on this machine";
const HOST_UNKNOWN: &str = "live reload does not answer to this Host; see server.admin_hosts";
const ORIGIN_FOREIGN: &str = "the Origin is missing, or another site's";

/// The hosts by which the site may be asked for.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    /// Loopback names and addresses, and those of `server.admin_hosts`.
    pub(super) fn new(server: &ServerConfig) -> Self {
        Self { hosts: server.admin_hosts.clone() }
    }

    /// Whether this client, by this host, may be told.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn admits(&self, host: &str, peer: SocketAddr) -> Result<(), &'static str> {
        if !peer.ip().to_canonical().is_loopback() {
            return Err(FAR);
        }
        if self.knows(without_port(host)) { Ok(()) } else { Err(HOST_UNKNOWN) }
    }

    fn knows(&self, host: &str) -> bool {
        if let Some(address) = literal_address(host) {
            return address.is_loopback();
        }
        // RFC 6761 §6.3: what ends in `localhost` is this machine.
        let name = host.to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost") || is_listed(&self.hosts, &name)
    }
}

/// Whether a socket is opened by a page of the site itself. Browsers always say.
///
/// # Errors
/// Why not, in words.
pub(super) fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), &'static str> {
    if is_own_origin(headers, host) == Some(true) { Ok(()) } else { Err(ORIGIN_FOREIGN) }
}

/// Host and port that a request names: where it was sent to by HTTP/2 or in absolute form, the
/// field says the same.
pub(super) fn host_of(headers: &dyn Headers) -> String {
    headers.get("host").unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use http::header::ORIGIN;

    use super::*;

    fn peer(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn only_this_machine_by_a_name_that_cannot_be_rebound_is_told() {
        let server =
            ServerConfig { admin_hosts: vec!["my.site.test".to_owned()], ..<_>::default() };
        let guard = Guard::new(&server);
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
}
