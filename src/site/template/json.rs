//! A value whose strings are templates.
//!
//! A string that is one expression and nothing else keeps its type: a path gives the value itself,
//! null where there is none; a helper that larder or the engine computes gives its value (`len` a
//! number, `eq` a boolean, `where` a list), any other the text that it prints. `json` and
//! `markdown` give text. Every other string is text with the expressions filled in, nothing
//! escaped.

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use handlebars::{Context, RenderContext, Template};
use serde_json::{Map, Value};

use super::bounds::{Bounds, RenderError};
use super::kind::Escape;
use super::meter;
use super::node::{Expr, Node};
use super::reads::{Read, Reads};
use super::set::{TemplateId, TemplateSet};
use crate::config::{Node as YamlNode, NodeValue};
use crate::diagnostic::{At, Report};
use crate::fingerprint::Hasher;

/// A value whose strings are templates: the `json` of a route.
#[derive(Clone, Debug)]
pub struct JsonTemplate {
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// As it stands.
    Plain(Value),
    /// A string with expressions in it.
    Text(TemplateId),
    /// One expression, with its type.
    Typed(TemplateId, Parameter),
    List(Vec<Shape>),
    Map(Vec<(String, Shape)>),
}

impl JsonTemplate {
    /// Compiles the strings of `node` into `set`. A string that does not parse is in the report.
    #[must_use]
    pub fn compile(node: &YamlNode, set: &mut TemplateSet) -> (Self, Report) {
        let mut report = Report::default();
        let shape = Shape::compile(node, set, &mut report);
        (Self { shape }, report)
    }

    /// The templates that its strings are, for [`TemplateSet::check`].
    #[must_use]
    pub fn templates(&self) -> Vec<TemplateId> {
        let mut list = Vec::new();
        self.shape.templates(&mut list);
        list
    }

    /// What all strings together may read; the digest is of the value as written, too.
    #[must_use]
    pub fn reads(&self, set: &TemplateSet) -> Reads {
        let mut all = Reads::default();
        let mut hasher = Hasher::default().field(self.shape.skeleton().to_string());
        for id in self.templates() {
            let reads = set.reads(id, None);
            hasher.add(reads.digest.as_bytes());
            all.templates.extend(reads.templates);
            for (name, place) in reads.assets {
                all.assets.entry(name).or_insert(place);
            }
            for read in reads.list {
                add(&mut all.list, read);
            }
        }
        all.digest = hasher.finish();
        all
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
        meter::under(bounds, &set.clock, || self.shape.render(set, context, &mut left))
    }
}

fn add(list: &mut Vec<Read>, read: Read) {
    match list.iter_mut().find(|known| known.path == read.path && known.how == read.how) {
        Some(known) => known.optional &= read.optional,
        None => list.push(read),
    }
}

impl Shape {
    fn compile(node: &YamlNode, set: &mut TemplateSet, report: &mut Report) -> Self {
        match &node.value {
            NodeValue::Text(text) if text.contains("{{") => {
                let text = At::new(text.clone(), node.span.clone());
                match set.inline(&text.span.to_string(), &text, Escape::None) {
                    Ok(id) => Self::of_template(id, &text.value, set),
                    Err(problems) => {
                        report.extend(problems);
                        Self::Plain(Value::Null)
                    }
                }
            }
            NodeValue::List(items) => {
                let items = items.iter().map(|item| Self::compile(item, set, report));
                Self::List(items.collect())
            }
            NodeValue::Map(fields) => {
                let field = |(name, node): &(At<String>, YamlNode)| {
                    (name.value.clone(), Self::compile(node, set, report))
                };
                Self::Map(fields.iter().map(field).collect())
            }
            _ => Self::Plain(node.to_json()),
        }
    }

    fn of_template(id: TemplateId, text: &str, set: &mut TemplateSet) -> Self {
        let Some(parameter) = single(text) else { return Self::Text(id) };
        match set.unit_mut(id) {
            Some(unit) if matches!(unit.nodes.as_slice(), [Node::Print(_)]) => {
                unit.typed = true;
                // A name alone is the helper of that name, where there is one.
                let helper = matches!(unit.nodes.as_slice(), [Node::Print(Expr::Call(_))]);
                let parameter = match parameter {
                    name @ (Parameter::Path(_) | Parameter::Name(_)) if helper => {
                        let (args, hash) = (Vec::new(), std::collections::HashMap::new());
                        Parameter::Subexpression(Subexpression::new(name, args, hash))
                    }
                    other => other,
                };
                Self::Typed(id, parameter)
            }
            _ => Self::Text(id),
        }
    }

    fn templates(&self, list: &mut Vec<TemplateId>) {
        match self {
            Self::Plain(_) => {}
            Self::Text(id) | Self::Typed(id, _) => list.push(*id),
            Self::List(items) => items.iter().for_each(|item| item.templates(list)),
            Self::Map(fields) => fields.iter().for_each(|(_, field)| field.templates(list)),
        }
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

    fn render(
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
                let (engine, _) = set.compiled(*id)?;
                let mut state = RenderContext::new(None);
                let value = parameter.expand(engine, context, &mut state);
                value.map(|value| value.value().clone()).map_err(|why| set.failure(*id, &why))
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.render(set, context, left));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(fields) => {
                let field = |(name, field): &(String, Self)| {
                    Ok((name.clone(), field.render(set, context, left)?))
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
