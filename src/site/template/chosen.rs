//! A partial that is chosen when the page is made: where there is none of that name it is nothing,
//! or the body of its call. The name may be what a visitor wrote, which never fails a page.

use std::collections::HashMap;

use handlebars::template::{DecoratorTemplate, Parameter, Subexpression};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError, ScopedJson,
    Template,
};
use serde_json::Value;

const CHOSEN: &str = "larder chosen";
/// The partial that holds nothing.
const NOTHING: &str = "larder nothing";

pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper(CHOSEN, Box::new(Chosen));
    registry.register_template(NOTHING, Template::new());
}

/// Has the name of a call looked up before the engine does.
pub(super) fn named(call: &mut DecoratorTemplate) {
    if let Parameter::Subexpression(_) = call.name {
        // Under a name that no partial has, the call's body stands for it.
        let other = if call.template.is_none() { NOTHING } else { "" };
        let args = vec![call.name.clone(), Parameter::Literal(other.into())];
        let name = Parameter::Name(CHOSEN.to_owned());
        call.name = Parameter::Subexpression(Subexpression::new(name, args, HashMap::new()));
    }
}

struct Chosen;

impl HelperDef for Chosen {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        _: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let name = call.param(0).map(PathAndJson::render).unwrap_or_default();
        let is_there = rc.get_partial(&name).is_some() || registry.has_template(&name);
        let other = call.param(1).map(|other| other.value().clone());
        let name = if is_there { Value::from(name) } else { other.unwrap_or_default() };
        Ok(ScopedJson::Derived(name))
    }
}
