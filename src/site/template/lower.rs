//! The engine's compiled template → [`Node`]s with places.
//!
//! The engine keeps line and column of tags, not of what is in them: names are found again in the
//! tag's text. Its `PathSeg::Ruled` holds a type that is not public, known by its debug text alone;
//! the version of the engine is pinned for this, and a test holds the texts.

use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement,
};
use handlebars::{Path as EnginePath, PathSeg, Template};
use serde_json::Value;

use super::functions::{self, Function};
use super::lexical;
use super::markup::{ESCAPED_JSON, Form};
use super::node::{Base, Block, Call, Expr, Inline, Node, Partial, Path, Target};
use super::origin::Origin;
use super::scan::Scan;
use crate::diagnostic::Span;

/// Turns a compiled template into nodes.
pub(super) fn lower(template: &Template, origin: &Origin, scan: &Scan) -> Vec<Node> {
    Lowering { origin, scan }.template(template, 0)
}

struct Lowering<'t> {
    origin: &'t Origin,
    scan: &'t Scan,
}

impl Lowering<'_> {
    /// `near` is the start of the tag around, for elements that the engine keeps no place of.
    fn template(&self, template: &Template, near: usize) -> Vec<Node> {
        let places = template.mapping.iter().map(|at| self.origin.offset(at.0, at.1));
        let places = places.map(Some).chain(std::iter::repeat(None));
        let elements = template.elements.iter().zip(places);
        elements.filter_map(|(element, at)| self.element(element, at.unwrap_or(near))).collect()
    }

    fn element(&self, element: &TemplateElement, at: usize) -> Option<Node> {
        match element {
            TemplateElement::Expression(call) => {
                let expr = self.print(call, at);
                let form = match &expr {
                    Expr::Call(printed) if is_raw(printed, call) => Form::Raw,
                    _ => Form::Escaped,
                };
                Some(Node::Print(expr, form))
            }
            TemplateElement::HtmlExpression(call) => {
                Some(Node::Print(self.print(call, at), Form::Raw))
            }
            TemplateElement::RawString(text) => Some(Node::Text(text.clone())),
            TemplateElement::HelperBlock(call) => {
                let elses = self.scan.elses.get(&at).map(Vec::as_slice).unwrap_or_default();
                Some(Node::Block(self.block(call, at, elses)))
            }
            TemplateElement::DecoratorExpression(call) | TemplateElement::DecoratorBlock(call) => {
                Some(Node::Inline(self.inline(call, at)))
            }
            TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                Some(Node::Partial(self.partial(call, at)))
            }
            TemplateElement::Comment(_) | _ => None,
        }
    }

    fn print(&self, call: &HelperTemplate, at: usize) -> Expr {
        let is_function = match &call.name {
            name @ (Parameter::Path(_) | Parameter::Name(_)) => {
                name.as_name().is_some_and(functions::is_name_alone)
            }
            _ => false,
        };
        if is_function || !call.params.is_empty() || !call.hash.is_empty() {
            return Expr::Call(self.call(call, at));
        }
        self.expr(&call.name, at)
    }

    fn call(&self, call: &HelperTemplate, at: usize) -> Call {
        let name = own_name(call.name.as_name().unwrap_or_default());
        Call {
            name: name.to_owned(),
            args: self.exprs(&call.params, at),
            hash: self.hash(&call.hash, at),
            place: self.place(at, name),
            field: self.field(call.params.get(1), at),
            bare: call.params.is_empty() && call.hash.is_empty() && !call.block,
        }
    }

    fn block(&self, call: &HelperTemplate, at: usize, elses: &[usize]) -> Block {
        let next = elses.first().copied().unwrap_or(at);
        let other = call.inverse.as_ref().map(|other| match other.elements.as_slice() {
            // `{{else if x}}`: a block without a place of its own.
            [TemplateElement::HelperBlock(chained)] if other.mapping.is_empty() => {
                let rest = elses.get(1..).unwrap_or_default();
                vec![Node::Block(self.block(chained, next, rest))]
            }
            _ => self.template(other, next),
        });
        let params = match &call.block_param {
            Some(BlockParam::Single(one)) => vec![one],
            Some(BlockParam::Pair((value, key))) => vec![value, key],
            Some(_) | None => Vec::new(),
        };
        let params = params.iter().filter_map(|one| one.as_name()).map(ToOwned::to_owned);
        Block {
            call: self.call(call, at),
            params: params.collect(),
            body: self.body(call.template.as_ref(), at).unwrap_or_default(),
            other: other.unwrap_or_default(),
        }
    }

    fn inline(&self, call: &DecoratorTemplate, at: usize) -> Inline {
        let decorator = call.name.as_name().unwrap_or_default();
        Inline {
            decorator: decorator.to_owned(),
            args: self.exprs(&call.params, at),
            body: self.body(call.template.as_ref(), at).unwrap_or_default(),
            place: self.place(at, decorator),
        }
    }

    fn partial(&self, call: &DecoratorTemplate, at: usize) -> Partial {
        let target = match &call.name {
            Parameter::Name(_) | Parameter::Path(_) => {
                match call.name.as_name().unwrap_or_default() {
                    "@partial-block" => Target::Block,
                    name => {
                        let quoted =
                            name.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
                        Target::Named(quoted.unwrap_or(name).to_owned())
                    }
                }
            }
            computed => Target::Computed(self.expr(computed, at)),
        };
        Partial {
            target,
            args: self.exprs(&call.params, at),
            hash: self.hash(&call.hash, at),
            body: self.body(call.template.as_ref(), at),
            place: self.place(at, call.name.as_name().unwrap_or("(")),
        }
    }

    fn body(&self, template: Option<&Template>, at: usize) -> Option<Vec<Node>> {
        template.map(|template| self.template(template, at))
    }

    fn exprs(&self, list: &[Parameter], at: usize) -> Vec<Expr> {
        list.iter().map(|parameter| self.expr(parameter, at)).collect()
    }

    fn hash<'h>(
        &self,
        hash: impl IntoIterator<Item = (&'h String, &'h Parameter)>,
        at: usize,
    ) -> Vec<(String, Expr)> {
        let entry = |(name, value): (&String, &Parameter)| (name.clone(), self.expr(value, at));
        let mut hash: Vec<_> = hash.into_iter().map(entry).collect();
        hash.sort_by(|one, other| one.0.cmp(&other.0));
        hash
    }

    fn expr(&self, parameter: &Parameter, at: usize) -> Expr {
        match parameter {
            Parameter::Name(name) => self.path(Base::Scope(0), vec![name.clone()], name, at),
            Parameter::Path(EnginePath::Local((_, _, raw))) => {
                self.path(Base::Local, vec![raw.clone()], raw, at)
            }
            Parameter::Path(EnginePath::Relative((segments, raw))) => {
                let (base, names) = resolve(segments);
                let is_bound = lexical::is_bound(segments);
                Expr::Path(Path { base, names, is_bound, place: self.place(at, raw) })
            }
            Parameter::Literal(value) => Expr::Literal(value.clone()),
            Parameter::Subexpression(sub) => match sub.as_element() {
                TemplateElement::Expression(call) => Expr::Call(self.call(call, at)),
                _ => Expr::Literal(Value::Null),
            },
            _ => Expr::Literal(Value::Null),
        }
    }

    fn path(&self, base: Base, names: Vec<String>, written: &str, at: usize) -> Expr {
        Expr::Path(Path { base, names, is_bound: false, place: self.place(at, written) })
    }

    /// The place of a text in quotes.
    fn field(&self, written: Option<&Parameter>, at: usize) -> Option<Span> {
        let Parameter::Literal(Value::String(text)) = written? else { return None };
        let tag = self.scan.tag(at)?;
        let inner = self.origin.text.get(tag.inner.clone())?;
        let quoted = [format!("\"{text}\""), format!("'{text}'")];
        let start = tag.inner.start + quoted.iter().find_map(|quoted| inner.find(quoted))?;
        Some(self.origin.span(start..start + text.len() + 2))
    }

    /// The place of `name` in the tag that begins at `at`; the whole tag where it is not found.
    fn place(&self, at: usize, name: &str) -> Span {
        let Some(tag) = self.scan.tag(at) else { return self.origin.span(at..at) };
        let inner = self.origin.text.get(tag.inner.clone()).unwrap_or_default();
        let found = find_word(inner, name).map(|found| tag.inner.start + found);
        self.origin.span(found.map_or(tag.range.clone(), |start| start..start + name.len()))
    }
}

/// Whether a call prints what it gives as it stands.
fn is_raw(call: &Call, written: &HelperTemplate) -> bool {
    written.name.as_name() != Some(ESCAPED_JSON)
        && functions::find(&call.name).is_some_and(Function::is_raw)
}

/// A helper's name as it is written.
fn own_name(name: &str) -> &str {
    if name == ESCAPED_JSON { "json" } else { name }
}

/// What the segments of a path mean, by the engine's rules: `@root` wins over what follows, each
/// `..` is a scope further out, and the engine's mark of a local variable without a name is
/// nothing.
fn resolve(segments: &[PathSeg]) -> (Base, Vec<String>) {
    let mut up = 0;
    let mut base = None;
    for segment in segments {
        let PathSeg::Ruled(rule) = segment else { break };
        match format!("{rule:?}").as_str() {
            "path_up" => up += 1,
            "path_root" => {
                base = Some(Base::Root);
                break;
            }
            _ => break,
        }
    }
    let named = segments.iter().filter_map(|segment| match segment {
        PathSeg::Named(name) => Some(name.clone()),
        _ => None,
    });
    (base.unwrap_or(Base::Scope(up)), named.collect())
}

/// Where `word` stands in `text` by itself.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || "_-.@/$".contains(c);
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
