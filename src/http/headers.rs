//! Reading and writing of header fields.

use std::borrow::Cow;

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header fields of a message, wherever they are kept.
pub trait Fields {
    /// The values of the lines with this name, in their order.
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]>;
}

impl Fields for HeaderMap {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

/// A field's value, its lines joined by `, ` as RFC 9110 §5.3 allows; nothing where it is absent or
/// not text.
#[must_use]
pub fn joined<'a>(fields: &'a impl Fields, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = fields.lines(name);
    let first = visible(lines.next()?)?;
    let Some(second) = lines.next() else { return Some(Cow::Borrowed(first)) };
    let mut all = String::from(first);
    for line in std::iter::once(second).chain(lines) {
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
pub fn vary_by(headers: &mut HeaderMap, names: &str) {
    let present = joined(headers, &VARY).map(|line| line.to_ascii_lowercase()).unwrap_or_default();
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

/// Why a field of the file cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadField {
    /// The name is not a token.
    Name,
    /// The value holds a line break, another control character, or something that is not ASCII.
    Value,
    /// The connection or the body's framing depends on it: only the server may say it.
    Reserved,
}

impl BadField {
    /// What is wrong, to go behind "the header".
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Name => "has a name that is not letters, digits and dashes",
            Self::Value => "has a value with a line break or a character outside ASCII",
            Self::Reserved => "is written by the server itself",
        }
    }
}

/// A field as the file says it, checked against what would split or break an answer.
///
/// # Errors
/// Where the name or the value cannot be sent, or is not the file's to say.
pub fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BadField> {
    const RESERVED: [&str; 9] = [
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = HeaderName::try_from(name).map_err(|_not_a_token| BadField::Name)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(BadField::Reserved);
    }
    Ok((name, value_of(value)?))
}

/// A field's value: visible ASCII, spaces and tabs.
///
/// # Errors
/// Where it holds anything else, line breaks above all.
pub fn value_of(text: &str) -> Result<HeaderValue, BadField> {
    HeaderValue::from_str(text).map_err(|_unsendable| BadField::Value).and_then(|value| {
        // `HeaderValue` takes bytes above 127, which nothing could read in the same way.
        if text.is_ascii() { Ok(value) } else { Err(BadField::Value) }
    })
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

    #[test]
    fn a_field_cannot_split_an_answer_or_change_its_framing() {
        for (name, value, expected) in [
            ("x-a", "b", None),
            ("X-A", "b c\td", None),
            ("x a", "b", Some(BadField::Name)),
            ("x:a", "b", Some(BadField::Name)),
            ("", "b", Some(BadField::Name)),
            ("x-a", "b\r\nset-cookie: c", Some(BadField::Value)),
            ("x-a", "b\0", Some(BadField::Value)),
            ("x-a", "blåbær", Some(BadField::Value)),
            ("Content-Length", "5", Some(BadField::Reserved)),
            ("transfer-encoding", "chunked", Some(BadField::Reserved)),
        ] {
            assert_eq!(field(name, value).err(), expected, "{name}: {value}");
        }
    }
}
