//! Addresses of HTTP servers, as far as their text alone shows.

use std::net::IpAddr;
use std::time::Duration;

use http::Uri;

use super::secret::Secret;

/// How long a value of a server is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceTtl {
    /// So long.
    For(Duration),
    /// As the server says with each answer.
    Upstream,
}

/// A header of a request to a server: what it says is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Whether what a load is from is an address, and no path of a file: it has a scheme.
pub(crate) fn is_address(from: &str) -> bool {
    from.split_once(':').is_some_and(|(scheme, _)| !scheme.contains(['/', '.', '{', '*']))
}

/// Nothing where a text is `http(s)://host` with a port and a path or without; else what to write.
pub(crate) fn read_origin(text: &str) -> Result<(), &'static str> {
    const FORM: &str = "write an address: https://api.example.com";
    let Some((scheme, rest)) = text.split_once("://") else { return Err(FORM) };
    if scheme != "http" && scheme != "https" {
        return Err(FORM);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains("{{") || !authority.is_ascii() {
        return Err("the host is written out, in ASCII (xn--…), and holds no variable");
    }
    if authority.contains('@') {
        return Err("who logs in stands in `headers: { Authorization: … }`, where it is not shown");
    }
    if path.contains('\\') || path.chars().any(|c| c.is_control() || c == ' ') {
        return Err("encode what cannot stand in an address: a space is %20");
    }
    let Ok(origin) = format!("{scheme}://{authority}/").parse::<Uri>() else { return Err(FORM) };
    let host = origin.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let after_host = authority.rsplit_once(host).map_or("", |(_, rest)| rest);
    let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(|it| it.parse::<u16>().is_ok());
    if host.is_empty() || !(after_host.is_empty() || is_port(after_host)) {
        return Err(FORM);
    }
    if bare.parse::<IpAddr>().is_ok_and(is_link_local) {
        return Err("addresses of the link itself (169.254.…, fe80:…) are never asked");
    }
    Ok(())
}

/// Whether an address is of the link itself, where clouds keep what nobody outside may read.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            let embedded = address.to_ipv4().is_some_and(|address| address.is_link_local());
            address.is_unicast_link_local() || embedded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_port_and_path() {
        for (text, is_good) in [
            ("https://api.example.com", true),
            ("http://127.0.0.1:8080/v1/", true),
            ("http://[::1]:8080", true),
            ("https://api.example.com/v1?key=a", true),
            ("https://api.example.com/{{params.id}}", true),
            ("ftp://h", false),
            ("//h/x", false),
            ("https://", false),
            ("https:///x", false),
            ("https://h:/", false),
            ("https://h:99999/", false),
            ("https://me:secret@h/", false),
            ("https://{{query.host}}/", false),
            ("https://h{{query.host}}/", false),
            ("https://b\u{fc}cher.example/", false),
            ("https://h/a b", false),
            ("https://h/a\\b", false),
            ("http://169.254.169.254/latest", false),
            ("http://[fe80::1]/", false),
            ("http://[::ffff:169.254.169.254]/", false),
        ] {
            assert_eq!(read_origin(text).is_ok(), is_good, "{text}: {:?}", read_origin(text));
        }
    }

    #[test]
    fn a_path_of_a_file_is_no_address() {
        for (from, expected) in [
            ("data/team.yaml", false),
            ("a:b.yaml", true),
            ("./a:b.yaml", false),
            ("{{params.x}}:y", false),
            ("api:/users", true),
            ("https://h/", true),
            ("redis:k", true),
        ] {
            assert_eq!(is_address(from), expected, "{from}");
        }
    }
}
