//! Who may ask what: a request's head → leave, or the reason why not.
//!
//! Three attackers are meant. A page on another site, in the browser of who uses the admin page:
//! its `Origin` and `Sec-Fetch-Site` tell, and it can set no JSON content type unasked. A page
//! whose host name was made to point here (DNS rebinding): its `Host` tells. Anyone who reaches the
//! port where it is not on loopback: the token tells, and guesses at it are throttled. Nothing here
//! sends CORS fields, ever.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::path::FullPath;

use super::State;
use super::reply::Refusal;
use super::request::{checked, with};
use super::session::{Asker, Sessions, Twice};
use super::throttle::{Throttle, Tries};
use crate::clock::Clock;
use crate::config::ServerConfig;
use crate::fingerprint::Fingerprint;
use crate::http::edge::Peer;
use crate::http::guard::{Hosts, is_own_origin};
use crate::measure::Counter;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

const HOST_UNKNOWN: Refusal = Refusal::fixed(
    StatusCode::MISDIRECTED_REQUEST,
    "the admin listener does not answer to this Host; see server.admin_hosts",
);
const ORIGIN_FOREIGN: Refusal =
    Refusal::fixed(StatusCode::FORBIDDEN, "the Origin is another site's");
const FETCH_SITE_FOREIGN: Refusal =
    Refusal::fixed(StatusCode::FORBIDDEN, "the request comes from another site's page");
const TWO_SESSIONS: Refusal =
    Refusal::fixed(StatusCode::BAD_REQUEST, "the session's cookie is there twice");
const TOKEN_WRONG: Refusal = Refusal::Problem {
    status: StatusCode::UNAUTHORIZED,
    detail: Cow::Borrowed("the admin token is missing or wrong"),
    header: Some((WWW_AUTHENTICATE, "Bearer")),
};
const TRIES_USED: Refusal = Refusal::Problem {
    status: StatusCode::TOO_MANY_REQUESTS,
    detail: Cow::Borrowed("too many wrong tokens from this address; wait a minute"),
    header: Some((RETRY_AFTER, "6")),
};

/// The rules of one admin listener.
pub(super) struct Guard {
    hosts: Hosts,
    /// The token's digest; where there is none there is no login.
    token: Option<Fingerprint>,
    throttle: Throttle,
    pub(super) sessions: Sessions,
}

/// What the guard sees of a request.
pub(super) struct Head<'h> {
    pub(super) method: &'h Method,
    pub(super) path: &'h str,
    pub(super) headers: &'h HeaderMap,
    /// Who sent it, as the socket says.
    pub(super) peer: IpAddr,
}

/// Lets through only what a check finds nothing wrong with.
pub(super) fn only(
    state: &Arc<State>,
    check: fn(&Guard, &Head<'_>) -> Result<(), Refusal>,
) -> BoxedFilter<()> {
    let check = move |state: Arc<State>, method: Method, path: FullPath, headers, peer| {
        let head = Head { method: &method, path: path.as_str(), headers: &headers, peer };
        checked(check(&state.guard, &head))
    };
    let head = warp::method().and(warp::path::full()).and(warp::header::headers_cloned());
    with(state).and(head).and(peer()).and_then(check).untuple_one().boxed()
}

/// The address that a request came from. Only a request of this process itself comes from nowhere.
pub(super) fn peer() -> BoxedFilter<(IpAddr,)> {
    let of_none = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let address = move |peer: Option<Peer>| peer.map_or(of_none, |Peer(peer)| peer.ip());
    warp::ext::optional::<Peer>().map(address).boxed()
}

impl Guard {
    pub(super) fn new(server: &ServerConfig, bound: SocketAddr, clock: &Clock) -> Self {
        let token = server.admin_token.as_ref().filter(|token| !token.is_empty());
        let token = token.map(|token| Fingerprint::of(token.as_bytes()));
        let any_address = token.is_some() && !bound.ip().is_loopback();
        let is_secure = server.tls.is_some() && !bound.ip().is_loopback();
        Self {
            hosts: Hosts { named: server.admin_hosts.clone(), any_address },
            token,
            throttle: Throttle::new(clock),
            sessions: Sessions::new(clock, bound.port(), is_secure),
        }
    }

    /// Whether a request may come from where it comes: Host, Origin, Sec-Fetch-Site.
    pub(super) fn check_origin(&self, head: &Head<'_>) -> Result<(), Refusal> {
        let host = only_line(head.headers, &HOST).filter(|host| self.hosts.hold(host));
        let host = host.ok_or(HOST_UNKNOWN)?;
        if is_own_origin(head.headers, host) == Some(false) {
            return Err(ORIGIN_FOREIGN);
        }
        let mut from = head.headers.get_all(SEC_FETCH_SITE).iter();
        let is_near = from.all(|value| *value == "same-origin" || *value == "none");
        if is_near || follows_link(head) { Ok(()) } else { Err(FETCH_SITE_FOREIGN) }
    }

    /// Whether the sender knows the token, or has logged in; anyone where there is no token. Who
    /// does not is shown the login where a page was asked for.
    pub(super) fn check_token(&self, head: &Head<'_>) -> Result<(), Refusal> {
        if self.token.is_none() {
            return Ok(());
        }
        if let Some(sent) = bearer(head.headers) {
            return self.try_token(sent, head.peer);
        }
        match self.sessions.of(head.headers) {
            Ok(Some(_)) => Ok(()),
            Ok(None) if is_read(head.method) && is_page(head.path) => {
                Err(Refusal::Login { wrong: None })
            }
            Ok(None) => Err(TOKEN_WRONG),
            Err(Twice) => Err(TWO_SESSIONS),
        }
    }

    /// Compares what an address sends with the token, where it has a try left; a wrong one costs a
    /// try.
    pub(super) fn try_token(&self, sent: &str, from: IpAddr) -> Result<(), Refusal> {
        if self.throttle.look(from) == Tries::None {
            return Err(TRIES_USED);
        }
        if self.token.is_some_and(|token| same(&Fingerprint::of(sent.as_bytes()), &token)) {
            return Ok(());
        }
        self.throttle.take(from);
        Err(TOKEN_WRONG)
    }

    /// Whether an address has a try left: a login is refused before its body is read.
    pub(super) fn check_tries(&self, head: &Head<'_>) -> Result<(), Refusal> {
        if self.throttle.look(head.peer) == Tries::None { Err(TRIES_USED) } else { Ok(()) }
    }

    /// Tells the log of wrong tokens that no other follows; for ever.
    pub(super) async fn tell_of_tokens(&self) {
        self.throttle.tell_in_time().await;
    }

    /// Wrong tokens since the start, and those that were not looked at.
    pub(super) fn wrong_tokens(&self) -> [u64; 2] {
        [&self.throttle.wrong, &self.throttle.refused].map(Counter::get)
    }

    /// By what a request is known that was let through.
    pub(super) fn asker(&self, headers: &HeaderMap) -> Asker {
        let session = || self.sessions.of(headers).ok().flatten();
        let known = if bearer(headers).is_none() { session() } else { None };
        known.unwrap_or(Asker::Program)
    }
}

/// Whether a person follows a link from elsewhere, in a chat say, to a page: not in a frame, and
/// not to what is for programs.
fn follows_link(head: &Head<'_>) -> bool {
    let says = |name: HeaderName, value| only_line(head.headers, &name) == Some(value);
    let is_whole = says(SEC_FETCH_MODE, "navigate") && says(SEC_FETCH_DEST, "document");
    is_whole && is_read(head.method) && is_page(head.path)
}

/// Whether an address is a person's rather than a program's.
pub(super) fn is_page(path: &str) -> bool {
    !path.starts_with("/api/") && path != "/metrics"
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, sent) = only_line(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| sent.trim())
}

/// The text of a line that is there once.
fn only_line<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(line)
}

/// Compares all bytes of the digests, so that time tells nothing; of the texts not even the length.
pub(super) fn same(one: &Fingerprint, other: &Fingerprint) -> bool {
    let pairs = one.as_bytes().iter().zip(other.as_bytes());
    pairs.fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "open-sesame-0123";

    fn guard(token: Option<&str>, bound: &str) -> Guard {
        let server = ServerConfig {
            admin_token: token.map(crate::config::Secret::new),
            admin_hosts: vec!["admin.example.com".to_owned()],
            ..ServerConfig::default()
        };
        Guard::new(&server, bound.parse().unwrap(), &Clock::manual())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn head<'h>(method: &'h Method, path: &'h str, headers: &'h HeaderMap) -> Head<'h> {
        Head { method, path, headers, peer: [10, 0, 0, 1].into() }
    }

    #[test]
    fn a_host_that_can_be_rebound_is_refused() {
        let near = guard(None, "127.0.0.1:8001");
        let far = guard(Some(TOKEN), "0.0.0.0:8001");
        for (host, of_near, of_far) in [
            ("127.0.0.1:9", true, true),
            ("admin.example.com:8001", true, true),
            ("evil.example:8001", false, false),
            ("10.0.0.7:8001", false, true),
        ] {
            let headers = headers(&[("host", host)]);
            let head = head(&Method::GET, "/", &headers);
            assert_eq!(near.check_origin(&head).is_ok(), of_near, "{host}");
            assert_eq!(far.check_origin(&head).is_ok(), of_far, "{host}");
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
            let headers = headers(&[("host", "localhost:8001"), (field, value)]);
            let head = head(&method, "/", &headers);
            assert_eq!(guard.check_origin(&head), expected, "{method} {field}: {value}");
        }
    }

    #[test]
    fn a_line_that_is_there_twice_is_refused_whichever_comes_first() {
        let guard = guard(None, "127.0.0.1:8001");
        let host = ("host", "localhost:8001");
        for (one, other, expected) in [
            (host, ("host", "evil.example"), HOST_UNKNOWN),
            (
                ("origin", "http://localhost:8001"),
                ("origin", "http://evil.example"),
                ORIGIN_FOREIGN,
            ),
            (
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
                FETCH_SITE_FOREIGN,
            ),
        ] {
            for lines in [[one, other], [other, one]] {
                let host = if one.0 == "host" { None } else { Some(host) };
                let lines: Vec<_> = host.into_iter().chain(lines).collect();
                let headers = headers(&lines);
                let head = head(&Method::POST, "/api/purge", &headers);
                assert_eq!(guard.check_origin(&head), Err(expected.clone()), "{lines:?}");
            }
        }
    }

    #[test]
    fn a_link_to_a_page_may_be_followed_but_no_form_sent_and_no_frame_filled() {
        let guard = guard(None, "127.0.0.1:8001");
        for (method, path, dest, expected) in [
            (Method::GET, "/", "document", Ok(())),
            (Method::GET, "/key?key=a", "document", Ok(())),
            (Method::GET, "/", "iframe", Err(FETCH_SITE_FOREIGN)),
            (Method::GET, "/api/keys", "document", Err(FETCH_SITE_FOREIGN)),
            (Method::GET, "/metrics", "document", Err(FETCH_SITE_FOREIGN)),
            (Method::POST, "/", "document", Err(FETCH_SITE_FOREIGN)),
        ] {
            let headers = headers(&[
                ("host", "localhost:8001"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", dest),
            ]);
            let head = head(&method, path, &headers);
            assert_eq!(guard.check_origin(&head), expected, "{method} {path} {dest}");
        }
    }

    #[test]
    fn a_token_is_wanted_whole() {
        let guard = guard(Some(TOKEN), "0.0.0.0:8001");
        for (sent, expected) in [
            (vec![("authorization", "Bearer open-sesame-0123")], Ok(())),
            (vec![("authorization", "bearer  open-sesame-0123")], Ok(())),
            (vec![("authorization", "Bearer open-sesame-012")], Err(TOKEN_WRONG)),
            (vec![("authorization", "Bearer open-sesame-01234")], Err(TOKEN_WRONG)),
            (vec![("authorization", "Basic open-sesame-0123")], Err(TOKEN_WRONG)),
            (vec![("cookie", "larder-session-8001=open-sesame-0123")], Err(TOKEN_WRONG)),
            (vec![], Err(TOKEN_WRONG)),
        ] {
            let headers = headers(&sent);
            let head = head(&Method::GET, "/api/keys", &headers);
            assert_eq!(guard.check_token(&head), expected, "{sent:?}");
        }
    }

    #[test]
    fn who_has_sent_ten_wrong_tokens_is_not_told_of_the_right_one_and_logins_go_on() {
        let guard = guard(Some(TOKEN), "0.0.0.0:8001");
        let cookie = guard.sessions.open().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let asked = |lines: &[(&'static str, &str)]| {
            guard.check_token(&head(&Method::GET, "/api/keys", &headers(lines)))
        };
        for _ in 0..10 {
            assert_eq!(asked(&[("authorization", "Bearer x")]), Err(TOKEN_WRONG));
            // One that is missing costs nothing.
            assert_eq!(asked(&[]), Err(TOKEN_WRONG));
        }
        assert_eq!(asked(&[("authorization", "Bearer open-sesame-0123")]), Err(TRIES_USED));
        assert_eq!(asked(&[("cookie", cookie)]), Ok(()));
    }
}
