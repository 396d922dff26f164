//! What a browser says of where a request comes from, for what must not answer to any page: the
//! admin listener and live reload.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::ORIGIN;

/// A host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The address that a host without port is; nothing for a name. An address cannot be rebound, as a
/// name can be by who answers for it in the DNS.
pub(crate) fn literal_address(host: &str) -> Option<IpAddr> {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bracketed.unwrap_or(host).parse().ok()
}

/// Whether a host is in a list of them.
pub(crate) fn is_listed(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host))
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
