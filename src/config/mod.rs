//! Text → [`Config`]: the YAML of the main file and its includes, checked for shape, nothing
//! resolved.
//!
//! [`load`] is called at start, at every edit and by `larder check`. In order: `yaml` parses a text
//! into [`Node`]s, `env` fills in variables, `decode` reads the sections that
//! `model` declares.
//! Every mistake of every file is collected; a route that is wrong is left out, the rest is read.

mod decode;
mod env;
mod files;
mod include;
mod line;
mod looks;
mod model;
mod node;
mod quotes;
mod restart;
mod schema;
mod secret;
mod section;
mod yaml;
mod yaml_error;

pub(crate) use decode::scalar::text_as_written;
pub use files::{FileContent, FileError, Files};
pub use include::load;
pub(crate) use model::*;
pub(crate) use node::{Node, NodeValue};
pub(crate) use restart::needing_restart;
pub(crate) use schema::schema;
pub(crate) use secret::Secret;

#[cfg(test)]
mod tests;
