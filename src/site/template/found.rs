//! What pages read, as the walk over them finds it: each value once, with its first place.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::VERSION;
use super::meter::is_unwanted;
use super::node::{Node, calls, paths, visit};
use super::reach::Reach;
use super::reads::{How, Read, Reads, Step};
use super::set::{TemplateId, TemplateSet, Unit};
use super::walk::walk;
use crate::diagnostic::Span;
use crate::fingerprint::Hasher;

/// How many different reads are told apart.
const READS: usize = 10_000;
/// How many further places of a read are kept.
const PLACES: usize = 16;
/// What of a request a page has only where it names it.
const ONLY_NAMED: &[&str] = &["headers", "cookies", "language", "body"];

/// What some pages may read; for a layout also by what name it has its page.
pub(super) fn reads<'c>(
    set: &TemplateSet,
    pages: impl IntoIterator<Item = (TemplateId, Option<&'c str>)>,
) -> Reads {
    let mut found = FoundReads::default();
    let mut hasher = Hasher::default().field(VERSION);
    for (page, content) in pages.into_iter().take_while(|_| !is_unwanted()) {
        let reach = Reach::of(set, page);
        walk(&reach, page, content, &mut found);
        let files = set.files.values().filter(|_| reach.computed);
        let used: BTreeSet<TemplateId> = reach.templates.iter().chain(files).copied().collect();
        hasher.add(format!("{:?}", reach.kind));
        for id in used {
            let Unit { name, origin, nodes, is_file, .. } = set.unit(id);
            let is_file = *is_file;
            // What is written in YAML is known by its place there, which means nothing.
            hasher.add(if is_file { name.as_str() } else { "" });
            hasher.add(origin.text.as_bytes());
            note_calls(nodes, &mut found.reads);
            if found.is_open || reach.computed {
                found.note_request(nodes);
            }
            if is_file {
                found.reads.templates.insert(name.clone());
            }
        }
    }
    found.reads.digest = hasher.finish();
    found.reads.list = without_idle(found.reads.list);
    found.reads
}

/// The files that a template names, and what it calls that is another each time, wherever in it: in
/// its text, which is digested whole, so that no bound of the walk leaves one out.
fn note_calls(nodes: &[Node], reads: &mut Reads) {
    visit(nodes, &mut |node| {
        calls(node, &mut |call| {
            if let Some(name) = call.asset() {
                let place = || call.place.clone();
                reads.assets.entry(name.to_owned()).or_insert_with(place);
            }
            reads.prints_base |= call.name == "url";
            if matches!(call.name.as_str(), "uuid" | "random") {
                let call = || (call.name.clone(), call.place.clone());
                reads.changing.get_or_insert_with(call);
            }
            reads.is_of_its_moment |= matches!(call.name.as_str(), "uuid" | "random" | "now");
        });
    });
}

/// Leaves out the touches that another read comes past anyway.
fn without_idle(mut list: Vec<Read>) -> Vec<Read> {
    let strong = list.iter().filter(|read| read.how != How::Touch);
    let mut firmest: BTreeMap<Vec<Step>, usize> = BTreeMap::new();
    for read in strong {
        let lacks = firmest.entry(read.path.clone()).or_insert(read.lacks);
        *lacks = read.lacks.min(*lacks);
    }
    list.retain(|read| {
        let below = firmest.range(read.path.clone()..);
        let mut below = below.take_while(|(path, _)| path.starts_with(&read.path));
        read.how != How::Touch || !below.any(|(_, lacks)| *lacks <= read.lacks)
    });
    list
}

#[derive(Default)]
pub(super) struct FoundReads {
    pub(super) reads: Reads,
    /// Where in their list a read is.
    index: BTreeMap<(Vec<Step>, How), usize>,
    /// Whether a walk ended before its page did.
    pub(super) is_open: bool,
}

impl FoundReads {
    /// Notes a read, with its first place; of the same ones that which must find most.
    pub(super) fn note(
        &mut self,
        path: Vec<Step>,
        how: How,
        lacks: usize,
        place: &Span,
        via: &[Span],
    ) {
        let next = self.reads.list.len();
        let at = *self.index.entry((path.clone(), how)).or_insert(next);
        let mut read =
            Read { path, how, lacks, place: place.clone(), also: Vec::new(), via: via.to_vec() };
        let Some(known) = self.reads.list.get_mut(at) else {
            return self.reads.list.push(read);
        };
        if lacks < known.lacks {
            read.also = std::mem::take(&mut known.also);
            std::mem::swap(known, &mut read);
        }
        let is_there = |(also, _): &(Span, usize)| *also == read.place;
        if known.place != read.place
            && known.also.len() < PLACES
            && !known.also.iter().any(is_there)
        {
            known.also.push((read.place, read.lacks));
        }
    }

    /// Whether there are more reads than are told apart.
    pub(super) fn is_full(&self) -> bool {
        self.reads.list.len() > READS
    }

    /// What of a request a template names that a page is given only where it names it, wherever in
    /// it: for what the walk did not come to.
    fn note_request(&mut self, nodes: &[Node]) {
        visit(nodes, &mut |node| {
            paths(node, &mut |path| {
                // It may stand behind another name for the whole: `page.headers.host`.
                let is_it = |name: &String| ONLY_NAMED.contains(&name.as_str());
                let Some(at) = path.names.iter().position(is_it) else { return };
                let names = path.names.iter().skip(at).take(2);
                let path_to = names.map(|name| Step::Name(name.clone())).chain([Step::All]);
                let path_to: Vec<_> = path_to.collect();
                let lacks = path_to.len();
                self.note(path_to, How::Value, lacks, &path.place, &[]);
            });
        });
    }
}
