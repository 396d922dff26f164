//! The command line: what it prints, and how it ends.

mod check;
mod guide;
mod look;
mod serve;
mod warm;
mod wrong;
