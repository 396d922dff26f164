//! Whether two routes can build the same key.

use crate::diagnostic::{Report, Span};

use super::plan::KeyPlan;

/// Routes whose keys can be equal.
#[must_use]
pub fn collisions(plans: &[(&KeyPlan, &Span)]) -> Report {
    let _ = plans;
    Report::default()
}
