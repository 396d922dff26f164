//! What a client is given.

mod answers;
mod assets;
mod conditions;
mod demo;
mod directories;
mod docs;
mod errors;
mod lifetimes;
mod logs;
mod methods;
mod negotiation;
mod paths;
mod query;
mod sources;
mod splitting;
mod tls;
mod told;
mod two_ways;
