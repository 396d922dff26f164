//! A line a request, for who works on the site.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::cache::{Outcome, Why};
use crate::http::access::{Seen, Trace, escaped};
use crate::telemetry::request_line;

/// How requests are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// Text.
    Plain,
    /// Text with colours, for a terminal.
    Coloured,
    /// A JSON object.
    Json,
}

/// Tells of requests on standard error, beside the log.
#[derive(Clone, Copy, Debug)]
pub struct Lines(pub LineForm);

impl Lines {
    /// Tells of one request.
    pub(super) fn tell(self, seen: &Seen) {
        request_line(&match self.0 {
            LineForm::Plain => text(seen, Paint(false)),
            LineForm::Coloured => text(seen, Paint(true)),
            LineForm::Json => object(seen),
        });
    }
}

/// `200 GET /hello/ada  hello-name  hit near  12 µs  api:cache::hello-name:/hello/ada`
fn text(seen: &Seen, paint: Paint) -> String {
    let status = seen.status.as_u16();
    let hue = match status {
        500.. => RED,
        400.. => YELLOW,
        300.. => CYAN,
        _ => GREEN,
    };
    let mut line = paint.with(hue, &status.to_string());
    // Writing into a String cannot fail.
    let _infallible = write!(line, " {} {}", escaped(seen.method.as_str()), escaped(&seen.target));
    if let Some(trace) = &seen.trace {
        let _infallible = write!(line, "  {}  {}", trace.route, cached(trace));
    }
    let _infallible = write!(line, "  {}", paint.with(DIM, &time(seen.took)));
    if let Some(key) = seen.trace.as_ref().and_then(|trace| trace.key.as_deref()) {
        let _infallible = write!(line, "  {}", paint.with(DIM, &escaped(key)));
    }
    line
}

fn object(seen: &Seen) -> String {
    let trace = seen.trace.as_ref();
    json!({
        "level": "INFO",
        "target": "larder::dev",
        "message": "request",
        "status": seen.status.as_u16(),
        "method": seen.method.as_str(),
        "path": seen.target,
        "route": trace.map(|trace| &*trace.route),
        "cache": trace.map(cached),
        "took_us": u64::try_from(seen.took.as_micros()).unwrap_or(u64::MAX),
        "key": trace.and_then(|trace| trace.key.as_deref()),
    })
    .to_string()
}

/// What the cache did, in a few words: `hit near`, `miss (expired)`, `not kept`.
fn cached(trace: &Trace) -> String {
    match trace.outcome {
        Outcome::Hit { ttl_seconds, detail, .. } => {
            let word = if ttl_seconds < 0 { "stale" } else { "hit" };
            format!("{word} {detail}")
        }
        Outcome::Forwarded { why: Why::Bypass, .. } => "not kept".to_owned(),
        Outcome::Forwarded { why, stored, collapsed, detail, .. } => {
            let because = match (why, trace.lacked) {
                (Why::Stale, _) => "stale",
                (_, Some(lacked)) => lacked,
                (_, None) => "nothing stored",
            };
            let mut words = format!("miss ({because})");
            if collapsed {
                words.push_str(" collapsed");
            }
            if let Some(detail) = detail {
                let _infallible = write!(words, " {detail}");
            } else if !stored && !collapsed {
                words.push_str(" not stored");
            }
            words
        }
    }
}

/// `12 µs`, `3.4 ms`, `1.2 s`.
fn time(took: Duration) -> String {
    match took.as_micros() {
        micros @ ..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const CYAN: u8 = 36;
const DIM: u8 = 2;

/// Whether there are colours.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, hue: u8, text: &str) -> String {
        if self.0 { format!("\u{1b}[{hue}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode, Version};

    use super::*;
    use crate::cache::Detail;

    fn seen(target: &str, outcome: Option<Outcome>) -> Seen {
        Seen {
            peer: [127, 0, 0, 1].into(),
            method: Method::GET,
            target: target.to_owned(),
            version: Version::HTTP_11,
            status: if outcome.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND },
            bytes: 1,
            took: Duration::from_micros(12),
            cache_status: None,
            trace: outcome.map(|outcome| Trace {
                route: "hello-name".into(),
                key: Some("api:cache::hello-name:/hello/ada".into()),
                outcome,
                lacked: Some("expired"),
                failed: None,
            }),
            referer: None,
            user_agent: None,
        }
    }

    #[test]
    fn a_line_says_status_route_cache_time_and_key() {
        let hit = Outcome::Hit { ttl_seconds: 9, age_seconds: 1, detail: Detail::Near };
        let miss = Outcome::Forwarded {
            why: Why::UriMiss,
            fwd_status: None,
            stored: true,
            collapsed: false,
            age_seconds: None,
            detail: None,
        };
        let key = "api:cache::hello-name:/hello/ada";
        for (outcome, expected) in [
            (Some(hit), format!("200 GET /hello/ada  hello-name  hit near  12 µs  {key}")),
            (Some(miss), format!("200 GET /hello/ada  hello-name  miss (expired)  12 µs  {key}")),
            (None, "404 GET /hello/ada  12 µs".to_owned()),
        ] {
            assert_eq!(text(&seen("/hello/ada", outcome), Paint(false)), expected);
        }
    }

    #[test]
    fn no_request_reaches_the_terminal_as_a_command() {
        let line = text(&seen("/\u{1b}[2J\n\u{9b}x", None), Paint(false));
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(text(&seen("/", None), Paint(true)).starts_with("\u{1b}[33m404\u{1b}[0m"));
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
