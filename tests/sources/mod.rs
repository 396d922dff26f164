//! Values that other servers send: asked as the file says, kept for their own life, shared, and
//! made up for where they fail.

mod asking;
mod failing;
mod life;
mod stubs;

use crate::harness::{Site, Upstream};

/// A site that reads from `upstream`, which its file calls `api`; `text` has the rest of the file.
/// Redis has time: on a machine that has much to do it would be down for a moment, and more than
/// one instance would ask.
fn site(upstream: &Upstream, text: &str) -> Site {
    let address = &upstream.address;
    Site::with(&format!(
        "upstreams: {{ api: 'http://{address}' }}\ncache: {{ timeout: 5s }}\n{text}"
    ))
}
