//! What of a request a response reads, and what a key covers.

use std::collections::BTreeSet;
use std::fmt;

/// A kind of input, in the order in which inputs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputKind {
    /// Parameters of the path.
    Params,
    /// The path itself.
    Path,
    /// Parameters of the query.
    Query,
    /// Request headers, in lower case.
    Headers,
    /// Cookies.
    Cookies,
    /// The visitor's language.
    Language,
    /// Fields of the body. What reads it is never kept, so no key has it.
    Body,
}

impl InputKind {
    /// The words by which templates name them, in their order.
    pub(crate) const WORDS: [(&str, Self); 7] = [
        ("params", Self::Params),
        ("path", Self::Path),
        ("query", Self::Query),
        ("headers", Self::Headers),
        ("cookies", Self::Cookies),
        ("language", Self::Language),
        ("body", Self::Body),
    ];

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    /// Whether there are many of it, each with a name.
    pub(crate) fn is_named(self) -> bool {
        !matches!(self, Self::Path | Self::Language)
    }

    /// One of it, by name.
    pub(crate) fn named(self, name: impl Into<String>) -> InputName {
        InputName { kind: self, name: Some(name.into()) }
    }

    /// All that there is of it.
    pub(crate) fn all(self) -> InputName {
        InputName { kind: self, name: None }
    }
}

/// One input, as templates and keys name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InputName {
    /// What it is of.
    pub kind: InputKind,
    /// Its name; nothing for all of the kind, and for what has no names.
    pub name: Option<String>,
}

impl InputName {
    /// Reads `query.x`, or `query` for all of it, as keys and addresses name it: no body decides
    /// one. `[…]` is how templates write odd names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, name) = text.split_once('.').map_or((text, None), |(of, it)| (of, Some(it)));
        let (_, kind) = InputKind::WORDS.into_iter().find(|(known, _)| *known == word)?;
        if kind == InputKind::Body {
            return None;
        }
        let Some(name) = name else { return Some(kind.all()) };
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match kind {
            _ if name.is_empty() || !kind.is_named() => None,
            InputKind::Headers => Some(kind.named(name.to_ascii_lowercase())),
            _ => Some(kind.named(name)),
        }
    }

    /// Whether `other` is this one, or one of those that this one is.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.kind == other.kind && (self.name.is_none() || self.name == other.name)
    }
}

impl fmt::Display for InputName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind.word();
        match &self.name {
            Some(name) => write!(out, "{word}.{name}"),
            None => out.write_str(word),
        }
    }
}

/// What of a request a response reads, or what a key covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    all: BTreeSet<InputName>,
    /// Whether there is any of each kind: each request asks.
    kinds: [bool; InputKind::WORDS.len()],
}

impl Inputs {
    /// Adds an input.
    pub fn insert(&mut self, input: InputName) {
        if !self.contains(&input) {
            self.kinds[input.kind as usize] = true;
            if input.name.is_none() {
                self.all.retain(|known| known.kind != input.kind);
            }
            self.all.insert(input);
        }
    }

    /// Whether an input is among them.
    pub(crate) fn contains(&self, input: &InputName) -> bool {
        self.all.contains(input) || self.all.contains(&input.kind.all())
    }

    /// Whether the one of that name is among them.
    #[must_use]
    pub fn has(&self, kind: InputKind, name: &str) -> bool {
        self.contains(&kind.named(name))
    }

    /// Whether there is any of a kind.
    pub(crate) fn any(&self, kind: InputKind) -> bool {
        self.kinds[kind as usize]
    }

    /// Those of a kind: one without a name, or some with names, sorted.
    pub(crate) fn of(&self, kind: InputKind) -> impl Iterator<Item = &InputName> {
        self.all.range(kind.all()..).take_while(move |input| input.kind == kind)
    }

    /// All of them, kind by kind.
    pub fn iter(&self) -> impl Iterator<Item = &InputName> {
        self.all.iter()
    }
}

impl Extend<InputName> for Inputs {
    fn extend<I: IntoIterator<Item = InputName>>(&mut self, inputs: I) {
        inputs.into_iter().for_each(|input| self.insert(input));
    }
}
