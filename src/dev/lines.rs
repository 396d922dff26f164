//! A line a request, for who works on the site: also why an answer was made anew, as what the store
//! held then, and what is known to have been there, say.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde_json::json;

use crate::cache::{Lacked, Outcome, Why};
use crate::clock::Moment;
use crate::http::access::{Exchange, escaped};
use crate::http::answer::Facts;
use crate::telemetry::{log_line, log_text};

/// How requests are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineForm {
    /// Text.
    Plain,
    /// Text with colours, for a terminal.
    Coloured,
    /// A JSON object.
    Json,
}

impl LineForm {
    /// Tells of one request, answered `at`, on standard error, among the lines of the log.
    pub(super) fn tell(self, exchange: &Exchange<'_>, at: SystemTime) {
        match self {
            Self::Plain => log_text(&(text(exchange, false) + "\n")),
            Self::Coloured => log_text(&(text(exchange, true) + "\n")),
            Self::Json => log_line(&object(exchange, at)),
        }
    }
}

/// `200 GET /hello/ada  hit near  12 µs  api:cache::hello-name:/hello/ada`
fn text(exchange: &Exchange<'_>, is_coloured: bool) -> String {
    const DIM: u8 = 2;
    let paint = |hue: u8, text: &str| {
        if is_coloured { format!("\u{1b}[{hue}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let Exchange { asked, status, facts, took, .. } = exchange;
    let hue = match status.as_u16() {
        500.. => 31, // red
        400.. => 33, // yellow
        300.. => 36, // cyan
        _ => 32,     // green
    };
    let (method, target) = (escaped(asked.method.as_str()), escaped(&asked.target()));
    let parts = [
        Some(format!("{} {method} {target}", paint(hue, status.as_str()))),
        facts.route_name().map(ToString::to_string),
        cached(facts),
        Some(paint(DIM, &time(*took))),
        facts.key.as_deref().map(|key| paint(DIM, &escaped(key))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn object(exchange: &Exchange<'_>, at: SystemTime) -> String {
    let Exchange { asked, facts, .. } = exchange;
    let at = jiff::Timestamp::try_from(at).unwrap_or_default();
    json!({
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "level": "INFO",
        "target": "larder::dev",
        "message": "request",
        "status": exchange.status.as_u16(),
        "method": asked.method.as_str(),
        "path": asked.target(),
        "route": facts.route_name().map(|name| &**name),
        "cache": cached(facts),
        "took_us": u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
        "key": facts.key,
    })
    .to_string()
}

/// What the cache did, in a few words: `hit near`, `miss (expired)`, `not kept`.
fn cached(facts: &Facts) -> Option<String> {
    // Where no route answered, the cache was not asked.
    let outcome = facts.outcome.filter(|_| facts.route.is_some() || facts.key.is_some())?;
    Some(match outcome {
        Outcome::Hit { left_ms, detail, .. } => {
            let word = if left_ms < 0 { "stale" } else { "hit" };
            format!("{word} {detail}")
        }
        Outcome::Forwarded { why: Why::Bypass, .. } => "not kept".to_owned(),
        Outcome::Forwarded { why, stored, collapsed, detail, .. } => {
            let because = match (why, facts.lacked) {
                (Why::Stale, _) => "stale",
                (_, Some(lacked)) => lacked,
                (_, None) => "nothing stored",
            };
            let collapsed_word = if collapsed { " collapsed" } else { "" };
            let rest = match detail {
                Some(detail) => format!(" {detail}"),
                None if stored || collapsed => String::new(),
                None => " not stored".to_owned(),
            };
            format!("miss ({because}){collapsed_word}{rest}")
        }
    })
}

/// `12 µs`, `3.4 ms`, `1.2 s`.
fn time(took: Duration) -> String {
    match took.as_micros() {
        micros @ ..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// Keys that are remembered; all are forgotten when there are more.
const KEYS: usize = 4096;

/// The keys that were answered, and until when what was stored for them was to be kept.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Moment>>);

impl Known {
    /// Notes in an answer's facts why the store had nothing, and what it has from now on.
    pub(super) fn explain(&self, facts: &mut Facts, now: Moment) {
        let (Some(outcome), Some(key)) = (facts.outcome, &facts.key) else { return };
        match outcome {
            Outcome::Forwarded { why: Why::UriMiss, lacked, .. } => {
                facts.lacked = Some(match lacked {
                    Lacked::Nothing => self.absent(key, now),
                    Lacked::Unreadable => "no record of larder",
                    Lacked::OtherVersion => "of another version",
                    Lacked::TooOld => "too old",
                    Lacked::Unknown => "the store does not answer",
                });
                if let Some(left) = facts.kept_for() {
                    self.remember(key, now.after(left));
                }
            }
            Outcome::Forwarded { .. } => {}
            Outcome::Hit { left_ms, .. } => {
                let left = Duration::from_secs(u64::try_from(left_ms / 1000).unwrap_or(0));
                self.remember(key, now.after(left));
            }
        }
    }

    fn absent(&self, key: &str, now: Moment) -> &'static str {
        match self.0.lock().get(key) {
            None => "new",
            Some(until) if now < *until => "deleted",
            Some(_) => "expired",
        }
    }

    fn remember(&self, key: &str, until: Moment) {
        let mut keys = self.0.lock();
        if keys.len() >= KEYS && !keys.contains_key(key) {
            keys.clear();
        }
        keys.insert(key.into(), until);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use http::{Method, StatusCode, Version};

    use super::*;
    use crate::cache::Detail;
    use crate::http::access::Asked;

    fn line(path: &str, outcome: Option<Outcome>, is_coloured: bool) -> String {
        let asked = Asked {
            peer: [127, 0, 0, 1].into(),
            forwarded_for: None,
            host: None,
            request_id: None,
            method: Cow::Owned(Method::GET),
            path: path.into(),
            query: None,
            version: Version::HTTP_11,
            referer: None,
            user_agent: None,
        };
        let key = outcome.map(|_| "api:cache::hello-name:/hello/ada".to_owned());
        let facts = Facts { key, outcome, lacked: Some("expired"), ..Facts::default() };
        text(
            &Exchange {
                asked: &asked,
                status: if outcome.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND },
                bytes: 1,
                took: Duration::from_micros(12),
                facts: &facts,
            },
            is_coloured,
        )
    }

    #[test]
    fn a_line_says_status_cache_time_and_key() {
        let hit = Outcome::Hit { left_ms: 9_000, age_seconds: 1, detail: Detail::Near };
        let miss = Outcome::Forwarded {
            why: Why::UriMiss,
            lacked: Lacked::Nothing,
            fwd_status: None,
            stored: true,
            collapsed: false,
            age_seconds: None,
            detail: None,
        };
        let key = "api:cache::hello-name:/hello/ada";
        for (outcome, expected) in [
            (Some(hit), format!("200 GET /hello/ada  hit near  12 µs  {key}")),
            (Some(miss), format!("200 GET /hello/ada  miss (expired)  12 µs  {key}")),
            (None, "404 GET /hello/ada  12 µs".to_owned()),
        ] {
            assert_eq!(line("/hello/ada", outcome, false), expected);
        }
    }

    #[test]
    fn no_request_reaches_the_terminal_as_a_command() {
        let line_of = |path, is_coloured| line(path, None, is_coloured);
        let plain = line_of("/\u{1b}[2J\n\u{9b}x", false);
        assert!(!plain.contains(char::is_control), "{plain:?}");
        assert!(line_of("/", true).starts_with("\u{1b}[33m404\u{1b}[0m"));
    }

    #[test]
    fn times_are_said_in_a_fitting_unit() {
        for (micros, expected) in
            [(0, "0 µs"), (999, "999 µs"), (3_412, "3.4 ms"), (1_249_000, "1.2 s")]
        {
            assert_eq!(time(Duration::from_micros(micros)), expected);
        }
    }
}
