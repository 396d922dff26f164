//! A file's bytes → a value, by the file's extension.
