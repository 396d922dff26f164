//! A purge as the API and the command are asked for it → what the cache deletes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Purge, StoreError};
use crate::diagnostic::nearest;
use crate::site::Site;

/// What to purge, as `POST /api/purge` takes it: an object with exactly one of these members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PurgeRequest {
    /// These keys, whole.
    Keys(Vec<String>),
    /// The entries of the route of this name.
    Route(String),
    /// The keys that a Redis glob matches.
    Match(String),
    /// The entries of the routes that use this data, template or file.
    Uses(String),
    /// Everything, where it says `true`.
    All(bool),
}

/// How many entries a purge deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purged {
    /// So many.
    pub deleted: u64,
}

/// Why nothing was purged.
#[derive(Debug)]
pub(crate) enum PurgeError {
    /// It was not said what.
    Unsaid,
    /// Nothing of that name is there; in words.
    Unknown(String),
    /// The store could not be told.
    Store(StoreError),
}

impl PurgeRequest {
    /// What it has to be.
    pub(crate) const HELP: &str =
        "say exactly one of `keys`, `route`, `match`, `uses`, and `all: true`";

    /// Deletes what is asked for.
    ///
    /// # Errors
    /// [`PurgeError`]; where the store could not be told, this process's memory is purged.
    pub(crate) async fn run(self, site: &Site, cache: &Cache) -> Result<Purged, PurgeError> {
        let named = if let Self::Route(name) = &self { Some(name.clone()) } else { None };
        let deleted = cache.purge(self.resolved(site)?).await.map_err(PurgeError::Store)?;
        match named.filter(|name| deleted == 0 && site.route_named(name).is_none()) {
            // A route that is gone may have left entries; a name that never was is a slip.
            Some(name) => Err(PurgeError::Unknown(unknown_route(&name, site))),
            None => Ok(Purged { deleted }),
        }
    }

    fn resolved(self, site: &Site) -> Result<Purge, PurgeError> {
        Ok(match self {
            Self::Keys(keys) => Purge::Keys(keys.into_iter().map(String::into_bytes).collect()),
            Self::Route(route) => Purge::Routes(vec![route]),
            Self::Match(glob) => Purge::Glob(glob),
            Self::Uses(name) => {
                let routes = site.routes_using(&name);
                if routes.is_empty() {
                    return Err(PurgeError::Unknown(format!("no route uses `{name}`")));
                }
                Purge::Routes(routes)
            }
            Self::All(true) => Purge::All,
            Self::All(false) => return Err(PurgeError::Unsaid),
        })
    }
}

fn unknown_route(name: &str, site: &Site) -> String {
    match nearest(name, site.routes.iter().map(|route| &*route.name)) {
        Some(near) => format!("there is no route `{name}`; did you mean `{near}`?"),
        None => format!("there is no route `{name}`"),
    }
}

impl fmt::Display for PurgeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => out.write_str(PurgeRequest::HELP),
            Self::Unknown(why) => out.write_str(why),
            Self::Store(why) => write!(out, "the store did not do it: {why}"),
        }
    }
}
