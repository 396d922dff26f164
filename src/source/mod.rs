//! Values from elsewhere: one way to load, one to fail.
//!
//! | module | turns |
//! |---|---|
//! | [`mod@file`] | a path → its bytes, keeping what was asked for, so that it can be watched |
//! | [`certificate`] | the listener's TLS files → their bytes |
//! | [`value`] | a file's bytes → a value, by its extension |

pub(crate) mod certificate;
pub(crate) mod file;
pub(crate) mod value;
