//! Request → answer: everything that speaks HTTP and knows nothing of routes or keys.
//!
//! The way of a request, in the order of the modules: [`listener`] accepts a connection,
//! `connection` speaks HTTP/1 or HTTP/2 on it and ends it when it is silent too long, [`head`]
//! refuses what RFC 9110 and 9112 refuse, [`edge`] hands the rest to a [`edge::Handle`].

pub mod access;
mod answer;
pub mod body;
pub mod carry;
pub mod conditional;
mod connection;
pub mod cors;
pub mod counts;
mod docs;
pub mod edge;
pub mod encoding;
mod facts;
pub mod files;
mod frames;
mod h1;
pub mod handler;
pub mod head;
pub mod headers;
pub mod hit;
pub mod language;
pub mod listener;
pub mod live;
pub mod media;
mod page;
pub mod problem;
mod pulse;
pub mod ranges;
mod seldom;
pub mod tls;
mod weights;
