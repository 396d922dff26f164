//! A name that is read of a list is absent, as one that is read of a text.
//!
//! The engine ends a render there instead, and tells no difference between a list and a mapping
//! before it does. So what came to such a name is run once more, with each path read by a helper
//! that takes it for absent; a page that never comes to one pays nothing for it.

use std::collections::HashMap;
use std::sync::OnceLock;

use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, Path, RenderContext, RenderError, RenderErrorReason,
    ScopedJson, Template,
};

use super::functions;
use super::known::child;

const READ: &str = "larder read";

/// An engine, and the same with paths that are read so, from when it is wanted first.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    usual: Handlebars<'static>,
    lenient: OnceLock<Handlebars<'static>>,
}

impl Engine {
    pub(super) fn new(usual: Handlebars<'static>) -> Self {
        Self { usual, lenient: OnceLock::new() }
    }

    pub(super) fn has_template(&self, name: &str) -> bool {
        self.usual.has_template(name)
    }

    pub(super) fn register_template(&mut self, name: &str, template: Template) {
        self.usual.register_template(name, template);
        self.lenient = OnceLock::new();
    }

    /// Runs `it`, once more where it came to a name of a list; `lenient` is [`template`] or
    /// [`parameter`].
    pub(super) fn run<T: Clone, R>(
        &self,
        it: &T,
        lenient: fn(&mut T),
        run: impl Fn(&T, &Handlebars<'static>) -> Result<R, RenderError>,
    ) -> Result<R, RenderError> {
        match run(it, &self.usual) {
            Err(why) if is_of_list(&why) => {
                let mut it = it.clone();
                lenient(&mut it);
                run(&it, self.lenient())
            }
            made => made,
        }
    }

    fn lenient(&self) -> &Handlebars<'static> {
        self.lenient.get_or_init(|| {
            let mut engine = self.usual.clone();
            for (name, usual) in self.usual.get_templates() {
                let mut lenient = usual.clone();
                template(&mut lenient);
                engine.register_template(name, lenient);
            }
            engine.register_helper(READ, Box::new(Read));
            engine
        })
    }
}

fn is_of_list(why: &RenderError) -> bool {
    matches!(why.reason(), RenderErrorReason::InvalidJsonIndex(_))
}

/// Changes a template and all that is in it.
pub(super) fn template(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call)
                if call.params.is_empty() && call.hash.is_empty() =>
            {
                // The name of a helper alone is its call.
                if !call.name.as_name().is_some_and(functions::is_name_alone)
                    && let Some(read) = read(&call.name)
                {
                    (call.name, call.template) = (read.name, read.template);
                }
            }
            TemplateElement::Expression(call)
            | TemplateElement::HtmlExpression(call)
            | TemplateElement::HelperBlock(call) => arguments(call),
            TemplateElement::DecoratorExpression(call)
            | TemplateElement::DecoratorBlock(call)
            | TemplateElement::PartialExpression(call)
            | TemplateElement::PartialBlock(call) => {
                if let Parameter::Subexpression(_) = call.name {
                    parameter(&mut call.name);
                }
                call.params.iter_mut().chain(call.hash.values_mut()).for_each(parameter);
                call.template.iter_mut().for_each(self::template);
            }
            _ => {}
        }
    }
}

/// Changes an argument.
pub(super) fn parameter(parameter: &mut Parameter) {
    if let Some(call) = read(parameter) {
        let element = Box::new(TemplateElement::Expression(call));
        let mut read = Subexpression::new(parameter.clone(), Vec::new(), HashMap::new());
        read.element = element;
        *parameter = Parameter::Subexpression(read);
    } else if let Parameter::Subexpression(inner) = parameter
        && let TemplateElement::Expression(call) = &mut *inner.element
    {
        arguments(call);
    }
}

fn arguments(call: &mut HelperTemplate) {
    call.params.iter_mut().chain(call.hash.values_mut()).for_each(parameter);
    call.template.iter_mut().chain(&mut call.inverse).for_each(template);
}

/// The call that reads a path, which stands in the call's body: as its argument the engine would
/// read it before.
fn read(path: &Parameter) -> Option<Box<HelperTemplate>> {
    let Parameter::Path(Path::Relative(_)) = path else { return None };
    let call = |name| Subexpression::new(name, Vec::new(), HashMap::new()).element;
    let TemplateElement::Expression(mut read) = *call(Parameter::Name(READ.to_owned())) else {
        return None;
    };
    let body = read.template.get_or_insert_default();
    body.elements.push(*call(path.clone()));
    Some(read)
}

struct Read;

impl HelperDef for Read {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let written = call.template().map_or(&[][..], |body| &body.elements);
        let [TemplateElement::Expression(written)] = written else {
            return Ok(ScopedJson::Missing);
        };
        let found = match written.name.expand(registry, context, rc) {
            Ok(found) if !found.is_value_missing() => found,
            Ok(_) => return Ok(ScopedJson::Missing),
            Err(why) if is_of_list(&why) => return Ok(ScopedJson::Missing),
            Err(why) => return Err(why),
        };
        // A block goes on from the way to its value.
        let Some(way) = found.context_path() else {
            return Ok(ScopedJson::Derived(found.value().clone()));
        };
        let value = way.iter().try_fold(context.data(), |value, name| child(value, name));
        Ok(value.map_or(ScopedJson::Missing, |value| ScopedJson::Context(value, way.clone())))
    }
}
