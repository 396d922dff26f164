//! What a client is given.

mod answers;
mod assets;
mod base;
mod bodies;
mod certificates;
mod conditions;
mod defaults;
mod demo;
mod directories;
mod docs;
mod errors;
mod files;
mod lifetimes;
mod logs;
mod markup;
mod methods;
mod negotiation;
mod paths;
mod purges;
mod query;
mod sources;
mod splitting;
mod templates;
mod tls;
mod told;
mod two_ways;
