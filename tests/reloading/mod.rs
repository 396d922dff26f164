//! Edits: seen however they are saved, whole for every request, and harmless when bad.

mod edits;
mod last_good;
mod said;
mod whole;
