//! A request as it is answered: its head, wherever that is kept.
//!
//! [`RequestView`] borrows from the connection's buffer or from hyper's types, so that an answer
//! in memory costs no copy. What takes longer goes on with an [`OwnedRequest`], of which the same
//! view can be had.

use std::borrow::Cow;
use std::net::SocketAddr;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::site::key::Headers;

/// The head of a request, sound and not yet looked into.
#[derive(Clone, Copy)]
pub struct RequestView<'r> {
    /// The method.
    pub method: &'r Method,
    /// The path as sent, beginning with `/`; `*` for `OPTIONS *`.
    pub path: &'r str,
    /// The query as sent, without its `?`; nothing where there is none.
    pub query: Option<&'r str>,
    /// The protocol's version.
    pub version: Version,
    /// The header fields.
    pub headers: &'r dyn Headers,
    /// The client's address, as the socket says.
    pub peer: SocketAddr,
}

impl<'r> RequestView<'r> {
    /// The view of a head that hyper read.
    pub(super) fn of_parts(parts: &'r ::http::request::Parts, peer: SocketAddr) -> Self {
        Self {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            version: parts.version,
            headers: &parts.headers,
            peer,
        }
    }

    /// The same without the site's base, where its path has it.
    pub(crate) fn below(self, base: &str) -> Self {
        Self { path: crate::site::below(self.path, base), ..self }
    }

    /// Whether it asks for what is there: GET or HEAD.
    pub(crate) fn is_read(&self) -> bool {
        *self.method == Method::GET || *self.method == Method::HEAD
    }

    /// Path and query, as sent.
    pub(crate) fn target(&self) -> Cow<'r, str> {
        match self.query {
            Some(query) => Cow::Owned(format!("{}?{query}", self.path)),
            None => Cow::Borrowed(self.path),
        }
    }

    /// The request, for who answers later.
    pub(crate) fn into_owned(self) -> OwnedRequest {
        OwnedRequest {
            method: self.method.clone(),
            path: self.path.to_owned(),
            query: self.query.map(str::to_owned),
            version: self.version,
            headers: owned_headers(self.headers),
            peer: self.peer,
        }
    }
}

impl std::fmt::Debug for RequestView<'_> {
    /// Without headers: they may hold secrets.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {} from {}", self.method, self.target(), self.peer)
    }
}

/// A request that is answered later.
#[derive(Clone)]
pub(crate) struct OwnedRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: SocketAddr,
}

impl OwnedRequest {
    /// A GET of this address that nobody sent; nothing where it is none.
    pub(crate) fn get(address: &str) -> Option<Self> {
        let address: ::http::Uri = address.parse().ok()?;
        Some(Self {
            method: Method::GET,
            path: address.path().to_owned(),
            query: address.query().map(str::to_owned),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            peer: ([127, 0, 0, 1], 0).into(),
        })
    }

    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            version: self.version,
            headers: &self.headers,
            peer: self.peer,
        }
    }
}

/// The same fields in hyper's type. A field that it cannot hold has been refused before.
fn owned_headers(headers: &dyn Headers) -> HeaderMap {
    let mut owned = HeaderMap::new();
    for name in headers.names() {
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        let lines = (0..).map_while(|nth| headers.line(&name, nth));
        for value in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            owned.append(&key, value);
        }
    }
    owned
}

impl Headers for HeaderMap {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        self.get_all(name).iter().nth(nth).map(HeaderValue::as_bytes)
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.keys().map(|name| Cow::Borrowed(name.as_str())).collect()
    }
}

/// Headers without some of them.
pub(crate) struct Without<'r> {
    pub(crate) headers: &'r dyn Headers,
    /// In lower case.
    pub(crate) hidden: &'r [&'r str],
}

impl Headers for Without<'_> {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        if self.hidden.contains(&name) { None } else { self.headers.line(name, nth) }
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names = self.headers.names();
        names.retain(|name| !self.hidden.contains(&&**name));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_of_a_header_are_one_value_and_cookies_stay_apart() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("accept", "a"), ("accept", "b"), ("cookie", "x=1"), ("cookie", "y=2")]
        {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.insert("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
        let headers: &dyn Headers = &headers;
        assert_eq!(headers.get("accept").as_deref(), Some("a, b"));
        assert_eq!(headers.get("cookie").as_deref(), Some("x=1; y=2"));
        assert_eq!(headers.get("x-bytes").as_deref(), Some("\u{fffd}"));
        assert_eq!(headers.get("absent"), None);
        assert_eq!(owned_headers(headers).get_all("cookie").iter().count(), 2);
    }

    #[test]
    fn hidden_headers_are_not_there() {
        let mut headers = HeaderMap::new();
        headers.insert("range", HeaderValue::from_static("bytes=0-"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let seen = Without { headers: &headers, hidden: &["range"] };
        assert_eq!((seen.get("range"), seen.names()), (None, vec!["accept".into()]));
    }
}
