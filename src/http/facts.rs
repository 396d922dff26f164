//! A request's headers as the key builder asks for them.

use std::borrow::Cow;

use ::http::{HeaderMap, HeaderValue};

use crate::site::key::Headers;

impl Headers for HeaderMap {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        one_value(name, self.get_all(name).iter().map(HeaderValue::as_bytes))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.keys().map(|name| Cow::Borrowed(name.as_str())).collect()
    }
}

/// The lines of one header as one value.
pub(super) fn one_value<'a>(
    name: &str,
    mut lines: impl Iterator<Item = &'a [u8]>,
) -> Option<Cow<'a, str>> {
    let first = String::from_utf8_lossy(lines.next()?);
    let Some(second) = lines.next() else { return Some(first) };
    let gap = if name == "cookie" { "; " } else { ", " };
    let mut all = first.into_owned();
    for line in std::iter::once(second).chain(lines) {
        all.push_str(gap);
        all.push_str(&String::from_utf8_lossy(line));
    }
    Some(Cow::Owned(all))
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
        assert_eq!(Headers::get(&headers, "accept").as_deref(), Some("a, b"));
        assert_eq!(Headers::get(&headers, "cookie").as_deref(), Some("x=1; y=2"));
        assert_eq!(Headers::get(&headers, "x-bytes").as_deref(), Some("\u{fffd}"));
        assert_eq!(Headers::get(&headers, "absent"), None);
    }
}
