//! What a page may read.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Span;
use crate::fingerprint::Fingerprint;

/// A step from a value to one below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To the value of this key, or at this index.
    Name(String),
    /// To every value of a mapping or list.
    Any,
    /// To the value as a whole, with all that is below; always the last step.
    All,
}

/// What of a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Nothing of the value itself; but the way to it is gone, and a list on it that is read by a
    /// name is an error. What is handed to a partial that ignores it is read so.
    Touch,
    /// Whether it is there and not empty.
    Test,
    /// Which keys or how many items it has, in their order.
    Keys,
    /// What is printed of it: of a mapping nothing, of a list its items.
    Value,
}

/// One read of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The way from the root to the value.
    pub path: Vec<Step>,
    /// What of the value is read; [`How::Value`] where the path ends with [`Step::All`].
    pub how: How,
    /// Whether the page says itself what to do where the value is absent (`default`, `lookup`).
    pub optional: bool,
    /// Where the template says so.
    pub place: Span,
    /// The calls of partials that lead there, from the outside in.
    pub via: Vec<Span>,
}

/// All that a page may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The reads; each value once for each way of reading it, with its first place.
    pub list: Vec<Read>,
    /// The names of all templates and partials that may take part.
    pub templates: BTreeSet<String>,
    /// The files that it names with `asset`, each with its first place.
    pub assets: BTreeMap<String, Span>,
    /// A digest of the texts of all those, and of the version of engine and helpers.
    pub digest: Fingerprint,
}
