//! The cache over a real Redis: each test states a promise of ARCHITECTURE.md.

#[cfg(test)]
mod cache {
    mod away;
    mod both;
    mod foreign;
    mod harness;
    mod leases;
    mod many;
    mod near;
    mod purge;
}
