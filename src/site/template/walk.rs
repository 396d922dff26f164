//! What a page may read: its templates run over meanings instead of values.
//!
//! The walk follows the engine: which blocks open a scope (`each`, `with`, partials; `if` does
//! not), that names of `as |x|` and of a partial's arguments are looked for through all scopes,
//! also from inside partials, that `..` past the outermost scope is the current one. Where more
//! than one thing may happen, all of them do: both branches, each partial that a name may mean.
//! Every path that is evaluated is a read, also one whose value goes nowhere: it fails on a list
//! read by a name. Past its bounds the page reads all there is.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::VERSION;
use super::meaning::Meaning;
use super::node::{Base, Block, Call, Expr, Inlines, Node, Partial, Path, Target, calls, visit};
use super::reach::Reach;
use super::reads::{How, Read, Reads, Step};
use super::set::{TemplateId, TemplateSet, Unit};
use crate::diagnostic::Span;
use crate::fingerprint::Hasher;

/// How many nodes a walk visits, each as often as it is called.
const NODES: usize = 50_000;
/// How deep partials may be inside each other.
const DEPTH: usize = 48;

/// What some pages may read; for a layout also by what name it has its page.
pub(super) fn reads<'c>(
    set: &TemplateSet,
    pages: impl IntoIterator<Item = (TemplateId, Option<&'c str>)>,
) -> Reads {
    let mut found = FoundReads::default();
    let mut hasher = Hasher::default().field(VERSION);
    for (page, content) in pages {
        let reach = Reach::of(set, page);
        walk(&reach, page, content, &mut found);
        let files = set.files.values().filter(|_| reach.computed);
        let used: BTreeSet<TemplateId> = reach.templates.iter().chain(files).copied().collect();
        hasher.add(format!("{:?}", reach.kind));
        for id in used {
            let Unit { name, origin, nodes, .. } = set.unit(id);
            let is_file = set.find(name) == Some(id);
            // What is written in YAML is known by its place there, which means nothing.
            hasher.add(if is_file { name.as_str() } else { "" });
            hasher.add(origin.text.as_bytes());
            note_assets(nodes, &mut found.reads.assets);
            if is_file {
                found.reads.templates.insert(name.clone());
            }
        }
    }
    found.reads.digest = hasher.finish();
    found.reads.list = without_idle(found.reads.list);
    found.reads
}

/// The files that a template names, wherever in it: those of its text, which is digested whole, so
/// that no bound of the walk leaves one out.
fn note_assets(nodes: &[Node], assets: &mut BTreeMap<String, Span>) {
    visit(nodes, Inlines::Entered, &mut |node| {
        calls(node, &mut |call| {
            if let Some(name) = call.asset() {
                assets.entry(name.to_owned()).or_insert_with(|| call.place.clone());
            }
        });
    });
}

/// Leaves out the touches that another read comes past anyway.
fn without_idle(mut list: Vec<Read>) -> Vec<Read> {
    let strong = |optional: bool| -> BTreeSet<Vec<Step>> {
        let strong = list.iter().filter(|read| read.how != How::Touch);
        strong.filter(|read| optional || !read.optional).map(|read| read.path.clone()).collect()
    };
    let (firm, all) = (strong(false), strong(true));
    list.retain(|read| {
        let paths = if read.optional { &all } else { &firm };
        let next = paths.range(read.path.clone()..).next();
        read.how != How::Touch || next.is_none_or(|path| !path.starts_with(&read.path))
    });
    list
}

/// The place of an argument, or of the call where it has none.
fn place_of(call: &Call, index: usize) -> Option<&Span> {
    call.args.get(index).and_then(Expr::place).or(Some(&call.place))
}

#[derive(Default)]
struct FoundReads {
    reads: Reads,
    /// Where in their list a read is.
    index: BTreeMap<(Vec<Step>, How), usize>,
}

fn walk(reach: &Reach<'_>, page: TemplateId, content: Option<&str>, found: &mut FoundReads) {
    let mut base = Meaning::root();
    // The layout's `content` is the page, no part of the data.
    base.fields.extend(content.map(|name| (name.to_owned(), Meaning::default())));
    let scopes = vec![Scope { base: base.clone(), params: Vec::new() }];
    let Unit { typed, origin, nodes, .. } = reach.set.unit(page);
    let here = origin.span(0..0);
    let mut walk = Walk { reach, found, root: base, scopes, via: Vec::new(), here, left: NODES };
    match nodes.as_slice() {
        [Node::Print(expr)] if *typed => {
            let value = walk.value(expr);
            walk.read_all(&value, expr.place());
        }
        nodes => walk.nodes(nodes),
    }
}

struct Scope {
    base: Meaning,
    params: Vec<(String, Meaning)>,
}

struct Walk<'s, 'f> {
    reach: &'s Reach<'s>,
    found: &'f mut FoundReads,
    root: Meaning,
    /// The innermost last.
    scopes: Vec<Scope>,
    via: Vec<Span>,
    /// Where the page begins, for a read that has no place of its own.
    here: Span,
    left: usize,
}

impl<'s> Walk<'s, '_> {
    fn nodes(&mut self, nodes: &'s [Node]) {
        for node in nodes {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            match node {
                Node::Print(expr) => {
                    let value = self.value(expr);
                    self.read(&value, How::Value, expr.place());
                }
                Node::Block(block) => self.block(block),
                Node::Inline(inline) => inline.args.iter().for_each(|arg| drop(self.value(arg))),
                Node::Partial(partial) => self.partial(partial),
            }
            if self.left == 0 {
                self.read_all(&Meaning::root(), node_place(node));
            }
        }
    }

    fn block(&mut self, block: &'s Block) {
        match block.call.name.as_str() {
            "each" => {
                let item = self.read_first(&block.call, How::Keys).any();
                let named = [item.clone(), Meaning::default()];
                let params = block.params.iter().cloned().zip(named).collect();
                self.within(Scope { base: item, params }, &block.body);
            }
            "with" => {
                let value = self.read_first(&block.call, How::Test);
                let params = match block.params.as_slice() {
                    [name] => vec![(name.clone(), value.clone())],
                    _ => Vec::new(),
                };
                self.within(Scope { base: value, params }, &block.body);
            }
            _ => {
                let _ = self.call(&block.call);
                self.nodes(&block.body);
            }
        }
        self.nodes(&block.other);
    }

    fn within(&mut self, scope: Scope, body: &'s [Node]) {
        self.scopes.push(scope);
        self.nodes(body);
        self.scopes.pop();
    }

    /// The first argument's meaning, which is read; the others are evaluated too.
    fn read_first(&mut self, call: &'s Call, how: How) -> Meaning {
        let first = self.values(call).into_iter().next().unwrap_or_default();
        self.read(&first, how, place_of(call, 0));
        first
    }

    fn values(&mut self, call: &'s Call) -> Vec<Meaning> {
        call.hash.iter().for_each(|(_, value)| drop(self.value(value)));
        let optional = |index| index == 0 && call.name == "default";
        let args = call.args.iter().enumerate();
        args.map(|(index, arg)| self.argument(arg, optional(index))).collect()
    }

    fn partial(&mut self, partial: &'s Partial) {
        let args: Vec<_> = partial.args.iter().map(|arg| self.value(arg)).collect();
        let hash = partial.hash.iter().map(|(name, value)| (name.clone(), self.value(value)));
        let hash: Vec<_> = hash.collect();
        let body = partial.body.as_deref().unwrap_or_default();
        if let Target::Block = partial.target {
            // The caller's block is text by now; what stands here is run where there is none.
            return self.nodes(body);
        }
        let current = self.scopes.last().map(|scope| scope.base.clone());
        let mut base = args.into_iter().next().or(current).unwrap_or_default();
        base.fields.extend(hash.iter().cloned());
        self.scopes.push(Scope { base, params: hash });
        self.nodes(body);
        self.via.push(partial.place.clone());
        match &partial.target {
            Target::Named(name) => self.named(name, &partial.place),
            Target::Computed(name) => {
                let _ = self.value(name);
                self.read_all(&Meaning::root(), Some(&partial.place));
            }
            Target::Block => {}
        }
        self.via.pop();
        self.scopes.pop();
    }

    fn named(&mut self, name: &str, place: &Span) {
        if self.via.len() > DEPTH {
            return self.read_all(&Meaning::root(), Some(place));
        }
        for (_, inline) in self.reach.inlines_named(name) {
            self.nodes(&inline.body);
        }
        if let Some(file) = self.reach.set.partial(name, self.reach.kind) {
            self.nodes(&self.reach.set.unit(file).nodes);
        }
    }

    fn value(&mut self, expr: &'s Expr) -> Meaning {
        self.argument(expr, false)
    }

    /// An expression's meaning; `optional` where it may well be absent.
    fn argument(&mut self, expr: &'s Expr, optional: bool) -> Meaning {
        match expr {
            Expr::Literal(_) => Meaning::default(),
            Expr::Call(call) => self.call(call),
            Expr::Path(path) => {
                let mut value = self.resolve(path);
                if optional {
                    value = value.optional();
                }
                self.read(&value, How::Touch, Some(&path.place));
                value
            }
        }
    }

    fn resolve(&self, path: &Path) -> Meaning {
        let up = match path.base {
            Base::Local => return Meaning::default(),
            Base::Root => return self.root.names(&path.names),
            Base::Scope(up) => up,
        };
        if let Some((first, rest)) = path.names.split_first() {
            let params = self.scopes.iter().rev().flat_map(|scope| &scope.params);
            if let Some((_, value)) = params.into_iter().find(|(name, _)| name == first) {
                return value.names(rest);
            }
        }
        let scope = self.scopes.iter().rev().nth(up).or(self.scopes.last());
        scope.map(|scope| scope.base.names(&path.names)).unwrap_or_default()
    }

    /// What a helper reads of its arguments, and what it gives. By default all of them, and a
    /// value that is made anew.
    fn call(&mut self, call: &'s Call) -> Meaning {
        let values = self.values(call);
        let value = |index: usize| values.get(index).cloned().unwrap_or_default();
        match call.name.as_str() {
            "if" | "unless" | "not" | "and" | "or" => {
                for (index, value) in values.iter().enumerate() {
                    self.read(value, How::Test, place_of(call, index));
                }
                Meaning::default()
            }
            "each" | "with" | "raw" => Meaning::default(),
            "len" => {
                self.read(&value(0), How::Keys, place_of(call, 0));
                Meaning::default()
            }
            "default" => {
                self.read(&value(0), How::Test, place_of(call, 0));
                let mut either = value(0);
                either.join(&value(1));
                either
            }
            "lookup" => self.looked_up(call, &values),
            "find" | "where" | "sort" | "slice" => self.chosen(call, &values),
            _ => {
                for (index, value) in values.iter().enumerate() {
                    self.read_all(value, place_of(call, index));
                }
                Meaning::default()
            }
        }
    }

    fn looked_up(&mut self, call: &'s Call, values: &[Meaning]) -> Meaning {
        let [value, key] = [0, 1].map(|index| values.get(index).cloned().unwrap_or_default());
        if let Some(Expr::Literal(key)) = call.args.get(1) {
            let index = key.as_u64().map(|index| index.to_string());
            return match key.as_str().or(index.as_deref()) {
                Some(name) => value.name(name).optional(),
                None => Meaning::default(),
            };
        }
        self.read(&key, How::Value, place_of(call, 1));
        self.read(&value, How::Keys, place_of(call, 0));
        value.any().optional()
    }

    /// Helpers that give items of a list: what decides is read, the items are what they were.
    fn chosen(&mut self, call: &'s Call, values: &[Meaning]) -> Meaning {
        let place = place_of(call, 0);
        let list = values.first().cloned().unwrap_or_default();
        let items = list.any();
        self.read(&list, How::Keys, place);
        match call.args.get(1) {
            _ if call.name == "slice" => {}
            Some(Expr::Literal(serde_json::Value::String(field))) => {
                let names = field.split('.').filter(|name| !name.is_empty());
                let deciding = names.fold(items.clone(), |value, name| value.name(name));
                self.read_all(&deciding.optional(), place);
            }
            _ => self.read_all(&items, place),
        }
        for (index, value) in values.iter().enumerate().skip(1) {
            self.read_all(value, place_of(call, index));
        }
        // A slice of a text is the text, which was kept when its path was evaluated.
        if call.name == "find" { items } else { Meaning::list_of(items) }
    }

    fn read_all(&mut self, value: &Meaning, place: Option<&Span>) {
        for way in &value.ways {
            let mut steps = way.steps.clone();
            steps.push(Step::All);
            self.note(steps, How::Value, way.optional, place);
        }
        for below in value.fields.values().chain(value.items.as_deref()) {
            self.read_all(below, place);
        }
    }

    fn read(&mut self, value: &Meaning, how: How, place: Option<&Span>) {
        for way in &value.ways {
            self.note(way.steps.clone(), how, way.optional, place);
        }
        if let (How::Value, Some(items)) = (how, &value.items) {
            self.read(items, how, place);
        }
    }

    fn note(&mut self, path: Vec<Step>, how: How, optional: bool, place: Option<&Span>) {
        let place = place.unwrap_or(&self.here);
        let next = self.found.reads.list.len();
        let at = *self.found.index.entry((path.clone(), how)).or_insert(next);
        if let Some(known) = self.found.reads.list.get_mut(at) {
            known.optional &= optional;
            return;
        }
        let (place, via) = (place.clone(), self.via.clone());
        self.found.reads.list.push(Read { path, how, optional, place, via });
    }
}

fn node_place(node: &Node) -> Option<&Span> {
    match node {
        Node::Print(expr) => expr.place(),
        Node::Block(block) => Some(&block.call.place),
        Node::Inline(inline) => Some(&inline.place),
        Node::Partial(partial) => Some(&partial.place),
    }
}
