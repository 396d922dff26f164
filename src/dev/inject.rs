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
    fn html(&self) -> String {
        let page = self.page.map_or_else(String::new, |page| format!("page={page}&amp;"));
        let quiet = if self.is_quiet { "&amp;quiet=1" } else { "" };
        let nonce = self.nonce.as_deref().map(|nonce| format!(" nonce=\"{nonce}\""));
        format!(
            "<script src=\"{SCRIPT}?{page}site={}&amp;at={}{quiet}\"{} defer></script>",
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
pub(super) async fn into(answer: &mut Response<Body>, tag: &Tag) {
    let body = std::mem::take(answer.body_mut());
    // A body of known size that fails half-way is a page that ends there.
    let page = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let page = inserted(&page, &tag.html());
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES, EXPIRES] {
        answer.headers_mut().remove(name);
    }
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
    *answer.body_mut() = Body::full(page);
}

/// The page with `tag` before the `</body>` that ends it; at its end where it has none, or where
/// more follows than `</html>`: a comment behind it may hold another.
fn inserted(page: &[u8], tag: &str) -> Bytes {
    let (before, after) = page.split_at(end_of_body(page).unwrap_or(page.len()));
    [before, tag.as_bytes(), after].concat().into()
}

fn end_of_body(page: &[u8]) -> Option<usize> {
    const END: &[u8] = b"</body";
    let at = page.windows(END.len()).rposition(|bytes| bytes.eq_ignore_ascii_case(END))?;
    let mut rest = page.get(at..)?.to_ascii_lowercase();
    rest.retain(|byte| !byte.is_ascii_whitespace());
    matches!(rest.as_slice(), b"</body>" | b"</body></html>").then_some(at)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn the_script_stands_before_the_end_of_the_body_or_at_the_end_of_the_page() {
        for (page, expected) in [
            ("<body>a</body></html>\n", "<body>a*</body></html>\n"),
            ("<BODY>a</BODY >\n</HTML>", "<BODY>a*</BODY >\n</HTML>"),
            ("<p>no body", "<p>no body*"),
            ("", "*"),
            ("<script>'</body>'</script><p>x</body>", "<script>'</body>'</script><p>x*</body>"),
            ("a</body></html><!-- </body> -->", "a</body></html><!-- </body> -->*"),
            ("a</body></html><!-- made in 3 ms -->", "a</body></html><!-- made in 3 ms -->*"),
        ] {
            assert_eq!(inserted(page.as_bytes(), "*"), expected);
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
        let html = Tag { page, site, at, nonce: None, is_quiet: false }.html();
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
        into(&mut answer, &tag).await;
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert!(!answer.headers().contains_key(ETAG));
        assert!(!answer.headers().contains_key(LAST_MODIFIED));
        let text = String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap();
        assert_eq!(answer.headers()[CONTENT_LENGTH], text.len().to_string());
        assert!(text.starts_with("<p>a<script src=") && text.contains("nonce=\"abc\""), "{text}");
    }
}
