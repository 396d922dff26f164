//! How the process and its site are doing: `/readyz`, `/api/status`, `/api/reload`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use warp::Reply as _;

use super::State;
use super::reply::{self, Refusal};
use super::request::Answer;
use crate::clock::rfc3339;
use crate::diagnostic::{Report, render};
use crate::reload::{Outcome, ReloadState};

/// `GET /readyz`: whether the process takes requests; also without its Redis, but not while it
/// stops.
pub(super) fn ready(state: &State) -> Answer {
    if state.parts.stop.is_cancelled() { Err(STOPPING) } else { Ok("ready\n".into_response()) }
}

const STOPPING: Refusal =
    Refusal::fixed(StatusCode::SERVICE_UNAVAILABLE, "the process is stopping");

/// `POST /api/reload`.
pub(super) async fn reload(state: Arc<State>) -> Answer {
    match state.parts.reload.reload_now().await {
        Outcome::Applied { .. } | Outcome::Unchanged => Ok(reply::json(&state.status())),
        Outcome::Refused(report) => {
            let mut problem = state.status();
            problem["title"] = "The files are bad".into();
            problem["status"] = 422.into();
            problem["detail"] = "what was served before still is".into();
            problem["diagnostics"] = render::json(&report);
            Ok(reply::with_status(StatusCode::UNPROCESSABLE_ENTITY, reply::json(&problem)))
        }
        Outcome::Stopping => Err(STOPPING),
    }
}

impl State {
    /// The status document.
    pub(super) fn status(&self) -> Value {
        let reload = self.parts.reload.status();
        let store = self.parts.cache.state();
        let figures = store.near;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "listen": self.parts.site.to_string(),
            "generation": reload.generation,
            "digest": reload.digest.to_string(),
            "loaded_at": reload.loaded_at.map(rfc3339),
            "last_change": reload.last_change,
            "config": if self.is_current() { "current" } else { "stale" },
            "diagnostics": render::json(&self.diagnostics()),
            "pending_restart": self.pending_restart(),
            "store": {
                "kind": store.kind,
                "url": self.parts.store.public_address(),
                "state": if store.up { "up" } else { "down" },
                "trouble": store.trouble,
                "contended": store.contended,
            },
            "near_cache": {
                "in_use": store.near_in_use,
                "trouble": store.near_trouble,
                "entries": figures.entries,
                "bytes": figures.bytes,
                "capacity_bytes": figures.capacity_bytes,
                "evictions": figures.evictions,
            },
            "in_flight": store.in_flight,
            "sources": self.sources(),
        })
    }

    /// Whether what is served is made from what is on disk.
    pub(super) fn is_current(&self) -> bool {
        self.parts.reload.status().state == ReloadState::Current
    }

    /// What is wrong, or odd, about the files as they are, and about how edits are seen.
    pub(super) fn diagnostics(&self) -> Report {
        let reload = self.parts.reload.status();
        let files = match &reload.state {
            ReloadState::Current => &reload.warnings,
            ReloadState::Stale(report) => report,
        };
        files.iter().chain(reload.watching.iter()).cloned().collect()
    }

    /// The fields that the file says otherwise than when the process was started.
    pub(super) fn pending_restart(&self) -> Vec<String> {
        self.parts.live.site().pending_restart.clone()
    }
}
