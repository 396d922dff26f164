//! Reads that nothing provides.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::reads::Reads;
use crate::diagnostic::Report;

/// What a page's context is known to hold before any request.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Root names whose values are known.
    pub values: BTreeMap<String, Value>,
    /// Root names that may hold anything: `query`, `headers`, `cookies`, loads from elsewhere.
    pub open: BTreeSet<String>,
}

/// Reports the reads that nothing provides.
#[must_use]
pub fn check_known(_reads: &Reads, _known: &Known) -> Report {
    Report::default()
}
