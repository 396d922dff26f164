//! larder serves a site from one YAML file and keeps every rendered response in Redis.
//!
//! Most people want the program. A program of one's own serves a site beside what it does itself
//! with [`Site`], which is a filter of warp.
//!
//! The modules, in the order of the flow; arrows point up this list only:
//!
//! | module | turns |
//! |---|---|
//! | `diagnostic`, `units`, `glob`, `clock` | the words: no I/O |
//! | `fingerprint`, `measure`, `panic` | the same |
//! | `telemetry` | the log |
//! | `config` | text → `Config`: the file as typed, every value with its place |
//! | `source` | values from elsewhere: files and their formats, certificates |
//! | `site` | `Config` → `Site`: immutable, checked, pure |
//! | `cache` | key → response: memory, Redis, one render at a time |
//! | `http` | request → answer |
//! | `watch`, `reload`, `build` | edits: seen, read whole, compiled, swapped |
//! | `admin` | the admin listener and its API: keys, purges, `explain`, `plan`, status, metrics |
//! | `dev` | live reload for who works on the site |
//! | `app` | life: start and stop |
//! | `embed` | a site inside another program, by warp |
//! | `cli` | the commands |

mod admin;
mod app;
mod build;
mod cache;
mod cli;
mod clock;
mod config;
mod dev;
mod diagnostic;
mod embed;
mod fingerprint;
mod glob;
mod http;
mod measure;
mod panic;
#[doc(hidden)]
pub mod parts;
mod reload;
mod site;
mod source;
mod telemetry;
mod units;
mod watch;

/// The program: arguments in, exit code out.
pub use cli::main as run;
pub use embed::{OpenError, Site};
