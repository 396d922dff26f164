//! Who may read answers from another origin: the protocol of the Fetch standard, without
//! credentials.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderValue, Method};

use super::answer::Answer;
use super::headers::joined;
use super::request::RequestView;
use crate::config::CorsConfig;
use crate::site::key::Headers;

/// A route's `cors`, ready to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cors {
    /// Everyone may read.
    Any,
    /// These origins may.
    Origins(Vec<String>),
}

impl From<&CorsConfig> for Cors {
    fn from(config: &CorsConfig) -> Self {
        match config {
            CorsConfig::Any => Self::Any,
            CorsConfig::Origins(origins) => {
                // A browser sends an origin in lower case and without a slash at its end.
                let plain = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
                Self::Origins(origins.iter().map(|origin| plain(origin)).collect())
            }
        }
    }
}

impl Cors {
    /// What its answers say in `Vary`; nothing where all may read.
    pub(super) fn varies(&self) -> Option<&'static str> {
        // Also where this origin may not: a shared cache must not give its answer to one that may.
        match self {
            Self::Any => None,
            Self::Origins(_) => Some("origin"),
        }
    }

    /// Adds what lets the page that asked read the answer; `origin` is the request's `Origin`.
    pub(super) fn apply(&self, origin: Option<&[u8]>, answer: &mut Answer) {
        if let Some(vary) = self.varies() {
            answer.vary_by(vary);
        }
        if let Some(allowed) = self.allowed(origin) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            let readable = HeaderValue::from_static("age, cache-status, etag");
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }

    /// Adds the answer to a preflight ([`is_preflight`]); `methods` are those of the path, as in
    /// `Allow`.
    pub(super) fn preflight(&self, request: &dyn Headers, methods: &str, answer: &mut Answer) {
        answer.vary_by("access-control-request-headers");
        if let Some(vary) = self.varies() {
            answer.vary_by(vary);
        }
        let Some(allowed) = self.allowed(request.line("origin", 0)) else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if let Ok(methods) = HeaderValue::from_str(methods) {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        // Nothing that a template reads is changed by allowing a header: what is asked for is
        // allowed.
        let asked = joined(request, "access-control-request-headers");
        if let Some(Ok(asked)) = asked.map(|asked| HeaderValue::from_str(&asked)) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }

    /// Whom the answer names: all, or this origin where it is listed.
    fn allowed(&self, origin: Option<&[u8]>) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Origins(origins) => {
                let listed = origins.iter().find(|one| Some(one.as_bytes()) == origin)?;
                HeaderValue::from_str(listed).ok()
            }
        }
    }
}

/// Whether a request is a browser's question before the real one.
pub(super) fn is_preflight(request: &RequestView<'_>) -> bool {
    *request.method == Method::OPTIONS
        && request.headers.line("origin", 0).is_some()
        && request.headers.line("access-control-request-method", 0).is_some()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Response};

    use super::super::body::Body;
    use super::*;

    fn lines(answer: &mut Answer) -> HeaderMap {
        answer.response_mut().headers().clone()
    }

    #[test]
    fn only_listed_origins_may_read_and_the_answer_varies_either_way() {
        let some = Cors::Origins(vec!["https://a.example".into()]);
        for (cors, origin, allowed, vary) in [
            (&Cors::Any, "https://b.example", Some("*"), None),
            (&some, "https://a.example", Some("https://a.example"), Some("origin")),
            (&some, "https://b.example", None, Some("origin")),
            (&some, "https://a.example.evil", None, Some("origin")),
            (&some, "null", None, Some("origin")),
        ] {
            let mut answer = Answer::from(Response::new(Body::default()));
            cors.apply(Some(origin.as_bytes()), &mut answer);
            let answer = lines(&mut answer);
            let text = |name: &str| answer.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(text("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(text("vary"), vary, "{origin}");
            assert!(!answer.contains_key("access-control-allow-credentials"));
        }
    }

    #[test]
    fn a_preflight_names_methods_and_headers() {
        let mut request = HeaderMap::new();
        for (name, value) in [
            ("origin", "https://a.example"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "x-a, x-b"),
        ] {
            request.insert(name, HeaderValue::from_static(value));
        }
        let mut answer = Answer::from(Response::new(Body::default()));
        Cors::Any.preflight(&request, "GET, HEAD", &mut answer);
        let answer = lines(&mut answer);
        assert_eq!(answer["access-control-allow-methods"], "GET, HEAD");
        assert_eq!(answer["access-control-allow-headers"], "x-a, x-b");
        assert_eq!(answer["vary"], "access-control-request-headers");
    }
}
