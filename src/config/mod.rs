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
mod invisible;
mod kept;
mod line;
mod loads;
mod looks;
mod model;
mod network;
mod node;
mod number;
mod parts;
mod restart;
mod schema;
mod secret;
mod section;
mod upstream;
mod yaml;
mod yaml_error;
mod yaml_scan;

pub(crate) use decode::scalar::text_as_written;
pub(crate) use decode::{
    METHODS, is_loopback, is_read, meets, read_address, read_host, refuses_status,
};
pub(crate) use files::glob_empty;
pub use files::{FileContent, FileError, Files};
pub use include::load;
pub(crate) use include::load_again;
pub(crate) use invisible::{is_invisible, near as invisible_near};
pub(crate) use model::*;
pub(crate) use network::Network;
pub(crate) use node::{Node, NodeValue};
pub(crate) use number::inexact;
pub(crate) use parts::KnownFiles;
pub(crate) use restart::{needing_restart, place};
pub(crate) use schema::schema;
pub(crate) use secret::Secret;
pub(crate) use upstream::{RequestHeader, SourceTtl, is_address, is_link_local, read_origin};
pub(crate) use yaml_error::{diagnose as diagnose_yaml, place as yaml_place};
pub(crate) use yaml_scan::{Reading, surprises};

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
mod tests;
