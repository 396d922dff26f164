//! [`Node`] → [`Config`](super::Config): every field read, every mistake collected.
//!
//! Each reader gives nothing where the value is wrong and has then said so; the caller goes on with
//! the next field, so that one run finds all that is wrong in all files.

mod defaults;
mod header;
mod load;
mod param;
mod route;
pub(super) mod scalar;
mod server;
mod site;
mod source;

use super::fields::Section;
use super::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span, nearest};

pub(super) use site::{Parsed, config, include};

/// Reads values and collects what is wrong with them.
pub(super) struct Decoder<'r> {
    pub(super) report: &'r mut Report,
}

/// The fields of one mapping, checked against the section that declares them.
pub(super) struct Fields<'n> {
    /// What the mapping is, in words: ``route `/about` ``.
    what: String,
    /// The place to mark where a field is missing.
    place: Span,
    section: &'static Section,
    list: &'n [(At<String>, Node)],
}

impl<'n> Fields<'n> {
    /// No fields at all, where a mapping is something else.
    fn empty(section: &'static Section, nothing: &'n Node) -> Self {
        let place = nothing.span.clone();
        Self { what: section.title.to_owned(), place, section, list: &[] }
    }

    /// The value of a declared field, where it is there.
    fn get(&self, name: &str) -> Option<&'n Node> {
        debug_assert!(self.section.names().any(|known| known == name), "{name} is not declared");
        self.list.iter().find(|(key, _)| key.value == name).map(|(_, node)| node)
    }

    /// The place of a field's name.
    fn key(&self, name: &str) -> Option<&'n Span> {
        self.list.iter().find(|(key, _)| key.value == name).map(|(key, _)| &key.span)
    }
}

impl Decoder<'_> {
    /// The fields of `node`, unknown ones reported; nothing where it is no mapping.
    fn fields<'n>(
        &mut self,
        section: &'static Section,
        what: &str,
        place: &Span,
        node: &'n Node,
    ) -> Option<Fields<'n>> {
        let list: &[_] = match &node.value {
            NodeValue::Map(list) => list,
            NodeValue::Null => &[],
            _ => {
                self.wrong_type(what, "a mapping", node);
                return None;
            }
        };
        for (key, _) in list {
            if !key.value.starts_with("x-") && !section.names().any(|name| name == key.value) {
                self.unknown_field(section, what, key);
            }
        }
        Some(Fields { what: what.to_owned(), place: place.clone(), section, list })
    }

    fn unknown_field(&mut self, section: &'static Section, what: &str, key: &At<String>) {
        let message = format!("unknown field `{}` in {what}", key.value);
        let mut diagnostic = Diagnostic::new(Code::UnknownField, message, &key.span);
        let near = nearest(&key.value, section.names());
        diagnostic.help = Some(match (elsewhere(section, &key.value), near) {
            (Some(help), _) => help.to_owned(),
            _ if key.value.starts_with('/') => "routes stand under `routes:`".to_owned(),
            _ if key.value.contains(':') => {
                let spaced = key.value.replacen(':', ": ", 1);
                format!("put a blank after the colon:  {}", spaced.trim())
            }
            (None, Some(word)) => format!("did you mean `{word}`?"),
            (None, None) => {
                let names: Vec<_> = section.names().map(|name| format!("`{name}`")).collect();
                format!("known are {}", names.join(", "))
            }
        });
        self.report.push(diagnostic);
    }

    /// The entries of a mapping with free names; nothing there is an empty one.
    fn entries<'n>(&mut self, what: &str, node: Option<&'n Node>) -> &'n [(At<String>, Node)] {
        match node.map(|node| (&node.value, node)) {
            None | Some((NodeValue::Null, _)) => &[],
            Some((NodeValue::Map(list), _)) => list,
            Some((_, node)) => {
                self.wrong_type(what, "a mapping", node);
                &[]
            }
        }
    }

    /// The items of a list; nothing there is an empty one.
    fn items<'n>(&mut self, what: &str, node: Option<&'n Node>) -> &'n [Node] {
        match node.map(|node| (&node.value, node)) {
            None | Some((NodeValue::Null, _)) => &[],
            Some((NodeValue::List(items), _)) => items,
            Some((_, node)) => {
                self.wrong_type(what, "a list", node);
                &[]
            }
        }
    }

    fn wrong_type(&mut self, what: &str, expected: &str, node: &Node) {
        let message = format!("{what} takes {expected}, and this is {}", node.kind());
        self.report.push(Diagnostic::new(Code::BadType, message, &node.span));
    }

    fn error(&mut self, code: Code, message: String, span: &Span, help: &str) {
        let diagnostic = Diagnostic::new(code, message, span);
        self.report.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }
}

/// What larder writes for a word of other tools, or of another place in the file.
fn elsewhere(section: &Section, typed: &str) -> Option<&'static str> {
    let (_, _, help) =
        ELSEWHERE.iter().find(|(title, word, _)| *title == section.title && *word == typed)?;
    Some(help)
}

/// Section, word, help.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("route", "path", "the path is the route's key: `/about: { … }`"),
    ("route", "url", "the path is the route's key: `/about: { … }`"),
    ("route", "method", "the method is in the route's key: `POST /login: { … }`"),
    ("route", "methods", "the method is in the route's key: `POST /login: { … }`"),
    ("route", "cache", "write `ttl: 5m`, or `ttl: off`"),
    ("route", "expire", "write `ttl: 5m`, or `ttl: off`"),
    ("route", "expires", "write `ttl: 5m`, or `ttl: off`"),
    ("route", "content", "write `body:`"),
    ("route", "response", "write `body:`"),
    ("route", "text", "write `body:`"),
    ("route", "html", "write `body:` and `content_type: text/html`"),
    ("route", "static", "write `dir:`, or `file:`"),
    ("route", "root", "write `dir:`"),
    ("route", "swr", "write `stale_while_revalidate:`"),
    ("route", "code", "write `status:`"),
    ("route", "mime", "write `content_type:`"),
    ("route", "key_builder", "write `key:`"),
    ("the site", "redis", "write `cache: { store: redis://… }`"),
    ("the site", "ttl", "write `defaults: { ttl: … }`"),
    ("the site", "listen", "write `server: { listen: … }`"),
    ("the site", "port", "write `server: { listen: 127.0.0.1:8000 }`"),
    ("an included file", "server", "`server` stands in the main file"),
    ("an included file", "cache", "`cache` stands in the main file"),
    ("an included file", "templates", "`templates` stands in the main file"),
    ("an included file", "upstreams", "`upstreams` stands in the main file"),
    ("an included file", "languages", "`languages` stands in the main file"),
    ("an included file", "errors", "`errors` stands in the main file"),
    ("`cache`", "url", "write `store:`"),
    ("`cache`", "redis", "write `store: redis://…`"),
    ("`cache`", "ttl", "write `defaults: { ttl: … }`"),
    ("`server`", "port", "write `listen: 127.0.0.1:8000`"),
    ("`server`", "host", "write `listen: 127.0.0.1:8000`"),
    ("load", "url", "write `from:`"),
    ("load", "path", "write `from:`"),
    ("load", "file", "write `from:`"),
];
