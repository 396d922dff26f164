//! The cache over a real Redis: each test states a promise of ARCHITECTURE.md.

#[cfg(test)]
mod cache {
    mod away;
    mod both;
    mod far;
    mod foreign;
    mod harness;
    mod leases;
    mod many;
    mod near;
    #[allow(dead_code, reason = "the week uses what this one does not")]
    mod proxy;
    mod purge;
}
