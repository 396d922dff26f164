//! Answers for what went wrong: RFC 9457 problem details, or a page for who accepts HTML.

use std::fmt::Write as _;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::body::Body;
use super::headers::joined;

/// What a client can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page.
    Html,
    /// `application/problem+json`.
    Json,
}

impl Form {
    /// A page where `Accept` names HTML and does not prefer JSON; `*/*` alone is a program.
    #[must_use]
    pub fn wanted(headers: &HeaderMap) -> Self {
        let Some(accept) = joined(headers, &ACCEPT) else { return Self::Json };
        let (mut html, mut json) = (0, 0);
        for range in accept.split(',') {
            let (name, weight) = weighted(range);
            match name {
                name if name.eq_ignore_ascii_case("text/html") => html = weight,
                name if name.eq_ignore_ascii_case("application/xhtml+xml") => {
                    html = html.max(weight);
                }
                name if name.eq_ignore_ascii_case("application/json")
                    || name.eq_ignore_ascii_case("application/problem+json") =>
                {
                    json = json.max(weight);
                }
                _ => {}
            }
        }
        if html > 0 && html >= json { Self::Html } else { Self::Json }
    }
}

/// An element of a field such as `Accept`: its name, and its weight in thousandths (RFC 9110 §12.4.2).
pub(super) fn weighted(element: &str) -> (&str, u16) {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, weight.map_or(1000, |text| thousandths(text).unwrap_or(0)))
}

/// `0`, `0.5`, `1.000`; nothing for anything else.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let fraction = format!("{fraction:0<3}").parse::<u16>().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// A problem: what went wrong with one request.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    title: String,
    detail: Option<String>,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem with the status's own phrase as title.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status, title, detail: None, more: Map::new() }
    }

    /// Says what is wrong with this request, for its sender.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member beyond RFC 9457's own, such as the parameter that is wrong.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The detail; empty where there is none.
    #[must_use]
    pub fn detail_text(&self) -> &str {
        self.detail.as_deref().unwrap_or_default()
    }

    /// The problem document: RFC 9457 §3.
    #[must_use]
    pub fn json(&self) -> String {
        let mut members = Map::new();
        members.insert("type".into(), "about:blank".into());
        members.insert("title".into(), self.title.as_str().into());
        members.insert("status".into(), self.status.as_u16().into());
        if let Some(detail) = &self.detail {
            members.insert("detail".into(), detail.as_str().into());
        }
        for (name, value) in &self.more {
            members.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Value::Object(members).to_string()
    }

    /// The built-in page, for sites that have none of their own.
    #[must_use]
    pub fn html(&self) -> String {
        let (status, title) = (self.status.as_u16(), escaped(&self.title));
        let mut detail = String::new();
        if let Some(text) = &self.detail {
            let _infallible = write!(detail, "\n<p>{}</p>", escaped(text));
        }
        PAGE.replace("{status}", &status.to_string())
            .replace("{title}", &title)
            .replace("{detail}", &detail)
    }

    /// The answer in the form that the client can show. Never stored anywhere.
    #[must_use]
    pub fn answer(&self, form: Form) -> Response<Body> {
        let (text, kind) = match form {
            Form::Html => (self.html(), "text/html; charset=utf-8"),
            Form::Json => (self.json(), "application/problem+json"),
        };
        let mut answer = Response::new(Body::from(text));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        answer
    }
}

/// Text for an HTML page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}

const PAGE: &str = include_str!("problem.html");
