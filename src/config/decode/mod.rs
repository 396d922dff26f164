//! [`Node`] → [`Config`](super::Config): every field read, every mistake collected.
//!
//! Each reader gives nothing where the value is wrong and has then said so; the caller goes on with
//! the next field, so that one run finds all that is wrong in all files.

mod header;
pub(super) mod kind;
mod route;
pub(super) mod scalar;
mod server;
mod site;
mod unused;
mod upstream;

use super::model::{MainConfig, PartConfig};
use super::node::{Node, NodeValue};
use super::section::{Kind, Section, Standalone};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span, nearest};

pub(crate) use route::{METHODS, refuses_status};
pub(crate) use server::{is_loopback, meets, read_address, read_host};
#[cfg(test)]
pub(super) use site::file;
pub(super) use site::{main_file, merge, part_file, routes};
pub(crate) use unused::is_read;

/// Reads values and collects what is wrong with them.
pub(super) struct Decoder<'r> {
    pub(super) report: &'r mut Report,
}

/// A value, its name, and what messages call it.
pub(super) struct Entry<'n> {
    /// `` `ttl` ``, ``load `team` ``, ``an item of `include` ``.
    what: String,
    /// Its name; of an item that of its list.
    key: &'n At<String>,
    node: &'n Node,
}

/// The fields of one mapping, checked against the section that declares them.
pub(super) struct Fields<'n> {
    /// What the mapping is, in words: ``route `/about` ``.
    what: String,
    /// The place to mark where a field is missing.
    place: Span,
    list: &'n [(At<String>, Node)],
}

impl<'n> Entry<'n> {
    /// The value's name in the file.
    pub(super) fn name(&self) -> &'n str {
        &self.key.value
    }

    /// The value where it is a text: what stands for a mapping in short.
    fn text(&self) -> Option<&'n str> {
        match &self.node.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What stands in a mapping's place has no further fields.
    fn no_fields(&self) -> Fields<'n> {
        Fields { what: self.what.clone(), place: self.key.span.clone(), list: &[] }
    }
}

impl<'n> Fields<'n> {
    /// A field, where it is there.
    fn entry(&self, name: &str) -> Option<Entry<'n>> {
        let (key, node) = self.list.iter().find(|(key, _)| key.value == name)?;
        Some(Entry { what: format!("`{name}`"), key, node })
    }

    /// Reads a field, where it is there.
    pub(super) fn read<T>(&self, decoder: &mut Decoder, name: &str, kind: &Kind<T>) -> Option<T> {
        self.entry(name).map(|entry| (kind.read)(decoder, &entry))
    }
}

impl Decoder<'_> {
    /// The fields of a mapping, unknown ones reported; nothing where it is none.
    fn fields<'n>(&mut self, section: &Section, entry: &Entry<'n>) -> Option<Fields<'n>> {
        let list = self.entries(entry)?;
        for (key, _) in list {
            if !key.value.starts_with("x-") && !section.names().any(|name| name == key.value) {
                self.unknown_field(section, &entry.what, key);
            }
        }
        Some(Fields { list, ..entry.no_fields() })
    }

    /// A mapping with the fields of a section; what is no mapping is as if it were empty.
    fn section<S: Standalone>(&mut self, entry: &Entry) -> S {
        match self.fields(S::SECTION, entry) {
            Some(fields) => S::read(self, &fields),
            None => S::default(),
        }
    }

    fn unknown_field(&mut self, section: &Section, what: &str, key: &At<String>) {
        let message = format!("unknown field `{}` in {what}", key.value);
        let near = nearest(&key.value, section.names());
        let help = match (elsewhere(section, &key.value), near) {
            (Some(help), _) => help,
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
        };
        self.error(Code::UnknownField, message, &key.span, &help);
    }

    /// What `read` makes of each entry of a mapping with free names, called `what`. Those that
    /// begin with `x-` are free for other use.
    fn each<T>(
        &mut self,
        entry: &Entry,
        what: &str,
        mut read: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for (key, node) in self.entries(entry).unwrap_or_default() {
            if !key.value.starts_with("x-") {
                let entry = Entry { what: format!("{what} `{}`", key.value), key, node };
                values.extend(read(self, &entry));
            }
        }
        values
    }

    /// The entries of a mapping; null is an empty one.
    fn entries<'n>(&mut self, entry: &Entry<'n>) -> Option<&'n [(At<String>, Node)]> {
        match &entry.node.value {
            NodeValue::Map(list) => Some(list),
            NodeValue::Null => Some(&[]),
            _ => self.wrong_type(entry, "a mapping"),
        }
    }

    /// What `read` makes of each item of a list; null is an empty one.
    fn list<T>(
        &mut self,
        entry: &Entry,
        mut read: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Vec<T> {
        let items = match &entry.node.value {
            NodeValue::List(items) => &items[..],
            NodeValue::Null => &[],
            _ => self.wrong_type(entry, "a list").unwrap_or_default(),
        };
        let what = || format!("an item of {}", entry.what);
        let items = items.iter().map(|node| Entry { what: what(), key: entry.key, node });
        items.filter_map(|item| read(self, &item)).collect()
    }

    /// Says that a value is of the wrong type.
    fn wrong_type<T>(&mut self, entry: &Entry, expected: &str) -> Option<T> {
        let message = format!("{} takes {expected}, and this is {}", entry.what, entry.node.kind());
        self.refuse(Code::BadType, message, &entry.node.span, "")
    }

    /// Says what is wrong with a value, which is then as if it were not there.
    fn refuse<T>(&mut self, code: Code, message: String, span: &Span, help: &str) -> Option<T> {
        self.error(code, message, span, help);
        None
    }

    fn error(&mut self, code: Code, message: String, span: &Span, help: &str) {
        let diagnostic = Diagnostic::new(code, message, span);
        self.report.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }
}

/// What larder writes for a word of other tools, or of another place in the file.
fn elsewhere(section: &Section, written: &str) -> Option<String> {
    if section.title == PartConfig::SECTION.title
        && MainConfig::SECTION.names().any(|name| name == written)
    {
        return Some(format!("`{written}` stands in the main file"));
    }
    let mut words = ELSEWHERE.iter().filter(|(title, ..)| *title == section.title);
    let (.., help) = words.find(|(_, words, _)| words.split(' ').any(|word| word == written))?;
    Some((*help).to_owned())
}

/// Section, words, help.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("route", "path url", "the path is the route's key: `/about: { … }`"),
    ("route", "method methods", "the method is in the route's key: `POST /login: { … }`"),
    ("route", "cache expire expires", "write `ttl: 5m`, or `ttl: off`"),
    ("route", "content response text", "write `body:`"),
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
    ("the site", "route path paths", "write `routes:`"),
    ("the site", "port", "write `server: { listen: 127.0.0.1:8000 }`"),
    ("`cache`", "url", "write `store:`"),
    ("`cache`", "redis", "write `store: redis://…`"),
    ("`cache`", "ttl", "write `defaults: { ttl: … }`"),
    ("`server`", "port host", "write `listen: 127.0.0.1:8000`"),
    ("load", "url path file", "write `from:`"),
    ("upstream", "base host address", "write `url:`"),
];
