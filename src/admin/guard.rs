//! Who may ask what: a request's head → leave, or the reason why not.
//!
//! Three attackers are meant. A page on another site, in the browser of who uses the admin page:
//! its `Origin` and `Sec-Fetch-Site` tell, and it can set no JSON content type unasked. A page
//! whose host name was made to point here (DNS rebinding): its `Host` tells. Anyone who reaches the
//! port where it is not on loopback: the token tells. Nothing here sends CORS fields, ever.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::FullPath;

use super::State;
use super::reply::Refusal;
use super::request::{checked, with};
use super::session::Sessions;
use crate::clock::Clock;
use crate::config::ServerConfig;
use crate::fingerprint::Fingerprint;
use crate::http::guard::{is_listed, is_own_origin, literal_address, without_port};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

const HOST_UNKNOWN: Refusal = Refusal::fixed(
    StatusCode::MISDIRECTED_REQUEST,
    "the admin listener does not answer to this Host; see server.admin_hosts",
);
const ORIGIN_FOREIGN: Refusal =
    Refusal::fixed(StatusCode::FORBIDDEN, "the Origin is another site's");
const FETCH_SITE_FOREIGN: Refusal =
    Refusal::fixed(StatusCode::FORBIDDEN, "the request comes from another site's page");
const TOKEN_WRONG: Refusal = Refusal::Problem {
    status: StatusCode::UNAUTHORIZED,
    detail: Cow::Borrowed("the admin token is missing or wrong"),
    header: Some((WWW_AUTHENTICATE, "Bearer")),
};

/// The rules of one admin listener.
pub(super) struct Guard {
    hosts: Vec<String>,
    /// The token's digest; where there is none there is no login.
    pub(super) token: Option<Fingerprint>,
    /// Whether addresses that are no names do as hosts: they cannot be rebound.
    any_address: bool,
    pub(super) sessions: Sessions,
}

/// Lets through only what a check finds nothing wrong with.
pub(super) fn only(
    state: &Arc<State>,
    check: fn(&Guard, &Method, &str, &HeaderMap) -> Result<(), Refusal>,
) -> BoxedFilter<()> {
    let check = move |state: Arc<State>, method: Method, path: FullPath, headers: HeaderMap| {
        checked(check(&state.guard, &method, path.as_str(), &headers))
    };
    let head = warp::method().and(warp::path::full()).and(warp::header::headers_cloned());
    with(state).and(head).and_then(check).untuple_one().boxed()
}

impl Guard {
    pub(super) fn new(server: &ServerConfig, bound: SocketAddr, clock: &Clock) -> Self {
        let token = server.admin_token.as_ref().filter(|token| !token.is_empty());
        let token = token.map(|token| Fingerprint::of(token.as_bytes()));
        Self {
            hosts: server.admin_hosts.clone(),
            any_address: token.is_some() && !bound.ip().is_loopback(),
            token,
            sessions: Sessions::new(clock),
        }
    }

    /// The login, with what was wrong about the last try.
    pub(super) fn login(&self, wrong: Option<&'static str>) -> Refusal {
        Refusal::Login { form: self.sessions.form.clone(), wrong }
    }

    /// Whether a request may come from where it comes: Host, Origin, Sec-Fetch-Site.
    pub(super) fn check_origin(
        &self,
        method: &Method,
        _path: &str,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let host = text(headers, &HOST).ok_or(HOST_UNKNOWN)?;
        if !self.is_ours(without_port(host)) {
            return Err(HOST_UNKNOWN);
        }
        if is_own_origin(headers, host) == Some(false) {
            return Err(ORIGIN_FOREIGN);
        }
        let from = headers.get(SEC_FETCH_SITE).map_or("none", |value| value.to_str().unwrap_or(""));
        let follows_link = text(headers, &SEC_FETCH_MODE) == Some("navigate") && is_read(method);
        if matches!(from, "same-origin" | "none") || follows_link {
            return Ok(());
        }
        Err(FETCH_SITE_FOREIGN)
    }

    /// Whether the sender knows the token, or has logged in; anyone where there is no token. Who
    /// does not is shown the login where the page was asked for.
    pub(super) fn check_token(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let field = text(headers, &AUTHORIZATION).and_then(|field| field.split_once(' '));
        let bearer = field.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let is_known = if let Some((_, sent)) = bearer {
            self.is_token(sent.trim())
        } else {
            let mut cookies = headers.get_all(COOKIE).iter();
            cookies.any(|line| line.to_str().is_ok_and(|line| self.sessions.knows(line)))
        };
        match path {
            _ if is_known || self.token.is_none() => Ok(()),
            "/" if is_read(method) => Err(self.login(None)),
            _ => Err(TOKEN_WRONG),
        }
    }

    /// Whether a text is the token.
    pub(super) fn is_token(&self, sent: &str) -> bool {
        self.token.is_some_and(|token| same(&Fingerprint::of(sent.as_bytes()), &token))
    }

    fn is_ours(&self, host: &str) -> bool {
        let is_near = match literal_address(host) {
            Some(address) => address.is_loopback() || self.any_address,
            None => host.eq_ignore_ascii_case("localhost"),
        };
        is_near || is_listed(&self.hosts, host)
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
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
        Guard::new(&server, bound.parse().unwrap(), &Clock::system())
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
            assert_eq!(near.check_origin(&Method::GET, "/", &head).is_ok(), of_near, "{host}");
            assert_eq!(far.check_origin(&Method::GET, "/", &head).is_ok(), of_far, "{host}");
        }
    }

    #[test]
    fn another_sites_page_is_refused() {
        let guard = guard(None, "127.0.0.1:8001");
        for (method, field, value, expected) in [
            (Method::POST, "origin", "http://localhost:8001", Ok(())),
            (Method::POST, "origin", "http://localhost:8000", Err(ORIGIN_FOREIGN)),
            (Method::POST, "origin", "http://evil.example", Err(ORIGIN_FOREIGN)),
            (Method::POST, "origin", "null", Err(ORIGIN_FOREIGN)),
            (Method::GET, "origin", "http://evil.example", Err(ORIGIN_FOREIGN)),
            (Method::POST, "sec-fetch-site", "same-origin", Ok(())),
            (Method::POST, "sec-fetch-site", "none", Ok(())),
            (Method::POST, "sec-fetch-site", "same-site", Err(FETCH_SITE_FOREIGN)),
            (Method::DELETE, "sec-fetch-site", "cross-site", Err(FETCH_SITE_FOREIGN)),
            (Method::GET, "sec-fetch-site", "cross-site", Err(FETCH_SITE_FOREIGN)),
        ] {
            let head = headers(&[("host", "localhost:8001"), (field, value)]);
            assert_eq!(
                guard.check_origin(&method, "/", &head),
                expected,
                "{method} {field}: {value}"
            );
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
        assert_eq!(guard.check_origin(&Method::GET, "/", &head), Ok(()));
        assert_eq!(guard.check_origin(&Method::POST, "/", &head), Err(FETCH_SITE_FOREIGN));
    }

    #[test]
    fn a_token_is_wanted_whole() {
        let guard = guard(Some("secret"), "0.0.0.0:8001");
        for (sent, expected) in [
            (vec![("authorization", "Bearer secret")], Ok(())),
            (vec![("authorization", "bearer  secret")], Ok(())),
            (vec![("authorization", "Bearer secre")], Err(TOKEN_WRONG)),
            (vec![("authorization", "Bearer secrets")], Err(TOKEN_WRONG)),
            (vec![("authorization", "Basic secret")], Err(TOKEN_WRONG)),
            (vec![("cookie", "larder-session=secret")], Err(TOKEN_WRONG)),
            (vec![], Err(TOKEN_WRONG)),
        ] {
            assert_eq!(
                guard.check_token(&Method::GET, "/api/keys", &headers(&sent)),
                expected,
                "{sent:?}"
            );
        }
    }
}
