//! What is made of a kept entry once and used for each answer from it: its head as bytes, and its
//! coded forms. Files in memory have such heads too.
//!
//! A hit then adds age, `Cache-Status` and date. With HTTP/2 the same head is read into hyper's
//! types, once as well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::answer::Coded;
use super::body::Body;
use super::encoding::{Coding, Variants};
use super::live::PreparedRoute;
use crate::cache::Entry;

/// The lines of an answer that are the same for each answer from an entry.
#[derive(Debug)]
pub(super) struct ReadyHead {
    /// Of the route's lines that it was made with.
    serial: u64,
    status: StatusCode,
    /// Status line, then what describes the body, then the rest; each line with its end.
    bytes: Box<[u8]>,
    /// Where the rest begins: a 304 sends that alone.
    rest: usize,
    /// The entity tag, with its quotes.
    tag: Option<Box<str>>,
    /// The same for hyper: of a whole answer, and of a 304.
    fields: [OnceLock<Box<HeaderMap>>; 2],
}

/// What a ready head takes beside its lines: the structure, and the lines in hyper's types.
pub(super) const HEAD_BYTES: usize = 1024;

/// Which part of a ready head is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it; the body follows.
    Whole = 0,
    /// 304: the client has the body.
    NotModified = 1,
}

/// Beside an entry: what is made of it once and kept as long as the entry.
#[derive(Debug, Default)]
pub(super) struct EntryExtras {
    /// Boxed: most entries are small or of a type that is not coded.
    variants: OnceLock<Box<Variants>>,
    heads: HeadSlots,
}

/// The heads of one body's forms: identity, then by coding.
#[derive(Debug, Default)]
pub(super) struct HeadSlots([ArcSwapOption<ReadyHead>; 1 + Coding::ALL.len()]);

impl HeadSlots {
    /// The head for the body in a coding, made when it is first asked for, and again after a
    /// reload, which may have changed the route's lines.
    pub(super) fn head(
        &self,
        coding: Option<Coding>,
        serial: u64,
        make: impl FnOnce() -> ReadyHead,
    ) -> Arc<ReadyHead> {
        let place = coding.map_or(0, |coding| 1 + coding as usize);
        let Some(slot) = self.0.get(place) else { return Arc::new(make()) };
        if let Some(ready) = slot.load().as_ref().filter(|ready| ready.serial == serial) {
            return Arc::clone(ready);
        }
        let made = Arc::new(make());
        slot.store(Some(Arc::clone(&made)));
        made
    }

    /// Bytes that they hold.
    fn weight(&self) -> usize {
        let heads = self.0.iter().filter_map(|slot| Some(slot.load().as_ref()?.bytes.len()));
        heads.map(|bytes| bytes + HEAD_BYTES).sum()
    }
}

/// Tells the lines of one version of a route from those of another.
pub(super) fn next_serial() -> u64 {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

impl EntryExtras {
    /// What is kept beside `entry`.
    pub(super) fn of(entry: &Entry) -> Option<&Self> {
        entry.prepared().get_or_init(|| Arc::new(Self::default())).downcast_ref()
    }

    pub(super) fn variants(&self) -> &Variants {
        self.variants.get_or_init(Box::default)
    }

    /// The head for the entry's body in a coding.
    pub(super) fn head(
        &self,
        entry: &Entry,
        route: &PreparedRoute,
        coded: &Coded<'_>,
        make: impl FnOnce() -> ReadyHead,
    ) -> Arc<ReadyHead> {
        let (coding, mut is_new) = (coded.0.as_ref().map(|(coding, _)| *coding), false);
        let head = self.heads.head(coding, route.serial, || {
            is_new = true;
            make()
        });
        if is_new {
            self.count(entry);
        }
        head
    }

    /// Says how many bytes are kept beside `entry` by now.
    pub(super) fn count(&self, entry: &Entry) {
        let heads = self.heads.weight();
        let coded =
            self.variants.get().map_or(0, |variants| size_of::<Variants>() + variants.weight());
        entry.count_prepared((size_of::<Self>() + heads + coded) as u64);
    }
}

impl ReadyHead {
    /// The head of an answer with this body, in this language.
    pub(super) fn new(
        entry: &Entry,
        route: &PreparedRoute,
        coded: &Coded<'_>,
        language: Option<&str>,
    ) -> Self {
        let status = status_of(entry);
        let mut bytes = Vec::with_capacity(320);
        push_status(&mut bytes, status);
        if let Some(media) = route.headers.get(CONTENT_TYPE) {
            push_line(&mut bytes, "content-type", media.as_bytes());
        }
        if let Some((coding, _)) = &coded.0 {
            push_line(&mut bytes, "content-encoding", coding.token().as_bytes());
        }
        let (body, etag) = (coded.body(entry), coded.tag(entry));
        if has_body(status) {
            push_number(&mut bytes, "content-length", body.len() as u64);
        }
        let rest = bytes.len();
        for (name, value) in route.headers.iter().filter(|(name, _)| *name != CONTENT_TYPE) {
            push_line(&mut bytes, name.as_str(), value.as_bytes());
        }
        if let Some(language) = route.language_said(language) {
            push_line(&mut bytes, "content-language", language.as_bytes());
        }
        push_line(&mut bytes, "etag", etag.as_bytes());
        let tag = Some(Box::from(&*etag));
        let fields = [const { OnceLock::new() }; 2];
        Self { serial: route.serial, status, bytes: bytes.into(), rest, tag, fields }
    }

    /// The entity tag of the body, with its quotes.
    pub(super) fn etag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The head of a whole answer, put together before.
    pub(super) fn of_response(whole: &Response<Body>, serial: u64) -> Self {
        let describing = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH, ACCEPT_RANGES];
        let mut bytes = Vec::with_capacity(320);
        push_status(&mut bytes, whole.status());
        let (first, others): (Vec<_>, Vec<_>) =
            whole.headers().iter().partition(|(name, _)| describing.contains(name));
        for (name, value) in first {
            push_line(&mut bytes, name.as_str(), value.as_bytes());
        }
        let rest = bytes.len();
        let mut tag = None;
        for (name, value) in others {
            push_line(&mut bytes, name.as_str(), value.as_bytes());
            if name == ETAG {
                tag = value.to_str().ok().map(Box::from);
            }
        }
        let fields = [const { OnceLock::new() }; 2];
        Self { serial, status: whole.status(), bytes: bytes.into(), rest, tag, fields }
    }

    pub(super) fn status(&self, part: Part) -> StatusCode {
        match part {
            Part::Whole => self.status,
            Part::NotModified => StatusCode::NOT_MODIFIED,
        }
    }

    /// Appends status line and header lines, without the end of the head.
    pub(super) fn push(&self, part: Part, out: &mut Vec<u8>) {
        match part {
            Part::Whole => out.extend_from_slice(&self.bytes),
            Part::NotModified => {
                push_status(out, StatusCode::NOT_MODIFIED);
                out.extend_from_slice(self.bytes.get(self.rest..).unwrap_or_default());
            }
        }
    }

    /// The header lines in hyper's type.
    pub(super) fn fields(&self, part: Part) -> &HeaderMap {
        let from = match part {
            Part::Whole => 0,
            Part::NotModified => self.rest,
        };
        self.fields[part as usize].get_or_init(|| {
            let bytes = self.bytes.get(from..).unwrap_or_default();
            Box::new(bytes.split(|byte| *byte == b'\n').filter_map(field).collect())
        })
    }
}

/// A line of ours, `name: value` and a carriage return; the status line is none.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let line = line.strip_suffix(b"\r")?;
    let colon = line.windows(2).position(|two| two == b": ")?;
    let (name, value) = line.split_at(colon);
    let value = HeaderValue::from_bytes(value.get(2..)?).ok()?;
    Some((HeaderName::from_bytes(name).ok()?, value))
}

/// The status that an entry was rendered with. Whatever else a record says is no entry.
fn status_of(entry: &Entry) -> StatusCode {
    StatusCode::from_u16(entry.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Whether an answer of this status has a body, be it an empty one: RFC 9110 §6.4.1.
pub(super) fn has_body(status: StatusCode) -> bool {
    !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

/// The bytes of an answer's body, none where its status has no body.
pub(super) fn body_for(status: StatusCode, body: &Bytes) -> Bytes {
    if has_body(status) { body.clone() } else { Bytes::new() }
}

/// `HTTP/1.1 200 OK`, with its end.
pub(super) fn push_status(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub(super) fn push_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn push_number(out: &mut Vec<u8>, name: &str, number: u64) {
    push_line(out, name, itoa::Buffer::new().format(number).as_bytes());
}
