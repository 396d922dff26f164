//! What is known of an answer once it was sent, and a line of an access log out of it.
//!
//! What a client sent is shown so that it can neither begin a line of its own nor reach a terminal.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use serde_json::json;

use crate::cache::Outcome;

/// What the site's handler knows of an answer beyond its lines; rides in the answer's extensions,
/// where somebody asked for it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The name of the route that answered.
    pub route: Arc<str>,
    /// The key; nothing for what is never stored.
    pub key: Option<Box<str>>,
    /// What the cache did.
    pub outcome: Outcome,
    /// Why nothing usable was stored, where somebody looked.
    pub lacked: Option<&'static str>,
    /// Why it could not be made, where it could not.
    pub failed: Option<Arc<str>>,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The client's address, as the socket says.
    pub peer: IpAddr,
    /// The method.
    pub method: Method,
    /// Path and query, as sent.
    pub target: String,
    /// The protocol's version.
    pub version: Version,
    /// The answer's status.
    pub status: StatusCode,
    /// Bytes of the body that were handed to the connection.
    pub bytes: u64,
    /// From the request's head to the end of the answer, or to its loss.
    pub took: Duration,
    /// `Cache-Status` of the answer.
    pub cache_status: Option<String>,
    /// What its handler noted of it; nothing where nobody asked, or no route answered.
    pub trace: Option<Trace>,
    /// `Referer` of the request.
    pub referer: Option<String>,
    /// `User-Agent` of the request.
    pub user_agent: Option<String>,
}

impl Seen {
    /// What a request's head says; the rest is not known yet.
    pub(super) fn begin<B>(request: &Request<B>, peer: IpAddr) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        Self {
            peer,
            method: request.method().clone(),
            target: target.to_owned(),
            version: request.version(),
            status: StatusCode::OK,
            bytes: 0,
            took: Duration::ZERO,
            cache_status: None,
            trace: None,
            referer: text(request.headers(), &REFERER),
            user_agent: text(request.headers(), &USER_AGENT),
        }
    }

    /// Adds what an answer's head says.
    pub(super) fn answered<B>(&mut self, answer: &Response<B>) {
        self.status = answer.status();
        self.cache_status = text(answer.headers(), &HeaderName::from_static("cache-status"));
        self.trace = answer.extensions().get().cloned();
    }

    /// A line in the Combined Log Format, and behind it cache status and seconds.
    #[must_use]
    pub fn text(&self, at: SystemTime) -> String {
        let mut line = String::with_capacity(160);
        // Writing into a String cannot fail.
        let _infallible = write!(
            line,
            "{} - - [{}] \"{} {} {:?}\" {} {} {} {} {} {:.6}",
            self.peer,
            clf_time(at),
            self.method,
            escaped(&self.target),
            self.version,
            self.status.as_u16(),
            self.bytes,
            quoted(self.referer.as_deref()),
            quoted(self.user_agent.as_deref()),
            quoted(self.cache_status.as_deref()),
            self.took.as_secs_f64(),
        );
        line
    }

    /// A JSON object on one line.
    #[must_use]
    pub fn json(&self, at: SystemTime) -> String {
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        json!({
            "time": rfc3339(at),
            "peer": self.peer.to_string(),
            "method": self.method.as_str(),
            "target": self.target,
            "version": format!("{:?}", self.version),
            "status": self.status.as_u16(),
            "bytes": self.bytes,
            "took_us": micros,
            "cache_status": self.cache_status,
            "referer": self.referer,
            "user_agent": self.user_agent,
        })
        .to_string()
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "\"-\"".to_owned(), |text| format!("\"{}\"", escaped(text)))
}

/// As Apache and nginx do it: quotes, backslashes and all that is not visible ASCII as `\xHH`.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _infallible = write!(out, "\\x{byte:02X}");
            }
        }
    }
    out
}

/// `24/Nov/2026:08:15:00 +0000`.
fn clf_time(at: SystemTime) -> String {
    utc(at).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

fn rfc3339(at: SystemTime) -> String {
    utc(at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The beginning of time where a clock is set beyond all calendars.
fn utc(at: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        let request = Request::builder()
            .method("GET")
            .uri("/hello/ada?lang=no")
            .header("user-agent", "a\"b\\c\u{e9}")
            .body(())
            .unwrap();
        let answer = Response::builder().header("cache-status", "larder; hit").body(()).unwrap();
        let mut seen = Seen::begin(&request, [127, 0, 0, 1].into());
        seen.answered(&answer);
        Seen { bytes: 52, took: Duration::from_micros(213), ..seen }
    }

    #[test]
    fn a_line_is_in_the_combined_format_and_cannot_be_broken() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_507_200_250);
        let expected = "127.0.0.1 - - [24/Nov/2026:08:00:00 +0000] \
                        \"GET /hello/ada?lang=no HTTP/1.1\" 200 52 \"-\" \
                        \"a\\\"b\\\\c\\xC3\\xA9\" \"larder; hit\" 0.000213";
        assert_eq!(seen().text(at), expected);
        let hostile = Seen { target: "/\n[\u{1b}[2J".into(), ..seen() };
        assert!(hostile.text(at).contains("/\\x0A[\\x1B[2J"));
    }

    #[test]
    fn a_json_line_is_one_object() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_507_200_250);
        let hostile = Seen { target: "/\n\"".into(), ..seen() };
        let line = hostile.json(at);
        assert!(!line.contains('\n'), "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["time"], "2026-11-24T08:00:00.250Z");
        assert_eq!(object["target"], "/\n\"");
        assert_eq!(object["took_us"], 213);
        assert_eq!(object["referer"], serde_json::Value::Null);
    }
}
