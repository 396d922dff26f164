//! Which route a request belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::kind::{MAX_PARAMS, ParamKind, PathParam};
use super::params::{Params, Ranges, range};
use super::path::PathText;
use super::pattern::{Pattern, Segment};

/// All routes, ready to be asked.
///
/// Each method has a tree of its own: what answers a GET is decided among the GET routes. Per
/// segment the most specific wins: literal text, then parameters with more literal text beside
/// them, then by [`ParamKind`]; where the rest of the path does not fit, the next one is tried. An
/// edge of the tree takes exactly one segment, so each node is visited once a request at most: the
/// work is bounded by the number of segments in the file, whatever a client sends.
#[derive(Debug, Default)]
pub struct Router {
    /// In the order in which the methods were first added.
    trees: Vec<(Box<str>, Tree)>,
}

/// What a router says about a request.
#[derive(Clone, Debug)]
pub enum RouteMatch<'r> {
    /// The route to answer with.
    Route(Matched<'r>),
    /// 308: the path exists with a slash more or less at its end.
    Redirect {
        /// That path, percent-encoded, without the query. It never begins with `//`.
        to: String,
    },
    /// 405, or 204 for OPTIONS: the path exists with other methods.
    Method {
        /// The value of `Allow`; lists HEAD beside GET, and OPTIONS.
        allow: String,
    },
    /// 404.
    NotFound,
    /// 400: the path cannot be decoded, or holds NUL or dot segments.
    Malformed,
}

/// A route and what the path said.
#[derive(Clone, Debug)]
pub struct Matched<'r> {
    /// What was given to the builder.
    pub target: u32,
    /// The path, decoded.
    pub path: PathText,
    /// The values of its parameters.
    pub params: Params<'r>,
}

impl Router {
    /// The route for a method, in capitals, and the path of a request as sent, without its query.
    /// HEAD is answered by GET routes.
    #[must_use]
    pub fn find<'r>(&'r self, method: &str, raw_path: &str) -> RouteMatch<'r> {
        let Ok(path) = PathText::parse(raw_path) else { return RouteMatch::Malformed };
        if let Some((leaf, ranges)) = self.lookup(method, &path) {
            let params = Params::new(&leaf.params, Arc::clone(path.shared()), ranges);
            return RouteMatch::Route(Matched { target: leaf.target, path, params });
        }
        let other = path.other_form();
        if let Some(to) = other.as_ref().filter(|form| self.lookup(method, form).is_some()) {
            return redirect(to, raw_path);
        }
        if let Some(allow) = self.allow(&path) {
            return RouteMatch::Method { allow };
        }
        match other.filter(|form| self.allow(form).is_some()) {
            Some(to) => redirect(&to, raw_path),
            None => RouteMatch::NotFound,
        }
    }

    fn lookup<'r>(&'r self, method: &str, path: &PathText) -> Option<(&'r Leaf, Ranges)> {
        let found = self.tree(method).and_then(|tree| tree.find(path));
        match found {
            None if method == "HEAD" => self.tree("GET")?.find(path),
            found => found,
        }
    }

    fn tree(&self, method: &str) -> Option<&Tree> {
        self.trees.iter().find(|(of, _)| **of == *method).map(|(_, tree)| tree)
    }

    /// The methods that a path exists with; nothing where there is none.
    fn allow(&self, path: &PathText) -> Option<String> {
        let with = self.trees.iter().filter(|(_, tree)| tree.find(path).is_some());
        let mut methods: Vec<&str> = with.map(|(method, _)| &**method).collect();
        if methods.is_empty() {
            return None;
        }
        let get = methods.iter().position(|method| *method == "GET");
        if let Some(at) = get.filter(|_| !methods.contains(&"HEAD")) {
            methods.insert(at + 1, "HEAD");
        }
        if !methods.contains(&"OPTIONS") {
            methods.push("OPTIONS");
        }
        Some(methods.join(", "))
    }

    pub(super) fn insert(&mut self, method: &str, pattern: &Pattern, target: u32) {
        let known = self.trees.iter().position(|(of, _)| **of == *method);
        let at = known.unwrap_or_else(|| {
            self.trees.push((Box::from(method), Tree::default()));
            self.trees.len() - 1
        });
        if let Some((_, tree)) = self.trees.get_mut(at) {
            tree.insert(pattern, target);
        }
    }

    /// Puts parameters into the order in which they are tried; once, after the last insertion.
    pub(super) fn sort(&mut self) {
        let nodes = self.trees.iter_mut().flat_map(|(_, tree)| &mut tree.nodes);
        nodes.for_each(|node| node.params.sort_by(ParamEdge::precedence));
    }
}

/// A `Location` with the same coding as what was sent. Bytes that do not belong into one, a
/// backslash before all (browsers read `/\host` as another host), are encoded.
fn redirect<'r>(to: &PathText, raw_path: &str) -> RouteMatch<'r> {
    let raw = match raw_path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{raw_path}/"),
    };
    if to.text().starts_with("//") {
        return RouteMatch::NotFound;
    }
    RouteMatch::Redirect { to: location(&raw) }
}

/// What may not stand in a path (RFC 3986 §3.3). A `%` may: what was sent is coded already.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path as sent, as it may stand in a `Location`.
#[must_use]
pub(crate) fn location(raw: &str) -> String {
    utf8_percent_encode(raw, NOT_IN_PATH).to_string()
}

/// The routes of one method.
#[derive(Debug)]
struct Tree {
    /// Paths without parameters, whole. Such a match is more specific than any other, so they need
    /// no nodes, and the commonest requests cost one look-up.
    literals: HashMap<Box<str>, Leaf>,
    /// The first one is the root.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, usize>,
    params: Vec<ParamEdge>,
    rest: Option<Leaf>,
    leaf: Option<Leaf>,
}

#[derive(Debug)]
struct ParamEdge {
    prefix: Box<str>,
    kind: ParamKind,
    suffix: Box<str>,
    node: usize,
}

#[derive(Debug)]
struct Leaf {
    target: u32,
    params: Arc<[PathParam]>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { literals: HashMap::new(), nodes: vec![Node::default()] }
    }
}

impl Tree {
    fn find(&self, path: &PathText) -> Option<(&Leaf, Ranges)> {
        let mut ranges = [(0, 0); MAX_PARAMS];
        if path.is_plain()
            && let Some(leaf) = self.literals.get(path.text())
        {
            return Some((leaf, ranges));
        }
        let root = self.nodes.first()?;
        let mut walk = Walk { tree: self, path, ranges: &mut ranges };
        let leaf = walk.node(root, Some(1), 0)?;
        Some((leaf, ranges))
    }

    fn insert(&mut self, pattern: &Pattern, target: u32) {
        let leaf = Leaf { target, params: pattern.shared_params() };
        if pattern.is_literal() {
            self.literals.insert(Box::from(pattern.as_str()), leaf);
            return;
        }
        let mut at = 0;
        for segment in pattern.segments() {
            if *segment == Segment::Rest {
                if let Some(node) = self.nodes.get_mut(at) {
                    node.rest = Some(leaf);
                }
                return;
            }
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.leaf = Some(leaf);
        }
    }

    /// The node to which a segment leads, made where there is none.
    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(next),
            Segment::Param { prefix, kind, suffix } => {
                let same = |edge: &&ParamEdge| {
                    edge.kind == *kind && edge.prefix == *prefix && edge.suffix == *suffix
                };
                if let Some(edge) = node.params.iter().find(same) {
                    edge.node
                } else {
                    let (prefix, suffix) = (prefix.clone(), suffix.clone());
                    node.params.push(ParamEdge { prefix, kind: *kind, suffix, node: next });
                    next
                }
            }
            Segment::Rest => at,
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }
}

impl ParamEdge {
    /// More literal text first, then the more specific kind, then any fixed order.
    fn precedence(&self, other: &Self) -> std::cmp::Ordering {
        let literal = |edge: &Self| edge.prefix.len() + edge.suffix.len();
        literal(other)
            .cmp(&literal(self))
            .then(self.kind.cmp(&other.kind))
            .then(other.prefix.len().cmp(&self.prefix.len()))
            .then_with(|| (&self.prefix, &self.suffix).cmp(&(&other.prefix, &other.suffix)))
    }

    /// The place of the value in a text whose bytes `start..end` are a segment.
    fn value(&self, text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
        let segment = text.get(start..end)?;
        let inside = segment.strip_prefix(&*self.prefix)?.strip_suffix(&*self.suffix)?;
        let begin = start + self.prefix.len();
        self.kind.accepts(inside).then_some((begin, begin + inside.len()))
    }
}

/// One way through a tree.
struct Walk<'t, 'w> {
    tree: &'t Tree,
    path: &'w PathText,
    ranges: &'w mut Ranges,
}

impl<'t> Walk<'t, '_> {
    /// The best match below `node`, for the segment that begins at `start` (nothing where the path
    /// has ended) with `bound` parameters bound. Its depth is that of the tree.
    fn node(&mut self, node: &'t Node, start: Option<usize>, bound: usize) -> Option<&'t Leaf> {
        let Some(start) = start else { return node.leaf.as_ref() };
        let path = self.path;
        let text = path.text();
        let end = path.segment_end(start);
        let next = (end < text.len()).then_some(end + 1);
        if !node.literals.is_empty() {
            let segment = text.get(start..end)?;
            let child = node.literals.get(segment).and_then(|child| self.tree.nodes.get(*child));
            let leaf = child.and_then(|child| self.node(child, next, bound));
            if leaf.is_some() {
                return leaf;
            }
        }
        for edge in &node.params {
            let Some(value) = edge.value(text, start, end) else { continue };
            let Some(child) = self.tree.nodes.get(edge.node) else { continue };
            self.bind(bound, value);
            let leaf = self.node(child, next, bound + 1);
            if leaf.is_some() {
                return leaf;
            }
        }
        let leaf = node.rest.as_ref()?;
        self.bind(bound, (start, text.len()));
        Some(leaf)
    }

    fn bind(&mut self, at: usize, (start, end): (usize, usize)) {
        if let Some(slot) = self.ranges.get_mut(at) {
            *slot = range(start, end);
        }
    }
}
