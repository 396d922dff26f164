//! `defaults`, and the fields that it shares with a route.

use super::{Decoder, Fields};
use crate::config::fields::DEFAULTS;
use crate::config::model::Defaults;
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Span};

impl Decoder<'_> {
    /// What a file's routes do not say themselves.
    pub(super) fn defaults(&mut self, place: &Span, node: &Node) -> Defaults {
        let Some(fields) = self.fields(&DEFAULTS, "`defaults`", place, node) else {
            return Defaults::default();
        };
        Defaults {
            ttl: self.ttl(&fields, "ttl"),
            key: self.filled(&fields, "key"),
            headers: self.response_headers(fields.get("headers")),
            stale_while_revalidate: self.ttl(&fields, "stale_while_revalidate"),
            stale_if_error: self.ttl(&fields, "stale_if_error"),
            max_age: self.ttl(&fields, "max_age"),
            layout: self.layout(&fields).flatten(),
            cors: self.cors(fields.get("cors")),
        }
    }

    /// `layout`, where `null` says that there is none.
    pub(super) fn layout(&mut self, fields: &Fields) -> Option<Option<At<String>>> {
        match fields.get("layout")? {
            Node { value: NodeValue::Null, .. } => Some(None),
            _ => self.template_name(fields, "layout").map(Some),
        }
    }
}
