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
    /// One name.
    #[must_use]
    pub fn one(name: impl Into<String>) -> Self {
        Self::Some(BTreeSet::from([name.into()]))
    }

    /// Adds a name.
    pub fn insert(&mut self, name: impl Into<String>) {
        if let Self::Some(names) = self {
            names.insert(name.into());
        }
    }

    /// Adds all names of another.
    pub fn union(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Some(names), Self::Some(more)) => names.extend(more.iter().cloned()),
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

    /// Whether all names of another are among them.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Some(_), Self::All) => false,
            (Self::Some(names), Self::Some(others)) => others.is_subset(names),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Some(names) if names.is_empty())
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

impl<S: Into<String>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::Some(names.into_iter().map(Into::into).collect())
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
    /// Adds all of another.
    pub fn union(&mut self, other: &Self) {
        self.query.union(&other.query);
        self.headers.union(&other.headers);
        self.cookies.union(&other.cookies);
        self.params.union(&other.params);
        self.path |= other.path;
        self.language |= other.language;
    }

    /// Whether an input is among them.
    #[must_use]
    pub fn contains(&self, input: &InputName) -> bool {
        match input {
            InputName::Query(name) => self.query.contains(name),
            InputName::AllQuery => self.query == Names::All,
            InputName::Header(name) => self.headers.contains(name),
            InputName::AllHeaders => self.headers == Names::All,
            InputName::Cookie(name) => self.cookies.contains(name),
            InputName::AllCookies => self.cookies == Names::All,
            InputName::Param(name) => self.params.contains(name),
            InputName::AllParams => self.params == Names::All,
            InputName::Path => self.path,
            InputName::Language => self.language,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each input, in the order: parameters of the path, path, query, headers, cookies, language.
    #[must_use]
    pub fn names(&self) -> Vec<InputName> {
        let mut list = Vec::new();
        push(&mut list, &self.params, InputName::Param, InputName::AllParams);
        list.extend(self.path.then_some(InputName::Path));
        push(&mut list, &self.query, InputName::Query, InputName::AllQuery);
        push(&mut list, &self.headers, InputName::Header, InputName::AllHeaders);
        push(&mut list, &self.cookies, InputName::Cookie, InputName::AllCookies);
        list.extend(self.language.then_some(InputName::Language));
        list
    }
}

fn push(list: &mut Vec<InputName>, names: &Names, one: fn(String) -> InputName, all: InputName) {
    match names {
        Names::Some(names) => list.extend(names.iter().cloned().map(one)),
        Names::All => list.push(all),
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
