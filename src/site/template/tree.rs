//! The part of the data that a page may read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reads::Reads;

/// The part of a value that may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    whole: bool,
    names: BTreeMap<String, Tree>,
}

impl Tree {
    /// What some reads come to.
    #[must_use]
    pub fn from(_reads: &Reads) -> Self {
        Self::default()
    }

    /// A copy of `value` with only what may be read.
    #[must_use]
    pub fn prune(&self, value: &Value) -> Value {
        value.clone()
    }

    /// The first-level names that are read, sorted; not exhaustive where [`Tree::is_open`].
    #[must_use]
    pub fn roots(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).collect()
    }

    /// Whether more than single names are read: any key, or the value as a whole.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.whole
    }

    /// Whether nothing is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is read below `name`.
    #[must_use]
    pub fn sub(&self, name: &str) -> Self {
        self.names.get(name).cloned().unwrap_or_default()
    }

    /// The names that are read; nothing where [`Tree::is_open`].
    #[must_use]
    pub fn names(&self) -> Option<Vec<&str>> {
        (!self.is_open()).then(|| self.roots())
    }
}
