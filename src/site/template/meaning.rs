//! What a value in a template may be: paths of the context, as the walk follows them.

use std::collections::{BTreeMap, BTreeSet};

use super::markup::{Coding, Made};
use super::reads::Step;

/// A way from the root, without [`Step::All`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) steps: Vec<Step>,
    /// How many of the first steps may well lead to nothing: of the others each must be there.
    pub(super) lacks: usize,
}

/// What a value may be: any of some values of the context, or one made from them.
///
/// A value that was computed is no way at all: all that it is made from was read already, and is
/// remembered for where it is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) ways: BTreeSet<Way>,
    /// For a list that a helper made: what its items may be.
    pub(super) items: Option<Box<Meaning>>,
    /// For the context of a partial with arguments by name: those, which hide what is below the
    /// ways under the same name.
    pub(super) fields: BTreeMap<String, Meaning>,
    /// Of a computed value: what it is made from.
    pub(super) made: Made,
    /// Whether it may be the text of the page, in the layout around it.
    pub(super) is_page: bool,
}

impl Meaning {
    /// The whole context.
    pub(super) fn root() -> Self {
        let way = Way { steps: Vec::new(), lacks: 0 };
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
        found.made.extend(self.made.iter().cloned());
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
        found.made.extend(self.made.iter().cloned());
        found
    }

    /// Also what `other` may be.
    pub(super) fn join(&mut self, other: &Self) {
        self.ways.extend(other.ways.iter().cloned());
        self.made.extend(other.made.iter().cloned());
        self.is_page |= other.is_page;
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

    /// What its text is made from: what is printed of it.
    pub(super) fn printed(&self) -> Made {
        let ways = self.ways.iter().map(|way| (way.steps.clone(), Coding::Plain));
        let mut made: Made = ways.chain(self.made.iter().cloned()).collect();
        made.extend(self.items.iter().flat_map(|items| items.printed()));
        made
    }

    /// What it is made from with all that is below it.
    pub(super) fn whole(&self) -> Made {
        let mut made = self.printed();
        if self.is_page {
            made.insert((vec![Step::All], Coding::Plain));
        }
        for below in self.fields.values().chain(self.items.as_deref()) {
            made.extend(below.whole());
        }
        made
    }

    /// What it may be that `known` may not.
    pub(super) fn beyond(&self, known: &Self) -> Self {
        let (mut ways, mut fields) = (self.ways.clone(), self.fields.clone());
        ways.retain(|way| !known.ways.contains(way));
        fields.retain(|name, value| known.fields.get(name) != Some(&*value));
        let items = self.items.clone().filter(|_| self.items != known.items);
        let made = self.made.difference(&known.made).cloned().collect();
        Self { ways, items, fields, made, is_page: self.is_page && !known.is_page }
    }

    /// The same, absent where it may be.
    pub(super) fn optional(mut self) -> Self {
        self.ways =
            self.ways.into_iter().map(|way| Way { lacks: way.steps.len(), ..way }).collect();
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
