//! Who may see what is only for who works on the site: diagnostics show lines of its files.
//!
//! The socket and all that names files are for this machine's own browsers. A page whose name was
//! made to point here (DNS rebinding) is told by its `Host`, a page of another site by its
//! `Origin`, another machine by its address.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Request};

use crate::config::ServerConfig;
use crate::http::edge::Peer;

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
    pub(super) fn admits(&self, host: &str, peer: Option<Peer>) -> Result<(), &'static str> {
        if !peer.is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback()) {
            return Err(FAR);
        }
        if self.knows(without_port(host)) { Ok(()) } else { Err(HOST_UNKNOWN) }
    }

    fn knows(&self, host: &str) -> bool {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(host).parse::<IpAddr>() {
            return address.is_loopback();
        }
        // RFC 6761 §6.3: what ends in `localhost` is this machine.
        let name = host.to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }
}

/// Whether a socket is opened by a page of the site itself. Browsers always say.
///
/// # Errors
/// Why not, in words.
pub(super) fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), &'static str> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (lines.next(), lines.next()) else { return Err(ORIGIN_FOREIGN) };
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(
        |(scheme, authority)| {
            matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
        },
    );
    if own { Ok(()) } else { Err(ORIGIN_FOREIGN) }
}

/// Host and port that a request names.
pub(super) fn host_of<B>(request: &Request<B>) -> String {
    let line = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    authority.or(line).unwrap_or_default().to_owned()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer(address.parse().unwrap())
    }

    #[test]
    fn only_this_machine_by_a_name_that_cannot_be_rebound_is_told() {
        let server =
            ServerConfig { admin_hosts: vec!["my.site.test".to_owned()], ..<_>::default() };
        let guard = Guard::new(&server);
        let near = Some(peer("127.0.0.1:9"));
        for (host, from, expected) in [
            ("localhost:8000", near, true),
            ("127.0.0.1:8000", near, true),
            ("[::1]:8000", Some(peer("[::1]:9")), true),
            ("LocalHost", Some(peer("[::ffff:127.0.0.1]:9")), true),
            ("app.localhost:8000", near, true),
            ("my.site.test", near, true),
            ("evil.example:8000", near, false),
            ("localhost.evil.example", near, false),
            ("notlocalhost", near, false),
            ("10.0.0.7:8000", near, false),
            ("", near, false),
            ("localhost:8000", Some(peer("10.0.0.7:9")), false),
            ("localhost:8000", None, false),
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
