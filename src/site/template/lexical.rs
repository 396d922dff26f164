//! What a name means is decided by the template that it stands in, as in Handlebars.
//!
//! The engine looks for every name among those between bars (`as |x|`) of all blocks around, those
//! of the partial's callers too, and among the partial's arguments by name, from wherever below:
//! in `{{> list title="Fruit"}}` each item's `{{title}}` would be `Fruit`, and a comment tree would
//! never come to its end. So a path that no bars of its own template bind gets a mark in front of
//! its first name, which the engine passes by, and which keeps it from looking there. The arguments
//! are in the partial's context anyway.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};

/// Marks the paths of a template.
pub(super) fn mark(template: &mut Template) {
    // A local variable without a name: nothing that a template can mean.
    if let Ok(Path::Relative((segments, _))) = Path::parse("@this")
        && let [mark] = segments.as_slice()
    {
        Marks { mark, bound: Vec::new() }.template(template);
    }
}

/// Whether the engine looks for the first name of a path among those between bars.
pub(super) fn is_bound(segments: &[PathSeg]) -> bool {
    matches!(segments.first(), Some(PathSeg::Named(_)))
}

struct Marks<'m> {
    mark: &'m PathSeg,
    /// The names between bars of the blocks around.
    bound: Vec<String>,
}

impl Marks<'_> {
    fn template(&mut self, template: &mut Template) {
        for element in &mut template.elements {
            self.element(element);
        }
    }

    fn element(&mut self, element: &mut TemplateElement) {
        match element {
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
                self.call(call);
            }
            TemplateElement::HelperBlock(call) => {
                self.call(call);
                let count = self.bound.len();
                let names = match &call.block_param {
                    Some(BlockParam::Single(one)) => vec![one],
                    Some(BlockParam::Pair((value, key))) => vec![value, key],
                    Some(_) | None => Vec::new(),
                };
                self.bound.extend(names.iter().filter_map(|name| name.as_name()).map(String::from));
                call.template.iter_mut().for_each(|body| self.template(body));
                self.bound.truncate(count);
                call.inverse.iter_mut().for_each(|other| self.template(other));
            }
            TemplateElement::DecoratorExpression(call)
            | TemplateElement::DecoratorBlock(call)
            | TemplateElement::PartialExpression(call)
            | TemplateElement::PartialBlock(call) => {
                if let Parameter::Subexpression(_) = call.name {
                    self.parameter(&mut call.name);
                }
                call.params
                    .iter_mut()
                    .chain(call.hash.values_mut())
                    .for_each(|it| self.parameter(it));
                call.template.iter_mut().for_each(|body| self.template(body));
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &mut HelperTemplate) {
        self.parameter(&mut call.name);
        call.params.iter_mut().chain(call.hash.values_mut()).for_each(|it| self.parameter(it));
    }

    fn parameter(&mut self, parameter: &mut Parameter) {
        match parameter {
            Parameter::Subexpression(inner) => self.element(&mut inner.element),
            Parameter::Path(Path::Relative((segments, written))) => {
                let at = segments.iter().position(|it| matches!(it, PathSeg::Named(_)));
                let Some(at) = at else { return };
                let is_own = ["this.", "this/", "./"].iter().any(|it| written.starts_with(it));
                let is_bound = match &segments[at] {
                    PathSeg::Named(name) => at == 0 && self.bound.contains(name),
                    _ => false,
                };
                if !is_bound || is_own {
                    segments.insert(at, self.mark.clone());
                }
            }
            _ => {}
        }
    }
}
