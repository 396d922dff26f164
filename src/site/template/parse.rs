//! Text → the engine's compiled template and our nodes, or what is wrong in words.

use std::panic::catch_unwind;

use handlebars::{RenderErrorReason, Template};

use super::kind::Escape;
use super::node::Node;
use super::origin::Origin;
use super::scan::{Scan, scan};
use super::set::TemplateId;
use super::{lexical, lower, markup, meter, shape, words};
use crate::diagnostic::{Code, Diagnostic};

/// How deep blocks may be inside each other in one template: the engine's parser and renderer
/// recurse.
const BLOCKS: usize = 24;
/// How deep parentheses may be inside each other.
const PARENTHESES: usize = 12;
/// The longest template, in bytes.
const BYTES: usize = 1 << 20;
/// Bytes times tags of a template: for the place of each tag the engine counts from the start.
const WORK: usize = 1 << 30;

/// Compiles a text, under a name from which [`id_of`] knows it.
///
/// # Errors
/// What is wrong with it first.
pub(super) fn parse(
    id: TemplateId,
    origin: &Origin,
    escape: Escape,
) -> Result<(Template, Vec<Node>), Diagnostic> {
    let found = scan(&origin.text);
    bounded(origin, &found)?;
    words::glued_else(origin, &found).map_or(Ok(()), Err)?;
    let (text, name) = (origin.text.to_string(), format!("#{}", id.0));
    // The engine's parser takes its own tree apart with `unwrap`: a template that it trips over is
    // a mistake in a file, not the end of a reload.
    let result = catch_unwind(|| Template::compile_with_name(text, name));
    let at = match result {
        Ok(Ok(mut template)) => {
            if escape != Escape::None {
                markup::escape_json(&mut template, origin.is_file());
            }
            lexical::mark(&mut template);
            let nodes = lower::lower(&template, origin, &found);
            shape::as_handlebars(&mut template);
            return Ok((meter::instrument(template), nodes));
        }
        Ok(Err(error)) => error.pos().map(|(line, column)| origin.offset(line, column)),
        Err(_) => None,
    };
    Err(words::explain(origin, &found, at))
}

fn bounded(origin: &Origin, found: &Scan) -> Result<(), Diagnostic> {
    let refuse = |range, message: String| {
        Err(Diagnostic::new(Code::TemplateSyntax, message, &origin.span(range)))
    };
    if origin.text.len() > BYTES {
        return refuse(0..0, format!("the template is longer than {BYTES} bytes"));
    }
    if found.depth > BLOCKS {
        return refuse(0..0, format!("blocks are inside each other more than {BLOCKS} deep"));
    }
    if origin.text.len().saturating_mul(found.tags.len()) > WORK {
        let message = format!("the template is too long for its {} tags", found.tags.len());
        let help = "take parts of it into partials";
        return refuse(0..0, message).map_err(|found| found.help(help));
    }
    match found.tags.iter().find(|tag| tag.parens > PARENTHESES) {
        Some(tag) => {
            let message = format!("parentheses are inside each other more than {PARENTHESES} deep");
            refuse(tag.range.clone(), message)
        }
        None => Ok(()),
    }
}

/// The template that the engine knows by `name`.
pub(super) fn id_of(name: &str) -> Option<TemplateId> {
    name.strip_prefix('#')?.parse().ok().map(TemplateId)
}

/// The engine's reasons in words.
pub(super) fn render_words(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::PartialNotFound(name) => format!("there is no partial `{name}`"),
        RenderErrorReason::PartialBlockNotFound => {
            "`@partial-block` is used where no block was given".to_owned()
        }
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper `{name}`"),
        RenderErrorReason::CannotIncludeSelf => "the template includes itself".to_owned(),
        RenderErrorReason::IOError(why) => why.to_string(),
        other => other.to_string(),
    }
}
