//! A value of a request → its text in an address: that of a redirect, or of a file that is loaded.

use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::canonical::{RESERVED, controls_and};
use super::path::has_dots;
use super::{Params, PathText};

/// What an address is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressForm {
    /// Sent to a client: percent-encoded.
    Url,
    /// The path of a file: as it is, so that a segment cannot hold a slash.
    File,
}

/// A parameter of `path`, by its name: a wildcard's value is its segments with the slashes between
/// them, any other is one segment. Nothing where there is no such parameter, or where no address
/// holds the value: a segment `.` or `..`, an empty one before another (`//host` is an address of
/// another host).
pub(crate) fn address_value(
    params: &Params<'_>,
    name: &str,
    path: &PathText<'_>,
    form: AddressForm,
) -> Option<String> {
    let value = params.get(name)?;
    if !params.is_rest(name) {
        return address_segment(value, form);
    }
    // A slash that was sent as `%2F` is told from others by the path alone.
    let start = path.text().strip_suffix(value)?.len();
    let segments: Vec<&str> = path.segments_from(start).collect();
    let mut out = String::with_capacity(value.len());
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        if matches!(*segment, "." | "..") || segment.is_empty() && !is_last {
            return None;
        }
        out.push_str(&address_segment(segment, form)?);
        out.push_str(if is_last { "" } else { "/" });
    }
    Some(out)
}

/// Whether an address leads where it seems to: one that begins with an empty segment leads to
/// another host, and one with a segment `.` or `..` to another path, once a browser has read it.
pub(crate) fn leads_as_written(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    !path.starts_with("//") && !has_dots(path)
}

/// What may not stand in an address (RFC 3986 §2.2). A `%` may: what is written is coded already.
const NOT_IN_ADDRESS: &AsciiSet = &controls_and(b"\"<>\\^`{|}");

/// The text of an address as a person writes it, as it is sent: what cannot stand in one is
/// percent-encoded.
pub(crate) fn address_text(written: &str) -> String {
    utf8_percent_encode(written, NOT_IN_ADDRESS).to_string()
}

/// A text as one segment, or as a part of one.
pub(crate) fn address_segment(text: &str, form: AddressForm) -> Option<String> {
    match form {
        AddressForm::Url => Some(utf8_percent_encode(text, RESERVED).to_string()),
        AddressForm::File => (!text.contains('/')).then(|| text.to_owned()),
    }
}
