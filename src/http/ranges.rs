//! Range requests: RFC 9110 §14, for bytes.

use std::ops::Range;
use std::time::SystemTime;

use http::Method;

use super::conditional::{Comparison, Validators, same_tag};
use super::headers::visible;
use crate::site::key::Headers;

/// Which part of a representation is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: nothing else was asked for, or what was asked for is not to be honoured.
    Whole,
    /// 206 with one or several parts, in the order that was asked for; each is within the length.
    Parts(Vec<Range<u64>>),
    /// 416: no part that was asked for is there.
    Unsatisfiable,
}

/// Parts in one answer; a request for more gets the whole.
pub(crate) const MAX_PARTS: usize = 16;

/// What `Range` and `If-Range` select from a representation `len` bytes long.
///
/// Parts that overlap or that together are longer than the whole are not worth their framing, and a
/// known way to make a server work: the whole is sent instead (RFC 9110 §14.2 leaves that open).
pub(crate) fn select(
    method: &Method,
    headers: &dyn Headers,
    current: Validators<'_>,
    len: u64,
) -> Selection {
    // §14.2: Range means something for GET only.
    let Some(field) = headers.line("range", 0).filter(|_| *method == Method::GET) else {
        return Selection::Whole;
    };
    let many = headers.line("range", 1).is_some();
    let text = visible(field).filter(|_| !many && unchanged(headers, current));
    let Some(specs) = text.and_then(specs) else { return Selection::Whole };
    let parts: Vec<_> = specs.iter().filter_map(|spec| spec.within(len)).collect();
    if parts.is_empty() {
        return Selection::Unsatisfiable;
    }
    if overlapping(&parts) { Selection::Whole } else { Selection::Parts(parts) }
}

/// Whether `If-Range`, where it is sent, names the representation as it is: §13.1.5.
fn unchanged(headers: &dyn Headers, current: Validators<'_>) -> bool {
    let Some(field) = headers.line("if-range", 0) else { return true };
    let Some(field) = visible(field) else { return false };
    if field.starts_with('"') || field.starts_with("W/") {
        return current.etag.is_some_and(|etag| same_tag(field, etag, Comparison::Strong));
    }
    let modified = current.last_modified.and_then(|time| {
        httpdate::parse_http_date(&httpdate::fmt_http_date(time)).ok() // in whole seconds
    });
    let asked: Option<SystemTime> = httpdate::parse_http_date(field).ok();
    asked.is_some() && asked == modified
}

/// One element of a range set.
#[derive(Clone, Copy, Debug)]
enum Spec {
    /// `5-` or `5-9`, both ends included.
    From(u64, Option<u64>),
    /// `-5`: the last five.
    Last(u64),
}

impl Spec {
    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(Self::From(first, Some(last))),
            (Some(first), None) if last.is_empty() => Some(Self::From(first, None)),
            (None, Some(last)) if first.is_empty() => Some(Self::Last(last)),
            _ => None,
        }
    }

    fn within(self, len: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::From(first, last) => {
                first..last.map_or(len, |last| last.saturating_add(1).min(len))
            }
            Self::Last(count) => len.saturating_sub(count)..len,
        };
        (part.start < part.end).then_some(part)
    }
}

/// Digits only: `parse` would take a sign.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The elements of `bytes=…`; nothing where one of them is wrong, there are too many, or the unit
/// is another: the field is ignored then.
fn specs(field: &str) -> Option<Vec<Spec>> {
    let (unit, set) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let elements = set.split(',').map(str::trim).filter(|element| !element.is_empty());
    let specs: Vec<_> = elements.take(MAX_PARTS + 1).map(Spec::read).collect::<Option<_>>()?;
    (1..=MAX_PARTS).contains(&specs.len()).then_some(specs)
}

fn overlapping(parts: &[Range<u64>]) -> bool {
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_by_key(|part| part.start);
    sorted.windows(2).any(|pair| pair[0].end > pair[1].start)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::RANGE;

    use super::*;

    fn selected(lines: &[(&'static str, &str)], len: u64) -> Selection {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let modified = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let current = Validators { etag: Some("\"a\""), last_modified: Some(modified) };
        select(&Method::GET, &headers, current, len)
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_writes_them() {
        use Selection::{Parts, Unsatisfiable, Whole};
        let part = |start: u64, end: u64| Parts(std::iter::once(start..end).collect());
        let many = format!("bytes={}", "0-0,".repeat(17));
        for (field, expected) in [
            ("bytes=0-4", part(0, 5)),
            ("BYTES=0-4", part(0, 5)),
            ("bytes=5-", part(5, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-30", part(0, 10)),
            ("bytes=5-500", part(5, 10)),
            ("bytes=9-9", part(9, 10)),
            ("bytes=0-18446744073709551615", part(0, 10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=0-1, 4-5 ,,8-", Parts(vec![0..2, 4..6, 8..10])),
            ("bytes=8-9,0-1", Parts(vec![8..10, 0..2])),
            ("bytes=0-1,50-", part(0, 2)),
            ("bytes=0-4,4-5", Whole),
            ("bytes=0-,0-", Whole),
            ("bytes=5-4", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes 0-1", Whole),
            ("lines=0-1", Whole),
            ("bytes=0-99999999999999999999", Whole),
            (&many, Whole),
        ] {
            assert_eq!(selected(&[("range", field)], 10), expected, "{field}");
        }
        assert_eq!(selected(&[("range", "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(selected(&[("range", "bytes=0-1"), ("range", "bytes=0-1")], 10), Whole);
    }

    #[test]
    fn if_range_asks_for_the_same_representation() {
        for (field, same) in [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("Sun, 06 Nov 1994 08:49:38 GMT", false),
            ("nonsense", false),
        ] {
            let selection = selected(&[("range", "bytes=0-1"), ("if-range", field)], 10);
            assert_eq!(selection != Selection::Whole, same, "{field}");
        }
    }

    #[test]
    fn only_get_has_ranges() {
        let headers = HeaderMap::from_iter([(RANGE, "bytes=0-1".parse().unwrap())]);
        let selection = select(&Method::HEAD, &headers, Validators::default(), 10);
        assert_eq!(selection, Selection::Whole);
    }
}
