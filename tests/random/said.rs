//! What larder says of an edit: in its log, and before it by `plan`.

use std::collections::BTreeMap;

/// A sign and a path, or the name of what is no route.
pub(crate) type Change = (char, String);

/// What the log says was changed.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// All that was named, the reloads in a row.
    pub(crate) changes: Vec<Change>,
    /// How many reloads there were.
    pub(crate) reloads: usize,
    /// Whether some were only counted.
    pub(crate) is_cut: bool,
}

impl Said {
    /// What lines of a log say.
    pub(crate) fn of(lines: &[String]) -> Self {
        let mut said = Self::default();
        for line in lines {
            let Some((_, rest)) = line.split_once("reloaded in ") else { continue };
            let Some((_, rest)) = rest.split_once(" ms: ") else { continue };
            let text = rest.split(" generation=").next().unwrap_or_default();
            said.reloads += 1;
            for word in text.split("  ") {
                let mut chars = word.chars();
                match (chars.next(), chars.as_str().strip_prefix(' ')) {
                    (Some(sign @ ('+' | '~' | '=' | '-')), Some(name)) => {
                        let name = name.split(" (").next().unwrap_or(name);
                        said.changes.push((sign, name.to_owned()));
                    }
                    _ => said.is_cut |= word.starts_with("and "),
                }
            }
        }
        said
    }

    /// Whether this, which is no route, is named.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.is_cut || !self.signs(name).is_empty()
    }

    /// The signs that stand before a route.
    pub(crate) fn signs(&self, route: &str) -> Vec<char> {
        let named = self.changes.iter().filter(|(_, name)| name == route);
        named.map(|(sign, _)| *sign).collect()
    }

    /// Whether the route's entries are to be made again, as far as is said.
    pub(crate) fn remakes(&self, route: &str) -> bool {
        self.is_cut || self.signs(route).iter().any(|sign| *sign != '=')
    }
}

/// What `plan` says.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    /// How many stored entries of each route are to be made again.
    pub(crate) entries: BTreeMap<String, u64>,
}

impl Plan {
    pub(crate) fn of(said: &serde_json::Value) -> Self {
        let mut plan = Self::default();
        for route in said["routes"].as_array().into_iter().flatten() {
            let path = route["path"].as_str().unwrap_or_default().to_owned();
            let sign = route["change"].as_str().and_then(|sign| sign.chars().next());
            plan.entries.insert(path.clone(), route["entries"].as_u64().unwrap_or_default());
            plan.changes.push((sign.unwrap_or('?'), path));
        }
        plan
    }
}
