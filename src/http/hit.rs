//! An answer from memory as bytes that are ready to be sent: what an entry always sends is written
//! out once, and a hit adds age, `Cache-Status` and date.
//!
//! `h1` sends hits in this form; with HTTP/2 the same answer goes through hyper's types
//! (`answer.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};

use super::answer::{Coded, quoted};
use super::encoding::{Coding, Variants};
use super::live::RouteLines;
use crate::cache::{Entry, Outcome};

/// A GET or HEAD without a body, wherever its head is kept.
#[derive(Debug)]
pub struct Asking<'r, F> {
    /// GET or HEAD.
    pub method: &'r Method,
    /// The path as sent.
    pub path: &'r str,
    /// The query as sent, without its `?`.
    pub query: &'r str,
    /// The header fields.
    pub fields: &'r F,
}

/// An answer from memory.
#[derive(Debug)]
pub struct Hit {
    pub(super) ready: Arc<Ready>,
    pub(super) form: HitForm,
    /// In the coding that the client takes; empty where none is sent.
    pub(super) body: Bytes,
    pub(super) outcome: Outcome,
    pub(super) shown: Shown,
}

/// What of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HitForm {
    /// The head, and the body where there is one to be sent.
    Whole,
    /// 304: the client has the body.
    NotModified,
}

/// What `Cache-Status` tells.
#[derive(Debug)]
pub(super) enum Shown {
    /// There is no such line.
    Nothing,
    /// The outcome.
    Outcome,
    /// The outcome and the key.
    Key(String),
}

/// The lines of an answer that are the same for each hit of an entry.
#[derive(Debug)]
pub(super) struct Ready {
    /// Of the lines that it was made with.
    serial: u64,
    /// Status line, then what describes the body, then the rest; each line with its end.
    bytes: Box<[u8]>,
    /// Where the rest begins: a 304 sends that alone.
    rest: usize,
}

/// Beside an entry: what is made of it once and kept as long as the entry.
#[derive(Debug, Default)]
pub(super) struct Kit {
    /// Boxed: most entries are small or of a type that is not coded.
    variants: OnceLock<Box<Variants>>,
    /// Identity, then by coding.
    ready: [ArcSwapOption<Ready>; 1 + Coding::ALL.len()],
}

/// Tells the lines of one version of a route from those of another.
pub(super) fn next_serial() -> u64 {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

impl Kit {
    /// What is kept beside `entry`.
    pub(super) fn of(entry: &Entry) -> Option<&Self> {
        entry.prepared().get_or_init(|| Box::new(Self::default())).downcast_ref()
    }

    pub(super) fn variants(&self) -> &Variants {
        self.variants.get_or_init(Box::default)
    }

    /// The head for the entry's body in a coding, made when it is first asked for, and again after
    /// a reload, which may have changed the route's lines.
    pub(super) fn ready(&self, entry: &Entry, lines: &RouteLines, coded: &Coded<'_>) -> Arc<Ready> {
        let place = coded.0.map_or(0, |(coding, _)| 1 + coding as usize);
        let Some(slot) = self.ready.get(place) else {
            return Arc::new(Ready::new(entry, lines, coded));
        };
        if let Some(ready) = slot.load().as_ref().filter(|ready| ready.serial == lines.serial) {
            return Arc::clone(ready);
        }
        let made = Arc::new(Ready::new(entry, lines, coded));
        slot.store(Some(Arc::clone(&made)));
        made
    }
}

impl Ready {
    fn new(entry: &Entry, lines: &RouteLines, coded: &Coded<'_>) -> Self {
        let mut bytes = Vec::with_capacity(320);
        push_status(&mut bytes, StatusCode::from_u16(entry.status).unwrap_or_default());
        if let Some(media) = lines.headers.get(CONTENT_TYPE) {
            push_line(&mut bytes, "content-type", media.as_bytes());
        }
        if let Some((coding, _)) = coded.0 {
            push_line(&mut bytes, "content-encoding", coding.token().as_bytes());
        }
        let (body, etag) = coded.of(entry);
        push_number(&mut bytes, "content-length: ", body.len() as u64);
        bytes.extend_from_slice(b"\r\n");
        let rest = bytes.len();
        for (name, value) in lines.headers.iter().filter(|(name, _)| *name != CONTENT_TYPE) {
            push_line(&mut bytes, name.as_str(), value.as_bytes());
        }
        push_line(&mut bytes, "etag", etag.as_bytes());
        Self { serial: lines.serial, bytes: bytes.into(), rest }
    }
}

impl Hit {
    /// Appends the head: all but the date and the empty line.
    pub(super) fn push_head(&self, out: &mut Vec<u8>) {
        match self.form {
            HitForm::Whole => out.extend_from_slice(&self.ready.bytes),
            HitForm::NotModified => {
                push_status(out, StatusCode::NOT_MODIFIED);
                out.extend_from_slice(self.ready.bytes.get(self.ready.rest..).unwrap_or_default());
            }
        }
        if let Some(age) = self.outcome.age_seconds() {
            push_number(out, "age: ", age);
            out.extend_from_slice(b"\r\n");
        }
        let key = match &self.shown {
            Shown::Nothing => return,
            Shown::Outcome => None,
            Shown::Key(key) => Some(key),
        };
        out.extend_from_slice(b"cache-status: ");
        self.outcome.push(out);
        if let Some(key) = key {
            out.extend_from_slice(b"; key=");
            out.extend_from_slice(quoted(key).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
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

pub(super) fn push_number(out: &mut Vec<u8>, lead: &str, number: u64) {
    out.extend_from_slice(lead.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
