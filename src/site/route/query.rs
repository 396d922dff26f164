//! The query of a request → names and values, decoded, in canonical order.

use std::borrow::Cow;

use serde_json::Value;

use super::canonical::decode_form;
use super::value::json_of;
use crate::config::ParamType;

/// How many pairs of a query are read; a query with more is malformed.
pub(crate) const MAX_PAIRS: usize = 1_000;

/// A query as sent, decoded: pairs in the order of the request.
///
/// `+` is a space; a `%` that begins no escape stays as it is. A pair without `=` has an empty
/// value; empty pairs (`&&`) are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawQuery<'q> {
    pub(super) pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
}

/// A query that larder answers with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedQuery {
    /// Decoded it is no UTF-8.
    Utf8,
    /// It has more than [`MAX_PAIRS`] pairs.
    TooMany,
}

impl<'q> RawQuery<'q> {
    /// Decodes what follows the `?` of a request target; empty where there is none.
    ///
    /// # Errors
    /// As [`MalformedQuery`] lists them.
    pub fn parse(raw: &'q str) -> Result<Self, MalformedQuery> {
        let mut pairs = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MAX_PAIRS {
                return Err(MalformedQuery::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode_form(name).ok_or(MalformedQuery::Utf8)?;
            pairs.push((name, decode_form(value).ok_or(MalformedQuery::Utf8)?));
        }
        Ok(Self { pairs })
    }
}

/// A query as a route sees it: declared parameters checked, in canonical text and with their
/// defaults; all others as sent.
///
/// It is sorted by name; pairs of one name keep their order among themselves. What is read from it
/// in whole comes in this order too, so that two orders of one query are one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query<'q> {
    pub(super) pairs: Vec<QueryPair<'q>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueryPair<'q> {
    pub(super) name: Cow<'q, str>,
    pub(super) value: Cow<'q, str>,
    pub(super) kind: ParamType,
}

impl<'q> Query<'q> {
    /// Pairs in any order → sorted.
    pub(super) fn new(mut pairs: Vec<QueryPair<'q>>) -> Self {
        if !pairs.is_sorted_by(|one, two| one.name <= two.name) {
            pairs.sort_by(|one, two| one.name.cmp(&two.name));
        }
        Self { pairs }
    }

    /// The value of a parameter: of a declared one its canonical text or its default, of others the
    /// first that was sent. Absent is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pair(name).map(|pair| &*pair.value)
    }

    /// The value as the type that is declared: numbers and booleans as such, all else as text.
    pub fn json(&self, name: &str) -> Option<Value> {
        self.pair(name).map(|pair| json_of(pair.kind, &pair.value))
    }

    /// Each name once with its value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut last = None;
        self.pairs().filter(move |(name, _)| last.replace(*name) != Some(*name))
    }

    /// All pairs, sorted by name; repeated ones in the order in which they were sent.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }

    fn pair(&self, name: &str) -> Option<&QueryPair<'q>> {
        let at = self.pairs.partition_point(|pair| *pair.name < *name);
        self.pairs.get(at).filter(|pair| pair.name == name)
    }
}
