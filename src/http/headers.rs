//! Header fields read as RFC 9110 §5.3 has them, and `Vary` written.

use std::borrow::Cow;

use http::header::VARY;
use http::{HeaderMap, HeaderValue};

use crate::site::key::Headers;

/// A field's value, its lines joined by `, ` as RFC 9110 §5.3 allows; nothing where it is absent or
/// not text. The name is in lower case.
#[must_use]
pub(crate) fn joined<'a>(headers: &'a dyn Headers, name: &str) -> Option<Cow<'a, str>> {
    let first = visible(headers.line(name, 0)?)?;
    if headers.line(name, 1).is_none() {
        return Some(Cow::Borrowed(first));
    }
    let mut all = String::from(first);
    for line in (1..).map_while(|nth| headers.line(name, nth)) {
        all.push_str(", ");
        all.push_str(visible(line)?);
    }
    Some(Cow::Owned(all))
}

/// A line's value as text: visible ASCII, spaces and tabs.
pub(super) fn visible(value: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    if value.iter().all(plain) { std::str::from_utf8(value).ok() } else { None }
}

/// Adds names, as `Vary` lists them, to `Vary`, which stays one line without repetitions, its names
/// in lower case; `*` swallows all others.
pub(crate) fn vary_by(headers: &mut HeaderMap, names: &str) {
    let present = joined(headers, "vary").map(|line| line.to_ascii_lowercase()).unwrap_or_default();
    let mut all: Vec<&str> = Vec::new();
    let names = names.to_ascii_lowercase();
    for name in present.split(',').chain(names.split(',')).map(str::trim) {
        if !name.is_empty() && !all.contains(&name) {
            all.push(name);
        }
    }
    if all.contains(&"*") {
        all = vec!["*"];
    }
    if let Ok(value) = HeaderValue::try_from(all.join(", ")) {
        headers.insert(VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_is_one_line_without_repetitions() {
        let mut headers = HeaderMap::new();
        headers.append(VARY, HeaderValue::from_static("Accept"));
        headers.append(VARY, HeaderValue::from_static("Cookie"));
        vary_by(&mut headers, "accept");
        vary_by(&mut headers, "Accept-Encoding, cookie,, X-A");
        let lines: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(lines, ["accept, cookie, accept-encoding, x-a"]);
        vary_by(&mut headers, "origin, *");
        assert_eq!(headers[VARY], "*");
        vary_by(&mut headers, "origin");
        assert_eq!(headers[VARY], "*");
    }
}
