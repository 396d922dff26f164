//! `Config` → `Site`: immutable, checked, pure.

pub mod key;
pub mod route;
