//! A value whose strings are templates.
//!
//! A string that is one expression and nothing else keeps its type: a path gives the value itself,
//! null where there is none; a helper that larder or the engine computes gives its value (`len` a
//! number, `eq` a boolean, `where` a list), any other the text that it prints. `json` and
//! `markdown` give text. Every other string is text with the expressions filled in, nothing
//! escaped.

use std::collections::HashMap;

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use handlebars::{Context, Handlebars, RenderContext, Template};
use serde_json::{Map, Value};

use super::kind::Escape;
use super::meter::{self, Bounds, RenderError, is_unwanted};
use super::node::{Expr, Node};
use super::reads::Reads;
use super::set::{TemplateId, TemplateSet};
use super::{found, lenient};
use crate::config::{Node as YamlNode, NodeValue};
use crate::diagnostic::{At, Report};
use crate::fingerprint::Hasher;

/// A value whose strings are templates: the `json` of a route.
#[derive(Clone, Debug)]
pub enum JsonTemplate {
    /// As it stands.
    Plain(Value),
    /// A string with expressions in it.
    Text(TemplateId),
    /// One expression, with its type.
    Typed(TemplateId, Parameter),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(Vec<(String, Self)>),
}

impl JsonTemplate {
    /// Compiles the strings of `node` into `set`. A string that does not parse is in the report.
    pub fn compile(node: &YamlNode, set: &mut TemplateSet, report: &mut Report) -> Self {
        match &node.value {
            NodeValue::Text(text) if text.contains("{{") => {
                let text = At::new(text.clone(), node.span.clone());
                match set.inline("", &text, Escape::None) {
                    Ok(id) => Self::of_template(id, &text.value, set),
                    Err(found) => {
                        report.push(found);
                        Self::Plain(Value::Null)
                    }
                }
            }
            NodeValue::List(items) => {
                let items = items.iter().take_while(|_| !is_unwanted());
                let items = items.map(|item| Self::compile(item, set, report));
                Self::List(items.collect())
            }
            NodeValue::Map(fields) => {
                let field = |(name, node): &(At<String>, YamlNode)| {
                    (name.value.clone(), Self::compile(node, set, report))
                };
                let fields = fields.iter().take_while(|_| !is_unwanted());
                Self::Map(fields.map(field).collect())
            }
            _ => Self::Plain(node.to_json()),
        }
    }

    /// The templates that its strings are, for [`TemplateSet::check`].
    pub fn templates(&self) -> Vec<TemplateId> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(id) | Self::Typed(id, _) => vec![*id],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Map(fields) => fields.iter().flat_map(|(_, field)| field.templates()).collect(),
        }
    }

    /// What all strings together may read, and what gives the status; the digest is of the value as
    /// written, too.
    pub(crate) fn reads(&self, set: &TemplateSet, status: Option<TemplateId>) -> Reads {
        let pages = self.templates().into_iter().chain(status).map(|id| (id, None));
        let reads = found::reads(set, pages);
        let digest = Hasher::default().field(self.skeleton().to_string());
        Reads { digest: digest.field(reads.digest.as_bytes()).finish(), ..reads }
    }

    /// Makes the value. `bounds.bytes` and `bounds.time` are for all strings together.
    ///
    /// # Errors
    /// Where a string cannot be rendered.
    pub fn render(
        &self,
        set: &TemplateSet,
        context: &Context,
        bounds: &Bounds,
    ) -> Result<Value, RenderError> {
        let mut left = *bounds;
        meter::under(bounds, &set.clock, || self.render_within(set, context, &mut left))
    }

    fn of_template(id: TemplateId, text: &str, set: &mut TemplateSet) -> Self {
        let unit = set.unit_mut(id);
        let (Some(parameter), [Node::Print(expr, _)]) = (single(text), unit.nodes.as_slice())
        else {
            return Self::Text(id);
        };
        unit.typed = true;
        let parameter = match (parameter, expr) {
            // A name alone is the helper of that name, where there is one.
            (name @ (Parameter::Path(_) | Parameter::Name(_)), Expr::Call(_)) => {
                Parameter::Subexpression(Subexpression::new(name, Vec::new(), HashMap::new()))
            }
            (other, _) => other,
        };
        Self::Typed(id, parameter)
    }

    /// The value with marks for its templates, whose texts are digested by themselves.
    fn skeleton(&self) -> Value {
        let mark = |kind: &str| Value::Object(Map::from_iter([(kind.to_owned(), Value::Null)]));
        match self {
            Self::Plain(value) => Value::Array(vec![value.clone()]),
            Self::Text(_) => mark("text"),
            Self::Typed(..) => mark("value"),
            Self::List(items) => Value::Array(items.iter().map(Self::skeleton).collect()),
            Self::Map(fields) => {
                let fields = fields.iter().map(|(name, field)| (name.clone(), field.skeleton()));
                Value::Object(fields.collect())
            }
        }
    }

    fn render_within(
        &self,
        set: &TemplateSet,
        context: &Context,
        left: &mut Bounds,
    ) -> Result<Value, RenderError> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Text(id) => {
                let text = set.run(*id, context, left)?;
                left.bytes = left.bytes.saturating_sub(text.len());
                Ok(Value::String(text))
            }
            Self::Typed(id, parameter) => {
                let (_, engine) = set.compiled(*id);
                let run = |parameter: &Parameter, engine: &Handlebars<'static>| {
                    let value = parameter.expand(engine, context, &mut RenderContext::new(None));
                    value.map(|value| value.value().clone())
                };
                let value = engine.run(parameter, lenient::parameter, run);
                value.map_err(|why| set.failure(*id, &why))
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.render_within(set, context, left));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(fields) => {
                let field = |(name, field): &(String, Self)| {
                    Ok((name.clone(), field.render_within(set, context, left)?))
                };
                fields.iter().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}

/// The expression that a text is, where it is nothing else.
fn single(text: &str) -> Option<Parameter> {
    let template = Template::compile(text).ok()?;
    let [TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call)] =
        template.elements.as_slice()
    else {
        return None;
    };
    if call.params.is_empty() && call.hash.is_empty() {
        return Some(call.name.clone());
    }
    let (name, args) = (call.name.clone(), call.params.clone());
    Some(Parameter::Subexpression(Subexpression::new(name, args, call.hash.clone())))
}
