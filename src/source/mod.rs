//! Values from elsewhere: one way to load, one to fail.
//!
//! | module | turns |
//! |---|---|
//! | [`mod@file`] | a path → its bytes, keeping what was asked for, so that it can be watched |
//! | [`certificate`] | the listener's TLS files → their bytes |
//! | [`value`] | bytes → a value, by a file's extension or an answer's content type |
//! | [`mod@http`] | a request → the value that a server gives |

pub(crate) mod certificate;
pub(crate) mod file;
pub(crate) mod http;
pub(crate) mod value;
