//! Fields of a route that its source or its method has no use for.

use super::server::is_off;
use super::{Decoder, Entry, Fields};
use crate::config::model::SourceConfig;
use crate::config::node::NodeValue;
use crate::diagnostic::{At, Code, Diagnostic};

/// What decides how a response is kept.
const OF_KEEPING: &[&str] =
    &["ttl", "key", "namespace", "stale_while_revalidate", "stale_if_error"];
/// What decides how it is rendered.
const OF_RENDERING: &[&str] = &["delay", "layout", "data", "load"];
/// What a value that is sent as it stands has no use for.
const OF_TEMPLATES: &[&str] = &["layout", "data", "load"];

/// Whether a method asks for what is there, and so has no body.
pub(crate) fn is_read(method: &str) -> bool {
    ["GET", "HEAD"].contains(&method)
}

impl Decoder<'_> {
    /// Warns of fields that do nothing where they stand: who wrote them counts on them.
    pub(super) fn check_unused(
        &mut self,
        fields: &Fields,
        method: &At<String>,
        source: &SourceConfig,
    ) {
        use SourceConfig::{Body, Dir, File, Inline, Json, Redirect, Template};
        let status = fields.entry("status");
        let is_chosen = status.and_then(|it| it.text()).is_some_and(|text| text.contains("{{"));
        let (kept, rendered, why): (_, &[&str], _) = match source {
            File(_) | Dir(_) => (false, OF_RENDERING, "files are sent as they are, and not kept"),
            Redirect(_) => (false, OF_RENDERING, "a redirect is made anew each time"),
            // What chooses its status may read them.
            Body(_) if is_chosen => (true, &["layout"], "a `body` is sent as it stands"),
            Body(_) => (true, OF_TEMPLATES, "a `body` is sent as it stands"),
            Json(_) => (true, &["layout"], "there is no layout around JSON"),
            Template(_) | Inline(_) => (true, &[], ""),
        };
        let is_read = is_read(&method.value);
        if let Some(entry) = fields.entry("fields").filter(|_| is_read) {
            let message = format!("{} has no body, and so no `fields`", fields.what);
            let help = "declare what is in the address under `query`, or write another method: \
                        `POST /login: …`";
            self.error(Code::BadQuery, message, &entry.key.span, help);
        }
        if let Some(entry) = fields.entry("purges").filter(|_| is_read) {
            let message = format!("{} is asked for by reading, which purges nothing", fields.what);
            let help = "write another method: `POST /comments: { purges: [posts-slug], … }`";
            self.error(Code::BadPurge, message, &entry.key.span, help);
        }
        let keeping = OF_KEEPING.iter().filter(|_| !kept || !is_read);
        let why_not = if kept { "answers to other methods are never kept" } else { why };
        let of_type: &[&str] = if matches!(source, Redirect(_)) { &["content_type"] } else { &[] };
        let unused = keeping.map(|name| (*name, why_not));
        let unused = unused.chain(rendered.iter().chain(of_type).map(|name| (*name, why)));
        for (name, why) in unused {
            // `off` and `null` say what is so anyway.
            let says = |entry: &Entry| entry.node.value != NodeValue::Null && !is_off(entry);
            let Some(entry) = fields.entry(name).filter(says) else { continue };
            let message = format!("{} does nothing in {}", entry.what, fields.what);
            let found = Diagnostic::new(Code::FieldUnused, message, &entry.key.span);
            self.report.push(found.help(format!("remove it: {why}")));
        }
    }
}
