//! Header fields read as RFC 9110 §5.3 has them, and `Vary` written.

use std::borrow::Cow;

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::site::key::Headers;

/// A field's value, its lines joined by `, ` as RFC 9110 §5.3 allows; nothing where it is absent or
/// not text. The name is in lower case.
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

/// Adds the lines that are not there yet; `Vary` stays one line of all names.
pub(super) fn add_missing<'l>(
    headers: &mut HeaderMap,
    lines: impl IntoIterator<Item = (&'l HeaderName, &'l HeaderValue)>,
) {
    for (name, value) in lines {
        if name == VARY {
            vary_by(headers, value.to_str().unwrap_or_default());
        } else if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
}

/// The elements of a field that lists names with weights (`Accept`, `Accept-Encoding`,
/// `Accept-Language`): each name, and its weight in thousandths (RFC 9110 §12.4.2). An
/// unreadable weight is 0, so that garbage never chooses anything.
pub(super) fn weighted(field: &str) -> impl Iterator<Item = (&str, u16)> {
    field.split(',').map(element).filter(|(name, _)| !name.is_empty())
}

fn element(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, weight.map_or(1000, |text| thousandths(text).unwrap_or(0)))
}

/// `0`, `0.5`, `1.000`; nothing for anything else.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
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

    #[test]
    fn weights_are_read_as_rfc_9110_writes_them() {
        let field =
            "a, b;q=0.5 , c; q=0.125;x=1,, d;q=1.000, e;q=0, f;q=2, g;q=.5, h;q=0.1234, i;Q=0.2";
        let expected = [
            ("a", 1000),
            ("b", 500),
            ("c", 125),
            ("d", 1000),
            ("e", 0),
            ("f", 0),
            ("g", 0),
            ("h", 0),
            ("i", 200),
        ];
        assert_eq!(weighted(field).collect::<Vec<_>>(), expected);
    }
}
