//! Which templates a page reaches: its partials, theirs, and the partials written in place.

use std::collections::BTreeSet;

use super::kind::Kind;
use super::node::{Inline, Inlines, Node, Target, visit};
use super::set::{TemplateId, TemplateSet};

/// The templates that a page may run.
#[derive(Debug)]
pub(super) struct Reach<'s> {
    pub(super) set: &'s TemplateSet,
    /// The page's kind: by it partials are found.
    pub(super) kind: &'s Kind,
    /// The page and every file that it reaches.
    pub(super) templates: BTreeSet<TemplateId>,
    /// Every partial that is written in place in one of them.
    pub(super) inlines: Vec<&'s Inline>,
    /// Whether a partial is chosen when the page is made, so that it may be any.
    pub(super) computed: bool,
}

impl<'s> Reach<'s> {
    /// What `page` reaches; nothing for a template of another set.
    pub(super) fn of(set: &'s TemplateSet, page: TemplateId) -> Option<Self> {
        let kind = &set.unit(page)?.kind;
        let templates = BTreeSet::from([page]);
        let mut reach = Self { set, kind, templates, inlines: Vec::new(), computed: false };
        let mut waiting = vec![page];
        while let Some(id) = waiting.pop() {
            for node in all_nodes(set, id) {
                match node {
                    Node::Inline(inline) => reach.inlines.push(inline),
                    Node::Partial(partial) => match &partial.target {
                        Target::Named(name) => {
                            let found = set.partial(name, kind);
                            waiting.extend(found.filter(|id| reach.templates.insert(*id)));
                        }
                        Target::Computed(_) => reach.computed = true,
                        Target::Block => {}
                    },
                    Node::Print(_) | Node::Block(_) => {}
                }
            }
        }
        Some(reach)
    }

    /// The partials written in place that a call by `name` may mean.
    pub(super) fn inlines_named(&self, name: &str) -> Vec<&'s Inline> {
        let meant = |inline: &&&Inline| inline.name().is_none_or(|known| known == name);
        self.inlines.iter().filter(meant).copied().collect()
    }

    /// The nodes of a template.
    pub(super) fn nodes(&self, id: TemplateId) -> &'s [Node] {
        self.set.unit(id).map(|unit| unit.nodes.as_slice()).unwrap_or_default()
    }
}

fn all_nodes(set: &TemplateSet, id: TemplateId) -> Vec<&Node> {
    let mut list = Vec::new();
    let nodes = set.unit(id).map(|unit| unit.nodes.as_slice()).unwrap_or_default();
    visit(nodes, Inlines::Entered, &mut |node| list.push(node));
    list
}
