//! Values from elsewhere: one way to load, one to fail.
//!
//! | module | turns |
//! |---|---|
//! | [`mod@file`] | a path → its bytes, keeping what was asked for, so that it can be watched |
//! | [`certificate`] | the listener's TLS files → their bytes |
//! | [`value`] | a file's bytes → a value, by its extension |

pub mod certificate;
pub mod file;
pub mod value;
