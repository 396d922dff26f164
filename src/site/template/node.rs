//! A template as the rest of this module sees it: the engine's own tree, with places, and with
//! what its paths mean spelled out.

use serde_json::Value;

use super::markup::Form;
use crate::diagnostic::Span;

/// Something in a template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// What stands as it is.
    Text(String),
    /// `{{x}}`, and how it is printed.
    Print(Expr, Form),
    /// `{{#x}}…{{else}}…{{/x}}`.
    Block(Block),
    /// `{{#*inline "name"}}…{{/inline}}`.
    Inline(Inline),
    /// `{{> name}}`.
    Partial(Partial),
}

/// A call with a body.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) call: Call,
    /// The names between bars: `as |value key|`.
    pub(super) params: Vec<String>,
    pub(super) body: Vec<Node>,
    /// After `else`.
    pub(super) other: Vec<Node>,
}

/// A partial written in place.
#[derive(Clone, Debug)]
pub(super) struct Inline {
    /// The decorator's name: `inline`, or one that does not exist.
    pub(super) decorator: String,
    /// Its arguments: the partial's name.
    pub(super) args: Vec<Expr>,
    pub(super) body: Vec<Node>,
    pub(super) place: Span,
}

impl Call {
    /// Its arguments, those by name last.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.args.iter().chain(self.hash.iter().map(|(_, value)| value))
    }

    /// The path that a call of `url` is given as it stands.
    pub(super) fn literal_url(&self) -> Option<&str> {
        match (self.name.as_str(), self.args.first()) {
            ("url", Some(Expr::Literal(Value::String(path)))) => Some(path),
            _ => None,
        }
    }

    /// The file that a call of `asset` names; nothing where it is computed, or no such call.
    pub(super) fn asset(&self) -> Option<&str> {
        match (self.name.as_str(), self.args.first()) {
            ("asset", Some(Expr::Literal(Value::String(name)))) => Some(name),
            _ => None,
        }
    }
}

impl Inline {
    /// The partial's name; nothing where it is computed.
    pub(super) fn name(&self) -> Option<&str> {
        match self.args.first() {
            Some(Expr::Literal(Value::String(name))) => Some(name),
            _ => None,
        }
    }
}

impl Partial {
    /// Its arguments, those by name last, and what gives its name.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let named = self.hash.iter().map(|(_, value)| value);
        let target = match &self.target {
            Target::Computed(name) => Some(name),
            Target::Named(_) | Target::Block => None,
        };
        self.args.iter().chain(named).chain(target)
    }
}

impl Expr {
    /// Where it is written; nothing for a literal.
    pub(super) fn place(&self) -> Option<&Span> {
        match self {
            Self::Path(path) => Some(&path.place),
            Self::Call(call) => Some(&call.place),
            Self::Literal(_) => None,
        }
    }
}

/// A call of a partial.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) target: Target,
    pub(super) args: Vec<Expr>,
    pub(super) hash: Vec<(String, Expr)>,
    /// Between `{{#> x}}` and `{{/x}}`.
    pub(super) body: Option<Vec<Node>>,
    pub(super) place: Span,
}

/// Which partial is called.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The one of this name.
    Named(String),
    /// One chosen when the page is made.
    Computed(Expr),
    /// What the caller put between `{{#> x}}` and `{{/x}}`.
    Block,
}

/// Something that has a value.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// A path into the context.
    Path(Path),
    /// A value as written.
    Literal(Value),
    /// A helper's result.
    Call(Call),
}

/// A call of a helper.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Vec<Expr>,
    /// Sorted by name.
    pub(super) hash: Vec<(String, Expr)>,
    /// The helper's name.
    pub(super) place: Span,
    /// The second argument with its quotes, where it is a text.
    pub(super) field: Option<Span>,
    /// Whether the name stands alone, so that a variable may have been meant.
    pub(super) bare: bool,
}

/// A path into the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) base: Base,
    pub(super) names: Vec<String>,
    /// Whether the first name is one between bars of a block around.
    pub(super) is_bound: bool,
    pub(super) place: Span,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// `@index` and its kin: set by `each`, no part of the context; the only name is the whole
    /// text.
    Local,
    /// `@root`.
    Root,
    /// The current value, or the one that many scopes further out.
    Scope(usize),
}

/// Calls `see` with every node, in order: a block before its body.
pub(super) fn visit<'n>(nodes: &'n [Node], see: &mut dyn FnMut(&'n Node)) {
    for node in nodes {
        see(node);
        match node {
            Node::Block(block) => {
                visit(&block.body, see);
                visit(&block.other, see);
            }
            Node::Inline(inline) => visit(&inline.body, see),
            Node::Print(..) | Node::Text(_) => {}
            Node::Partial(partial) => visit(partial.body.as_deref().unwrap_or_default(), see),
        }
    }
}

/// Calls `see` with every call of a helper in a node itself, those in arguments too; not with those
/// of the nodes below it.
pub(super) fn calls<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Call)) {
    match node {
        Node::Text(_) => {}
        Node::Print(expr, _) => calls_of(expr, see),
        Node::Block(block) => calls_from(&block.call, see),
        Node::Inline(inline) => inline.args.iter().for_each(|arg| calls_of(arg, see)),
        Node::Partial(partial) => partial.exprs().for_each(|arg| calls_of(arg, see)),
    }
}

/// Calls `see` with every path in a node itself, those in arguments too; not with those of the
/// nodes below it.
pub(super) fn paths<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Path)) {
    match node {
        Node::Text(_) => {}
        Node::Print(expr, _) => paths_of(expr, see),
        Node::Block(block) => block.call.exprs().for_each(|arg| paths_of(arg, see)),
        Node::Inline(inline) => inline.args.iter().for_each(|arg| paths_of(arg, see)),
        Node::Partial(partial) => partial.exprs().for_each(|arg| paths_of(arg, see)),
    }
}

fn paths_of<'n>(expr: &'n Expr, see: &mut dyn FnMut(&'n Path)) {
    match expr {
        Expr::Path(path) => see(path),
        Expr::Call(call) => call.exprs().for_each(|arg| paths_of(arg, see)),
        Expr::Literal(_) => {}
    }
}

fn calls_of<'n>(expr: &'n Expr, see: &mut dyn FnMut(&'n Call)) {
    if let Expr::Call(call) = expr {
        calls_from(call, see);
    }
}

fn calls_from<'n>(call: &'n Call, see: &mut dyn FnMut(&'n Call)) {
    see(call);
    call.exprs().for_each(|arg| calls_of(arg, see));
}
