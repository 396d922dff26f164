//! Text → [`Node`]: one YAML document within fixed bounds, every part with its place.
//!
//! `serde_yaml` (serde-saphyr) does the parsing. Duplicate keys and merge keys are handled here
//! rather than there, because its answers name one place and we want to mark both.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Options, Spanned};

use super::line;
use super::node::{Node, NodeValue};
use super::yaml_scan::{Reading, surprises};
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span};

/// The largest file that is parsed, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// How deep a document may nest: a level takes up to 30 KiB of stack in an unoptimised build, and a
/// thread of the runtime has 2 MiB.
const MAX_DEPTH: usize = 32;
/// Values of one document, after aliases are followed.
const MAX_NODES: usize = 500_000;
/// Values that all aliases of one document together may stand for: ten thousand routes that merge
/// the same few fields are well below.
const MAX_ALIASED_EVENTS: usize = 100_000;
/// Values that are marked for aliases, those inside of others counted again.
const MAX_MARKED_EVENTS: usize = 10_000;
/// Bytes of text of one document, after aliases are followed: a whole file and as much again.
const MAX_SCALAR_BYTES: usize = 20 * 1024 * 1024;

/// Parses one document; nothing where the text is no YAML, and then the report says why.
pub(crate) fn parse(file: &Arc<SourceFile>, report: &mut Report) -> Option<Node> {
    let surprises = surprises(file, Reading::Config);
    // Where a space is none, what the rest says follows from that.
    let is_misread = surprises.iter().any(|found| found.code == Code::InvisibleCharacter);
    for found in surprises {
        report.push(found);
    }
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(&file.text, options()) {
        Ok(_) if is_misread => None,
        Ok(raw) => Some(NodeBuilder { file, report }.node(raw)),
        Err(error) => {
            let found = super::yaml_error::diagnose(file, &error);
            if !report.iter().any(|known| known.place() == found.place()) {
                report.push(found);
            }
            None
        }
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 2,
            max_documents: 2,
            max_total_scalar_bytes: MAX_SCALAR_BYTES,
            max_recorded_anchor_events: MAX_MARKED_EVENTS,
            flow_nesting_limit: MAX_DEPTH,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_EVENTS,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

/// A value as the parser gives it.
enum Raw {
    /// Neither a list nor a mapping.
    Scalar(NodeValue),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

/// Declares what becomes of each kind of scalar.
macro_rules! scalars {
    ($($visit:ident($($value:ident: $type:ty)?) => $node:expr;)+) => {
        $(fn $visit<E>(self, $($value: $type)?) -> Result<Raw, E> {
            Ok(Raw::Scalar($node))
        })+
    };
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a YAML value")
    }

    scalars! {
        visit_bool(flag: bool) => NodeValue::Bool(flag);
        visit_i64(number: i64) => NodeValue::Number(number.into());
        visit_u64(number: u64) => NodeValue::Number(number.into());
        visit_f64(number: f64) => Number::from_f64(number)
            .map_or_else(|| NodeValue::Text(number.to_string()), NodeValue::Number);
        visit_str(text: &str) => NodeValue::Text(text.to_owned());
        visit_string(text: String) => NodeValue::Text(text);
        visit_unit() => NodeValue::Null;
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(Raw::Map(fields))
    }
}

/// Turns the parser's tree into ours: places, merge keys, duplicate keys.
struct NodeBuilder<'a> {
    file: &'a Arc<SourceFile>,
    report: &'a mut Report,
}

impl NodeBuilder<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let mut span = span_of(self.file, &raw.defined);
        if let Some(text) = self.unquoted_braces(&raw.value, &span) {
            return text;
        }
        let value = match raw.value {
            Raw::Scalar(value) => value,
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                span = self.enclose(&span, items.iter().map(|item| &item.span));
                NodeValue::List(items)
            }
            Raw::Map(fields) => {
                let fields = self.fields(fields);
                let nodes = fields.iter().map(|(_, node)| &node.span);
                span = self.enclose(&span, nodes.chain(fields.iter().map(|(key, _)| &key.span)));
                NodeValue::Map(fields)
            }
        };
        if let (NodeValue::Null | NodeValue::Text(_), Some(warning)) =
            (&value, line::comment_ate(&span))
        {
            self.report.push(warning);
        }
        Node { value, span }
    }

    /// The text that was meant, where a mapping is `{{name}}` without quotes.
    fn unquoted_braces(&mut self, value: &Raw, span: &Span) -> Option<Node> {
        let Raw::Map(fields) = value else { return None };
        if !fields.iter().any(|(key, _)| matches!(key.value, Raw::Map(_))) {
            return None;
        }
        let (diagnostic, span, text) = line::braces(self.file, span.range().start)?;
        self.report.push(diagnostic);
        Some(Node { value: NodeValue::Text(text), span })
    }

    fn fields(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Vec<(At<String>, Node)> {
        let mut fields: Vec<(At<String>, Node)> = Vec::with_capacity(raw.len());
        let mut merged = Merged::default();
        let mut seen = HashMap::with_capacity(raw.len());
        for (key, value) in raw {
            let Some(key) = self.key(key) else { continue };
            let value = self.node(value);
            if key.value == "<<" && key.span.text() == "<<" {
                self.merge(&mut merged, value);
                continue;
            }
            if let Some(first) = seen.insert(key.value.clone(), key.span.clone()) {
                self.duplicate_key(&key, &first);
                seen.insert(key.value, first);
                continue;
            }
            fields.push((key, value));
        }
        merged.fields.retain(|(key, _)| !seen.contains_key(&key.value));
        fields.extend(merged.fields);
        fields
    }

    fn duplicate_key(&mut self, key: &At<String>, first: &Span) {
        let path = key.value.rsplit(' ').next().unwrap_or_default();
        let (code, message) = if path.starts_with('/') {
            (Code::DuplicateRoute, format!("`{}` is defined twice", key.value))
        } else {
            let message = format!("`{}` is there twice in one mapping", key.value);
            (Code::YamlDuplicateKey, message)
        };
        let diagnostic = Diagnostic::twice(code, message, &key.span, first);
        self.report.push(diagnostic.help("remove one of them"));
    }

    /// What a merge key brings: the fields of a mapping, or of several, the first wins.
    fn merge(&mut self, merged: &mut Merged, value: Node) {
        match value.value {
            NodeValue::Map(fields) => {
                let is_new = |(key, _): &(At<String>, Node)| merged.names.insert(key.value.clone());
                merged.fields.extend(fields.into_iter().filter(is_new));
            }
            NodeValue::List(items) => items.into_iter().for_each(|item| self.merge(merged, item)),
            _ => self.report.push(
                Diagnostic::new(
                    Code::BadType,
                    format!("`<<` takes a mapping, and this is {}", value.kind()),
                    &value.span,
                )
                .help("write `<<: *name`, where `&name` marks a mapping"),
            ),
        }
    }

    fn key(&mut self, raw: Spanned<Raw>) -> Option<At<String>> {
        let span = span_of(self.file, &raw.defined);
        let text = match raw.value {
            Raw::Scalar(NodeValue::Text(text)) => text,
            Raw::Scalar(_) if !span.text().is_empty() => span.text().to_owned(),
            _ => {
                self.report.push(line::odd_key(&span));
                return None;
            }
        };
        Some(At::new(text, span))
    }

    /// From the start of `outer` to the end of its last part, and to the bracket that closes it.
    /// Items that stand before it come from aliases.
    fn enclose<'s>(&self, outer: &Span, parts: impl Iterator<Item = &'s Span>) -> Span {
        let range = outer.range();
        let ends = parts.map(Span::range).filter(|part| part.start >= range.start);
        let end = ends.map(|part| part.end).fold(range.end, usize::max);
        let close = match outer.text().chars().next() {
            Some('{') => '}',
            Some('[') => ']',
            _ => return Span::new(self.file, range.start..end),
        };
        let rest = self.file.text.get(end..).unwrap_or_default();
        let after = rest.trim_start_matches(BETWEEN).strip_prefix(close);
        let end = after.map_or(end, |after| self.file.text.len() - after.len());
        Span::new(self.file, range.start..end)
    }
}

/// What the merge keys of a mapping bring.
#[derive(Default)]
struct Merged {
    names: HashSet<String>,
    fields: Vec<(At<String>, Node)>,
}

/// What may stand between the last part of a mapping or list in brackets and its end.
const BETWEEN: [char; 5] = [' ', '\t', '\r', '\n', ','];

/// The place that the parser means.
pub(super) fn span_of(file: &Arc<SourceFile>, at: &Location) -> Span {
    // A number beyond the text is as its end.
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match (at.span().byte_offset(), at.span().byte_len()) {
        (Some(start), Some(length)) => {
            let start = number(start);
            Span::new(file, start..start.saturating_add(number(length)))
        }
        _ => Span::at(file, number(at.line()), number(at.column()), 1),
    }
}
