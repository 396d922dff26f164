//! A key → the request that it was written for, as far as a key says: for who looks at what is
//! stored. What comes of it is asked of the code that serves.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::facts::Headers;
use super::inputs::{InputKind, InputName};
use super::piece::Piece;
use super::plan::{KeyForm, KeyPlan};
use super::write::ABSENT;

/// What separates the variable parts of a key: they hold none of these.
const SEPARATORS: [char; 5] = [':', '?', '&', '=', '#'];

/// Headers of which a key holds the digest alone.
const SECRET: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

/// What a key says of its request.
#[derive(Debug)]
pub(crate) struct Recalled {
    /// The path, as an address has it; nothing where the key does not hold it.
    pub(crate) path: Option<String>,
    /// The query, as an address has it.
    pub(crate) query: String,
    /// The visitor's language.
    pub(crate) language: Option<String>,
    headers: Vec<(String, String)>,
    /// Whether it follows the language and does not show which.
    pub(crate) hides_language: bool,
    /// Whether it follows the query and does not show it.
    pub(crate) hides_query: bool,
    /// Whether it is all that decides the key, but for a hidden language: no digest stands for any
    /// of the rest.
    pub(crate) is_whole: bool,
}

impl Headers for Recalled {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        let same = self.headers.iter().filter(|(known, _)| known == name);
        same.map(|(_, value)| value.as_bytes()).nth(nth)
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.headers.iter().map(|(name, _)| Cow::Borrowed(name.as_str())).collect()
    }
}

impl KeyPlan {
    /// What `key` says of its request; nothing where this plan never writes such a key.
    pub(crate) fn recall(&self, key: &str) -> Option<Recalled> {
        let mut recalled = Recalled {
            path: None,
            query: String::new(),
            language: None,
            headers: Vec::new(),
            hides_language: false,
            hides_query: false,
            is_whole: true,
        };
        if self.form == KeyForm::Hash {
            let digest = key.strip_prefix(self.lead_text())?;
            let is_digest = digest.len() == 32 && digest.bytes().all(|it| it.is_ascii_hexdigit());
            recalled.is_whole = self.pieces.iter().all(Piece::follows_few);
            recalled.hides_language = self.covers.any(InputKind::Language);
            recalled.hides_query = true;
            return is_digest.then_some(recalled);
        }
        if key.contains("%~") {
            // Something long was cut: what it was is only in the digest.
            (recalled.is_whole, recalled.hides_query) = (false, true);
            let Some(Piece::Text(first)) = self.pieces.first() else { return None };
            let first = first.get(..first.len().min(key.find("%~")?))?;
            return key.starts_with(first).then_some(recalled);
        }
        let mut rest = key;
        for (index, piece) in self.pieces.iter().enumerate() {
            rest = recalled.read(piece, self.pieces.get(index + 1), rest)?;
        }
        rest.is_empty().then_some(recalled)
    }
}

impl Piece {
    /// Whether the path decides what it is, or the language, of which there are few to try.
    fn follows_few(&self) -> bool {
        match self {
            Self::Text(_) | Self::Path => true,
            Self::Mark(input) => input.kind == InputKind::Language,
            Self::Value(input) => {
                matches!(input.kind, InputKind::Params | InputKind::Path | InputKind::Language)
            }
            Self::Query(_) | Self::WholeQuery(_) => false,
        }
    }
}

impl Recalled {
    /// Reads what `piece` wrote at the beginning of `key`; gives what follows it.
    fn read<'k>(&mut self, piece: &Piece, next: Option<&Piece>, key: &'k str) -> Option<&'k str> {
        match piece {
            Piece::Text(text) => key.strip_prefix(text.as_str()),
            Piece::Path => {
                let (value, rest) = variable(key, next)?;
                self.path = Some(value.to_owned());
                Some(rest)
            }
            Piece::Query(_) | Piece::WholeQuery("?") => {
                let Some(query) = key.strip_prefix('?') else { return Some(key) };
                Some(self.read_query(query))
            }
            Piece::WholeQuery(_) => Some(self.read_query(key)),
            Piece::Mark(_) => self.read_marks(key),
            Piece::Value(input) => {
                let (value, rest) = variable(key, next)?;
                if value != ABSENT {
                    self.read_value(input, value);
                }
                Some(rest)
            }
        }
    }

    fn read_query<'k>(&mut self, key: &'k str) -> &'k str {
        let (query, rest) = key.split_at(key.find('#').unwrap_or(key.len()));
        // A plus of a key is one; that of an address is a space.
        self.query = query.replace('+', "%2B");
        rest
    }

    /// `#accept-language=no#language=no`: all that stand one after the other.
    fn read_marks<'k>(&mut self, key: &'k str) -> Option<&'k str> {
        if key.is_empty() {
            return Some(key);
        }
        for mark in key.strip_prefix('#')?.split('#') {
            let (name, value) = mark.split_once('=')?;
            let input = if name == "language" {
                InputKind::Language.all()
            } else if let Some(name) = name.strip_prefix("cookies.") {
                InputKind::Cookies.named(decoded(name))
            } else {
                let name = name.strip_prefix("headers.").unwrap_or(name);
                InputKind::Headers.named(decoded(name))
            };
            self.read_value(&input, value);
        }
        Some("")
    }

    fn read_value(&mut self, input: &InputName, value: &str) {
        match (input.kind, input.name.as_deref()) {
            (InputKind::Language, _) => self.language = Some(decoded(value)),
            (InputKind::Query, Some(name)) => {
                let gap = if self.query.is_empty() { "" } else { "&" };
                let name =
                    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
                let value = value.replace('+', "%2B");
                self.query.extend([gap, &*name.to_string(), "=", &*value]);
            }
            (InputKind::Headers, Some(name)) if !SECRET.contains(&name) => {
                self.headers.push((name.to_owned(), decoded(value)));
            }
            (InputKind::Headers | InputKind::Cookies, _) => self.is_whole = false,
            // The path has them, and no key has a body.
            (InputKind::Params | InputKind::Path | InputKind::Query | InputKind::Body, _) => {}
        }
    }
}

/// The variable part at the beginning of `key`, and what follows it, where `next` comes.
fn variable<'k>(key: &'k str, next: Option<&Piece>) -> Option<(&'k str, &'k str)> {
    let begin = |text: &str| text.find(SEPARATORS).unwrap_or(text.len());
    let part = key.get(..begin(key))?;
    let value = match next {
        Some(Piece::Text(text)) => part.strip_suffix(text.get(..begin(text))?)?,
        _ => part,
    };
    Some((value, key.get(value.len()..)?))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
