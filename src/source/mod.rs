//! Values from elsewhere: one way to load, one to fail.
//!
//! | module | turns |
//! |---|---|
//! | [`mod@file`] | a path → its bytes, keeping what was asked for, so that it can be watched |
//! | [`value`] | a file's bytes → a value, by its extension |

pub mod file;
pub mod value;
