//! Request → answer: listener, connections, and the way of a request through the site.
//!
//! The way of a request, in the order of the modules: [`listener`] accepts a connection,
//! `connection` finds out what is spoken on it and ends it when it is silent too long. `h1` reads
//! plain requests of HTTP/1.1, which nearly all are, and writes their answers; hyper does the rest.
//! Either asks `edge`, which refuses what RFC 9110 and 9112 refuse ([`head`]) and passes a
//! [`request::RequestView`] to the [`edge::Handle`]: for a site that is [`handler`], which finds
//! the route and gives an [`answer::Answer`], ready or pending.

pub(crate) mod access;
mod activity;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod conditional;
mod connection;
pub(crate) mod cors;
pub(crate) mod counts;
pub(crate) mod edge;
pub(crate) mod encoding;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod guard;
mod h1;
pub(crate) mod handler;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod language;
pub(crate) mod listener;
pub(crate) mod live;
pub(crate) mod own;
mod page;
pub(crate) mod problem;
pub(crate) mod ranges;
mod ready;
mod renders;
pub(crate) mod request;
mod sending;
pub(crate) mod sources;
pub(crate) mod tls;
mod turn;
mod unread;
