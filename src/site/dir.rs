//! A directory that a route serves: which file a path means, and what its files are known by.
//!
//! Nothing here looks at a disk. `compile` asks for the directory and for the files that pages name
//! with `asset`; the edge opens what a request names.

use std::path::{Path, PathBuf};

use super::route::PathText;
use crate::fingerprint::{Fingerprint, Hasher};

/// A directory that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteDir {
    /// Its path relative to the site's directory, with `/` and none at its end.
    pub path: String,
    /// Where it really is, every link followed.
    pub root: PathBuf,
    /// The site's directory by its own path, links and all: where one of them was swapped, what is
    /// at `root` may be gone before the edit is live.
    pub(crate) site: PathBuf,
    /// How many segments of the route's path stand before the file's name.
    pub(crate) before: usize,
}

impl SiteDir {
    /// The name, below the directory, that a path of the route means: empty for the directory
    /// itself, with a slash at its end where the path has one. Nothing where a segment is no
    /// [`is_plain`] name: a slash that was sent encoded separates nothing.
    pub fn name(&self, path: &PathText<'_>) -> Option<String> {
        let mut name = String::new();
        let mut segments = path.segments().skip(self.before).peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            if !(is_plain(segment) || segment.is_empty() && is_last) {
                return None;
            }
            name.push_str(segment);
            if !is_last {
                name.push('/');
            }
        }
        Some(name)
    }

    /// Whether a file that is really there is one that the directory shows: one of its own, not
    /// hidden.
    pub fn shows(&self, real: &Path) -> bool {
        let inner = real.strip_prefix(&self.root);
        inner.is_ok_and(|inner| !has_hidden(inner))
    }
}

/// Whether a name in a path is hidden.
pub(crate) fn has_hidden(path: &Path) -> bool {
    path.iter().any(|name| is_hidden(&name.to_string_lossy()))
}

/// Whether a name begins with a dot: it is not for visitors, but for the one directory that is
/// there for nobody else (RFC 8615).
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".well-known"
}

/// Whether a name, between two slashes, is one that a served directory shows: not hidden, no way
/// up, and nothing in it that a system takes for a separator.
pub(crate) fn is_plain(name: &str) -> bool {
    let dark = |byte: u8| matches!(byte, b'/' | b'\\' | b':' | 0x7f) || byte < b' ';
    !name.is_empty() && !is_hidden(name) && !name.bytes().any(dark)
}

/// The extensions of files that hold the file beside them coded.
pub(crate) const CODED: [&str; 3] = ["br", "zst", "gz"];

/// What a served file is known by in the addresses that `asset` gives, from the digests of the
/// file and of its coded neighbours by extension: whichever of them is sent, it is the same for as
/// long as this is.
pub(crate) fn version(file: Fingerprint, coded: &[(&str, Fingerprint)]) -> String {
    let mut hasher = Hasher::default().field(file.as_bytes());
    for (extension, digest) in coded {
        hasher.add(extension);
        hasher.add(digest.as_bytes());
    }
    let mut text = hasher.finish().to_string();
    text.truncate(VERSION_DIGITS);
    text
}

/// Hex digits of a version: 64 bits, for an address that people see.
const VERSION_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_a_name_below_the_directory() {
        let dir = SiteDir {
            path: "public".to_owned(),
            root: PathBuf::from("/x"),
            site: PathBuf::from("/"),
            before: 1,
        };
        for (path, expected) in [
            ("/assets/", Some("")),
            ("/assets/a.css", Some("a.css")),
            ("/assets/a/b%20c.css", Some("a/b c.css")),
            ("/assets/a/", Some("a/")),
            ("/assets/a//b", None),
            ("/assets/%2e%2e%2fx", None),
            ("/assets/a%2Fb", None),
            ("/assets/a%5Cb", None),
            ("/assets/.env", None),
            ("/assets/.well-known/security.txt", Some(".well-known/security.txt")),
            ("/assets/.well-known/.env", None),
            ("/assets/.well-known2/a", None),
            ("/assets/%2eenv", None),
            ("/assets/C:", None),
            ("/assets/a%0ab", None),
        ] {
            let found = PathText::parse(path).and_then(|path| dir.name(&path));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_version_changes_with_the_file_and_with_each_neighbour() {
        let [one, two] = [b"1", b"2"].map(|bytes| Fingerprint::of(bytes));
        let versions = [
            version(one, &[]),
            version(two, &[]),
            version(one, &[("br", one)]),
            version(one, &[("br", two)]),
            version(one, &[("gz", two)]),
        ];
        for (at, one) in versions.iter().enumerate() {
            assert_eq!(one.len(), VERSION_DIGITS);
            assert!(!versions.get(at + 1..).unwrap_or_default().contains(one), "{one}");
        }
    }
}
