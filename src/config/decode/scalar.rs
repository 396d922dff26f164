//! Single values: text, numbers, durations, sizes, booleans, words.

use std::time::Duration;

use super::{Decoder, Entry};
use crate::config::node::{Node, NodeValue};
use crate::config::section::Word;
use crate::diagnostic::{At, Code, Span, did_you_mean};
use crate::units::{self, RENDER_AT_MOST, UnitError};

/// The value as a person wrote it, for messages: what the environment filled in is never shown.
pub(super) fn as_written(node: &Node) -> String {
    match &node.value {
        NodeValue::Text(text) => text_as_written(text, &node.span).to_owned(),
        _ => node.span.text().to_owned(),
    }
}

/// As [`as_written`], of a text that has been read already.
pub(crate) fn text_as_written<'t>(text: &'t str, span: &'t Span) -> &'t str {
    let source = span.text();
    if source.contains("${") { source.trim_matches(['"', '\'']) } else { text }
}

/// Whether the environment filled in a part of it, so that a text may stand for a number.
fn from_environment(node: &Node) -> bool {
    node.span.text().contains("${")
}

/// A number, boolean or text as text, in the way that it is written.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Bool(flag) => Some(flag.to_string()),
        NodeValue::Number(number) => {
            // `1.10` is a number to YAML, but what is written is what is meant.
            let written = node.span.text();
            Some(if written.is_empty() { number.to_string() } else { written.to_owned() })
        }
        _ => None,
    }
}

/// How a text with units is read.
type Parse<T> = fn(&str) -> Result<T, UnitError>;
/// What a person should write instead.
type Help = fn(UnitError) -> &'static str;

impl Decoder<'_> {
    /// A text; a number or boolean is refused with the quotes that make it one.
    pub(super) fn text(&mut self, entry: &Entry) -> Option<At<String>> {
        let node = entry.node;
        match &node.value {
            NodeValue::Text(text) => Some(At::new(text.clone(), node.span.clone())),
            NodeValue::Number(_) | NodeValue::Bool(_) => {
                let message = format!("{} takes a string, and this is {}", entry.what, node.kind());
                let help = format!("put it in quotes: \"{}\"", node.span.text());
                self.refuse(Code::BadType, message, &node.span, &help)
            }
            _ => self.wrong_type(entry, "a string"),
        }
    }

    /// A text whose place nobody asks for.
    pub(super) fn plain_text(&mut self, entry: &Entry) -> Option<String> {
        self.text(entry).map(|text| text.value)
    }

    /// A text that is not empty.
    pub(super) fn filled(&mut self, entry: &Entry) -> Option<At<String>> {
        let text = self.text(entry)?;
        if text.value.trim().is_empty() {
            return self.refuse(Code::BadType, format!("{} is empty", entry.what), &text.span, "");
        }
        Some(text)
    }

    /// A text, number or boolean, as a request would write it.
    pub(super) fn scalar(&mut self, entry: &Entry) -> Option<At<String>> {
        match scalar_text(entry.node) {
            Some(text) => Some(At::new(text, entry.node.span.clone())),
            None => self.wrong_type(entry, "a string, number or boolean"),
        }
    }

    /// A lifetime, or `off`.
    pub(super) fn ttl(&mut self, entry: &Entry) -> Option<Option<Duration>> {
        self.time(entry, units::parse_ttl, UnitError::lifetime_help)
    }

    /// A duration, which is not `off`.
    pub(super) fn duration(&mut self, entry: &Entry) -> Option<Duration> {
        self.time(entry, units::parse_duration, UnitError::duration_help)
    }

    /// How long a render takes: less than what one may take.
    pub(super) fn delay(&mut self, entry: &Entry) -> Option<Duration> {
        let delay = self.duration(entry)?;
        if delay >= RENDER_AT_MOST {
            let message = format!("no render takes as long as `{}`", as_written(entry.node));
            let most = units::show_duration(RENDER_AT_MOST);
            let help = format!("a render is ended after {most}: write less");
            return self.refuse(Code::BadDuration, message, &entry.node.span, &help);
        }
        Some(delay)
    }

    fn time<T>(&mut self, entry: &Entry, parse: Parse<T>, help: Help) -> Option<T> {
        self.in_units(entry, ("duration", Code::BadDuration), parse, help)
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, entry: &Entry) -> Option<u64> {
        self.in_units(entry, ("size", Code::BadSize), units::parse_size, UnitError::size_help)
    }

    fn in_units<T>(
        &mut self,
        entry: &Entry,
        (name, code): (&str, Code),
        parse: Parse<T>,
        help: Help,
    ) -> Option<T> {
        let parsed = match &entry.node.value {
            NodeValue::Text(text) => parse(text),
            NodeValue::Number(number) => parse(&number.to_string()),
            // Some write it for `off`.
            NodeValue::Bool(false) if code == Code::BadDuration => Err(UnitError::Zero),
            _ => return self.wrong_type(entry, &format!("a {name}")),
        };
        let refused = |why| {
            let message = format!("`{}` is no {name} for {}", as_written(entry.node), entry.what);
            self.error(code, message, &entry.node.span, help(why));
        };
        parsed.map_err(refused).ok()
    }

    /// A whole number between two bounds, both included; `code` where it is another.
    pub(super) fn whole<N: TryFrom<u64>>(
        &mut self,
        entry: &Entry,
        low: u64,
        high: u64,
        code: Code,
    ) -> Option<N> {
        let node = entry.node;
        let number = match &node.value {
            NodeValue::Number(number) => number.as_u64(),
            NodeValue::Text(text) if from_environment(node) => text.trim().parse().ok(),
            _ => return self.wrong_type(entry, "a whole number"),
        };
        let within = number.filter(|number| (low..=high).contains(number));
        let number = within.and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            let message = format!("`{}` is out of bounds for {}", as_written(node), entry.what);
            let help = format!("write a whole number from {low} to {high}");
            self.error(code, message, &node.span, &help);
        }
        number
    }

    /// A finite number.
    pub(super) fn number(&mut self, entry: &Entry) -> Option<At<f64>> {
        let node = entry.node;
        let number = match &node.value {
            NodeValue::Number(number) => number.as_f64(),
            NodeValue::Text(text) if from_environment(node) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number.filter(|number| number.is_finite()) else {
            return self.wrong_type(entry, "a number");
        };
        Some(At::new(number, node.span.clone()))
    }

    /// A boolean.
    pub(super) fn flag(&mut self, entry: &Entry) -> Option<bool> {
        let node = entry.node;
        match &node.value {
            NodeValue::Bool(flag) => Some(*flag),
            NodeValue::Text(text) if from_environment(node) && text == "true" => Some(true),
            NodeValue::Text(text) if from_environment(node) && text == "false" => Some(false),
            NodeValue::Text(_) | NodeValue::Number(_) => {
                let written = node.span.text();
                let (message, help) = if written.starts_with(['"', '\'']) {
                    (format!("{written} is a string, not a boolean"), "remove the quotes")
                } else {
                    (format!("`{}` is not a boolean", as_written(node)), "write true or false")
                };
                self.refuse(Code::BadBool, message, &node.span, help)
            }
            _ => self.wrong_type(entry, "a boolean"),
        }
    }

    /// One of the words of an enum.
    pub(super) fn word<W: Word>(&mut self, entry: &Entry) -> Option<W> {
        let found = match &entry.node.value {
            NodeValue::Text(text) => W::WORDS.iter().find(|(word, _)| word == text),
            NodeValue::Bool(_) | NodeValue::Number(_) => None,
            _ => return self.wrong_type(entry, "a word"),
        };
        if found.is_none() {
            let written = as_written(entry.node);
            let message = format!("`{written}` is no value for {}", entry.what);
            let words = W::WORDS.iter().map(|(word, _)| *word);
            let help = did_you_mean(&written, words.clone()).unwrap_or_else(|| {
                format!("write one of {}", words.collect::<Vec<_>>().join(", "))
            });
            self.error(Code::BadType, message, &entry.node.span, &help);
        }
        found.map(|(_, value)| *value)
    }
}
