//! Paths and queries: which route a request belongs to, and what it says.
//!
//! At load a path as typed becomes a [`Pattern`], all of them a [`Router`]; at a request
//! [`Router::find`] decodes the path once and gives the route, and [`rules::Rules`] turns a
//! [`RawQuery`] into a [`Query`] of canonical values. Keys are made from the same parsed values.

mod builder;
mod canonical;
mod foreign;
mod kind;
mod params;
mod path;
mod pattern;
mod query;
mod router;
pub mod rules;

#[cfg(test)]
mod tests;

pub use builder::RouterBuilder;
pub use canonical::{Slash, push_encoded};
pub use kind::ParamKind;
pub use params::{MAX_PARAMS, Params};
pub use path::{MalformedPath, PathText};
pub(crate) use pattern::part;
pub use pattern::{PathParam, Pattern};
pub use query::{MAX_PAIRS, MalformedQuery, Query, RawQuery};
pub use router::{Found, Matched, Router, location};
