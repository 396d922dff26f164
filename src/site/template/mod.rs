//! Templates: text → what is rendered, and what each response is made from.
//!
//! [`TemplateSet`] compiles the files of the templates' directory and the templates that the YAML
//! holds. [`TemplateSet::reads`] says what a page may read; the [`Tree`] made from that prunes the
//! data to exactly this, and [`TemplateSet::render`] is given nothing else.

mod bounds;
mod json;
mod known;
mod reads;
mod set;
mod text;
mod tree;

pub use bounds::{Bounds, RenderError};
pub use json::JsonTemplate;
pub use known::{Known, check_known};
pub use reads::{How, Read, Reads, Step};
pub use set::{Escape, TemplateFile, TemplateId, TemplateSet};
pub use text::{Part, TextTemplate};
pub use tree::Tree;
