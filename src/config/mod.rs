//! Text → [`Config`]: the YAML of the main file and its includes, checked for shape, nothing
//! resolved.
//!
//! [`load`] is called at start, at every edit and by `larder check`. In order: `yaml` parses a text
//! into [`Node`]s, `env` fills in variables, `decode` reads the fields that [`fields`] declares.
//! Every mistake of every file is collected; a route that is wrong is left out, the rest is read.

mod decode;
mod env;
pub mod fields;
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
mod yaml;
mod yaml_error;

pub use files::{FileContent, FileError, Files, Stamp};
pub use include::{Loaded, load};
pub use model::*;
pub use node::{Node, NodeValue};
pub use restart::needing_restart;
pub use schema::schema;
pub use secret::Secret;
pub use yaml::{MAX_FILE_BYTES, parse as parse_yaml};

#[cfg(test)]
mod tests;
