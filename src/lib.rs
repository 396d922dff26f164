//! larder serves a site from one YAML file and keeps every rendered response in Redis.
//!
//! The modules, in the order of the flow; arrows point up this list only:
//!
//! | module | turns |
//! |---|---|
//! | [`diagnostic`], [`units`], [`clock`], [`fingerprint`] | the words: no I/O |
//! | [`config`] | text → `Config`: the file as typed, every value with its place |
//! | [`source`] | values from elsewhere: files and their formats, certificates |
//! | [`site`] | `Config` → `Site`: immutable, checked, pure |
//! | [`cache`] | key → response: memory, Redis, one render at a time |
//! | [`http`] | request → answer |
//! | [`inspect`] | what the site says beside what the store holds: `explain`, `plan` |
//! | [`watch`], [`reload`], [`build`] | edits: seen, read whole, compiled, swapped |
//! | [`admin`] | the admin listener: keys, purges, status, metrics, the page |
//! | [`dev`] | live reload for who works on the site |
//! | [`app`], [`telemetry`] | life: start and stop, the log |
//! | [`cli`] | one file a command |

pub mod admin;
pub mod app;
pub mod build;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dev;
pub mod diagnostic;
pub mod fingerprint;
pub mod http;
pub mod inspect;
pub mod reload;
pub mod site;
pub mod source;
pub mod telemetry;
pub mod units;
pub mod watch;
