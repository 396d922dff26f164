//! larder serves a site from one YAML file and keeps every rendered response in Redis.
//!
//! The modules, in the order of the flow; arrows point up this list only:
//!
//! | module | turns |
//! |---|---|
//! | [`diagnostic`], [`units`], [`clock`], [`fingerprint`] | the words: no I/O |
//! | [`config`] | text → `Config`: the file as typed, every value with its place |
//! | [`site`] | `Config` → `Site`: immutable, checked, pure |
//! | [`source`] | values from elsewhere: files, the environment |
//! | [`cache`] | key → response: memory, Redis, one render at a time |
//! | [`http`] | request → answer |
//! | [`admin`] | the admin listener: keys, purges, status, metrics, the page |
//! | `watch`, `reload`, `app` | life: edits, the swap, start and stop |
//! | `cli` | one file a command |

pub mod admin;
pub mod app;
pub mod build;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
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
