//! What the site says beside what the store holds: for `explain` and `plan`, and the admin API.

mod explained;
mod planned;

pub use explained::{Explained, Held, explained};
pub use planned::{COUNT_BOUND, Plan, PlannedRoute, planned};
