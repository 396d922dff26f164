//! What a page may read.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::Wanted;
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
    /// How many of the first steps may lead to nothing, because the page says what to do then
    /// (`if`, `default`, `lookup`).
    pub lacks: usize,
    /// Where the template says so.
    pub place: Span,
    /// Where else it does, a few of them, each with how many steps may lead to nothing there.
    pub also: Vec<(Span, usize)>,
    /// The calls of partials that lead there, from the outside in.
    pub via: Vec<Span>,
}

/// What a helper wants a value of the context to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The way from the root to the value.
    pub path: Vec<Step>,
    /// The helper.
    pub helper: String,
    /// What it must be.
    pub wanted: Wanted,
    /// Where it is given to the helper.
    pub place: Span,
    /// The calls of partials that lead there, from the outside in.
    pub via: Vec<Span>,
}

/// What a layout does with the page that goes into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Whether it names it at all.
    pub is_named: bool,
    /// Whether it prints it as it stands.
    pub is_raw: bool,
    /// Where it prints it escaped.
    pub escaped: Option<Span>,
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
    /// Whether it prints what stands before every address.
    pub prints_base: bool,
    /// The first call of a helper that gives another value each time, by its name.
    pub changing: Option<(String, Span)>,
    /// Whether it calls a helper that gives another value each time, the time among them.
    pub is_of_its_moment: bool,
    /// What its helpers want values to be.
    pub wants: Vec<Want>,
    /// The fields that helpers of lists go by, where a text names them.
    pub fields: Vec<Read>,
    /// Where a path stands for the name of such a field.
    pub unquoted: Vec<Span>,
    /// What a layout does with its page.
    pub content: Content,
    /// A digest of the texts of all those, and of the version of engine and helpers.
    pub digest: Fingerprint,
}
