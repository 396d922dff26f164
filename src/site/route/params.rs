//! The values of a path's parameters.

use std::borrow::Cow;
use std::sync::Arc;

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
    text: Arc<str>,
    ranges: Ranges,
}

impl<'r> Params<'r> {
    pub(super) fn new(specs: &'r [PathParam], text: Arc<str>, ranges: Ranges) -> Self {
        Self { specs, types: &[], text, ranges }
    }

    /// The same values, of these types.
    pub(super) fn with_types(&self, types: &'r [ParamType]) -> Self {
        Self { types, ..self.clone() }
    }

    /// The same names with other values, of these types.
    pub(super) fn with_values(
        &self,
        types: &'r [ParamType],
        values: &[Cow<'_, str>; MAX_PARAMS],
    ) -> Self {
        let mut text = String::new();
        let mut ranges = Ranges::default();
        for (value, place) in values.iter().zip(&mut ranges) {
            let start = text.len();
            text.push_str(value);
            *place = range(start, text.len());
        }
        Self { specs: self.specs, types, text: text.into(), ranges }
    }

    /// The value of a parameter; nothing where the path has none of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(self.specs.iter().position(|spec| *spec.name == *name)?)
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
