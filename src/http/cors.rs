//! Who may read answers from another origin: the protocol of the Fetch standard, without
//! credentials.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method};

use super::headers::{joined, vary_by};
use crate::config::CorsConfig;

/// A route's `cors`, ready to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Everyone may read.
    Any,
    /// These origins may.
    Origins(Vec<String>),
}

impl From<&CorsConfig> for Cors {
    fn from(config: &CorsConfig) -> Self {
        match config {
            CorsConfig::Any(_) => Self::Any,
            CorsConfig::Origins(origins) => {
                // A browser sends an origin in lower case and without a slash at its end.
                let plain = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
                Self::Origins(origins.iter().map(|origin| plain(&origin.value)).collect())
            }
        }
    }
}

impl Cors {
    /// Adds what lets the page that asked read the answer. `request` is the request's header.
    pub fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if self.allow(request, answer) {
            let readable = HeaderValue::from_static("age, cache-status, etag");
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }

    /// Adds the answer to a preflight ([`is_preflight`]); `methods` are those of the path, as in
    /// `Allow`.
    pub fn preflight(&self, request: &HeaderMap, methods: &str, answer: &mut HeaderMap) {
        let allowed = self.allow(request, answer);
        vary_by(answer, "access-control-request-headers");
        if !allowed {
            return;
        }
        if let Ok(methods) = HeaderValue::from_str(methods) {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        // Nothing that a template reads is changed by allowing a header: what is asked for is
        // allowed.
        let asked = joined(request, &ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(Ok(asked)) = asked.map(|asked| HeaderValue::from_str(&asked)) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }

    /// Whether the origin may read; says so in `answer`.
    fn allow(&self, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
        match self {
            Self::Any => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                true
            }
            Self::Origins(origins) => {
                // Also where this origin may not: a shared cache must not give this answer to one
                // that may.
                vary_by(answer, "origin");
                let origin = request.get(ORIGIN);
                let listed = origin.filter(|sent| {
                    origins.iter().any(|origin| origin.as_bytes() == sent.as_bytes())
                });
                if let Some(origin) = listed {
                    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
                listed.is_some()
            }
        }
    }
}

/// Whether a request is a browser's question before the real one.
#[must_use]
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = lines.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        pairs.collect()
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
            let mut answer = HeaderMap::new();
            cors.apply(&headers(&[("origin", origin)]), &mut answer);
            let text = |name: &str| answer.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(text("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(text("vary"), vary, "{origin}");
            assert!(!answer.contains_key("access-control-allow-credentials"));
        }
    }

    #[test]
    fn a_preflight_names_methods_and_headers() {
        let request = headers(&[
            ("origin", "https://a.example"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "x-a, x-b"),
        ]);
        assert!(is_preflight(&Method::OPTIONS, &request));
        assert!(!is_preflight(&Method::GET, &request));
        assert!(!is_preflight(&Method::OPTIONS, &headers(&[("origin", "https://a.example")])));
        let mut answer = HeaderMap::new();
        Cors::Any.preflight(&request, "GET, HEAD", &mut answer);
        assert_eq!(answer["access-control-allow-methods"], "GET, HEAD");
        assert_eq!(answer["access-control-allow-headers"], "x-a, x-b");
    }
}
