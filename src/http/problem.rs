//! Answers for what went wrong: RFC 9457 problem details, or a page for who accepts HTML.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::body::Body;
use super::headers::{joined, weighted};
use crate::site::key::Headers;

/// What a client can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page.
    Html,
    /// `application/problem+json`.
    Json,
}

impl Form {
    /// A page where `Accept` names HTML and does not prefer JSON; `*/*` alone is a program.
    pub(crate) fn wanted(headers: &dyn Headers) -> Self {
        let Some(accept) = joined(headers, "accept") else { return Self::Json };
        let weight_of = |names: [&str; 2]| {
            let is_one = |name: &str| names.iter().any(|one| name.eq_ignore_ascii_case(one));
            let named = weighted(&accept).filter(|(name, _)| is_one(name));
            named.map(|(_, weight)| weight).max().unwrap_or(0)
        };
        let html = weight_of(["text/html", "application/xhtml+xml"]);
        let json = weight_of(["application/json", "application/problem+json"]);
        if html > 0 && html >= json { Self::Html } else { Self::Json }
    }
}

/// A problem: what went wrong with one request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem with the status's own phrase as title.
    pub(crate) fn new(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status, title, detail: None, more: Map::new() }
    }

    /// 404.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND).detail("there is no such page")
    }

    /// 412: the client wanted another state of what is there.
    pub(crate) fn unmet() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED)
            .detail("what is there now is not what the request's conditions name")
    }

    /// Says what is wrong with this request, for its sender.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member beyond RFC 9457's own, such as the parameter that is wrong.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The problem document: RFC 9457 §3.
    pub(crate) fn json(&self) -> String {
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
    pub(crate) fn html(&self) -> String {
        let detail = self.detail.as_deref().map(|text| format!("\n<p>{}</p>", escaped(text)));
        // The detail goes last: it may quote what a client sent, which must not be filled in
        // itself.
        PAGE.replace("{status}", self.status.as_str())
            .replace("{title}", &escaped(&self.title))
            .replace("{detail}", &detail.unwrap_or_default())
    }

    /// The answer in the form that the client can show. Never stored anywhere.
    pub(crate) fn answer(&self, form: Form) -> Response<Body> {
        let (text, kind) = match form {
            Form::Html => (self.html(), "text/html; charset=utf-8"),
            Form::Json => (self.json(), "application/problem+json"),
        };
        let mut answer = Response::new(Body::full(text));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        answer
    }
}

/// Text for an HTML page, between tags or in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    maud::html! { (text) }.into_string()
}

const PAGE: &str = include_str!("problem.html");

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::ACCEPT;

    use super::*;

    #[test]
    fn a_page_is_for_who_asks_for_html_and_json_for_everyone_else() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("*/*", Form::Json),
            ("application/json", Form::Json),
            ("application/json, text/html;q=0.9", Form::Json),
            ("text/html;q=0", Form::Json),
            ("TEXT/HTML", Form::Html),
            ("", Form::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(Form::wanted(&headers), expected, "{accept}");
        }
        assert_eq!(Form::wanted(&HeaderMap::new()), Form::Json);
    }

    #[test]
    fn what_a_request_said_is_shown_as_text() {
        let problem = Problem::new(StatusCode::NOT_FOUND)
            .detail("no <script>alert(1)</script> & {title} here")
            .with("parameter", "page")
            .with("status", 200);
        let page = problem.html();
        let shown = "<p>no &lt;script&gt;alert(1)&lt;/script&gt; &amp; {title} here</p>";
        assert!(page.contains(shown), "{page}");
        assert!(page.contains("<title>404 Not Found</title>"), "{page}");
        let json: Value = serde_json::from_str(&problem.json()).unwrap();
        assert_eq!(json["status"], 404);
        assert_eq!(json["parameter"], "page");
        assert_eq!(json["title"], "Not Found");
    }
}
