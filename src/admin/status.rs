//! `GET /api/status`: what is served, from which files, and how the store is doing.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::Inner;
use crate::config::needing_restart;
use crate::diagnostic::{Report, render};
use crate::reload::ReloadState;

impl Inner {
    /// The status document.
    pub(super) fn status(&self) -> Value {
        let reload = self.parts.reload.status();
        let store = self.parts.cache.state();
        let figures = store.near.figures;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "listen": self.parts.site.to_string(),
            "generation": reload.generation,
            "digest": reload.digest.to_string(),
            "loaded_at": reload.loaded_at.and_then(rfc3339),
            "last_change": reload.last_change,
            "config": if self.is_current() { "current" } else { "stale" },
            "diagnostics": render::json(&self.diagnostics()),
            "pending_restart": self.pending_restart(),
            "store": {
                "kind": store.kind,
                "url": url_of(&self.parts.store),
                "state": if store.up { "up" } else { "down" },
                "trouble": store.trouble,
                "contended": store.contended,
            },
            "near_cache": {
                "in_use": store.near.in_use,
                "trouble": store.near.trouble,
                "entries": figures.entries,
                "bytes": figures.bytes,
                "capacity_bytes": figures.capacity_bytes,
                "evictions": figures.evictions,
            },
            "in_flight": store.in_flight,
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
    pub(super) fn pending_restart(&self) -> Vec<&'static str> {
        let site = self.parts.live.site();
        needing_restart((&self.parts.server, &self.parts.typed_cache), (&site.server, &site.cache))
    }
}

/// A moment as RFC 3339 has it, in UTC.
pub(super) fn rfc3339(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A store's address without what may be secret: who logs in, and how.
pub(super) fn url_of(store: &str) -> String {
    let Some((scheme, rest)) = store.split_once("://") else { return store.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::url_of;

    #[test]
    fn a_stores_address_is_shown_without_its_password() {
        for (store, shown) in [
            ("memory", "memory"),
            ("redis://127.0.0.1:6379/1", "redis://127.0.0.1:6379/1"),
            ("redis://me:p@ss@h:1/2?protocol=resp3", "redis://h:1/2"),
            ("rediss://:secret@h", "rediss://h"),
        ] {
            assert_eq!(url_of(store), shown);
        }
    }
}
