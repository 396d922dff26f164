//! Templates: text → what is rendered, and what each response is made from.
//!
//! [`TemplateSet`] compiles the files of the templates' directory and the templates that the YAML
//! holds. [`TemplateSet::reads`] says what a page may read; the [`Tree`] made from that prunes the
//! data to exactly this, and [`TemplateSet::render`] is given nothing else.

mod check;
mod json;
mod kind;
mod known;
mod meaning;
mod merge;
mod meter;
mod parse;
mod reach;
mod reads;
mod set;
mod text;
mod tree;
mod walk;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use handlebars::Context;

pub use functions::FUNCTIONS;
pub(crate) use json::JsonTemplate;
pub(crate) use known::{KnownContext, check_known};
pub(crate) use meter::while_wanted;
pub use meter::{Bounds, RenderError};
pub(crate) use reads::{Read, Reads, Step};
pub(crate) use set::{Escape, TemplateFile, TemplateId, TemplateSet};
pub(crate) use text::{Part, TextTemplate};
pub use tree::Tree;
mod functions;
mod lower;
mod node;
mod origin;
mod scan;
