//! What a page may read: its templates run over meanings instead of values.
//!
//! The walk follows the engine: which blocks open a scope (`each`, `with`, partials; `if` does
//! not), that a name between bars is looked for through all scopes, that `..` past the outermost
//! scope is the current one. Where more than one thing may happen, all of them do: both branches,
//! each partial that a name may mean. Every path that is evaluated is a read, also one whose value
//! goes nowhere. Past its bounds the page reads all there is.

use serde_json::Value;

use super::found::FoundReads;
use super::judge::Judge;
use super::markup::{Form, Made, Places};
use super::meaning::Meaning;
use super::node::{Base, Block, Call, Expr, Node, Partial, Path, Target};
use super::reach::Reach;
use super::reads::{How, Step};
use super::recursion::Entered;
use super::set::{TemplateId, Unit};
use crate::diagnostic::Span;

/// How many nodes a walk visits, each as often as it is called, and values it reads.
const WORK: usize = 50_000;
/// How many values an expression may be, before all of them are read whole.
const WAYS: usize = 64;
/// How deep partials may be inside each other.
const DEPTH: usize = 48;
/// Helpers that say what is to be done where a value is absent.
const CONDITIONS: &[&str] = &[
    "if", "unless", "with", "and", "or", "not", "eq", "ne", "lt", "le", "lte", "gt", "ge", "gte",
    "contains",
];

/// The place of an argument, or of the call where it has none.
pub(super) fn place_of(call: &Call, index: usize) -> Option<&Span> {
    call.args.get(index).and_then(Expr::place).or(Some(&call.place))
}

/// Walks a page; a layout has its page under the name `content`.
pub(super) fn walk(
    reach: &Reach<'_>,
    page: TemplateId,
    content: Option<&str>,
    found: &mut FoundReads,
) {
    let Unit { typed, nodes, .. } = reach.set.unit(page);
    let mut walk = Walk::new(reach, page, content, found, Judge::default());
    match nodes.as_slice() {
        [Node::Print(expr, _)] if *typed => {
            let value = walk.value(expr);
            walk.read_all(&value, expr.place());
        }
        nodes => walk.nodes(nodes),
    }
}

#[derive(Clone)]
pub(super) struct Scope {
    pub(super) base: Meaning,
    pub(super) params: Vec<(String, Meaning)>,
    /// What `@key` may be.
    keys: Meaning,
}

impl Scope {
    pub(super) fn new(base: Meaning, params: Vec<(String, Meaning)>) -> Self {
        Self { base, params, keys: Meaning::default() }
    }
}

pub(super) struct Walk<'s, 'f> {
    pub(super) reach: &'s Reach<'s>,
    pub(super) found: &'f mut FoundReads,
    pub(super) root: Meaning,
    /// The innermost last.
    pub(super) scopes: Vec<Scope>,
    pub(super) via: Vec<Span>,
    /// Where the page begins, for a read that has no place of its own.
    pub(super) here: Span,
    pub(super) left: usize,
    pub(super) judge: Judge<'s>,
    /// The parts of templates that are walked now, the innermost last.
    pub(super) open: Vec<Entered<'s>>,
}

impl<'s, 'f> Walk<'s, 'f> {
    /// At the beginning of a page, or of a layout that has its page under the name `content`.
    pub(super) fn new(
        reach: &'s Reach<'s>,
        page: TemplateId,
        content: Option<&str>,
        found: &'f mut FoundReads,
        judge: Judge<'s>,
    ) -> Self {
        let mut root = Meaning::root();
        // The layout's `content` is the page, no part of the data.
        let inner = Meaning { is_page: true, ..Meaning::default() };
        root.fields.extend(content.map(|name| (name.to_owned(), inner)));
        let scopes = vec![Scope::new(root.clone(), Vec::new())];
        let here = reach.set.unit(page).origin.span(0..0);
        Self {
            reach,
            found,
            root,
            scopes,
            via: Vec::new(),
            here,
            left: WORK,
            judge,
            open: Vec::new(),
        }
    }
}

impl<'s> Walk<'s, '_> {
    pub(super) fn nodes(&mut self, nodes: &'s [Node]) {
        for node in nodes {
            if let Node::Text(text) = node {
                self.judge.places.text(text);
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            match node {
                Node::Text(_) => {}
                Node::Print(expr, form) => {
                    let value = self.value(expr);
                    self.read(&value, How::Value, expr.place());
                    if value.is_page {
                        self.page_printed(*form, expr.place());
                    }
                    self.judge_print(&value, *form, expr);
                }
                Node::Block(block) => self.block(block),
                Node::Inline(inline) => inline.args.iter().for_each(|arg| drop(self.value(arg))),
                Node::Partial(partial) => self.partial(partial),
            }
            if self.left == 0 {
                self.found.is_open = true;
                self.read_all(&Meaning::root(), node_place(node));
                self.judge_unknown(node_place(node));
            }
        }
    }

    fn block(&mut self, block: &'s Block) {
        match block.call.name.as_str() {
            "each" => {
                let list = self.read_first(&block.call, How::Keys);
                let item = list.any();
                // The keys are read with the list: of them remains what they are printed as.
                let made = if self.judge.places.is_empty() { Made::new() } else { item.whole() };
                let keys = Meaning { made, ..Meaning::default() };
                let named = [item.clone(), keys.clone()];
                let params = block.params.iter().cloned().zip(named).collect();
                self.each_turn(Scope { base: item, params, keys }, block);
            }
            "with" => {
                let value = self.read_first(&block.call, How::Test);
                let params = match block.params.as_slice() {
                    [name] => vec![(name.clone(), value.clone())],
                    _ => Vec::new(),
                };
                let before = self.judge.places.clone();
                self.within(Scope::new(value, params), &block.body);
                self.otherwise(before, &block.other);
            }
            _ => {
                let _ = self.call(&block.call);
                let before = self.judge.places.clone();
                self.nodes(&block.body);
                // What stands raw has no other branch.
                if block.call.name != "raw" {
                    self.otherwise(before, &block.other);
                }
            }
        }
    }

    /// After a block's body: what is after `else`, from where the body began.
    pub(super) fn otherwise(&mut self, before: Places, other: &'s [Node]) {
        let body = std::mem::replace(&mut self.judge.places, before);
        self.nodes(other);
        self.judge.places.join(&body);
    }

    pub(super) fn within(&mut self, scope: Scope, body: &'s [Node]) {
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
        let optional = |index| match call.name.as_str() {
            "default" => index == 0,
            name => CONDITIONS.contains(&name),
        };
        let args = call.args.iter().enumerate();
        let values: Vec<_> = args.map(|(index, arg)| self.argument(arg, optional(index))).collect();
        self.note_wants(call, &values);
        values
    }

    fn page_printed(&mut self, form: Form, place: Option<&Span>) {
        let content = &mut self.found.reads.content;
        match form {
            Form::Raw => content.is_raw = true,
            Form::Escaped => {
                let place = place.unwrap_or(&self.here);
                content.escaped.get_or_insert_with(|| place.clone());
            }
        }
    }

    fn partial(&mut self, partial: &'s Partial) {
        let args: Vec<_> = partial.args.iter().map(|arg| self.value(arg)).collect();
        let hash = partial.hash.iter().map(|(name, value)| (name.clone(), self.value(value)));
        let hash: Vec<_> = hash.collect();
        let body = partial.body.as_deref().unwrap_or_default();
        if let Target::Block = partial.target {
            // The caller's block is text by now; what stands here is run where there is none.
            return self.partial_block(body);
        }
        let current = self.scopes.last().map(|scope| scope.base.clone());
        let mut base = args.into_iter().next().or(current).unwrap_or_default();
        base.fields.extend(hash.iter().cloned());
        self.scopes.push(Scope::new(base, hash));
        let before = std::mem::take(&mut self.judge.places);
        self.nodes(body);
        self.judge.places = before;
        self.via.push(partial.place.clone());
        // Without one of its own a partial has its caller's.
        let own = partial.body.as_ref().map(|_| (body, self.scopes.clone()));
        let count = self.judge.blocks.len();
        self.judge.blocks.extend(own);
        match &partial.target {
            Target::Named(name) => self.named(name, partial),
            Target::Computed(name) => {
                let _ = self.value(name);
                self.read_all(&Meaning::root(), Some(&partial.place));
                self.judge_candidates(&partial.place);
            }
            Target::Block => {}
        }
        self.judge.blocks.truncate(count);
        self.via.pop();
        self.scopes.pop();
    }

    fn named(&mut self, name: &str, partial: &'s Partial) {
        if self.via.len() > DEPTH {
            self.found.is_open = true;
            self.judge_unknown(Some(&partial.place));
            return self.read_all(&Meaning::root(), Some(&partial.place));
        }
        let set = self.reach.set;
        let file = set.partial(name, self.reach.kind).map(|file| &set.unit(file).nodes);
        let inlines = self.reach.inlines_named(name).map(|(_, inline)| &inline.body);
        let meant: Vec<_> = inlines.collect();
        // Where there is none, the call's own body stands for it.
        let body = partial.body.as_ref().filter(|_| file.is_none());
        self.each_of(meant.into_iter().chain(file).chain(body).map(Vec::as_slice));
    }

    /// What an expression may be; where that is too much to tell apart, it is read whole.
    pub(super) fn value(&mut self, expr: &'s Expr) -> Meaning {
        let value = self.argument(expr, false);
        if value.ways.len() <= WAYS {
            return value;
        }
        self.read_all(&value, expr.place());
        Meaning { made: value.whole(), is_page: value.is_page, ..Meaning::default() }
    }

    /// An expression's meaning; `optional` where it may well be absent.
    fn argument(&mut self, expr: &'s Expr, optional: bool) -> Meaning {
        match expr {
            Expr::Literal(_) => Meaning::default(),
            Expr::Call(call) => self.call(call),
            Expr::Path(path) => {
                let mut value = self.resolve(path);
                self.found.reads.content.is_named |= value.is_page;
                if optional {
                    value = value.optional();
                }
                self.read(&value, How::Touch, Some(&path.place));
                value
            }
        }
    }

    pub(super) fn resolve(&self, path: &Path) -> Meaning {
        let up = match path.base {
            Base::Local => return self.local(path),
            Base::Root => return self.root.names(&path.names),
            Base::Scope(up) => up,
        };
        if path.is_bound
            && let Some((first, rest)) = path.names.split_first()
        {
            let params = self.scopes.iter().rev().flat_map(|scope| &scope.params);
            if let Some((_, value)) = params.into_iter().find(|(name, _)| name == first) {
                return value.names(rest);
            }
        }
        let scope = self.scopes.iter().rev().nth(up).or(self.scopes.last());
        scope.map(|scope| scope.base.names(&path.names)).unwrap_or_default()
    }

    /// `@key`: the name of a value, which may be a visitor's; the others are the engine's own.
    fn local(&self, path: &Path) -> Meaning {
        let mut found = Meaning::default();
        if path.names.iter().any(|name| name.contains("key")) {
            self.scopes.iter().for_each(|scope| found.join(&scope.keys));
        }
        found
    }

    /// What a helper reads of its arguments, and what it gives. By default all of them, and a
    /// value that is made anew.
    fn call(&mut self, call: &'s Call) -> Meaning {
        let values = self.values(call);
        let computed = self.computed(call, &values);
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
            "find" | "where" | "sort" | "reverse" | "slice" | "group" => self.chosen(call, &values),
            _ => {
                for (index, value) in values.iter().enumerate() {
                    self.read_all(value, place_of(call, index));
                }
                computed
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
        let mut deciding = Meaning::default();
        match call.args.get(1) {
            _ if matches!(call.name.as_str(), "slice" | "reverse") => {}
            Some(Expr::Literal(Value::String(field))) => {
                let falling = field.strip_prefix('-').filter(|_| call.name == "sort");
                let names = falling.unwrap_or(field).split('.').filter(|name| !name.is_empty());
                let names: Vec<&str> = names.collect();
                let below = |value: Meaning, name: &&str| value.name(name);
                deciding = names.iter().fold(items.clone(), below).optional();
                self.field(call, &deciding, &names);
                self.read_all(&deciding, call.field.as_ref().or(place));
            }
            written => {
                if let Some(Expr::Path(path)) = written {
                    self.found.reads.unquoted.push(path.place.clone());
                }
                self.read_all(&items, place);
            }
        }
        for (index, value) in values.iter().enumerate().skip(1) {
            self.read_all(value, place_of(call, index));
        }
        // A slice of a text is the text, which was kept when its path was evaluated.
        match call.name.as_str() {
            "find" => items,
            "group" => {
                // A list is taken apart: an item is in the group of each.
                deciding.join(&deciding.any());
                let fields = [("key", deciding), ("items", Meaning::list_of(items))];
                let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
                Meaning::list_of(Meaning { fields, ..Meaning::default() })
            }
            _ => Meaning::list_of(items),
        }
    }

    pub(super) fn read_all(&mut self, value: &Meaning, place: Option<&Span>) {
        for way in &value.ways {
            let mut steps = way.steps.clone();
            steps.push(Step::All);
            self.note(steps, How::Value, way.lacks, place);
        }
        for below in value.fields.values().chain(value.items.as_deref()) {
            self.read_all(below, place);
        }
    }

    fn read(&mut self, value: &Meaning, how: How, place: Option<&Span>) {
        for way in &value.ways {
            self.note(way.steps.clone(), how, way.lacks, place);
        }
        if let (How::Value, Some(items)) = (how, &value.items) {
            self.read(items, how, place);
        }
    }

    fn note(&mut self, path: Vec<Step>, how: How, lacks: usize, place: Option<&Span>) {
        self.found.note(path, how, lacks, place.unwrap_or(&self.here), &self.via);
        self.left = if self.found.is_full() { 0 } else { self.left.saturating_sub(1) };
    }
}

fn node_place(node: &Node) -> Option<&Span> {
    match node {
        Node::Text(_) => None,
        Node::Print(expr, _) => expr.place(),
        Node::Block(block) => Some(&block.call.place),
        Node::Inline(inline) => Some(&inline.place),
        Node::Partial(partial) => Some(&partial.place),
    }
}
