//! Queries and forms as lists of names and values, decoded once.

/// The most fields that are read of one query or form.
const MAX_FIELDS: usize = 2000;

/// A decoded query or form.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(MAX_FIELDS).collect())
    }

    /// The first value of that name, where it is not empty.
    pub(super) fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// All values of that name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::percent_encoded;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse(b"match=a%2Bb+c&key=a&key=%2525&flag&empty=");
        assert_eq!(fields.first("match").as_deref(), Some("a+b c"));
        assert_eq!(fields.all("key").collect::<Vec<_>>(), ["a", "%25"]);
        assert_eq!(fields.first("empty"), None);
        assert_eq!(fields.first("nothing"), None);
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let key = "a:<script>\"'&%41\u{ff} ?/";
        let fields = Fields::parse(format!("key={}", percent_encoded(key.as_bytes())).as_bytes());
        assert_eq!(fields.all("key").next(), Some(key));
    }
}
