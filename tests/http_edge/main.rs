//! The listener and the edge, by the bytes on the wire.
#![cfg(test)]

mod floods;
mod frames;
mod harness;
mod http2;
mod life;
mod plain;
mod raw;
mod rules;
mod slow;
mod smuggling;
mod tls;
