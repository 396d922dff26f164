//! Which templates a page reaches: its partials, theirs, and the partials written in place.

use std::collections::BTreeSet;

use super::kind::Kind;
use super::node::{Base, Inline, Node, Target, paths, visit};
use super::set::{TemplateId, TemplateSet};

/// The templates that a page may run.
pub(super) struct Reach<'s> {
    pub(super) set: &'s TemplateSet,
    /// The page's kind: by it partials are found.
    pub(super) kind: &'s Kind,
    /// The page and every file that it reaches.
    pub(super) templates: BTreeSet<TemplateId>,
    /// Every partial that is written in place in one of them.
    pub(super) inlines: Vec<&'s Inline>,
    /// The names by which they call partials.
    pub(super) called: BTreeSet<&'s str>,
    /// Whether a partial is chosen when the page is made, so that it may be any.
    pub(super) computed: bool,
    /// How many scopes further out a path of theirs reaches, at most.
    pub(super) scopes_out: usize,
}

impl<'s> Reach<'s> {
    /// What `page` reaches.
    pub(super) fn of(set: &'s TemplateSet, page: TemplateId) -> Self {
        let kind = &set.unit(page).kind;
        let (inlines, called) = (Vec::new(), BTreeSet::new());
        let templates = BTreeSet::from([page]);
        let (computed, scopes_out) = (false, 0);
        let mut reach = Self { set, kind, templates, inlines, called, computed, scopes_out };
        let mut waiting = vec![page];
        while let Some(id) = waiting.pop() {
            visit(&set.unit(id).nodes, &mut |node| {
                paths(node, &mut |path| {
                    if let Base::Scope(up) = path.base {
                        reach.scopes_out = reach.scopes_out.max(up);
                    }
                });
                match node {
                    Node::Inline(inline) => reach.inlines.push(inline),
                    Node::Partial(partial) => match &partial.target {
                        Target::Named(name) => {
                            reach.called.insert(name);
                            let found = set.partial(name, kind);
                            waiting.extend(found.filter(|id| reach.templates.insert(*id)));
                        }
                        Target::Computed(_) => reach.computed = true,
                        Target::Block => {}
                    },
                    Node::Print(..) | Node::Text(_) | Node::Block(_) => {}
                }
            });
        }
        reach
    }

    /// The partials written in place that a call by `name` may mean, each with its number.
    pub(super) fn inlines_named(&self, name: &str) -> impl Iterator<Item = (usize, &'s Inline)> {
        let meant =
            move |(_, inline): &(usize, &Inline)| inline.name().is_none_or(|own| own == name);
        self.inlines.iter().copied().enumerate().filter(meant)
    }
}
