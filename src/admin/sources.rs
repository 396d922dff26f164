//! How the servers are that pages read from: for the status, `explain` and the page.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::State;
use crate::clock::rfc3339;
use crate::http::sources::Last;
use crate::site::{RemoteLoad, Route};
use crate::units::inert;

/// Sources that metrics tell apart, at most.
pub(super) const TOLD_AT_MOST: usize = 500;

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// The name of its load.
    pub(crate) name: String,
    /// Where it is from, as the file has it.
    pub(crate) from: String,
    /// `unused`, `good` or `failing`: as it was the last time that this process asked; `stub` where
    /// a file stands in for it.
    pub(crate) state: String,
    /// How long ago a value came last, in seconds.
    pub(crate) age_s: Option<u64>,
    /// Why none came, the last time that none did.
    pub(crate) last_error: Option<String>,
    /// When that was.
    pub(crate) last_error_at: Option<String>,
}

impl State {
    /// Those that the site reads, each once.
    pub(super) fn sources(&self) -> Vec<Source> {
        let site = self.parts.live.site();
        let mut seen = BTreeSet::new();
        let loads = site.routes.iter().flat_map(|route| route.remote());
        let loads = loads.map(|it| &*it.load);
        loads.filter(|it| seen.insert((&it.name, &it.from))).map(|it| self.source(it)).collect()
    }

    /// Those that a route reads.
    pub(super) fn sources_of(&self, route: &Route) -> Vec<Source> {
        route.remote().iter().map(|it| self.source(&it.load)).collect()
    }

    fn source(&self, load: &RemoteLoad) -> Source {
        let states = self.parts.live.sources().states();
        let last = states.known(load).map(|state| state.last()).unwrap_or_default();
        let state = if load.stub.is_some() { "stub" } else { last.word() }.to_owned();
        let Last { good_at, failed_at, .. } = last;
        let now = self.parts.clock.wall();
        let age = |at: SystemTime| now.duration_since(at).unwrap_or_default().as_secs();
        Source {
            name: load.name.to_string(),
            from: load.from.clone(),
            state,
            age_s: good_at.map(age),
            last_error_at: failed_at.as_ref().map(|(at, _)| rfc3339(*at)),
            last_error: failed_at.map(|(_, why)| why),
        }
    }
}

impl Source {
    /// In a line: `weather from api:/weather: failing; the last value came 70 s ago; …`.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{} from {}: {}", self.name, self.from, self.state);
        if let Some(age) = self.age_s {
            let _infallible = write!(line, "; the last value came {age} s ago");
        }
        if let (Some(why), Some(at)) = (&self.last_error, &self.last_error_at) {
            let _infallible = write!(line, "; last failed at {at}: {why}");
        }
        line
    }
}

/// The sources on the page.
pub(super) fn list(state: &State) -> Markup {
    let sources = state.sources();
    html! {
        @if !sources.is_empty() {
            ul aria-label="Sources" {
                @for source in &sources {
                    li.bad[source.state == "failing"] { (inert(&source.line())) }
                }
            }
        }
    }
}
