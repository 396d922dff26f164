//! `data` and `load`, what templates see; `query` and `params`, what requests may hold.

use super::{Decoder, Entry};
use crate::config::looks;
use crate::config::model::{LoadConfig, ParamConfig, ParamType};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code};

/// Names that every template has already.
const RESERVED: &[&str] = &[
    "params", "query", "headers", "cookies", "language", "route", "path", "loaded", "error", "this",
];

impl Decoder<'_> {
    /// A mapping or a list.
    pub(super) fn tree(&mut self, entry: &Entry) -> Option<Node> {
        if !matches!(entry.node.value, NodeValue::Map(_) | NodeValue::List(_)) {
            return self.wrong_type(entry, "a mapping or a list");
        }
        Some(entry.node.clone())
    }

    /// Values as they stand, under their names.
    pub(super) fn data(&mut self, section: &Entry) -> Vec<(At<String>, Node)> {
        self.each(section, "value", |decoder, value| {
            decoder.check_name(section, value)?;
            looks::data(decoder.report, value.key, value.node);
            Some((value.key.clone(), value.node.clone()))
        })
    }

    /// Values from files, under their names.
    pub(super) fn loads(&mut self, section: &Entry) -> Vec<LoadConfig> {
        self.each(section, "load", |decoder, load| {
            decoder.check_name(section, load)?;
            decoder.load(load)
        })
    }

    /// Nothing where a value's name is one that templates have already.
    fn check_name(&mut self, section: &Entry, value: &Entry) -> Option<()> {
        let name = value.name();
        if RESERVED.contains(&name) {
            let message = format!("`{name}` under {} is larder's own name", section.what);
            let help = format!("templates have `{name}` already: choose another name");
            return self.refuse(Code::ReservedName, message, &value.key.span, &help);
        }
        Some(())
    }

    fn load(&mut self, entry: &Entry) -> Option<LoadConfig> {
        let short = entry.text().map(|_| Entry { what: "`from`".to_owned(), ..*entry });
        let fields = match short {
            Some(_) => entry.no_fields(),
            None => self.fields(&LoadConfig::SECTION, entry)?,
        };
        let from = short.or_else(|| fields.entry("from"));
        if from.is_none() {
            let message = format!("{} does not say where its value comes from", entry.what);
            self.error(Code::NoSource, message, &fields.place, "add `from:`, a path or a glob");
        }
        // What `https:` and the like name is refused where files are read.
        let from = from.and_then(|from| self.site_path(&from));
        let load = LoadConfig::read(self, &fields, entry.key.clone(), entry.key.clone());
        from.map(|from| LoadConfig { from, ..load })
    }

    /// The declarations under `query` or `params`.
    pub(super) fn params(&mut self, section: &Entry) -> Vec<ParamConfig> {
        let what = format!("{} parameter", section.name());
        self.each(section, &what, Self::param)
    }

    fn param(&mut self, entry: &Entry) -> Option<ParamConfig> {
        let name = entry.key.clone();
        if entry.text().is_some() {
            let kind = At::new(self.word(entry)?, entry.node.span.clone());
            return Some(ParamConfig::read(self, &entry.no_fields(), name, kind));
        }
        let fields = self.fields(&ParamConfig::SECTION, entry)?;
        let kind = match fields.entry("type") {
            Some(kind) => At::new(self.word(&kind)?, kind.node.span.clone()),
            None => At::new(ParamType::String, name.span.clone()),
        };
        Some(ParamConfig::read(self, &fields, name, kind))
    }
}
