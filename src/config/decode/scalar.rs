//! Single values: text, numbers, durations, sizes, booleans, words.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Decoder, Fields};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Span, nearest};
use crate::units::{self, Ttl, UnitError};

/// The value as a person typed it, for messages: what the environment filled in is never shown.
pub(super) fn shown(node: &Node) -> String {
    match &node.value {
        NodeValue::Text(text) => typed(text, &node.span).to_owned(),
        _ => node.span.text().to_owned(),
    }
}

/// As [`shown`], of a text that has been read already.
pub(in crate::config) fn typed<'t>(text: &'t str, span: &'t Span) -> &'t str {
    let source = span.text();
    if source.contains("${") { source.trim_matches(['"', '\'']) } else { text }
}

/// Whether the environment filled in a part of it, so that a text may stand for a number.
fn from_environment(node: &Node) -> bool {
    node.span.text().contains("${")
}

/// A number, boolean or text as text, in the way that it is typed.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Bool(flag) => Some(flag.to_string()),
        NodeValue::Number(number) => {
            // `1.10` is a number to YAML, but what is typed is what is meant.
            let typed = node.span.text();
            Some(if typed.is_empty() { number.to_string() } else { typed.to_owned() })
        }
        _ => None,
    }
}

impl Decoder<'_> {
    /// A field's text.
    pub(super) fn text(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let node = fields.get(name)?;
        self.text_of(&format!("`{name}`"), node)
    }

    /// A text; a number or boolean is refused with the quotes that make it one.
    pub(super) fn text_of(&mut self, what: &str, node: &Node) -> Option<At<String>> {
        match &node.value {
            NodeValue::Text(text) => Some(At::new(text.clone(), node.span.clone())),
            NodeValue::Number(_) | NodeValue::Bool(_) => {
                let message = format!("{what} takes a string, and this is {}", node.kind());
                let help = format!("put it in quotes: \"{}\"", node.span.text());
                self.error(Code::BadType, message, &node.span, &help);
                None
            }
            _ => {
                self.wrong_type(what, "a string", node);
                None
            }
        }
    }

    /// A field's text that is not empty.
    pub(super) fn filled(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let text = self.text(fields, name)?;
        if text.value.trim().is_empty() {
            self.error(Code::BadType, format!("`{name}` is empty"), &text.span, "");
            return None;
        }
        Some(text)
    }

    /// A field's list of texts.
    pub(super) fn texts(&mut self, fields: &Fields, name: &str) -> Vec<At<String>> {
        let what = format!("`{name}`");
        let items = self.items(&what, fields.get(name));
        let item = format!("an item of `{name}`");
        items.iter().filter_map(|node| self.text_of(&item, node)).collect()
    }

    /// A field's lifetime.
    pub(super) fn ttl(&mut self, fields: &Fields, name: &str) -> Option<At<Ttl>> {
        let node = fields.get(name)?;
        self.time(name, node, units::parse_ttl, UnitError::lifetime_help)
    }

    /// A field's duration, which is not `off`.
    pub(super) fn duration(&mut self, fields: &Fields, name: &str) -> Option<At<Duration>> {
        let node = fields.get(name)?;
        self.time(name, node, units::parse_duration, UnitError::duration_help)
    }

    pub(super) fn time<T>(
        &mut self,
        name: &str,
        node: &Node,
        parse: fn(&str) -> Result<T, UnitError>,
        help: fn(UnitError) -> &'static str,
    ) -> Option<At<T>> {
        let parsed = match &node.value {
            NodeValue::Text(text) => parse(text),
            NodeValue::Number(number) => parse(&number.to_string()),
            NodeValue::Bool(false) => Err(UnitError::Zero),
            _ => {
                self.wrong_type(&format!("`{name}`"), "a duration", node);
                return None;
            }
        };
        match parsed {
            Ok(value) => Some(At::new(value, node.span.clone())),
            Err(why) => {
                let message = format!("`{}` is no duration for `{name}`", shown(node));
                self.error(Code::BadDuration, message, &node.span, help(why));
                None
            }
        }
    }

    /// A field's size in bytes.
    pub(super) fn size(&mut self, fields: &Fields, name: &str) -> Option<u64> {
        let node = fields.get(name)?;
        let parsed = match &node.value {
            NodeValue::Text(text) => units::parse_size(text),
            NodeValue::Number(number) => units::parse_size(&number.to_string()),
            _ => {
                self.wrong_type(&format!("`{name}`"), "a size", node);
                return None;
            }
        };
        parsed
            .map_err(|why| {
                let message = format!("`{}` is no size for `{name}`", shown(node));
                self.error(Code::BadSize, message, &node.span, why.size_help());
            })
            .ok()
    }

    /// A field's whole number within bounds.
    pub(super) fn whole(
        &mut self,
        fields: &Fields,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let node = fields.get(name)?;
        self.whole_of(&format!("`{name}`"), node, bounds, Code::BadType).map(|at| at.value)
    }

    pub(super) fn whole_of(
        &mut self,
        what: &str,
        node: &Node,
        bounds: RangeInclusive<u64>,
        code: Code,
    ) -> Option<At<u64>> {
        let number = match &node.value {
            NodeValue::Number(number) => number.as_u64(),
            NodeValue::Text(text) if from_environment(node) => text.trim().parse().ok(),
            _ => {
                self.wrong_type(what, "a whole number", node);
                return None;
            }
        };
        let Some(number) = number.filter(|number| bounds.contains(number)) else {
            let (low, high) = (bounds.start(), bounds.end());
            let message = format!("`{}` is out of bounds for {what}", shown(node));
            let help = format!("write a whole number from {low} to {high}");
            self.error(code, message, &node.span, &help);
            return None;
        };
        Some(At::new(number, node.span.clone()))
    }

    /// A field's finite number.
    pub(super) fn number(&mut self, fields: &Fields, name: &str) -> Option<At<f64>> {
        let node = fields.get(name)?;
        let number = match &node.value {
            NodeValue::Number(number) => number.as_f64(),
            NodeValue::Text(text) if from_environment(node) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number.filter(|number| number.is_finite()) else {
            self.wrong_type(&format!("`{name}`"), "a number", node);
            return None;
        };
        Some(At::new(number, node.span.clone()))
    }

    /// A field's boolean.
    pub(super) fn flag(&mut self, fields: &Fields, name: &str) -> Option<bool> {
        let node = fields.get(name)?;
        match &node.value {
            NodeValue::Bool(flag) => Some(*flag),
            NodeValue::Text(text) if from_environment(node) && text == "true" => Some(true),
            NodeValue::Text(text) if from_environment(node) && text == "false" => Some(false),
            NodeValue::Text(_) | NodeValue::Number(_) => {
                let quoted = node.span.text().starts_with(['"', '\'']);
                let (message, help) = if quoted {
                    (
                        format!("{} is a string, not a boolean", node.span.text()),
                        "remove the quotes",
                    )
                } else {
                    (format!("`{}` is not a boolean", shown(node)), "write true or false")
                };
                self.error(Code::BadBool, message, &node.span, help);
                None
            }
            _ => {
                self.wrong_type(&format!("`{name}`"), "a boolean", node);
                None
            }
        }
    }

    /// A field's word: its index among `words`.
    pub(super) fn word(&mut self, fields: &Fields, name: &str, words: &[&str]) -> Option<usize> {
        let node = fields.get(name)?;
        self.word_of(&format!("`{name}`"), node, words)
    }

    pub(super) fn word_of(&mut self, what: &str, node: &Node, words: &[&str]) -> Option<usize> {
        let at = match &node.value {
            NodeValue::Text(text) => words.iter().position(|word| word == text),
            NodeValue::Bool(_) | NodeValue::Number(_) => None,
            _ => {
                self.wrong_type(what, "a word", node);
                return None;
            }
        };
        if at.is_none() {
            let typed = shown(node);
            let message = format!("`{typed}` is no value for {what}");
            let help = match nearest(&typed, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write one of {}", words.join(", ")),
            };
            self.error(Code::BadType, message, &node.span, &help);
        }
        at
    }
}
