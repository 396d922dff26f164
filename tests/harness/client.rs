//! Plain HTTP: redirects are not followed, nothing is cached or decoded.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longer than any answer may take; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(15);

/// The beginning of a client that trusts nobody's certificate: reading the system's would take as
/// long as a hundred requests.
pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS");
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls)
}

/// A client of one larder, with connections of its own.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: String,
}

impl Client {
    /// A client of the larder at `address`.
    pub(crate) fn of(address: &str) -> Self {
        let http = client_builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(DEADLINE)
            .build()
            .expect("an HTTP client");
        Self { http, address: address.to_owned() }
    }

    /// The same over HTTP/2 alone.
    pub(crate) fn of_http2(address: &str) -> Self {
        let http = client_builder().http2_prior_knowledge().no_proxy().timeout(DEADLINE);
        Self { http: http.build().expect("an HTTP client"), address: address.to_owned() }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        self.send(method, path, headers, b"").await
    }

    /// The same with a body.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> reqwest::Result<Answer> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_vec());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    headers: reqwest::header::HeaderMap,
    /// Its body, as sent.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text in the body")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON in the body")
    }

    /// A header's value, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text in a header"))
    }

    /// The values of all lines of a header.
    pub(crate) fn lines(&self, name: &str) -> Vec<&str> {
        let text = |value| HeaderValue::to_str(value).expect("text in a header");
        self.headers.get_all(name).iter().map(text).collect()
    }

    /// The names of all header lines.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.headers.keys().map(reqwest::header::HeaderName::as_str).collect()
    }

    /// `Cache-Status` without the figures that time changes: `larder; hit; detail=near`.
    pub(crate) fn cache(&self) -> String {
        let parts = self.header("cache-status").split("; ");
        parts.filter(|part| !part.starts_with("ttl=")).collect::<Vec<_>>().join("; ")
    }

    /// Whether it came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        self.cache().starts_with("larder; hit")
    }

    /// `Age`, in seconds.
    pub(crate) fn age(&self) -> Option<u64> {
        self.headers.get("age")?.to_str().ok()?.parse().ok()
    }

    /// The seconds that `Cache-Status` says are left.
    pub(crate) fn ttl(&self) -> Option<i64> {
        let parts = self.header("cache-status").split("; ");
        parts.filter_map(|part| part.strip_prefix("ttl=")).find_map(|text| text.parse().ok())
    }
}

/// Sends bytes as they are and reads until the other side closes.
pub(crate) fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream.write_all(request.as_bytes()).expect("sending");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer and its end");
    String::from_utf8_lossy(&answer).into_owned()
}
