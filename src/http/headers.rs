//! Reading of request header fields.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

/// A field's value, its lines joined by `, ` as RFC 9110 §5.3 allows; nothing where it is absent or
/// not text.
#[must_use]
pub fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.to_str().ok()?;
    let Some(second) = lines.next() else { return Some(Cow::Borrowed(first)) };
    let mut all = String::from(first);
    for line in std::iter::once(second).chain(lines) {
        all.push_str(", ");
        all.push_str(line.to_str().ok()?);
    }
    Some(Cow::Owned(all))
}
