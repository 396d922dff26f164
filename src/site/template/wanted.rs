//! What helpers want of values: what the walk notes of it.

use super::functions::{self, Wanted};
use super::meaning::Meaning;
use super::node::{Call, Expr};
use super::reads::{How, Read, Step, Want};
use super::walk::{Walk, place_of};
use crate::diagnostic::Span;

/// How many fields, and how many values that helpers want to be something, are kept.
const WANTS: usize = 1_000;

impl Walk<'_, '_> {
    /// What a helper wants its arguments to be.
    pub(super) fn note_wants(&mut self, call: &Call, values: &[Meaning]) {
        let literal = |index: usize| match call.args.get(index) {
            Some(Expr::Literal(value)) => Some(value.clone()),
            _ => None,
        };
        for (index, value) in values.iter().enumerate() {
            let wanted = match call.name.as_str() {
                "eq" | "ne" => literal(1 - index.min(1)).map(Wanted::Equal),
                name => functions::find(name).and_then(|function| function.wants(index)),
            };
            if let Some(wanted) = wanted {
                self.want(call, value, &wanted, place_of(call, index));
            }
        }
    }

    /// What a helper wants a value to be.
    fn want(&mut self, call: &Call, value: &Meaning, wanted: &Wanted, place: Option<&Span>) {
        let place = place.unwrap_or(&self.here);
        let wants = &mut self.found.reads.wants;
        for way in &value.ways {
            // Those of a request have a name below its own.
            let may_be_asked = matches!(&*way.steps, [Step::Name(_), Step::Name(_)]);
            let is_it = |known: &Want| known.path == way.steps && known.place == *place;
            if (may_be_asked || wants.len() < WANTS) && !wants.iter().any(is_it) {
                let (path, helper) = (way.steps.clone(), call.name.clone());
                let (wanted, place, via) = (wanted.clone(), place.clone(), self.via.clone());
                wants.push(Want { path, helper, wanted, place, via });
            }
        }
    }

    /// A field that a helper of lists goes by.
    pub(super) fn field(&mut self, call: &Call, value: &Meaning, names: &[&str]) {
        let place = call.field.as_ref().unwrap_or(&call.place);
        if let (Some(Expr::Literal(wanted)), "where" | "find") = (call.args.get(2), &*call.name) {
            self.want(call, value, &Wanted::Equal(wanted.clone()), Some(place));
        }
        let fields = &mut self.found.reads.fields;
        for way in &value.ways {
            // The `key` of a group is what it was grouped by, whose name is another.
            let below = way.steps.len().saturating_sub(names.len());
            let named = way.steps.get(below..).unwrap_or_default().iter();
            let is_named =
                named.zip(names).all(|(step, name)| matches!(step, Step::Name(own) if own == name));
            let is_it = |known: &Read| known.path == way.steps && known.place == *place;
            if is_named && fields.len() < WANTS && !fields.iter().any(is_it) {
                let (path, place, via) = (way.steps.clone(), place.clone(), self.via.clone());
                fields.push(Read { path, how: How::Value, lacks: 0, place, also: Vec::new(), via });
            }
        }
    }
}
