//! The canonical form of a key's parts.

use std::fmt::Write as _;

use crate::fingerprint::Fingerprint;
use crate::site::route::{Slash, push_encoded};

/// Bytes of a part that is written in full, at most.
const MAX_PART: usize = 200;
/// Bytes of a whole key, at most.
pub(super) const MAX_KEY: usize = 1_024;
/// Bytes that stay of what is cut.
const HEAD: usize = 100;

/// What a pattern writes for an input that is absent; in values a `~` is encoded.
pub(super) const ABSENT: &str = "~";

/// Appends a value: encoded, and cut where it is long.
pub(super) fn push_value(out: &mut String, value: &str) {
    push_part(out, |out| push_encoded(out, value, Slash::Encode));
}

/// Appends what `write` writes as one part.
pub(super) fn push_part(out: &mut String, write: impl FnOnce(&mut String)) {
    let start = out.len();
    write(out);
    cut(out, start, MAX_PART, start + HEAD);
}

/// Appends the digest of a value that must not be shown.
pub(super) fn push_digest(out: &mut String, value: &str) {
    push_fingerprint(out, Fingerprint::of(value.as_bytes()));
}

pub(super) fn push_fingerprint(out: &mut String, fingerprint: Fingerprint) {
    let written = write!(out, "{fingerprint}");
    debug_assert!(written.is_ok(), "a String takes all that is written");
}

/// Cuts a whole key where it is long; what says whose it is, its first `lead` bytes, stays.
pub(super) fn cut_key(key: &mut String, lead: usize) {
    cut(key, 0, MAX_KEY, HEAD.max(lead));
}

/// Where more than `bound` bytes stand from `start` on, those from `head` on become `%~` and the
/// digest of all of them. Encoded text holds no `%~`, so that nothing else looks like it.
fn cut(out: &mut String, start: usize, bound: usize, head: usize) {
    if out.len() - start <= bound {
        return;
    }
    let digest = Fingerprint::of(out.as_bytes().get(start..).unwrap_or_default());
    let mut head = head.min(out.len());
    while !out.is_char_boundary(head) {
        head -= 1;
    }
    // Not in the middle of an escape: a person reads it.
    let tail = out.get(head.saturating_sub(2).max(start)..head).unwrap_or_default();
    if let Some(at) = tail.find('%') {
        head -= tail.len() - at;
    }
    out.truncate(head);
    out.push_str("%~");
    push_fingerprint(out, digest);
}
