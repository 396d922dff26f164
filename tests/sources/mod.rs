//! Values that other servers send: asked as the file says, kept for their own life, shared, and
//! made up for where they fail.

mod asking;
mod failing;
mod life;
mod stubs;

use crate::harness::{Site, Upstream};

/// A site that reads from `upstream`, which its file calls `api`; `text` has the rest of the file.
fn site(upstream: &Upstream, text: &str) -> Site {
    Site::with(&format!("upstreams: {{ api: 'http://{}' }}\n{text}", upstream.address))
}
