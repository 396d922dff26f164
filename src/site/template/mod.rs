//! Templates: text → what is rendered, and what each response is made from.
//!
//! [`TemplateSet`] compiles the files of the templates' directory and the templates that the YAML
//! holds. [`TemplateSet::reads`] says what a page may read; the [`Tree`] made from that prunes the
//! data to exactly this, and [`TemplateSet::render`] is given nothing else.

mod bounds;
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

pub use bounds::{Bounds, RenderError};
pub use functions::{FUNCTIONS, Form, Function};
pub use json::JsonTemplate;
pub use known::{Known, check_known};
pub use reads::{How, Read, Reads, Step};
pub use set::{Escape, TemplateFile, TemplateId, TemplateSet};
pub use text::{Part, TextTemplate};
pub use tree::Tree;
mod functions;
mod lower;
mod node;
mod origin;
mod scan;
