//! The values of a path's parameters.

use std::borrow::Cow;

use serde_json::Value;

use super::kind::{MAX_PARAMS, ParamKind, PathParam};
use super::value::json_of;
use crate::config::ParamType;

/// The places of values in a text, in the order of the pattern; those past the last are `0..0`.
pub(super) type Ranges = [(u32, u32); MAX_PARAMS];

/// A place in a text; past 4 GiB it is none.
pub(super) fn range(start: usize, end: usize) -> (u32, u32) {
    let part = |at| u32::try_from(at).unwrap_or(u32::MAX);
    (part(start), part(end))
}

/// Names and decoded values of a path's parameters, in the order of the path.
#[derive(Clone, Debug)]
pub struct Params<'r> {
    specs: &'r [PathParam],
    /// What the values are; where it is empty, their kinds in the pattern say so.
    types: &'r [ParamType],
    text: Cow<'r, str>,
    ranges: Ranges,
}

impl<'r> Params<'r> {
    pub(super) fn new(specs: &'r [PathParam], text: Cow<'r, str>, ranges: Ranges) -> Self {
        Self { specs, types: &[], text, ranges }
    }

    /// From now on the values are of these types.
    pub(super) fn set_types(&mut self, types: &'r [ParamType]) {
        self.types = types;
    }

    /// The same names with other values.
    pub(super) fn with_values(&self, values: &[Cow<'_, str>; MAX_PARAMS]) -> Self {
        let mut text = String::new();
        let mut ranges = Ranges::default();
        for (value, place) in values.iter().zip(&mut ranges) {
            let start = text.len();
            text.push_str(value);
            *place = range(start, text.len());
        }
        Self { specs: self.specs, types: self.types, text: text.into(), ranges }
    }

    /// The value of a parameter; nothing where the path has none of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(self.specs.iter().position(|spec| *spec.name == *name)?)
    }

    /// Whether a parameter takes all that is left of the path.
    pub(super) fn is_rest(&self, name: &str) -> bool {
        self.specs.iter().any(|spec| *spec.name == *name && spec.kind == ParamKind::Rest)
    }

    /// The value as what it is: an int as a number, all else as text, unless `params` declares it.
    pub fn json(&self, name: &str) -> Option<Value> {
        let at = self.specs.iter().position(|spec| *spec.name == *name)?;
        let by_kind = match self.specs.get(at)?.kind {
            ParamKind::Int => ParamType::Int,
            _ => ParamType::String,
        };
        Some(json_of(self.types.get(at).copied().unwrap_or(by_kind), self.value(at)?))
    }

    /// Names and values in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.specs.iter().enumerate().filter_map(|(at, spec)| Some((&*spec.name, self.value(at)?)))
    }

    fn value(&self, at: usize) -> Option<&str> {
        let (start, end) = *self.ranges.get(at)?;
        self.text.get(start as usize..end as usize)
    }
}
