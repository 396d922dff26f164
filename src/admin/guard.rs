//! Who may ask what: a request's head → leave, or the reason why not.
//!
//! Three attackers are meant. A page on another site, in the browser of who uses the admin page:
//! its `Origin` and `Sec-Fetch-Site` tell, and it can set no JSON content type unasked. A page
//! whose host name was made to point here (DNS rebinding): its `Host` tells. Anyone who reaches the
//! port where it is not on loopback: the token tells. Nothing here sends CORS fields, ever.

use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::session::Sessions;
use crate::config::ServerConfig;
use crate::fingerprint::Fingerprint;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The rules of one admin listener.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
    token: Option<Fingerprint>,
    /// Whether addresses that are no names do as hosts: they cannot be rebound.
    any_address: bool,
    pub(super) sessions: Sessions,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Host,
    Origin,
    FetchSite,
    ContentType,
    Token,
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::FetchSite => StatusCode::FORBIDDEN,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Host => "the admin listener does not answer to this Host; see server.admin_hosts",
            Self::Origin => "the Origin is another site's",
            Self::FetchSite => "the request comes from another site's page",
            Self::ContentType => "the content type has to be application/json",
            Self::Token => "the admin token is missing or wrong",
        }
    }
}

impl Guard {
    pub(super) fn new(server: &ServerConfig, bound: SocketAddr) -> Self {
        let token = server.admin_token.as_ref().filter(|token| !token.is_empty());
        let token = token.map(|token| digest(token));
        Self {
            hosts: server.admin_hosts.clone(),
            any_address: token.is_some() && !bound.ip().is_loopback(),
            token,
            sessions: Sessions::default(),
        }
    }

    /// Whether there is a token, and so a login.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request may come from where it comes: Host, Origin, Sec-Fetch-Site.
    pub(super) fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
        let host = text(headers, &HOST).ok_or(Refused::Host)?;
        if !self.is_ours(without_port(host)) {
            return Err(Refused::Host);
        }
        if headers.contains_key(ORIGIN) {
            let origin = text(headers, &ORIGIN).and_then(|origin| origin.split_once("://"));
            let own = origin.is_some_and(|(scheme, authority)| {
                matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
            });
            if !own {
                return Err(Refused::Origin);
            }
        }
        let from = headers.get(SEC_FETCH_SITE).map_or("none", |value| value.to_str().unwrap_or(""));
        let follows_link = text(headers, &SEC_FETCH_MODE) == Some("navigate") && is_read(method);
        if matches!(from, "same-origin" | "none") || follows_link {
            return Ok(());
        }
        Err(Refused::FetchSite)
    }

    /// Whether the sender knows the token, or has logged in; anyone where there is no token.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(token) = &self.token else { return Ok(()) };
        let bearer = text(headers, &AUTHORIZATION).and_then(|field| field.split_once(' '));
        if let Some((scheme, sent)) = bearer
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return if same(&digest(sent.trim()), token) { Ok(()) } else { Err(Refused::Token) };
        }
        let mut cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        if cookies.any(|cookies| self.sessions.knows(cookies)) {
            return Ok(());
        }
        Err(Refused::Token)
    }

    /// Whether a text is the token.
    pub(super) fn is_token(&self, sent: &str) -> bool {
        self.token.is_some_and(|token| same(&digest(sent), &token))
    }

    fn is_ours(&self, host: &str) -> bool {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(host).parse::<IpAddr>() {
            return address.is_loopback() || self.any_address || self.lists(host);
        }
        host.eq_ignore_ascii_case("localhost") || self.lists(host)
    }

    fn lists(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// What changes something through the API has to be JSON, which no form of another site can send.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Refused> {
    let kind = text(headers, &CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refused::ContentType) }
}

pub(super) fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn digest(token: &str) -> Fingerprint {
    Fingerprint::of(token.as_bytes())
}

/// Compares all bytes of the digests, so that time tells nothing; of the texts not even the length.
pub(super) fn same(one: &Fingerprint, other: &Fingerprint) -> bool {
    let pairs = one.as_bytes().iter().zip(other.as_bytes());
    pairs.fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(token: Option<&str>, bound: &str) -> Guard {
        let server = ServerConfig {
            admin_token: token.map(crate::config::Secret::new),
            admin_hosts: vec!["admin.example.com".to_owned()],
            ..ServerConfig::default()
        };
        Guard::new(&server, bound.parse().unwrap())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_host_that_can_be_rebound_is_refused() {
        let near = guard(None, "127.0.0.1:8001");
        let far = guard(Some("secret"), "0.0.0.0:8001");
        for (host, of_near, of_far) in [
            ("localhost:8001", true, true),
            ("LOCALHOST", true, true),
            ("127.0.0.1:9", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:8001", true, true),
            ("admin.example.com:8001", true, true),
            ("evil.example:8001", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("10.0.0.7:8001", false, true),
            ("[fd00::7]:8001", false, true),
        ] {
            let head = headers(&[("host", host)]);
            assert_eq!(near.check_origin(&Method::GET, &head).is_ok(), of_near, "{host}");
            assert_eq!(far.check_origin(&Method::GET, &head).is_ok(), of_far, "{host}");
        }
    }

    #[test]
    fn another_sites_page_is_refused() {
        let guard = guard(None, "127.0.0.1:8001");
        for (method, field, value, expected) in [
            (Method::POST, "origin", "http://localhost:8001", Ok(())),
            (Method::POST, "origin", "http://localhost:8000", Err(Refused::Origin)),
            (Method::POST, "origin", "http://evil.example", Err(Refused::Origin)),
            (Method::POST, "origin", "null", Err(Refused::Origin)),
            (Method::GET, "origin", "http://evil.example", Err(Refused::Origin)),
            (Method::POST, "sec-fetch-site", "same-origin", Ok(())),
            (Method::POST, "sec-fetch-site", "none", Ok(())),
            (Method::POST, "sec-fetch-site", "same-site", Err(Refused::FetchSite)),
            (Method::DELETE, "sec-fetch-site", "cross-site", Err(Refused::FetchSite)),
            (Method::GET, "sec-fetch-site", "cross-site", Err(Refused::FetchSite)),
        ] {
            let head = headers(&[("host", "localhost:8001"), (field, value)]);
            assert_eq!(guard.check_origin(&method, &head), expected, "{method} {field}: {value}");
        }
    }

    #[test]
    fn a_link_may_be_followed_but_not_a_form_sent() {
        let guard = guard(None, "127.0.0.1:8001");
        let head = headers(&[
            ("host", "localhost:8001"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ]);
        assert_eq!(guard.check_origin(&Method::GET, &head), Ok(()));
        assert_eq!(guard.check_origin(&Method::POST, &head), Err(Refused::FetchSite));
    }

    #[test]
    fn a_token_is_wanted_whole() {
        let guard = guard(Some("secret"), "0.0.0.0:8001");
        for (sent, expected) in [
            (vec![("authorization", "Bearer secret")], Ok(())),
            (vec![("authorization", "bearer  secret")], Ok(())),
            (vec![("authorization", "Bearer secre")], Err(Refused::Token)),
            (vec![("authorization", "Bearer secrets")], Err(Refused::Token)),
            (vec![("authorization", "Basic secret")], Err(Refused::Token)),
            (vec![("cookie", "larder-session=secret")], Err(Refused::Token)),
            (vec![], Err(Refused::Token)),
        ] {
            assert_eq!(guard.check_token(&headers(&sent)), expected, "{sent:?}");
        }
    }
}
