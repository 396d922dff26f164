//! Values from elsewhere, as written: the loads, and the servers that they ask.

use std::time::Duration;

use super::decode::{Decoder, Fields, kind};
use super::node::Node;
use super::schema;
use super::section::{Field, Kind, Lead, Section, Word, section, words};
use super::upstream::{RequestHeader, SourceTtl};
use crate::diagnostic::At;

section! {
    /// A server that loads ask.
    "upstream" pub struct UpstreamConfig (
        /// The name that stands before the paths of loads.
        name: At<String>,
        /// Its address, to which the paths of loads are added.
        url: At<String>,
    ) led by Lead {
        fields: &[Field {
            name: "url", doc: "Where it is: http(s)://host, a path too.", schema: schema::text
        }],
        required: true,
        short: schema::text
    } => {
        /// Headers of each request to it; what they say is never shown.
        headers: Vec<RequestHeader> as request_headers,
        /// How long a request may take as a whole. Default: 2s.
        timeout: Option<Duration> as fetch_time,
    }
}

section! {
    /// A value from a file, from several, or from an HTTP server.
    "load" pub struct LoadConfig (
        /// The name under which templates see it.
        name: At<String>,
        /// Where it comes from: a path, a glob or an address.
        from: At<String>,
    ) led by Lead {
        fields: &[Field {
            name: "from",
            doc: "A file, a glob for a list of files, an address (https://…), or an upstream and a \
                  path (api:/users).",
            schema: schema::text
        }],
        required: true,
        short: schema::text
    } => {
        /// Whether the page does without it where there is no such file, or the server has none.
        /// Default: false.
        optional: bool as flag = false,
        /// How long a value of a server is kept; `upstream`: as its `Cache-Control` says. Default:
        /// 1m.
        ttl: Option<SourceTtl> as source_ttl,
        /// How long an older value stands in where no new one can be had. Default: off.
        stale_if_error: Option<Option<Duration>> as ttl,
        /// The value where none can be had at all.
        fallback: Option<Node> as node,
        /// How long a request may take as a whole. Default: that of the upstream, or 2s.
        timeout: Option<Duration> as fetch_time,
        /// The statuses of answers that are values. Default: 200.
        accept_status: Vec<At<u16>> as statuses,
        /// Headers of the request, before those of the upstream; what they say is never shown.
        headers: Vec<RequestHeader> as request_headers,
        /// How it is asked for. Default: GET.
        method: SourceMethod as word = SourceMethod::Get,
        /// What a POST says, the same each time; a mapping or list is sent as JSON.
        body: Option<Node> as node,
    }
}

words! {
    /// How a server is asked.
    pub enum SourceMethod {
        /// For what is there.
        Get = "GET",
        /// With a body, as GraphQL and searches are.
        Post = "POST",
    }
}
