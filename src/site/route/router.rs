//! Which route a request belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::config::METHODS;

use super::canonical::controls_and;
use super::kind::PathParam;
use super::params::{Params, Ranges, range};
use super::path::PathText;
use super::pattern::{ParamSegment, Pattern, Segment};

/// All routes, ready to be asked.
///
/// Each method has a tree of its own: what answers a GET is decided among the GET routes. Per
/// segment the most specific wins: literal text, then parameters with more literal text beside
/// them, then by `ParamKind`; where the rest of the path does not fit, the next one is tried. An
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

impl RouteMatch<'_> {
    /// What was given to the builder with the route.
    pub(crate) fn into_target(self) -> Option<u32> {
        match self {
            Self::Route(matched) => Some(matched.target),
            _ => None,
        }
    }
}

/// A route and what the path said.
#[derive(Clone, Debug)]
pub struct Matched<'r> {
    /// What was given to the builder.
    pub target: u32,
    /// The path, decoded.
    pub path: PathText<'r>,
    /// The values of its parameters.
    pub params: Params<'r>,
}

impl Router {
    /// The route for a method, in capitals, and the path of a request as sent, without its query.
    /// HEAD is answered by GET routes.
    #[must_use]
    pub fn find<'r>(&'r self, method: &str, raw_path: &'r str) -> RouteMatch<'r> {
        let Some(path) = PathText::parse(raw_path) else { return RouteMatch::Malformed };
        let mut ranges = Ranges::default();
        if let Some(leaf) = self.lookup(method, &path, &mut ranges) {
            return RouteMatch::Route(leaf.matched(path, ranges));
        }
        let other = path.other_form();
        let moved = |to: &PathText<'_>| match other_location(to, raw_path) {
            Some(to) => RouteMatch::Redirect { to },
            None => RouteMatch::NotFound,
        };
        let mut leads = |form: &PathText<'_>| self.lookup(method, form, &mut ranges).is_some();
        if let Some(to) = other.as_ref().filter(|form| leads(form)) {
            return moved(to);
        }
        if let Some(allow) = self.allow(&path) {
            return RouteMatch::Method { allow };
        }
        match other.filter(|form| self.allow(form).is_some()) {
            Some(to) => moved(&to),
            None => RouteMatch::NotFound,
        }
    }

    /// The route for the path with a slash more or less at its end, and that path as
    /// [`RouteMatch::Redirect`] has it.
    #[must_use]
    pub fn find_other_form(&self, method: &str, raw_path: &str) -> Option<(Matched<'_>, String)> {
        let path = PathText::parse(raw_path)?.other_form()?;
        let mut ranges = Ranges::default();
        let leaf = self.lookup(method, &path, &mut ranges)?;
        let to = other_location(&path, raw_path)?;
        Some((leaf.matched(path, ranges), to))
    }

    /// The route; where the values of its parameters stand, is in `ranges` then.
    fn lookup(&self, method: &str, path: &PathText<'_>, ranges: &mut Ranges) -> Option<&Leaf> {
        let found = self.tree(method).and_then(|tree| tree.find(path, ranges));
        match found {
            None if method == "HEAD" => self.tree("GET")?.find(path, ranges),
            found => found,
        }
    }

    fn tree(&self, method: &str) -> Option<&Tree> {
        self.trees.iter().find(|(of, _)| **of == *method).map(|(_, tree)| tree)
    }

    /// The methods that a path exists with; nothing where there is none.
    fn allow(&self, path: &PathText<'_>) -> Option<String> {
        let mut ranges = Ranges::default();
        let has = |method: &&str| self.lookup(method, path, &mut ranges).is_some();
        // In this order, whichever of the file's routes come first.
        let mut methods: Vec<&str> = METHODS.iter().copied().filter(has).collect();
        if methods.is_empty() {
            return None;
        }
        methods.push("OPTIONS");
        Some(methods.join(", "))
    }

    pub(super) fn insert(&mut self, method: &str, pattern: &Pattern, target: u32) {
        if let Some((_, tree)) = self.trees.iter_mut().find(|(of, _)| **of == *method) {
            return tree.insert(pattern, target);
        }
        let mut tree = Tree::default();
        tree.insert(pattern, target);
        self.trees.push((Box::from(method), tree));
    }
}

/// A path with a slash more or less at its end, in the coding in which it was sent; nothing where
/// that could be read as an address of another host. Bytes that do not belong into one, a backslash
/// before all (browsers read `/\host` as another host), are encoded.
fn other_location(to: &PathText<'_>, raw_path: &str) -> Option<String> {
    if to.text().starts_with("//") {
        return None;
    }
    Some(match raw_path.strip_suffix('/') {
        Some(shorter) => location(shorter),
        None => location(raw_path) + "/",
    })
}

/// What may not stand in a path (RFC 3986 §3.3). A `%` may: what was sent is coded already.
const NOT_IN_PATH: &AsciiSet = &controls_and(b"\"#<>?[\\]^`{|}");

/// The path as sent, as it may stand in a `Location`.
pub(crate) fn location(raw: &str) -> String {
    utf8_percent_encode(raw, NOT_IN_PATH).to_string()
}

/// The routes of one method.
#[derive(Debug, Default)]
struct Tree {
    /// Paths without parameters, whole. Such a match is more specific than any other, so they need
    /// no nodes, and the commonest requests cost one look-up.
    literals: foldhash::HashMap<Box<str>, Leaf>,
    root: Node,
}

/// What may follow some segments. A pattern's length bounds how deep nodes stand.
#[derive(Debug, Default)]
struct Node {
    literals: foldhash::HashMap<Box<str>, Node>,
    /// In the order in which they are tried.
    params: BTreeMap<ParamSegment, Node>,
    rest: Option<Leaf>,
    leaf: Option<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    target: u32,
    params: Arc<[PathParam]>,
}

impl Leaf {
    fn matched<'r>(&'r self, path: PathText<'r>, ranges: Ranges) -> Matched<'r> {
        let params = Params::new(&self.params, path.text.clone(), ranges);
        Matched { target: self.target, path, params }
    }
}

impl Tree {
    fn find(&self, path: &PathText<'_>, ranges: &mut Ranges) -> Option<&Leaf> {
        if path.is_plain()
            && let Some(leaf) = self.literals.get(path.text())
        {
            return Some(leaf);
        }
        self.root.find(path, Some(1), ranges, 0)
    }

    fn insert(&mut self, pattern: &Pattern, target: u32) {
        let leaf = Leaf { target, params: Arc::clone(&pattern.params) };
        if pattern.is_literal() {
            self.literals.insert(Box::from(pattern.as_str()), leaf);
            return;
        }
        let mut node = &mut self.root;
        for segment in &*pattern.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Param(param) => node.params.entry(param.clone()).or_default(),
                Segment::Rest => {
                    node.rest = Some(leaf);
                    return;
                }
            };
        }
        node.leaf = Some(leaf);
    }
}

impl Node {
    /// The best match below, for the segment that begins at `start` (nothing where the path has
    /// ended) with `bound` parameters bound.
    fn find(
        &self,
        path: &PathText<'_>,
        start: Option<usize>,
        ranges: &mut Ranges,
        bound: usize,
    ) -> Option<&Leaf> {
        let Some(start) = start else { return self.leaf.as_ref() };
        let end = path.segment_end(start);
        let next = (end < path.text().len()).then_some(end + 1);
        let segment = path.text().get(start..end)?;
        let child = self.literals.get(segment);
        let literal = child.and_then(|child| child.find(path, next, ranges, bound));
        if literal.is_some() {
            return literal;
        }
        for (param, child) in &self.params {
            let Some(value) = param.value(segment) else { continue };
            let begin = start + param.prefix.len();
            bind(ranges, bound, begin, begin + value.len());
            let leaf = child.find(path, next, ranges, bound + 1);
            if leaf.is_some() {
                return leaf;
            }
        }
        let leaf = self.rest.as_ref()?;
        bind(ranges, bound, start, path.text().len());
        Some(leaf)
    }
}

/// Notes where the value of the parameter `at` stands: no pattern has more than there are places.
fn bind(ranges: &mut Ranges, at: usize, start: usize, end: usize) {
    if let Some(slot) = ranges.get_mut(at) {
        *slot = range(start, end);
    }
}
