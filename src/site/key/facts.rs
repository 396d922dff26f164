//! What a request says, as plain data.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::inputs::{InputKind, InputName};
use crate::site::route::{AddressForm, Params, PathText, Query};
use crate::site::route::{address_segment, address_value};

/// How many cookies of a request are read; those after them count as absent.
pub(crate) const MAX_COOKIES: usize = 200;

/// The header fields of a request, wherever they are kept. Names are given in lower case.
pub trait Headers: Sync {
    /// The value of one line with this name: the first for 0, and so on.
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]>;

    /// The names of all headers, in lower case, each once, in any order. Only asked for where a
    /// response reads headers as a whole.
    fn names(&self) -> Vec<Cow<'_, str>>;

    /// The value of a header as pages and keys see it: several lines joined by `, ` (of `cookie`
    /// by `; `, RFC 6265bis §5.8.1). Bytes that are no UTF-8 are replaced by U+FFFD, always alike.
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let first = String::from_utf8_lossy(self.line(name, 0)?);
        let Some(second) = self.line(name, 1) else { return Some(first) };
        let gap = if name == "cookie" { "; " } else { ", " };
        let mut all = first.into_owned();
        let mut next = Some(second);
        let mut nth = 1;
        while let Some(line) = next {
            all.push_str(gap);
            all.push_str(&String::from_utf8_lossy(line));
            nth += 1;
            next = self.line(name, nth);
        }
        Some(Cow::Owned(all))
    }
}

/// What a request says.
#[derive(Clone, Copy)]
pub struct Facts<'r> {
    /// The path, decoded.
    pub path: &'r PathText<'r>,
    /// The parameters of the path, in canonical text.
    pub params: &'r Params<'r>,
    /// The query, checked.
    pub query: &'r Query<'r>,
    /// The headers.
    pub headers: &'r dyn Headers,
    /// The visitor's best language, where the site has languages.
    pub language: Option<&'r str>,
    /// The body, its fields checked; nothing where it is not read.
    pub body: Option<&'r Value>,
}

impl<'r> Facts<'r> {
    /// The text of one input; of several cookies of a name, the first.
    pub fn get(&self, input: &InputName) -> Option<Cow<'r, str>> {
        match (input.kind, input.name.as_deref()) {
            (InputKind::Path, _) => Some(Cow::Borrowed(self.path.text())),
            (InputKind::Language, _) => self.language.map(Cow::Borrowed),
            (InputKind::Params, name) => self.params.get(name?).map(Cow::Borrowed),
            (InputKind::Query, name) => self.query.get(name?).map(Cow::Borrowed),
            (InputKind::Headers, name) => self.headers.get(name?),
            (InputKind::Cookies, name) => match self.headers.get("cookie")? {
                Cow::Borrowed(header) => cookie(header, name?).map(Cow::Borrowed),
                Cow::Owned(header) => cookie(&header, name?).map(|it| Cow::Owned(it.to_owned())),
            },
            // It is a value and no text: `RenderJob` gives it to the page.
            (InputKind::Body, _) => None,
        }
    }

    /// A parameter of the path or of the query in an address; an absent one is empty. Nothing where
    /// no address holds its value, so that there is nothing to find.
    pub(crate) fn in_address(&self, input: &InputName, form: AddressForm) -> Option<String> {
        match (input.kind, input.name.as_deref()) {
            (InputKind::Params, Some(name)) => address_value(self.params, name, self.path, form),
            _ => address_segment(&self.get(input).unwrap_or_default(), form),
        }
    }

    /// Names and texts of all that there is of a kind with names, each name once. Headers and
    /// cookies are sorted, so that what is read of them as a whole has one order.
    #[must_use]
    pub fn all(&self, kind: InputKind) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut list: Vec<(String, String)> = match kind {
            InputKind::Params => return self.params.iter().map(owned).collect(),
            InputKind::Query => return self.query.iter().map(owned).collect(),
            InputKind::Headers => {
                let names = self.headers.names().into_iter();
                let line = |name: Cow<'_, str>| {
                    let value = self.headers.get(&name)?.into_owned();
                    Some((name.into_owned(), value))
                };
                names.filter_map(line).collect()
            }
            InputKind::Cookies => {
                let header = self.headers.get("cookie").unwrap_or_default();
                cookies(&header).map(owned).collect()
            }
            InputKind::Path | InputKind::Language | InputKind::Body => Vec::new(),
        };
        // Stable: of several of one name the first one stays the first.
        list.sort_by(|one, two| one.0.cmp(&two.0));
        list.dedup_by(|two, one| two.0 == one.0);
        list
    }
}

impl fmt::Debug for Facts<'_> {
    /// Without headers: they may hold secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Facts")
            .field("path", &self.path)
            .field("query", &self.query)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// The first cookie of a name in a `cookie` header.
pub(crate) fn cookie<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    cookies(header).find(|(of, _)| *of == name).map(|(_, value)| value)
}

/// Names and values in a `cookie` header, as they stand, the first [`MAX_COOKIES`]. What has no `=`
/// or no name is no cookie.
pub fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim_ascii(), value.trim_ascii()))
        .filter(|(name, _)| !name.is_empty())
        .take(MAX_COOKIES)
}
