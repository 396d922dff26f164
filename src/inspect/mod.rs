//! What the site says beside what the store holds.
//!
//! Each question of `larder explain`, `plan`, `keys` and `purge` is answered here once, as a value
//! that the admin API sends and the commands print.

mod entries;
mod explain;
mod plan;
mod purge;

pub(crate) use entries::{EntryPage, EntryRow, list_entries, percent_encoded};
pub(crate) use explain::{Explained, explain};
pub(crate) use plan::{Plan, plan};
pub(crate) use purge::{PurgeError, PurgeRequest, Purged};
