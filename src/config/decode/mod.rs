//! [`Node`] → [`Config`](super::Config): every field read, every mistake collected.
//!
//! Each reader gives nothing where the value is wrong and has then said so; the caller goes on with
//! the next field, so that one run finds all that is wrong in all files.

mod defaults;
mod header;
mod load;
mod param;
mod route;
mod scalar;
mod server;
mod site;
mod source;

use super::fields::Section;
use super::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span, nearest};

pub(super) use site::{Parts, include};

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
        diagnostic.help = Some(match nearest(&key.value, section.names()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => {
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
