//! What is kept, under which keys, and when it is made again.

mod coherence;
mod fingerprints;
mod keys;
mod once;
mod outages;
mod records;
