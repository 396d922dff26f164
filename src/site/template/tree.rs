//! The part of the data that a page may read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::reads::{How, Reads, Step};

/// The part of a value that may be read.
///
/// A page that is rendered with [`Tree::prune`] of its context comes out as with the context
/// itself, and the pruned copy stays the same under every edit that the page cannot show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The value, with all that is below it.
    whole: bool,
    /// What of the value itself is read.
    how: BTreeSet<How>,
    /// What is read of every value below; where this is set, its keys are read.
    any: Option<Box<Tree>>,
    /// What is read of single values below.
    names: BTreeMap<String, Tree>,
}

impl Tree {
    /// What some reads come to.
    #[must_use]
    pub fn from(reads: &Reads) -> Self {
        let mut tree = Self::default();
        for read in &reads.list {
            tree.mark(&read.path, read.how);
        }
        tree
    }

    /// Adds what another tree reads.
    pub fn join(&mut self, other: &Self) {
        self.whole |= other.whole;
        self.how.extend(&other.how);
        if let Some(theirs) = &other.any {
            self.any.get_or_insert_default().join(theirs);
        }
        for (name, theirs) in &other.names {
            self.names.entry(name.clone()).or_default().join(theirs);
        }
    }

    /// Reads what stands at the end of these names too.
    pub(crate) fn read_at(&mut self, names: &[String]) {
        let path: Vec<Step> = names.iter().cloned().map(Step::Name).collect();
        self.mark(&path, How::Value);
    }

    /// A copy of `value` with only what may be read.
    ///
    /// Scalars that are reached at all are kept. A mapping that is read by names keeps those that
    /// it has, sorted; one that is read as a whole or gone through keeps its order. A list keeps
    /// its length where an item or the length is read. A mapping or list whose emptiness alone is
    /// read keeps that: one null stands for what was there.
    #[must_use]
    pub fn prune(&self, value: &Value) -> Value {
        match value {
            _ if self.whole => value.clone(),
            Value::Array(list) => Value::Array(self.prune_list(list)),
            Value::Object(map) => Value::Object(self.prune_map(map)),
            scalar => scalar.clone(),
        }
    }

    /// Whether more than single names is read: any key, how many there are, the value as a whole.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.whole || !self.how.is_empty() || self.any.is_some()
    }

    /// Whether nothing is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is read of the value below `name`; nothing is [`Tree::is_empty`].
    #[must_use]
    pub fn sub(&self, name: &str) -> Self {
        let mut found = self.any.as_deref().cloned().unwrap_or_default();
        found.whole |= self.whole;
        if let Some(named) = self.names.get(name) {
            found.join(named);
        }
        found
    }

    /// Whether it is read which names there are.
    pub(crate) fn lists_names(&self) -> bool {
        self.reads(How::Keys)
    }

    /// What is read of the value below `name` where that is named, and not by going through all.
    pub(crate) fn named(&self, name: &str) -> Self {
        self.names.get(name).cloned().unwrap_or_default()
    }

    /// The names that are read; nothing where [`Tree::is_open`].
    #[must_use]
    pub fn names(&self) -> Option<Vec<&str>> {
        (!self.is_open()).then(|| self.names.keys().map(String::as_str).collect())
    }

    fn mark(&mut self, path: &[Step], how: How) {
        match path.split_first() {
            Some((Step::All, _)) => self.whole = true,
            Some((Step::Any, rest)) => {
                self.how.insert(How::Keys);
                self.any.get_or_insert_default().mark(rest, how);
            }
            Some((Step::Name(name), rest)) => {
                self.names.entry(name.clone()).or_default().mark(rest, how);
            }
            None if how == How::Touch => {}
            None => {
                self.how.insert(how);
            }
        }
    }

    fn reads(&self, how: How) -> bool {
        self.how.contains(&how)
    }

    fn prune_list(&self, list: &[Value]) -> Vec<Value> {
        if !self.reads(How::Keys) && !self.reads(How::Value) && self.names.is_empty() {
            return list
                .iter()
                .take(usize::from(self.reads(How::Test)))
                .map(|_| Value::Null)
                .collect();
        }
        let item = |(index, item): (usize, &Value)| {
            let below = self.at_index(index);
            if below.is_empty() { Value::Null } else { below.prune(item) }
        };
        list.iter().enumerate().map(item).collect()
    }

    /// What is read of an item: by any way of writing its index (`1`, `01`, `+1`).
    fn at_index(&self, index: usize) -> Self {
        let mut found = self.any.as_deref().cloned().unwrap_or_default();
        if self.reads(How::Value) {
            found.how.insert(How::Value);
        }
        for (name, below) in &self.names {
            if name.parse() == Ok(index) {
                found.join(below);
            }
        }
        found
    }

    fn prune_map(&self, map: &Map<String, Value>) -> Map<String, Value> {
        if self.reads(How::Keys) {
            let below = |(name, value): (&String, &Value)| {
                let below = self.sub(name);
                let kept = if below.is_empty() { Value::Null } else { below.prune(value) };
                (name.clone(), kept)
            };
            return map.iter().map(below).collect();
        }
        let kept = |(name, below): (&String, &Self)| {
            map.get(name).map(|value| (name.clone(), below.prune(value)))
        };
        let mut pruned: Map<_, _> = self.names.iter().filter_map(kept).collect();
        if pruned.is_empty() && !map.is_empty() && self.reads(How::Test) {
            pruned.insert(String::new(), Value::Null);
        }
        pruned
    }
}
