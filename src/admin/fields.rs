//! Queries and forms as lists of names and values, decoded once; values may be no text.

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_decode_str, percent_encode,
};

/// The most fields that are read of one query or form.
const AT_MOST: usize = 2000;

/// What an address may hold unencoded; so little that the encoded text is safe in HTML too.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

/// A decoded query or form.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(AT_MOST);
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).collect();
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    /// The first value of that name, where it is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.all(name).next()?;
        String::from_utf8(value.to_vec()).ok().filter(|text| !text.is_empty())
    }

    /// All values of that name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f [u8]> {
        self.0.iter().filter(move |(of, _)| of == name.as_bytes()).map(|(_, value)| &value[..])
    }
}

/// Bytes as they may stand in an address, a form's value or a page.
pub(super) fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, PLAIN).to_string()
}

/// The bytes that [`encoded`] was given.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    percent_decode(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse("match=a%2Bb+c&key=%FF&key=%2525&flag&empty=");
        assert_eq!(fields.text("match").as_deref(), Some("a+b c"));
        assert_eq!(fields.all("key").collect::<Vec<_>>(), [&b"\xff"[..], b"%25"]);
        assert_eq!(fields.text("key"), None);
        assert_eq!(fields.text("empty"), None);
        assert_eq!(fields.text("nothing"), None);
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let key = b"a:<script>\"'&%41\xff ?/";
        let fields = Fields::parse(&format!("key={}", encoded(key)));
        assert_eq!(fields.all("key").next(), Some(&key[..]));
    }
}
