//! Conditional requests: RFC 9110 §13, in the precedence of §13.2.2.

use std::time::{Duration, SystemTime};

use http::Method;

use super::headers::{joined, visible};
use crate::site::key::Headers;

/// What an answer can be compared by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Validators<'a> {
    /// The entity tag as sent, with its quotes, and with `W/` where it is weak.
    pub etag: Option<&'a str>,
    /// When the content last changed; only whole seconds count.
    pub last_modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The answer is given as if no condition were there.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the client wanted another state.
    PreconditionFailed,
}

/// Evaluates the conditions of a request whose answer exists and would be a 2xx.
pub(crate) fn evaluate(method: &Method, headers: &dyn Headers, current: Validators<'_>) -> Verdict {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    if let Some(tags) = joined(headers, "if-match") {
        if !lists(&tags, current.etag, Comparison::Strong) {
            return Verdict::PreconditionFailed;
        }
    } else if let Some(date) = date(headers, "if-unmodified-since")
        && current.last_modified.is_some_and(|modified| whole_seconds(modified) > date)
    {
        return Verdict::PreconditionFailed;
    }
    if let Some(tags) = joined(headers, "if-none-match") {
        return match lists(&tags, current.etag, Comparison::Weak) {
            true if safe => Verdict::NotModified,
            true => Verdict::PreconditionFailed,
            false => Verdict::Proceed,
        };
    }
    if safe
        && let Some(date) = date(headers, "if-modified-since")
        && current.last_modified.is_some_and(|modified| whole_seconds(modified) <= date)
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// How two entity tags are compared: RFC 9110 §8.8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Equal, and neither is weak.
    Strong,
    /// Equal but for `W/`.
    Weak,
}

/// Whether two entity tags are the same.
pub(super) fn same_tag(one: &str, other: &str, how: Comparison) -> bool {
    let (one_opaque, other_opaque) = (opaque(one), opaque(other));
    let strong = one_opaque.len() == one.len() && other_opaque.len() == other.len();
    one_opaque == other_opaque && (strong || how == Comparison::Weak)
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whether a field value, `*` or a list of entity tags, names the current one.
fn lists(field: &str, current: Option<&str>, how: Comparison) -> bool {
    let field = field.trim();
    if field == "*" {
        return true;
    }
    let Some(current) = current else { return false };
    Tags(field).any(|tag| same_tag(tag, current, how))
}

/// The entity tags of a list; a comma inside quotes belongs to its tag. Garbage ends the list.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([',', ' ', '\t']);
        let weak = if rest.starts_with("W/") { 2 } else { 0 };
        let quoted = rest.get(weak..)?.strip_prefix('"')?;
        let end = weak + 1 + quoted.find('"')? + 1;
        let (tag, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(tag)
    }
}

/// A field's date; nothing where the field is absent, twice there, or no HTTP date.
fn date(headers: &dyn Headers, name: &str) -> Option<SystemTime> {
    let value = headers.line(name, 0)?;
    if headers.line(name, 1).is_some() {
        return None;
    }
    httpdate::parse_http_date(visible(value)?).ok()
}

/// HTTP dates have no fractions: without this a file would always be newer than its own date.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const MODIFIED: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn verdict(method: &Method, lines: &[(&'static str, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(MODIFIED * 1000 + 400);
        let current = Validators { etag: Some("\"a\""), last_modified: Some(modified) };
        evaluate(method, &headers, current)
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_rfc_9110() {
        const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const BEFORE: &str = "Sunday, 06-Nov-94 08:49:36 GMT";
        const AFTER: &str = "Sun Nov  6 08:49:38 1994";
        use Verdict::{NotModified, PreconditionFailed, Proceed};
        type Case<'a> = (Method, &'a [(&'static str, &'a str)], Verdict);
        let (get, head, post) = (Method::GET, Method::HEAD, Method::POST);
        let cases: &[Case<'_>] = &[
            (get.clone(), &[], Proceed),
            (get.clone(), &[("if-none-match", "\"a\"")], NotModified),
            (head.clone(), &[("if-none-match", "\"a\"")], NotModified),
            (post.clone(), &[("if-none-match", "\"a\"")], PreconditionFailed),
            (get.clone(), &[("if-none-match", "W/\"a\"")], NotModified),
            (get.clone(), &[("if-none-match", "*")], NotModified),
            (get.clone(), &[("if-none-match", "\"b\"")], Proceed),
            (get.clone(), &[("if-none-match", "\"x,\", W/\"b\" ,, \"a\"")], NotModified),
            (get.clone(), &[("if-none-match", "\"b\""), ("if-none-match", "\"a\"")], NotModified),
            (get.clone(), &[("if-none-match", "a")], Proceed),
            (get.clone(), &[("if-none-match", "\"a")], Proceed),
            (get.clone(), &[("if-none-match", "\"b\""), ("if-modified-since", AT)], Proceed),
            (get.clone(), &[("if-modified-since", AT)], NotModified),
            (get.clone(), &[("if-modified-since", AFTER)], NotModified),
            (get.clone(), &[("if-modified-since", BEFORE)], Proceed),
            (get.clone(), &[("if-modified-since", "yesterday")], Proceed),
            (post.clone(), &[("if-modified-since", AT)], Proceed),
            (get.clone(), &[("if-match", "\"a\"")], Proceed),
            (get.clone(), &[("if-match", "*")], Proceed),
            (get.clone(), &[("if-match", "W/\"a\"")], PreconditionFailed),
            (get.clone(), &[("if-match", "\"b\"")], PreconditionFailed),
            (get.clone(), &[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified),
            (get.clone(), &[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], Proceed),
            (get.clone(), &[("if-unmodified-since", AT)], Proceed),
            (get.clone(), &[("if-unmodified-since", BEFORE)], PreconditionFailed),
        ];
        for (method, lines, expected) in cases {
            assert_eq!(verdict(method, lines), *expected, "{method} {lines:?}");
        }
    }

    #[test]
    fn a_weak_tag_of_ours_matches_weakly_only() {
        for (one, other, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            assert_eq!(same_tag(one, other, Comparison::Strong), strong, "{one} {other}");
            assert_eq!(same_tag(one, other, Comparison::Weak), weak, "{one} {other}");
        }
    }
}
