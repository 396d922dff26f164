//! Keys: what a response is stored under, readable by a person and never shared by two responses
//! that could differ.
//!
//! At load a [`KeySpec`] and the [`Inputs`] that a response reads become a [`KeyPlan`], and
//! [`collisions`] looks at all plans together; at a request [`KeyPlan::build`] writes the key from
//! [`Facts`]. A render is given only what [`KeyPlan::covers`] names.

mod collision;
mod facts;
mod inputs;
mod piece;
mod plan;
mod recall;
mod spec;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use collision::collisions;
pub use facts::{Facts, Headers, cookies};
pub use inputs::{InputKind, InputName, Inputs};
pub use plan::{KeyContext, KeyPlan};
pub(crate) use recall::Recalled;
pub use spec::KeySpec;
