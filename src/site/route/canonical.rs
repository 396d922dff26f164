//! Values → the canonical form in which they stand in keys and in addresses, and percent-coded
//! text → values.

use std::borrow::Cow;

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

/// All but the unreserved characters (RFC 3986 §2.3).
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What separates the parts of a key, and white space.
const MARKS: &AsciiSet = &controls_and(b":%?&=#~{}");

/// The control characters, the space and these.
pub(super) const fn controls_and(mut bytes: &[u8]) -> AsciiSet {
    let mut set = CONTROLS.add(b' ');
    while let Some((byte, rest)) = bytes.split_first() {
        set = set.add(*byte);
        bytes = rest;
    }
    set
}

/// A path as it stands in an address and in whatever a page is written in: nothing in it needs
/// escaping in HTML, XML, JSON or CSS.
pub(crate) fn encoded_path(path: &str) -> String {
    const SET: &AsciiSet = &RESERVED.remove(b'/');
    utf8_percent_encode(path, SET).to_string()
}

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
    const MARKS_AND_SLASH: &AsciiSet = &MARKS.add(b'/');
    let set = match slash {
        Slash::Keep => MARKS,
        Slash::Encode => MARKS_AND_SLASH,
    };
    if text.is_ascii() {
        return out.extend(utf8_percent_encode(text, set));
    }
    for char in text.chars() {
        if char.is_ascii() || char.is_control() || char.is_whitespace() {
            // What is not ASCII is encoded by every set.
            out.extend(utf8_percent_encode(char.encode_utf8(&mut [0; 4]), set));
        } else {
            out.push(char);
        }
    }
}

/// The byte that `%` and the two bytes after it stand for.
pub(super) fn escape(bytes: &[u8]) -> Option<u8> {
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    match bytes {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// A name or value of a query, decoded: `+` is a space, a `%` that begins no escape stays, as in
/// browsers (WHATWG URL, application/x-www-form-urlencoded). Nothing where it is no UTF-8.
pub(super) fn decode_form(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('+') {
        return percent_decode_str(raw).decode_utf8().ok();
    }
    let spaced = raw.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Cow::Owned(text.into_owned()))
}
