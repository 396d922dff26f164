//! Paths and queries: which route a request belongs to, and what it says.
//!
//! At load a path as typed becomes a [`Pattern`], all of them a [`Router`]; at a request
//! [`Router::find`] decodes the path once and gives the route, and [`rules::Rules`] turns a
//! [`RawQuery`] into a [`Query`] of canonical values. Keys are made from the same parsed values.

mod address;
mod body;
mod builder;
mod canonical;
mod foreign;
mod kind;
mod multipart;
mod params;
mod path;
mod pattern;
mod query;
mod router;
pub(crate) mod rules;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use address::{
    AddressForm, address_segment, address_text, address_value, leads_as_written,
};
pub(crate) use body::{BodyForm, RawBody};
pub use builder::RouterBuilder;
pub(crate) use canonical::{RESERVED, encoded_path};
pub use canonical::{Slash, push_encoded};
pub use kind::ParamKind;
pub(crate) use params::Params;
pub use path::PathText;
pub use pattern::Pattern;
pub(crate) use pattern::part;
pub(crate) use query::Query;
pub use query::RawQuery;
pub(crate) use router::{Matched, location};
pub use router::{RouteMatch, Router};
