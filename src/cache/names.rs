//! Whose keys are whose: the prefix, the namespaces under it, and the forms in which people write
//! keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::glob::{Glob, escape_glob, literal_head};

/// The longest name that is a key of larder, in bytes.
const KEY_AT_MOST: usize = 1024;

/// What begins the last part of a loaded value's key, and its route's name in the record.
const LOADED: &str = "~load:";

/// How much of a loaded value's name stands in its key, in bytes.
const NAME_SHOWN: usize = 100;

/// The largest loaded value, in bytes, as it is kept.
pub(super) const LOADED_AT_MOST: u64 = 8 << 20;

/// What stands for the route in the records of values that were loaded under a name, so that a
/// purge finds them.
pub(crate) fn loaded_route(name: &str) -> String {
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
    let mut encoded = utf8_percent_encode(name, SET).to_string();
    encoded.truncate(NAME_SHOWN);
    format!("{LOADED}{encoded}")
}

/// Whether a key is that of a loaded value: `PREFIX:NAMESPACE:~load:NAME:DIGEST`.
pub(super) fn is_loaded(prefix: &str, key: &[u8]) -> bool {
    let rest = key.strip_prefix(prefix.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
    let rest = rest.and_then(|rest| rest.splitn(2, |byte| *byte == b':').nth(1));
    rest.is_some_and(|rest| rest.starts_with(LOADED.as_bytes()))
}

/// In which namespaces something is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// In all that are under the prefix, be they of other sites.
    #[default]
    All,
    /// In these.
    Of(Arc<BTreeSet<String>>),
}

/// The keys under a prefix that are in some namespaces.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) prefix: Box<str>,
    pub(super) namespaces: Namespaces,
}

impl Names {
    /// Whether a key is one of them. Larder's own keys, which begin with `~`, are none.
    pub(super) fn hold(&self, key: &[u8]) -> bool {
        let rest = key.strip_prefix(self.prefix.as_bytes()).and_then(|it| it.strip_prefix(b":"));
        let Some(rest) = rest.filter(|rest| !rest.starts_with(b"~")) else { return false };
        let is_named = match &self.namespaces {
            Namespaces::All => true,
            Namespaces::Of(names) => {
                let end = rest.iter().position(|byte| *byte == b':');
                let name = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok());
                name.is_some_and(|name| names.contains(name))
            }
        };
        is_named && key.len() <= KEY_AT_MOST
    }

    /// What follows the prefix in a key: its namespace, a colon, and the rest.
    pub(super) fn without_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&*self.prefix)?.strip_prefix(':')
    }

    /// Whether a glob means a key: as a whole, or without prefix, or without namespace too.
    pub(super) fn match_glob(&self, glob: &Glob, key: &str) -> bool {
        let rest = self.without_prefix(key);
        let last = rest.and_then(|rest| rest.split_once(':')).map(|(_, last)| last);
        [Some(key), rest, last].into_iter().flatten().any(|part| glob.matches(part))
    }

    /// What Redis itself filters by, a text and a star: as much as the namespaces and a glob say.
    pub(super) fn pattern(&self, glob: Option<&str>) -> String {
        let mut head = format!("{}:", self.prefix);
        if let Namespaces::Of(names) = &self.namespaces
            && let (1, Some(name)) = (names.len(), names.first())
        {
            head = format!("{head}{name}:");
        }
        let of_glob = glob.map(literal_head).filter(|literal| literal.starts_with(&head));
        format!("{}*", escape_glob(of_glob.unwrap_or(&head)))
    }
}

/// What may be meant by a key as somebody wrote it: itself, and what it is where it was copied from
/// a header or a table, which encode what is no plain character.
pub(super) fn key_forms(key: &[u8]) -> Vec<Vec<u8>> {
    let plain: Vec<u8> = decode_unseen(key);
    let unquoted = decode_unseen(&without_backslashes(key));
    let mut forms = vec![key.to_vec()];
    for form in [plain, unquoted] {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Decodes `%XX` of control characters and of bytes beyond ASCII: all other escapes are the key's.
fn decode_unseen(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len());
    let mut rest = key;
    while let [first, after @ ..] = rest {
        let byte = rest.get(..3).filter(|_| *first == b'%');
        let byte = byte.and_then(|three| match percent_decode(three).collect::<Vec<u8>>()[..] {
            [byte] if !(b' '..0x7f).contains(&byte) => Some(byte),
            _ => None,
        });
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    out
}

/// A quoted text as it was before: in headers `"` and `\` have a backslash before them.
fn without_backslashes(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len());
    let mut bytes = key.iter();
    while let Some(byte) = bytes.next() {
        let meant = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        out.push(*meant);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Names {
        let own = of.iter().map(|name| (*name).to_owned()).collect();
        Names { prefix: "api:cache".into(), namespaces: Namespaces::Of(Arc::new(own)) }
    }

    #[test]
    fn a_namespace_holds_its_own_keys_and_no_others() {
        let own = names(&["", "blog"]);
        for (key, held) in [
            ("api:cache::about:/about", true),
            ("api:cache:blog:x", true),
            ("api:cache:shop:x", false),
            ("api:cache:blo:x", false),
            ("api:cache:blog", false),
            ("api:cache:~lease:{api:cache::x}", false),
            ("api:cached::x", false),
            ("elsewhere", false),
        ] {
            assert_eq!(own.hold(key.as_bytes()), held, "{key}");
        }
        let all = Names { namespaces: Namespaces::All, ..own };
        assert!(all.hold(b"api:cache:shop:x") && !all.hold(b"api:cache:~fleet"));
        let long = |len: usize| "api:cache::".len() + len;
        assert!(all.hold(format!("api:cache::{}", "x".repeat(1024 - long(0))).as_bytes()));
        assert!(!all.hold(format!("api:cache::{}", "x".repeat(1025 - long(0))).as_bytes()));
    }

    #[test]
    fn redis_is_told_as_much_as_is_certain() {
        assert_eq!(names(&["blog"]).pattern(None), "api:cache:blog:*");
        assert_eq!(names(&["", "blog"]).pattern(None), "api:cache:*");
        let one = names(&[""]);
        assert_eq!(one.pattern(Some("api:cache::about:/a*b")), "api:cache::about:/a*");
        assert_eq!(one.pattern(Some("about:*")), "api:cache::*");
    }

    #[test]
    fn a_key_is_meant_however_it_was_shown() {
        for (shown, meant) in [
            ("api:cache::p:/caf%C3%A9", "api:cache::p:/caf\u{e9}"),
            ("api:cache::p:/a%0Ab", "api:cache::p:/a\nb"),
            ("api:cache::p:/it\\'s", "api:cache::p:/it's"),
            ("api:cache::p:/say-\\\"hi\\\"", "api:cache::p:/say-\"hi\""),
        ] {
            let forms = key_forms(shown.as_bytes());
            assert_eq!(forms[0], shown.as_bytes());
            assert!(forms.iter().any(|form| form == meant.as_bytes()), "{shown}");
        }
        assert_eq!(key_forms(b"api:cache::p:/a%20b%3Ac%").len(), 1, "the key's own escapes stay");
    }
}
