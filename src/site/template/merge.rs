//! The context of a partial with arguments by name, in one order.
//!
//! The engine merges the arguments into the partial's context from a map of random order: where the
//! partial goes over its whole context, or prints it as JSON, two renders would differ. So a call
//! with more than one such argument is given a context that holds them already, sorted; what the
//! engine merges then changes nothing.

use std::collections::HashMap;

use handlebars::template::{DecoratorTemplate, Parameter, Subexpression};
use handlebars::{Handlebars, Helper, Path};
use serde_json::{Map, Value};

use super::functions::Gives;

const MERGE: &str = "larder merge";

pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper(MERGE, Box::new(Gives { run: merged, raw: false }));
}

/// Gives a call of a partial its merged context, where the order could tell; also where it is given
/// by a path, which the engine would read anew from its text.
pub(super) fn ordered(call: &mut DecoratorTemplate) {
    let Ok(this) = Path::parse("this") else { return };
    let is_path = matches!(call.params.first(), Some(Parameter::Path(_)));
    if call.hash.len() < 2 && !is_path {
        return;
    }
    let base = if call.params.is_empty() { Parameter::Path(this) } else { call.params.remove(0) };
    let hash: HashMap<_, _> = call.hash.clone();
    let name = Parameter::Name(MERGE.to_owned());
    let merged = Parameter::Subexpression(Subexpression::new(name, vec![base], hash));
    call.params.insert(0, merged);
}

fn merged(call: &Helper<'_>) -> Value {
    if call.hash().is_empty() {
        return call.param(0).map(|base| base.value().clone()).unwrap_or_default();
    }
    // What is not a mapping becomes one as the engine does it.
    let indexed = |items: Vec<Value>| -> Map<String, Value> {
        items.into_iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
    };
    let mut merged = match call.param(0).map(handlebars::PathAndJson::value) {
        Some(Value::Object(map)) => map.clone(),
        Some(Value::Array(list)) => indexed(list.clone()),
        Some(Value::String(text)) => indexed(text.chars().map(|c| c.to_string().into()).collect()),
        _ => Map::new(),
    };
    for (name, value) in call.hash() {
        merged.insert((*name).to_owned(), value.value().clone());
    }
    Value::Object(merged)
}
