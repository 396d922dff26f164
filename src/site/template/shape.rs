//! Where the engine differs from Handlebars: its compiled template is changed before it runs.
//!
//! - A partial that is not alone on its line does not indent its lines.
//! - A partial that is written in place is known from the beginning of the block that it is in.
//! - The name of a helper that needs arguments, written without one, is a variable's.
//! - A partial whose caller put no block between tags prints nothing for `@partial-block`; where
//!   this is certain it is refused when the file is loaded.

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, Template};

use super::functions;

/// Changes a template and all that is in it.
pub(super) fn as_handlebars(template: &mut Template) {
    first_inlines(template);
    let mut blank_before = false;
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
                variable(call);
            }
            TemplateElement::HelperBlock(call) => {
                call.template.iter_mut().chain(&mut call.inverse).for_each(as_handlebars);
            }
            TemplateElement::DecoratorBlock(call) => {
                call.template.iter_mut().for_each(as_handlebars);
            }
            TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                // Before one that is alone on its line the engine took the blanks away.
                if !blank_before {
                    call.indent = None;
                }
                if call.name.as_name() == Some("@partial-block") {
                    call.template.get_or_insert_default();
                }
                call.template.iter_mut().for_each(as_handlebars);
            }
            _ => {}
        }
        blank_before = match element {
            TemplateElement::RawString(text) => !text.ends_with([' ', '\t']),
            TemplateElement::DecoratorBlock(_) => blank_before,
            _ => false,
        };
    }
}

/// Puts the partials that are written in place before all else.
fn first_inlines(template: &mut Template) {
    let is_inline = |element: &TemplateElement| {
        matches!(
            element,
            TemplateElement::DecoratorBlock(_) | TemplateElement::DecoratorExpression(_)
        )
    };
    let (elements, places) = (&mut template.elements, &mut template.mapping);
    if elements.len() == places.len() {
        let both = std::mem::take(elements).into_iter().zip(std::mem::take(places));
        let (first, rest): (Vec<_>, Vec<_>) = both.partition(|(element, _)| is_inline(element));
        (*elements, *places) = first.into_iter().chain(rest).unzip();
    } else {
        elements.sort_by_key(|element| !is_inline(element));
    }
}

fn variable(call: &mut HelperTemplate) {
    if !call.params.is_empty() || !call.hash.is_empty() {
        return;
    }
    let name = call.name.as_name().and_then(functions::find);
    if let Some(function) = name.filter(|function| !function.takes_name())
        && let Parameter::Path(Path::Relative((_, written))) = &mut call.name
    {
        // The engine knows helpers by what is written, and values by what that means.
        *written = format!("this.{}", function.name);
    }
}
