//! The listener and the edge, by the bytes on the wire.
#![cfg(test)]

mod harness;
mod life;
mod rules;
mod tls;
