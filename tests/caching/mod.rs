//! What is kept, under which keys, and when it is made again.

mod bounds;
mod coherence;
mod fingerprints;
mod hammer;
mod keys;
mod once;
mod outages;
mod records;
mod walls;
