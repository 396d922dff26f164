//! What a value in a template may be: paths of the context, as the walk follows them.

use std::collections::{BTreeMap, BTreeSet};

use super::reads::Step;

/// A way from the root, without [`Step::All`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) steps: Vec<Step>,
    /// Whether the template says itself what to do where nothing is there.
    pub(super) optional: bool,
}

/// What a value may be: any of some values of the context, or one made from them.
///
/// A value that was computed is no way at all: all that it is made from was read already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) ways: BTreeSet<Way>,
    /// For a list that a helper made: what its items may be.
    pub(super) items: Option<Box<Meaning>>,
    /// For the context of a partial with arguments by name: those, which hide what is below the
    /// ways under the same name.
    pub(super) fields: BTreeMap<String, Meaning>,
}

impl Meaning {
    /// The whole context.
    pub(super) fn root() -> Self {
        let way = Way { steps: Vec::new(), optional: false };
        Self { ways: BTreeSet::from([way]), ..Self::default() }
    }

    /// A list that a helper made of some items.
    pub(super) fn list_of(items: Self) -> Self {
        Self { items: Some(Box::new(items)), ..Self::default() }
    }

    /// The value of a key, or the item at an index.
    pub(super) fn name(&self, name: &str) -> Self {
        if let Some(field) = self.fields.get(name) {
            return field.clone();
        }
        let mut found = self.step(&Step::Name(name.to_owned()));
        if let Some(items) = &self.items {
            found.join(items);
        }
        found
    }

    /// Below it along some names.
    pub(super) fn names(&self, names: &[String]) -> Self {
        names.iter().fold(self.clone(), |value, name| value.name(name))
    }

    /// Any value below it.
    pub(super) fn any(&self) -> Self {
        let mut found = self.step(&Step::Any);
        for below in self.fields.values().chain(self.items.as_deref()) {
            found.join(below);
        }
        found
    }

    /// Also what `other` may be.
    pub(super) fn join(&mut self, other: &Self) {
        self.ways.extend(other.ways.iter().cloned());
        match (&mut self.items, &other.items) {
            (Some(mine), Some(theirs)) => mine.join(theirs),
            (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
        // A name that only one of both hides is not hidden: both what it hides and what it is.
        let names: BTreeSet<_> = self.fields.keys().chain(other.fields.keys()).cloned().collect();
        for name in names {
            let mut field = self.fields.remove(&name).unwrap_or_else(|| self.bare(&name));
            match other.fields.get(&name) {
                Some(theirs) => field.join(theirs),
                None => field.join(&other.bare(&name)),
            }
            self.fields.insert(name, field);
        }
    }

    /// The same, absent where it may be.
    pub(super) fn optional(mut self) -> Self {
        self.ways = self.ways.into_iter().map(|way| Way { optional: true, ..way }).collect();
        self
    }

    /// Below the ways alone.
    fn bare(&self, name: &str) -> Self {
        self.step(&Step::Name(name.to_owned()))
    }

    fn step(&self, step: &Step) -> Self {
        let ways = self.ways.iter().map(|way| {
            let mut way = way.clone();
            way.steps.push(step.clone());
            way
        });
        Self { ways: ways.collect(), ..Self::default() }
    }
}
