//! The path of a request as sent → decoded, once and for all.

use std::borrow::Cow;

use super::canonical::{Slash, escape, push_encoded};

/// A path, decoded. Its segments are what stands between the slashes that were sent as slashes; one
/// sent as `%2F` is text inside a segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathText<'p> {
    pub(super) text: Cow<'p, str>,
    /// Where `text` holds a slash that separates nothing, ascending; nearly always empty.
    inner: Box<[usize]>,
}

impl<'p> PathText<'p> {
    /// Decodes the path of a request target, without its query. Nothing for what larder answers
    /// with 400: it does not begin with `/`, holds a `%` without two hex digits or NUL, which no
    /// name has, is no UTF-8 when decoded, or has a segment `.` or `..`, in any coding, an encoded
    /// slash counting as a slash. Clients resolve these before they send (RFC 3986 §5.2.4); who
    /// sends one is looking for a way out.
    #[must_use]
    pub fn parse(raw: &'p str) -> Option<Self> {
        if !raw.starts_with('/') {
            return None;
        }
        let mut before = 0;
        let mut dot_begins = false;
        for byte in raw.bytes() {
            if byte == b'%' || !(0x20..0x7f).contains(&byte) {
                return Self::decode(raw);
            }
            dot_begins |= byte == b'.' && before == b'/';
            before = byte;
        }
        let is_dotted = dot_begins && has_dots(raw);
        (!is_dotted).then(|| Self { text: Cow::Borrowed(raw), inner: Box::default() })
    }

    fn decode(raw: &str) -> Option<Self> {
        let mut rest = raw.as_bytes();
        let mut bytes = Vec::with_capacity(rest.len());
        let mut inner = Vec::new();
        while let Some((&first, after)) = rest.split_first() {
            if first == b'%' {
                let byte = escape(rest)?;
                if byte == b'/' {
                    inner.push(bytes.len());
                }
                bytes.push(byte);
                rest = rest.get(3..)?;
            } else {
                bytes.push(first);
                rest = after;
            }
        }
        let text = String::from_utf8(bytes).ok()?;
        let is_good = !text.contains('\0') && !has_dots(&text);
        is_good.then(|| Self { text: text.into(), inner: inner.into() })
    }

    /// The decoded text, which templates see as `path`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The decoded segments: one, empty, for `/`; a last empty one where the path ends in `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments_from(1)
    }

    /// The segments from the byte where one begins; what is left of one where it does not.
    pub(super) fn segments_from(&self, start: usize) -> impl Iterator<Item = &str> {
        let mut start = Some(start);
        std::iter::from_fn(move || {
            let begin = start?;
            let end = self.segment_end(begin);
            start = (end < self.text.len()).then_some(end + 1);
            self.text.get(begin..end)
        })
    }

    /// Appends the canonical form for keys: segments encoded as [`push_encoded`] does, slashes
    /// inside them too, and `/` between them. Two different paths never look alike.
    pub fn push_canonical(&self, out: &mut String) {
        if self.inner.is_empty() {
            return push_encoded(out, &self.text, Slash::Keep);
        }
        for segment in self.segments() {
            out.push('/');
            push_encoded(out, segment, Slash::Encode);
        }
    }

    /// Whether every slash in the text separates segments.
    pub(super) fn is_plain(&self) -> bool {
        self.inner.is_empty()
    }

    fn separates(&self, slash: usize) -> bool {
        self.inner.is_empty() || self.inner.binary_search(&slash).is_err()
    }

    /// Where the segment that begins at `start` ends.
    pub(super) fn segment_end(&self, start: usize) -> usize {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let slash = |(at, byte): (usize, &u8)| *byte == b'/' && self.separates(start + at);
        start + rest.iter().enumerate().position(slash).unwrap_or(rest.len())
    }

    /// The same path with a slash more or less at its end; nothing for `/`.
    pub(super) fn other_form(&self) -> Option<PathText<'static>> {
        let last = self.text.len() - 1;
        let ends_in_slash = self.text.ends_with('/') && self.separates(last);
        let text = match ends_in_slash {
            true if last == 0 => return None,
            true => self.text.get(..last)?.to_owned(),
            false => format!("{}/", self.text),
        };
        Some(PathText { text: text.into(), inner: self.inner.clone() })
    }
}

/// Whether a segment is `.` or `..`.
pub(super) fn has_dots(text: &str) -> bool {
    text.split('/').any(|segment| segment == "." || segment == "..")
}
