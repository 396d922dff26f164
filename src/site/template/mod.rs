//! Templates: text → what is rendered, and what each response is made from.
//!
//! [`TemplateSet`] compiles the files of the templates' directory and the templates that the YAML
//! holds. [`TemplateSet::reads`] says what a page may read; the [`Tree`] made from that prunes the
//! data to exactly this, and [`TemplateSet::render`] is given nothing else.

mod align;
mod check;
mod chosen;
mod found;
mod json;
mod judge;
mod kind;
mod known;
mod lenient;
mod lexical;
mod meaning;
mod merge;
mod meter;
mod parse;
mod reach;
mod reads;
mod recursion;
mod set;
mod shape;
mod text;
mod tree;
mod unfit;
mod visible;
mod walk;
mod wanted;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use handlebars::Context;

pub(crate) use functions::{Addresses, Wanted, is_name_alone};
pub use functions::{FUNCTIONS, Function};
pub(crate) use json::JsonTemplate;
pub(crate) use judge::is_outside;
pub(crate) use known::{KnownContext, check_known, child, through_partials};
pub(crate) use markup::{Finding, Language, Outside, Refusal};
pub use meter::{Bounds, RenderError};
pub(crate) use meter::{DEEP_STACK, is_unwanted, on_deep_stack, was_cut, while_wanted};
pub(crate) use outcomes::outcomes;
pub(crate) use reads::{Content, How, Read, Reads, Step, Want};
pub(crate) use set::{Escape, TemplateId};
pub use set::{TemplateFile, TemplateSet};
pub(crate) use text::{AddressOf, Part, TextTemplate};
pub use tree::Tree;
pub(crate) use unfit::check_fit;
mod functions;
mod lower;
mod markup;
mod node;
mod origin;
mod outcomes;
mod scan;
