//! Edits on a real disk, made as editors and tools make them: each is seen, none is doubled, and
//! nothing half-written is ever used. The build here parses something simple, so that only watching
//! and reloading are on trial.

mod editors;
mod edits;
mod harness;
mod limits;
mod loops;
mod mounts;
mod reloads;
mod saves;
