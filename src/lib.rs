//! larder serves a site from one YAML file and keeps every rendered response in Redis.
//!
//! The modules, in the order of the flow; arrows point up this list only:
//!
//! | module | turns |
//! |---|---|
//! | [`diagnostic`], [`units`], [`glob`], [`clock`] | the words: no I/O |
//! | [`fingerprint`], [`panic`](mod@panic) | the same |
//! | [`config`] | text → `Config`: the file as typed, every value with its place |
//! | [`source`] | values from elsewhere: files and their formats, certificates |
//! | [`site`] | `Config` → `Site`: immutable, checked, pure |
//! | [`cache`] | key → response: memory, Redis, one render at a time |
//! | [`http`] | request → answer |
//! | [`inspect`] | what the site says beside what the store holds: `explain`, `plan`, `keys` |
//! | [`watch`], [`reload`], [`build`] | edits: seen, read whole, compiled, swapped |
//! | [`admin`] | the admin listener: keys, purges, status, metrics, the page |
//! | [`dev`] | live reload for who works on the site |
//! | [`app`], [`telemetry`] | life: start and stop, the log |
//! | [`cli`] | one file a command |

mod admin;
mod app;
mod build;
mod cache;
mod cli;
mod clock;
mod config;
mod dev;
mod diagnostic;
mod fingerprint;
mod glob;
mod http;
mod inspect;
mod panic;
#[doc(hidden)]
pub mod parts;
mod reload;
mod site;
mod source;
mod telemetry;
mod units;
mod watch;

pub use cli::main as run;
