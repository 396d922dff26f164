//! The context of a partial with arguments by name, in one order.
//!
//! The engine merges the arguments into the partial's context from a map of random order: where the
//! partial goes over its whole context, or prints it as JSON, two renders would differ. So a call
//! with more than one such argument is given a context that holds them already, sorted; what the
//! engine merges then changes nothing.

use std::collections::HashMap;

use handlebars::template::{DecoratorTemplate, Parameter, Subexpression};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, Path, RenderContext, RenderError, ScopedJson,
};
use serde_json::{Map, Value};

const MERGE: &str = "larder merge";

pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper(MERGE, Box::new(Merge));
}

/// Gives a call of a partial its merged context, where the order could tell.
pub(super) fn ordered(call: &mut DecoratorTemplate) {
    let Ok(this) = Path::parse("this") else { return };
    if call.hash.len() < 2 {
        return;
    }
    let base = if call.params.is_empty() { Parameter::Path(this) } else { call.params.remove(0) };
    let hash: HashMap<_, _> = call.hash.clone();
    let name = Parameter::Name(MERGE.to_owned());
    let merged = Parameter::Subexpression(Subexpression::new(name, vec![base], hash));
    call.params.insert(0, merged);
}

struct Merge;

impl HelperDef for Merge {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        // What is not a mapping becomes one as the engine does it.
        let indexed = |items: Vec<Value>| -> Map<String, Value> {
            items.into_iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        };
        let mut merged = match call.param(0).map(handlebars::PathAndJson::value) {
            Some(Value::Object(map)) => map.clone(),
            Some(Value::Array(list)) => indexed(list.clone()),
            Some(Value::String(text)) => {
                indexed(text.chars().map(|c| c.to_string().into()).collect())
            }
            _ => Map::new(),
        };
        for (name, value) in call.hash() {
            merged.insert((*name).to_owned(), value.value().clone());
        }
        Ok(ScopedJson::Derived(Value::Object(merged)))
    }
}
