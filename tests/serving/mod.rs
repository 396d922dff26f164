//! What a client is given.

mod answers;
mod demo;
mod docs;
mod errors;
mod paths;
mod query;
mod sources;
mod two_ways;
