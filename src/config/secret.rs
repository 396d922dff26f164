//! A text that is never printed.

use std::fmt;
use std::ops::Deref;

/// A password, token or address that holds one: prints as `***`, reads as the text that it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A store's address without what may be secret: who logs in, and how.
    pub(crate) fn public_address(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return self.0.clone() };
        let rest = rest.split_once(['?', '#']).map_or(rest, |(rest, _)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        format!("{scheme}://{rest}")
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_address_is_shown_without_its_password() {
        for (store, shown) in [
            ("memory", "memory"),
            ("redis://127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
            ("redis://me:a@b@h:1/2", "redis://h:1/2"),
            ("redis://me:p@ss@h:1/2?protocol=resp3", "redis://h:1/2"),
            ("rediss://:secret@h", "rediss://h"),
        ] {
            assert_eq!(Secret::new(store).public_address(), shown);
        }
    }
}
