//! What a client is given.

mod demo;
