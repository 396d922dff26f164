//! [`Config`](crate::config::Config) → `Site`: immutable, checked, pure.

pub mod template;
