//! A YAML value with the place of each of its parts.

use serde_json::{Map, Number, Value};

use crate::diagnostic::{At, Span};

/// A YAML value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Its place; of a block scalar, from its first line of text.
    pub span: Span,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole or finite number.
    Number(Number),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file, no key twice.
    Map(Vec<(At<String>, Node)>),
}

impl Node {
    /// The same value without places.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(flag) => Value::Bool(*flag),
            NodeValue::Number(number) => Value::Number(number.clone()),
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Map(fields) => {
                let fields = fields.iter().map(|(key, node)| (key.value.clone(), node.to_json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// A field of a mapping.
    pub(crate) fn field(&self, name: &str) -> Option<&(At<String>, Self)> {
        match &self.value {
            NodeValue::Map(fields) => fields.iter().find(|(key, _)| key.value == name),
            _ => None,
        }
    }

    /// What kind of value it is, in words: `a mapping`.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "a boolean",
            NodeValue::Number(_) => "a number",
            NodeValue::Text(_) => "a string",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "a mapping",
        }
    }
}
