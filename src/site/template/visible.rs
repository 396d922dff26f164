//! Partials that are called where nobody has them.
//!
//! A partial that is written in place is known in the block that it is in, from its beginning, in
//! the blocks below, and in the partials that are called from there; one between `{{#> x}}` and
//! `{{/x}}` in `x`. A file is known everywhere.

use std::collections::BTreeSet;

use super::check::unknown_partial;
use super::node::{Inline, Node, Partial, Target};
use super::reach::Reach;
use super::set::TemplateId;
use crate::diagnostic::{Code, Diagnostic, Report};

/// How many parts of templates are walked, each once for each set of names that it knows.
const PARTS: usize = 10_000;

/// The partials written in place that are known somewhere, by their numbers.
type Known = BTreeSet<usize>;

/// Reports the calls of a page, and of what it reaches, that may find no partial.
pub(super) fn check(reach: &Reach<'_>, page: TemplateId, report: &mut Report) {
    let mut walk = Walk { reach, done: BTreeSet::new(), report };
    walk.part(&reach.set.unit(page).nodes, &Known::new(), true);
}

struct Walk<'r, 's> {
    reach: &'r Reach<'s>,
    /// The parts that were walked, by where they are kept, each with what it knows.
    done: BTreeSet<(usize, Known)>,
    report: &'r mut Report,
}

impl<'s> Walk<'_, 's> {
    fn part(&mut self, nodes: &'s [Node], known: &Known, is_page: bool) {
        let mut known = known.clone();
        known.extend(nodes.iter().filter_map(|node| self.number(node)));
        if self.done.len() > PARTS || !self.done.insert((nodes.as_ptr().addr(), known.clone())) {
            return;
        }
        for node in nodes {
            match node {
                Node::Block(block) => {
                    self.part(&block.body, &known, is_page);
                    self.part(&block.other, &known, is_page);
                }
                Node::Partial(partial) => self.partial(partial, &known, is_page),
                // One written in place is walked where it is called.
                Node::Inline(_) | Node::Print(..) | Node::Text(_) => {}
            }
        }
    }

    fn partial(&mut self, partial: &'s Partial, known: &Known, is_page: bool) {
        let body = partial.body.as_deref();
        self.part(body.unwrap_or_default(), known, is_page);
        let name = match &partial.target {
            Target::Named(name) => name,
            Target::Block if is_page && body.is_none() => return self.no_block(partial),
            Target::Block | Target::Computed(_) => return,
        };
        let mut known = known.clone();
        known.extend(body.unwrap_or_default().iter().filter_map(|node| self.number(node)));
        let (set, all) = (self.reach.set, &self.reach.inlines);
        let file = set.partial(name, self.reach.kind);
        let named = |inline: &&Inline| inline.name().is_none_or(|own| own == name.as_str());
        let inlines = known.iter().map(|number| all[*number]).filter(named);
        let inlines: Vec<&'s Inline> = inlines.collect();
        if file.is_none() && inlines.is_empty() && body.is_none() {
            let elsewhere = self.reach.inlines_named(name).next().map(|(_, inline)| inline);
            let found = match elsewhere {
                Some(inline) => unknown_here(name, partial, inline),
                None => unknown_partial(self.reach, name, &partial.place),
            };
            return self.report.push(found);
        }
        for inline in inlines {
            self.part(&inline.body, &known, false);
        }
        if let Some(file) = file {
            self.part(&set.unit(file).nodes, &known, false);
        }
    }

    fn number(&self, node: &Node) -> Option<usize> {
        let Node::Inline(inline) = node else { return None };
        self.reach.inlines.iter().position(|known| std::ptr::eq(*known, inline))
    }

    fn no_block(&mut self, partial: &Partial) {
        let message = "`@partial-block` is what a partial's caller gives it, and this is a page";
        let help = "it stands in a partial that is called as `{{#> name}}…{{/name}}`; the page in \
                    a layout is `{{{content}}}`";
        let found = Diagnostic::new(Code::UnknownPartial, message, &partial.place);
        self.report.push(found.help(help));
    }
}

fn unknown_here(name: &str, partial: &Partial, inline: &Inline) -> Diagnostic {
    let message = format!("`{name}` is not known here: it is written in place elsewhere");
    let help = "write it in this file, outside of any block, or in a file of its own";
    Diagnostic::new(Code::UnknownPartial, message, &partial.place)
        .label(&inline.place, "known in the block that this is in, and in what is called there")
        .help(help)
}
