//! What is known of an answer once it was sent, and a line of an access log out of it.
//!
//! What a client sent is shown so that it can neither begin a line of its own nor reach a terminal.
//! A line is put together without the formatter: with the log on, it is written for every hit.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, Method, StatusCode, Version};
use serde::Serialize;

use super::answer::Facts;
use super::request::RequestView;
use crate::config::{AccessLog, Network};
use crate::site::key::Headers;
use crate::telemetry;

/// One request and its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// What was asked for.
    pub asked: &'a Asked<'a>,
    /// The answer's status.
    pub status: StatusCode,
    /// Bytes of the body that were handed to the connection.
    pub bytes: u64,
    /// From the request's head to the end of the answer, or to its loss.
    pub took: Duration,
    /// How the answer came about.
    pub(crate) facts: &'a Facts,
}

/// What the log tells of a request.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The client's address, as the socket says.
    pub(crate) peer: IpAddr,
    /// What proxies say of where the request came from, in the order in which it passed them.
    pub(crate) forwarded_for: Option<Cow<'a, [u8]>>,
    /// The host that was asked for.
    pub(crate) host: Option<Cow<'a, [u8]>>,
    /// What the client calls the request.
    pub(crate) request_id: Option<Cow<'a, [u8]>>,
    pub(crate) method: Cow<'a, Method>,
    /// As sent.
    pub(crate) path: Cow<'a, str>,
    /// As sent, without its `?`.
    pub(crate) query: Option<Cow<'a, str>>,
    pub(crate) version: Version,
    pub(crate) referer: Option<Cow<'a, [u8]>>,
    pub(crate) user_agent: Option<Cow<'a, [u8]>>,
}

impl<'a> Asked<'a> {
    /// What the head of a request says.
    pub(super) fn of(request: &RequestView<'a>) -> Self {
        Self {
            peer: request.peer.ip(),
            forwarded_for: forwarded_for(request.headers),
            host: request.headers.line("host", 0).map(Cow::Borrowed),
            request_id: request_id(request.headers).map(Cow::Borrowed),
            method: Cow::Borrowed(request.method),
            path: request.path.into(),
            query: request.query.map(Cow::Borrowed),
            version: request.version,
            referer: request.headers.line("referer", 0).map(Cow::Borrowed),
            user_agent: request.headers.line("user-agent", 0).map(Cow::Borrowed),
        }
    }

    /// The same, for an answer that is sent later.
    pub(super) fn into_owned(self) -> Asked<'static> {
        let owned = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        Asked {
            peer: self.peer,
            forwarded_for: self.forwarded_for.map(owned),
            host: self.host.map(owned),
            request_id: self.request_id.map(owned),
            method: Cow::Owned(self.method.into_owned()),
            path: Cow::Owned(self.path.into_owned()),
            query: self.query.map(|query| Cow::Owned(query.into_owned())),
            version: self.version,
            referer: self.referer.map(owned),
            user_agent: self.user_agent.map(owned),
        }
    }

    /// The client's address: of who passed the request on, the last that is no proxy of ours.
    fn client(&self, proxies: &[Network]) -> IpAddr {
        let is_proxy = |address: IpAddr| proxies.iter().any(|proxy| proxy.holds(address));
        let mut client = self.peer;
        let said = self.forwarded_for.as_deref().unwrap_or_default();
        let mut said = said.rsplit(|byte| *byte == b',');
        while is_proxy(client) {
            // What is no address was written by a client: the proxy is all that is known.
            let before = said.next().and_then(|text| std::str::from_utf8(text).ok());
            let Some(before) = before.and_then(|text| address(text.trim())) else { break };
            client = before;
        }
        client
    }

    /// Path and query, as sent.
    #[must_use]
    pub fn target(&self) -> Cow<'_, str> {
        match &self.query {
            Some(query) => Cow::Owned(format!("{}?{query}", self.path)),
            None => Cow::Borrowed(&*self.path),
        }
    }
}

/// The last lines of `X-Forwarded-For` as one: a client may have sent any before them.
fn forwarded_for(headers: &dyn Headers) -> Option<Cow<'_, [u8]>> {
    let line = |at| headers.line("x-forwarded-for", at);
    let count = (0..).map_while(line).count();
    let first = count.saturating_sub(MAX_LINES);
    let mut all = Cow::Borrowed(line(first)?);
    for line in (first + 1..count).filter_map(line) {
        all.to_mut().push(b',');
        all.to_mut().extend_from_slice(line);
    }
    Some(all)
}

/// Lines of `X-Forwarded-For` that are read.
const MAX_LINES: usize = 32;

/// An address as proxies write it: with a port, or IPv6 in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    bare().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The field in which a client names its request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a client calls its request, where that can be sent back and stand in a log: 1 to 128
/// visible characters of ASCII, in one line.
pub(super) fn request_id(headers: &dyn Headers) -> Option<&[u8]> {
    let sent = headers.line("x-request-id", 0)?;
    let fits = matches!(sent.len(), 1..=128) && sent.iter().all(u8::is_ascii_graphic);
    (fits && headers.line("x-request-id", 1).is_none()).then_some(sent)
}

/// A name for a request that came without one, for the log alone: no other request has it.
fn made_request_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = SEED.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    // An odd number times all numbers gives each number once.
    let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seed.wrapping_add(number)
}

/// How a request is written down.
#[derive(Clone, Debug)]
pub(super) struct LineStyle {
    pub(super) form: AccessLog,
    /// Whose `X-Forwarded-For` is believed.
    pub(super) proxies: Arc<[Network]>,
}

impl Exchange<'_> {
    /// Writes its line to the access log, where there is one.
    pub(super) fn log(&self, style: &LineStyle, at: SystemTime) {
        thread_local! {
            static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            match style.form {
                AccessLog::Off => return,
                AccessLog::Text => self.push_text(style, at, line),
                AccessLog::Json => self.push_json(style, at, line),
            }
            line.push(b'\n');
            telemetry::access_lines(line);
        });
    }

    /// A line in the Combined Log Format, and behind it cache status, seconds, route, host and the
    /// request's name.
    fn push_text(&self, style: &LineStyle, at: SystemTime, out: &mut Vec<u8>) {
        let Self { asked, status, bytes, took, facts } = self;
        push_address(out, asked.client(&style.proxies));
        out.extend_from_slice(b" - - [");
        push_clf_time(out, at);
        out.extend_from_slice(b"] \"");
        out.extend_from_slice(asked.method.as_str().as_bytes());
        out.push(b' ');
        push_escaped(out, asked.path.as_bytes());
        if let Some(query) = &asked.query {
            out.push(b'?');
            push_escaped(out, query.as_bytes());
        }
        out.push(b' ');
        out.extend_from_slice(version(asked.version).as_bytes());
        out.extend_from_slice(b"\" ");
        out.extend_from_slice(status.as_str().as_bytes());
        out.push(b' ');
        push_number(out, *bytes);
        push_quoted(out, asked.referer.as_deref());
        push_quoted(out, asked.user_agent.as_deref());
        let mut cache_status = Vec::new();
        let has_status = facts.push_cache_status(&mut cache_status);
        push_quoted(out, has_status.then_some(&*cache_status));
        out.push(b' ');
        push_number(out, took.as_secs());
        let micros = itoa::Buffer::new().format(1_000_000 + took.subsec_micros()).to_owned();
        out.push(b'.');
        out.extend(micros.bytes().skip(1));
        out.push(b' ');
        out.extend_from_slice(facts.route_name().map_or("-", |name| &**name).as_bytes());
        push_quoted(out, asked.host.as_deref());
        out.push(b' ');
        match &asked.request_id {
            Some(id) => push_escaped(out, id),
            None => push_hex(out, made_request_id()),
        }
    }

    /// A JSON object on one line.
    fn push_json(&self, style: &LineStyle, at: SystemTime, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Line<'a> {
            time: String,
            request_id: Cow<'a, str>,
            client: IpAddr,
            peer: IpAddr,
            host: Option<Cow<'a, str>>,
            route: Option<&'a str>,
            method: &'a str,
            target: Cow<'a, str>,
            version: &'static str,
            status: u16,
            bytes: u64,
            took_us: u128,
            outcome: &'static str,
            cache_status: Option<Cow<'a, str>>,
            referer: Option<Cow<'a, str>>,
            user_agent: Option<Cow<'a, str>>,
        }
        let Self { asked, status, bytes, took, facts } = self;
        let mut cache_status = Vec::new();
        let has_status = facts.push_cache_status(&mut cache_status);
        let line = Line {
            time: utc(at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            request_id: match &asked.request_id {
                Some(id) => String::from_utf8_lossy(id),
                None => format!("{:016x}", made_request_id()).into(),
            },
            client: asked.client(&style.proxies),
            peer: asked.peer,
            host: asked.host.as_deref().map(String::from_utf8_lossy),
            route: facts.route_name().map(|name| &**name),
            method: asked.method.as_str(),
            target: asked.target(),
            version: version(asked.version),
            status: status.as_u16(),
            bytes: *bytes,
            took_us: took.as_micros(),
            outcome: facts.did().name(),
            cache_status: has_status.then(|| String::from_utf8_lossy(&cache_status)),
            referer: asked.referer.as_deref().map(String::from_utf8_lossy),
            user_agent: asked.user_agent.as_deref().map(String::from_utf8_lossy),
        };
        // Plain data into memory: neither can fail.
        let text = serde_json::to_string(&line).unwrap_or_default();
        out.extend_from_slice(telemetry::visible(&text).as_bytes());
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// ` "text"`, or ` "-"` for nothing.
fn push_quoted(out: &mut Vec<u8>, text: Option<&[u8]>) {
    out.extend_from_slice(b" \"");
    push_escaped(out, text.unwrap_or(b"-"));
    out.push(b'"');
}

fn push_hex(out: &mut Vec<u8>, number: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |at: u32| HEX.get((number >> at & 15) as usize).copied().unwrap_or(b'0');
    out.extend((0..16).rev().map(|nibble| digit(nibble * 4)));
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                push_number(out, octet.into());
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// As Apache and nginx do it: quotes, backslashes and all that is not visible ASCII as `\xHH`.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'?');
                out.extend([b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// The same, for lines that are put together as text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    push_escaped(&mut out, text.as_bytes());
    // Nothing but visible ASCII is left.
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends `24/Nov/2026:08:15:00 +0000`; the text is made once a second and thread.
fn push_clf_time(out: &mut Vec<u8>, at: SystemTime) {
    thread_local! {
        static TEXT: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let second = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    TEXT.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            *of = second;
            *text = utc(at).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// The beginning of time where a clock is set beyond all calendars.
fn utc(at: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Detail, Outcome};
    use crate::config::CacheStatusDetail;

    fn asked(path: &str) -> Asked<'_> {
        Asked {
            peer: [127, 0, 0, 1].into(),
            forwarded_for: None,
            host: Some(b"shop.example"[..].into()),
            request_id: Some(b"r-1"[..].into()),
            method: Cow::Owned(Method::GET),
            path: path.into(),
            query: Some("lang=no".into()),
            version: Version::HTTP_11,
            referer: None,
            user_agent: Some(b"a\"b\\c\xc3\xa9".into()),
        }
    }

    fn line(path: &str, form: AccessLog) -> String {
        line_of(&asked(path), form)
    }

    fn line_of(asked: &Asked<'_>, form: AccessLog) -> String {
        let hit = Outcome::Hit { left_ms: 9_000, age_seconds: 1, detail: Detail::Near };
        let exchange = Exchange {
            asked,
            status: StatusCode::OK,
            bytes: 52,
            took: Duration::from_micros(213),
            facts: &Facts {
                outcome: Some(hit),
                shown: CacheStatusDetail::Short,
                ..Facts::default()
            },
        };
        let mut out = Vec::new();
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_507_200_250);
        let proxies = ["127.0.0.0/8", "10.0.0.9"].map(|proxy| proxy.parse().unwrap());
        let style = LineStyle { form, proxies: proxies.into() };
        match form {
            AccessLog::Text => exchange.push_text(&style, at, &mut out),
            _ => exchange.push_json(&style, at, &mut out),
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_in_the_combined_format_and_cannot_be_broken() {
        let expected = "127.0.0.1 - - [24/Nov/2026:08:00:00 +0000] \
                        \"GET /hello/ada?lang=no HTTP/1.1\" 200 52 \"-\" \
                        \"a\\\"b\\\\c\\xC3\\xA9\" \"larder; hit; ttl=9; detail=near\" 0.000213 \
                        - \"shop.example\" r-1";
        assert_eq!(line("/hello/ada", AccessLog::Text), expected);
        assert!(line("/\n[\u{1b}[2J", AccessLog::Text).contains("/\\x0A[\\x1B[2J"));
    }

    #[test]
    fn a_json_line_is_one_object() {
        let line = line("/\n\"", AccessLog::Json);
        assert!(!line.contains('\n'), "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["time"], "2026-11-24T08:00:00.250Z");
        assert_eq!(object["target"], "/\n\"?lang=no");
        assert_eq!(object["took_us"], 213);
        assert_eq!(object["referer"], serde_json::Value::Null);
        assert_eq!((&object["outcome"], &object["host"]), (&"hit".into(), &"shop.example".into()));
        assert_eq!((&object["request_id"], &object["route"]), (&"r-1".into(), &().into()));
    }

    #[test]
    fn the_client_is_the_last_that_no_proxy_of_ours_is() {
        for (said, expected) in [
            ("", "127.0.0.1"),
            ("198.51.100.7", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
            ("10.0.0.9", "10.0.0.9"),
            ("2001:db8::1, 10.0.0.9:4711", "2001:db8::1"),
            ("[2001:db8::1]:99", "2001:db8::1"),
            ("unknown, 10.0.0.9", "10.0.0.9"),
            ("198.51.100.7\n\"evil", "127.0.0.1"),
        ] {
            let asked = Asked { forwarded_for: Some(said.as_bytes().into()), ..asked("/") };
            let line = line_of(&asked, AccessLog::Text);
            assert!(line.starts_with(&format!("{expected} - - [")), "{said}: {line}");
        }
        let direct = Asked {
            peer: [192, 0, 2, 1].into(),
            forwarded_for: Some(b"198.51.100.7"[..].into()),
            ..asked("/")
        };
        assert!(line_of(&direct, AccessLog::Text).starts_with("192.0.2.1 - - ["));
    }

    #[test]
    fn what_a_proxy_of_ours_wrote_is_read_behind_any_number_of_lines() {
        for count in [0, 1, MAX_LINES - 1, MAX_LINES, 5 * MAX_LINES] {
            let mut headers = http::HeaderMap::new();
            let lines = std::iter::repeat_n("1.1.1.1", count);
            for line in lines.chain(["198.51.100.7, 10.0.0.9"]) {
                headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
            }
            let asked = Asked { forwarded_for: forwarded_for(&headers), ..asked("/") };
            let line = line_of(&asked, AccessLog::Text);
            assert!(line.starts_with("198.51.100.7 - - ["), "{count}: {line}");
        }
    }

    #[test]
    fn a_request_without_a_name_gets_one_that_no_other_has() {
        let unnamed = Asked { request_id: None, ..asked("/") };
        let name = |_| line_of(&unnamed, AccessLog::Text).rsplit(' ').next().unwrap().to_owned();
        let names: Vec<String> = (0..100).map(name).collect();
        assert!(names.iter().all(|name| name.len() == 16), "{names:?}");
        let different: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(different.len(), 100);
    }
}
