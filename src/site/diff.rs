//! Two versions of a site → what changed, route by route, for the log and for `plan`.

use std::collections::BTreeMap;
use std::fmt;

use super::{Route, Site};

/// What happened to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Added,
    /// Something about its answers is different.
    Changed,
    /// It is gone.
    Removed,
}

impl Change {
    /// `+`, `~` or `-`.
    pub(crate) fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
        }
    }
}

/// What changed, in the order of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<(Change, String)>);

/// How many routes the log line names before it only counts.
const NAMED: usize = 12;

impl fmt::Display for Changes {
    /// `+ /pricing  ~ /about  - /old`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("no route changed");
        }
        for (index, (change, path)) in self.0.iter().take(NAMED).enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            write!(out, "{gap}{} {}", change.sign(), path.escape_debug())?;
        }
        match self.0.len().checked_sub(NAMED) {
            Some(more) if more > 0 => write!(out, "  and {more} more"),
            _ => Ok(()),
        }
    }
}

/// What changes from `old` to `new`.
pub fn diff(old: &Site, new: &Site) -> Changes {
    let (before, after) = (by_address(old), by_address(new));
    let mut changes: Vec<(Change, String)> = after
        .iter()
        .filter_map(|(address, route)| match before.get(address) {
            None => Some((Change::Added, address.clone())),
            Some(earlier) if earlier.digest != route.digest || earlier.name != route.name => {
                Some((Change::Changed, address.clone()))
            }
            Some(_) => None,
        })
        .collect();
    let gone = before.keys().filter(|address| !after.contains_key(*address));
    changes.extend(gone.map(|address| (Change::Removed, address.clone())));
    changes.sort_by(|a, b| a.1.cmp(&b.1));
    Changes(changes)
}

/// Routes by `METHOD /path`, the method left out where it is GET.
fn by_address(site: &Site) -> BTreeMap<String, &Route> {
    site.routes.iter().map(|route| (route.address(), route.as_ref())).collect()
}
