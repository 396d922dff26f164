//! A page on its way out → the same page with the script, which nobody is to keep.

use bytes::Bytes;
use http::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, EXPIRES,
    HeaderValue, LAST_MODIFIED,
};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::SCRIPT;
use crate::fingerprint::Fingerprint;
use crate::http::body::Body;

/// The largest page that gets the script, in bytes: it is put together in memory.
const LARGEST: u64 = 32 * 1024 * 1024;

/// What the script's element says.
pub(super) struct Tag {
    /// The page's own version; nothing for one that a reload would send again, such as a form's
    /// answer.
    pub(super) page: Option<Fingerprint>,
    /// The whole site's.
    pub(super) site: Fingerprint,
    /// The address that was asked for: path and query.
    pub(super) at: String,
    /// What the page's policy wants of a script.
    pub(super) nonce: Option<String>,
    /// Whether the page itself says what is wrong, so that nothing is to be laid over it.
    pub(super) is_quiet: bool,
}

impl Tag {
    fn html(&self, base: &str) -> String {
        let page = self.page.map_or_else(String::new, |page| format!("page={page}&amp;"));
        let quiet = if self.is_quiet { "&amp;quiet=1" } else { "" };
        let nonce = self.nonce.as_deref().map(|nonce| format!(" nonce=\"{nonce}\""));
        format!(
            "<script src=\"{base}{SCRIPT}?{page}site={}&amp;at={}{quiet}\"{} defer></script>",
            self.site,
            utf8_percent_encode(&self.at, NON_ALPHANUMERIC),
            nonce.unwrap_or_default(),
        )
    }
}

/// Whether an answer is a page that the script can be added to.
pub(super) fn takes_script(answer: &Response<Body>) -> bool {
    let has_content = !matches!(answer.status().as_u16(), 100..200 | 204 | 205 | 206 | 304);
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let (essence, rest) = kind.split_once(';').unwrap_or((&kind, ""));
    let size = answer.body().size_hint();
    has_content
        && essence.trim() == "text/html"
        && !rest.contains("utf-16")
        && !answer.headers().contains_key(CONTENT_ENCODING)
        && size.exact().is_some_and(|size| size <= LARGEST)
}

/// Adds the script, and takes away all by which the page could be kept or asked for again.
pub(super) async fn into(answer: &mut Response<Body>, tag: &Tag, base: &str) {
    let body = std::mem::take(answer.body_mut());
    // A body of known size that fails half-way is a page that ends there.
    let page = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let page = inserted(&page, &tag.html(base));
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES, EXPIRES] {
        answer.headers_mut().remove(name);
    }
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
    *answer.body_mut() = Body::full(page);
}

/// The page with `tag` as the first thing in its head, or where the head would begin: before any
/// `<base>`, which turns addresses elsewhere, and before whatever is not closed.
fn inserted(page: &[u8], tag: &str) -> Bytes {
    let (before, after) = page.split_at(beginning_of_head(page).min(page.len()));
    [before, tag.as_bytes(), after].concat().into()
}

/// Behind `<head>`, or else behind what may stand before it: blanks, comments, the document type,
/// `<html>`.
fn beginning_of_head(page: &[u8]) -> usize {
    let mut at = if page.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    // Where what stands here ends; the place stays before blanks and comments that nothing follows.
    let mut place = at;
    while let Some(rest) = page.get(at..) {
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blanks > 0 {
            at += blanks;
        } else if rest.starts_with(b"<!--") {
            let Some(length) = end_of_comment(rest) else { break };
            at += length;
        } else if !is_doctype(rest) && (rest.starts_with(b"<!") || rest.starts_with(b"<?")) {
            // A browser takes them for comments, whatever is in them.
            let Some(length) = end_of(rest, b">") else { break };
            at += length;
        } else if is_doctype(rest) || starts_with_tag(rest, b"<html") {
            let Some(length) = end_of_tag(rest) else { break };
            at += length;
            place = at;
        } else if starts_with_tag(rest, b"<head") {
            return end_of_tag(rest).map_or(place, |length| at + length);
        } else {
            break;
        }
    }
    place
}

fn is_doctype(text: &[u8]) -> bool {
    text.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"))
}

/// The length of a comment, by whichever of its ends comes first.
fn end_of_comment(comment: &[u8]) -> Option<usize> {
    let other = comment.get(4..).and_then(|rest| end_of(rest, b"--!>")).map(|length| 4 + length);
    [end_of(comment, b"-->"), other].into_iter().flatten().min()
}

fn starts_with_tag(text: &[u8], tag: &[u8]) -> bool {
    let Some((start, rest)) = text.split_at_checked(tag.len()) else { return false };
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    start.eq_ignore_ascii_case(tag) && rest.first().is_some_and(ends)
}

/// The length of a tag up to its `>`, which may stand in quotes before.
fn end_of_tag(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn end_of(text: &[u8], end: &[u8]) -> Option<usize> {
    text.windows(end.len()).position(|bytes| bytes == end).map(|at| at + end.len())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn the_script_is_the_first_thing_in_the_head_or_where_that_would_begin() {
        for (page, expected) in [
            ("<html><head><title>a", "<html><head>*<title>a"),
            (
                "<!DOCTYPE html>\n<HTML lang=en>\n<HEAD id='>'>x",
                "<!DOCTYPE html>\n<HTML lang=en>\n<HEAD id='>'>*x",
            ),
            ("<!doctype html><base href=//b/><p>a", "<!doctype html>*<base href=//b/><p>a"),
            (
                "<!-- a <head> --> <!doctype html><title>a",
                "<!-- a <head> --> <!doctype html>*<title>a",
            ),
            (
                "<?xml version='1.0'?>\n<!doctype html><p>",
                "<?xml version='1.0'?>\n<!doctype html>*<p>",
            ),
            ("<!foo '><!DOCTYPEhtml><p>a", "<!foo '><!DOCTYPEhtml>*<p>a"),
            ("<!-- a --!><!doctype html><p> -->", "<!-- a --!><!doctype html>*<p> -->"),
            ("<!--!><!doctype html>--><p>", "*<!--!><!doctype html>--><p>"),
            ("<!--><!doctype html><p>", "<!--><!doctype html>*<p>"),
            ("<?xml <p", "*<?xml <p"),
            ("<html><!-- c --><body>a</body>", "<html>*<!-- c --><body>a</body>"),
            ("<header>a</header>", "*<header>a</header>"),
            ("<p>no head", "*<p>no head"),
            ("", "*"),
            ("<!-- not closed <head>", "*<!-- not closed <head>"),
            ("<head", "*<head"),
            ("<script>'<head>'", "*<script>'<head>'"),
            ("\u{feff}<head>a", "\u{feff}<head>*a"),
        ] {
            assert_eq!(inserted(page.as_bytes(), "*"), expected, "{page}");
        }
    }

    #[test]
    fn what_is_no_page_is_left_alone() {
        let answer = |status: u16, kind: &'static str| {
            let mut answer = Response::new(Body::full("x"));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            answer
        };
        for (status, kind, expected) in [
            (200, "text/html; charset=utf-8", true),
            (404, "Text/HTML", true),
            (503, "text/html", true),
            (200, "text/html; charset=UTF-16le", false),
            (200, "application/xhtml+xml", false),
            (200, "text/plain", false),
            (304, "text/html", false),
            (204, "text/html", false),
            (206, "text/html", false),
        ] {
            assert_eq!(takes_script(&answer(status, kind)), expected, "{status} {kind}");
        }
        let mut coded = answer(200, "text/html");
        coded.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!takes_script(&coded));
    }

    #[test]
    fn an_address_cannot_leave_its_attribute() {
        let (page, site) = Default::default();
        let at = "/a?\"><script>alert(1)</script>&x=1".to_owned();
        let html = Tag { page, site, at, nonce: None, is_quiet: false }.html("");
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert_eq!(html.matches('"').count(), 2, "{html}");
    }

    #[tokio::test]
    async fn nobody_is_to_keep_a_page_with_the_script() {
        let mut answer = Response::new(Body::full("<p>a"));
        for (name, value) in
            [(ETAG, "\"a\""), (CACHE_CONTROL, "public, max-age=60"), (LAST_MODIFIED, "x")]
        {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let (page, site) = Default::default();
        let (at, nonce) = ("/".into(), Some("abc".into()));
        let tag = Tag { page, site, at, nonce, is_quiet: true };
        into(&mut answer, &tag, "").await;
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert!(!answer.headers().contains_key(ETAG));
        assert!(!answer.headers().contains_key(LAST_MODIFIED));
        let text = String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap();
        assert_eq!(answer.headers()[CONTENT_LENGTH], text.len().to_string());
        assert!(
            text.starts_with("<script src=")
                && text.ends_with("</script><p>a")
                && text.contains("nonce=\"abc\""),
            "{text}"
        );
    }
}
