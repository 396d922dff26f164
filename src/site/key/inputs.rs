//! What of a request a response reads, and what a key covers.

use std::collections::BTreeSet;
use std::fmt;

/// Names of one kind of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// These.
    Some(BTreeSet<String>),
    /// Whatever there is.
    All,
}

impl Default for Names {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl Names {
    /// Adds a name.
    pub fn insert(&mut self, name: impl Into<String>) {
        if let Self::Some(names) = self {
            names.insert(name.into());
        }
    }

    /// Whether a name is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Some(names) => names.contains(name),
            Self::All => true,
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Some(names) if names.is_empty())
    }

    /// Each of them as an input of a kind.
    pub(super) fn inputs(&self, one: fn(String) -> InputName, all: InputName) -> Vec<InputName> {
        match self {
            Self::Some(names) => names.iter().cloned().map(one).collect(),
            Self::All => vec![all],
        }
    }

    /// The names, sorted; none for [`Names::All`].
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::Some(names) => Some(names),
            Self::All => None,
        };
        names.into_iter().flatten().map(String::as_str)
    }
}

/// What of a request a response reads, or what a key covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Parameters of the query.
    pub query: Names,
    /// Request headers, in lower case.
    pub headers: Names,
    /// Cookies.
    pub cookies: Names,
    /// Parameters of the path.
    pub params: Names,
    /// The path itself.
    pub path: bool,
    /// The visitor's language.
    pub language: bool,
}

impl Inputs {
    /// Adds an input.
    pub(super) fn insert(&mut self, input: InputName) {
        match input {
            InputName::Query(name) => self.query.insert(name),
            InputName::AllQuery => self.query = Names::All,
            InputName::Header(name) => self.headers.insert(name),
            InputName::AllHeaders => self.headers = Names::All,
            InputName::Cookie(name) => self.cookies.insert(name),
            InputName::AllCookies => self.cookies = Names::All,
            InputName::Param(name) => self.params.insert(name),
            InputName::AllParams => self.params = Names::All,
            InputName::Path => self.path = true,
            InputName::Language => self.language = true,
        }
    }

    /// Whether an input is among them: adding it then changes nothing.
    pub(crate) fn contains(&self, input: &InputName) -> bool {
        let mut with_it = self.clone();
        with_it.insert(input.clone());
        with_it == *self
    }

    /// Each input, in the order: parameters of the path, path, query, headers, cookies, language.
    #[must_use]
    pub fn names(&self) -> Vec<InputName> {
        let mut list = self.params.inputs(InputName::Param, InputName::AllParams);
        list.extend(self.path.then_some(InputName::Path));
        list.extend(self.query.inputs(InputName::Query, InputName::AllQuery));
        list.extend(self.headers.inputs(InputName::Header, InputName::AllHeaders));
        list.extend(self.cookies.inputs(InputName::Cookie, InputName::AllCookies));
        list.extend(self.language.then_some(InputName::Language));
        list
    }
}

/// One input, as templates and keys name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputName {
    /// `query.x`.
    Query(String),
    /// `query`.
    AllQuery,
    /// `headers.x`.
    Header(String),
    /// `headers`.
    AllHeaders,
    /// `cookies.x`.
    Cookie(String),
    /// `cookies`.
    AllCookies,
    /// `params.x`.
    Param(String),
    /// `params`.
    AllParams,
    /// `path`.
    Path,
    /// `language`.
    Language,
}

impl fmt::Display for InputName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(name) => write!(out, "query.{name}"),
            Self::AllQuery => out.write_str("query"),
            Self::Header(name) => write!(out, "headers.{name}"),
            Self::AllHeaders => out.write_str("headers"),
            Self::Cookie(name) => write!(out, "cookies.{name}"),
            Self::AllCookies => out.write_str("cookies"),
            Self::Param(name) => write!(out, "params.{name}"),
            Self::AllParams => out.write_str("params"),
            Self::Path => out.write_str("path"),
            Self::Language => out.write_str("language"),
        }
    }
}
