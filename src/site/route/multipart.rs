//! `multipart/form-data` (RFC 7578) → its text fields.

use std::borrow::Cow;

use super::query::MAX_PAIRS;

/// Header lines of one part, at most.
const MAX_LINES: usize = 16;

/// Names and texts in the order of the parts; files are left out, an empty file input too. Nothing
/// where the body is no such form, has too many parts, or a text is no UTF-8.
pub(super) fn text_fields<'b>(
    body: &'b [u8],
    boundary: &str,
) -> Option<Vec<(Cow<'b, str>, Cow<'b, str>)>> {
    // Each part but the first begins after the end of a line, which belongs to the boundary.
    let separator = format!("\r\n--{boundary}");
    let first = separator.as_bytes().get(2..)?;
    let mut rest = match body.strip_prefix(first) {
        Some(rest) => rest,
        None => split(body, separator.as_bytes())?.1,
    };
    let mut fields = Vec::new();
    for _ in 0..MAX_PAIRS {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let part = rest.get(blanks..)?.strip_prefix(b"\r\n")?;
        let (part, after) = split(part, separator.as_bytes())?;
        fields.extend(field(part)?);
        rest = after;
    }
    // What is left is the end, or one part too many.
    rest.starts_with(b"--").then_some(fields)
}

/// One part; nothing at all where it is malformed, nothing inside where it is a file.
fn field(part: &[u8]) -> Option<Option<(Cow<'_, str>, Cow<'_, str>)>> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let httparse::Status::Complete((length, lines)) =
        httparse::parse_headers(part, &mut lines).ok()?
    else {
        return None;
    };
    let disposition =
        lines.iter().find(|line| line.name.eq_ignore_ascii_case("content-disposition"))?;
    let disposition = std::str::from_utf8(disposition.value).ok()?;
    let (mut name, mut is_file) = (None, false);
    for (parameter, value) in parameters(disposition) {
        match parameter.as_str() {
            "name" => name = Some(value),
            "filename" | "filename*" => is_file = true,
            _ => {}
        }
    }
    let name = name?;
    if is_file {
        return Some(None);
    }
    let text = std::str::from_utf8(part.get(length..)?).ok()?;
    Some(Some((Cow::Owned(name), Cow::Borrowed(text))))
}

/// What stands before and after the first `mark`.
fn split<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

/// The parameters of a field such as `Content-Type`, names in lower case, values without quotes
/// (RFC 9110 §5.6.6). Browsers write `"` in a name as `%22`, and the ends of lines likewise.
pub(super) fn parameters(field: &str) -> impl Iterator<Item = (String, String)> {
    let mut rest = field.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let (value, after) = after.split_once(';').unwrap_or((after, ""));
            (value.trim().to_owned(), after)
        };
        rest = after;
        Some((name.trim().to_ascii_lowercase(), value))
    })
}

/// The text up to the closing quote, and what follows.
fn unquoted(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut signs = quoted.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => break,
            '\\' if signs.as_str().starts_with(['"', '\\']) => text.extend(signs.next()),
            sign => text.push(sign),
        }
    }
    for (coded, sign) in [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")] {
        text = text.replace(coded, sign);
    }
    (text, signs.as_str())
}
