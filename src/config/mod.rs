//! Text → [`Config`]: the YAML of the main file and its includes, checked for shape, nothing resolved.

mod files;
mod model;
mod node;

pub use files::{FileContent, FileError, Files, Stamp};
pub use model::*;
pub use node::{Node, NodeValue};
