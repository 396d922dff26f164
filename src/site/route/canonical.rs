//! Values → the canonical form in which they stand in keys, and percent-coded text → values.

use std::borrow::Cow;

/// What happens to a `/` in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slash {
    /// It stays: the value is a path.
    Keep,
    /// It becomes `%2F`.
    Encode,
}

/// Appends `text`, percent-encoded where it holds `: % ? & = # ~`, braces, white space or control
/// characters, and `/` as `slash` says.
///
/// Two texts never look alike, and what is written holds none of the characters that separate the
/// parts of a key.
pub fn push_encoded(out: &mut String, text: &str, slash: Slash) {
    let plain = match slash {
        Slash::Keep => text.bytes().all(|byte| CLASS[usize::from(byte)] != Class::Mark),
        Slash::Encode => text.bytes().all(|byte| CLASS[usize::from(byte)] == Class::Plain),
    };
    if plain && text.is_ascii() {
        out.push_str(text);
    } else {
        text.chars().for_each(|char| push_char(out, char, slash));
    }
}

fn push_char(out: &mut String, char: char, slash: Slash) {
    let encode = match u8::try_from(char).ok().filter(u8::is_ascii) {
        Some(b'/') => slash == Slash::Encode,
        Some(byte) => CLASS[usize::from(byte)] == Class::Mark,
        None => char.is_control() || char.is_whitespace(),
    };
    if !encode {
        return out.push(char);
    }
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        push_escape(out, byte);
    }
}

/// Appends `%` and two hex digits.
pub(super) fn push_escape(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Slash,
    Mark,
}

/// What each byte is in a key: the marks are encoded always.
const CLASS: [Class; 256] = {
    let mut table = [Class::Plain; 256];
    let mut byte = 0;
    while byte <= 0x20 {
        table[byte] = Class::Mark;
        byte += 1;
    }
    let marks = b":%?&=#~{}\x7f";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = Class::Mark;
        at += 1;
    }
    table[b'/' as usize] = Class::Slash;
    table
};

/// What a hex digit is worth.
pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The byte that `%` and the two bytes after it stand for.
pub(super) fn escape(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// A name or value of a query, decoded: `+` is a space, a `%` that begins no escape stays, as in
/// browsers (WHATWG URL, application/x-www-form-urlencoded). Nothing where it is no UTF-8.
pub(super) fn decode_form(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(raw));
    }
    let mut rest = raw.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let decoded = escape(rest);
        rest = if decoded.is_some() { rest.get(3..)? } else { after };
        bytes.push(decoded.unwrap_or(if first == b'+' { b' ' } else { first }));
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
