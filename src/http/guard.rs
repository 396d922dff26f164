//! What a browser says of where a request comes from, for what must not answer to any page: the
//! admin listener and live reload.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::ORIGIN;

/// The hosts by which such a listener may be asked: this machine's own names and addresses, and
/// those that it was told of. A page whose name was made to point here (DNS rebinding) comes by its
/// own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Names and addresses besides those of loopback, without a port.
    pub(crate) named: Vec<String>,
    /// Whether any address that is no name does: it cannot be rebound.
    pub(crate) any_address: bool,
}

impl Hosts {
    /// Whether a host, with its port or without, is one of them.
    pub(crate) fn hold(&self, host: &str) -> bool {
        let name = without_port(host);
        self.names(name)
            || match literal_address(name) {
                Some(address) => address.is_loopback() || self.any_address,
                None => is_localhost(name),
            }
    }

    /// Whether a host is named, besides those of loopback.
    pub(crate) fn names(&self, host: &str) -> bool {
        let name = without_port(host);
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name))
    }
}

/// RFC 6761 §6.3: what ends in `localhost` is this machine.
fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// A host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The address that a host without port is; nothing for a name.
fn literal_address(host: &str) -> Option<IpAddr> {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bracketed.unwrap_or(host).parse().ok()
}

/// Whether `Origin` says that a page at `host`, with its port, sent the request; nothing where it
/// says nothing. Two lines are two origins: one of them is another site's.
pub(crate) fn is_own_origin(headers: &HeaderMap, host: &str) -> Option<bool> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let origin = lines.next()?.to_str().ok().and_then(|origin| origin.split_once("://"));
    let is_own = origin.is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
    });
    Some(is_own && lines.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_can_be_rebound_is_not_ours() {
        let named = vec!["admin.example.com".to_owned()];
        let near = Hosts { named, any_address: false };
        let far = Hosts { any_address: true, ..near.clone() };
        for (host, of_near, of_far) in [
            ("localhost:8001", true, true),
            ("LOCALHOST", true, true),
            ("app.localhost:8000", true, true),
            ("127.0.0.1:9", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:8001", true, true),
            ("Admin.example.com:8001", true, true),
            ("evil.example:8001", false, false),
            ("localhost.evil.example", false, false),
            ("notlocalhost", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("10.0.0.7:8001", false, true),
            ("[fd00::7]:8001", false, true),
            ("", false, false),
        ] {
            assert_eq!(near.hold(host), of_near, "{host}");
            assert_eq!(far.hold(host), of_far, "{host}");
        }
    }

    #[test]
    fn two_origins_are_another_sites() {
        let mut headers = HeaderMap::new();
        assert_eq!(is_own_origin(&headers, "a:1"), None);
        headers.append(ORIGIN, "http://a:1".parse().unwrap());
        assert_eq!(is_own_origin(&headers, "a:1"), Some(true));
        headers.append(ORIGIN, "http://a:1".parse().unwrap());
        assert_eq!(is_own_origin(&headers, "a:1"), Some(false));
    }
}
