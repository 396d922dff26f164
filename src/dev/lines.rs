//! A line a request, for who works on the site.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::cache::{Outcome, Why};
use crate::http::access::{Exchange, escaped};
use crate::http::answer::Facts;
use crate::telemetry::log_text;

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

/// Tells of requests on standard error, beside the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines(pub LineForm);

impl Lines {
    /// Tells of one request.
    pub(super) fn tell(self, exchange: &Exchange<'_>) {
        let line = match self.0 {
            LineForm::Plain => text(exchange, Paint(false)),
            LineForm::Coloured => text(exchange, Paint(true)),
            LineForm::Json => object(exchange),
        };
        log_text(&(line + "\n"));
    }
}

/// `200 GET /hello/ada  hit near  12 µs  api:cache::hello-name:/hello/ada`
fn text(exchange: &Exchange<'_>, paint: Paint) -> String {
    let Exchange { asked, facts, .. } = exchange;
    let status = exchange.status.as_u16();
    let hue = match status {
        500.. => RED,
        400.. => YELLOW,
        300.. => CYAN,
        _ => GREEN,
    };
    let mut line = paint.with(hue, &status.to_string());
    // Writing into a String cannot fail.
    let _infallible =
        write!(line, " {} {}", escaped(asked.method.as_str()), escaped(&asked.target()));
    if let Some(route) = facts.route_name() {
        let _infallible = write!(line, "  {route}");
    }
    if let Some(cached) = cached(facts) {
        let _infallible = write!(line, "  {cached}");
    }
    let _infallible = write!(line, "  {}", paint.with(DIM, &time(exchange.took)));
    if let Some(key) = &facts.key {
        let _infallible = write!(line, "  {}", paint.with(DIM, &escaped(key)));
    }
    line
}

fn object(exchange: &Exchange<'_>) -> String {
    let Exchange { asked, facts, .. } = exchange;
    json!({
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
        Outcome::Hit { ttl_seconds, detail, .. } => {
            let word = if ttl_seconds < 0 { "stale" } else { "hit" };
            format!("{word} {detail}")
        }
        Outcome::Forwarded { why: Why::Bypass, .. } => "not kept".to_owned(),
        Outcome::Forwarded { why, stored, collapsed, detail, .. } => {
            let because = match (why, facts.lacked) {
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
    use std::borrow::Cow;

    use http::{Method, StatusCode, Version};

    use super::*;
    use crate::cache::{Detail, Lacked};
    use crate::http::access::Asked;

    fn line(path: &str, outcome: Option<Outcome>, paint: Paint) -> String {
        let asked = Asked {
            peer: [127, 0, 0, 1].into(),
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
            paint,
        )
    }

    #[test]
    fn a_line_says_status_cache_time_and_key() {
        let hit = Outcome::Hit { ttl_seconds: 9, age_seconds: 1, detail: Detail::Near };
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
            assert_eq!(line("/hello/ada", outcome, Paint(false)), expected);
        }
    }

    #[test]
    fn no_request_reaches_the_terminal_as_a_command() {
        let line_of = |path, paint| line(path, None, paint);
        let plain = line_of("/\u{1b}[2J\n\u{9b}x", Paint(false));
        assert!(!plain.contains(char::is_control), "{plain:?}");
        assert!(line_of("/", Paint(true)).starts_with("\u{1b}[33m404\u{1b}[0m"));
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
