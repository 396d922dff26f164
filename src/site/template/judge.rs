//! Where a page prints what would be markup or code if it came from outside.
//!
//! The walk of what a page reads goes over the page as it is sent, the layout first and the page in
//! its `{{{content}}}`, and keeps the places where the text may be: after a condition those at the
//! end of each branch, after a loop those of any number of turns. A partial is judged wherever it
//! is called.

use std::collections::BTreeSet;

use super::found::FoundReads;
use super::markup::{
    Arguments, Coding, Finding, Form, Given, Language, Made, Places, Refusal, made_by,
};
use super::meaning::Meaning;
use super::node::{Block, Call, Expr, Node};
use super::reach::Reach;
use super::reads::Step;
use super::set::{TemplateId, TemplateSet};
use super::walk::{Scope, Walk};
use crate::diagnostic::Span;

/// Names whose values a visitor may leave out: what is in a path is there.
const OPEN: [&str; 4] = ["query", "headers", "cookies", "body"];

/// How many findings are kept of a page.
const FINDINGS: usize = 1_000;

/// What a walk that judges keeps; one that does not is nowhere, and judges nothing.
#[derive(Default)]
pub(super) struct Judge<'s> {
    pub(super) places: Places,
    pub(super) findings: Vec<Finding>,
    /// What callers put between `{{#> x}}` and `{{/x}}`, each with its scopes; the innermost last.
    pub(super) blocks: Vec<(&'s [Node], Vec<Scope>)>,
    /// The calls of partials that are chosen when the page is made, which are walked.
    chosen: Vec<Chosen>,
    /// The ways to values that stand between two slashes, by their numbers.
    between: Vec<Vec<Step>>,
    /// The page in the layout that is walked.
    page: Option<&'s (TemplateId, Reach<'s>)>,
}

/// A call of a partial that is chosen when the page is made.
struct Chosen {
    place: Span,
    seen: Seen,
    /// Where it was called.
    places: Places,
    /// Whether one of its candidates came to it again.
    again: bool,
}

/// By what two calls of a partial are alike: the names that it sees, and the first two steps to
/// what each is made from.
type Seen = BTreeSet<(String, Vec<Step>)>;

/// The findings of a page in its layout, sent as `language`.
pub(super) fn findings(
    set: &TemplateSet,
    page: TemplateId,
    layout: Option<TemplateId>,
    language: Language,
) -> Vec<Finding> {
    let inner = (page, Reach::of(set, page));
    let outer = layout.map(|layout| (layout, Reach::of(set, layout)));
    let (first, reach) = outer.as_ref().unwrap_or(&inner);
    let judge = Judge {
        places: Places::start(language),
        page: layout.is_some().then_some(&inner),
        ..Judge::default()
    };
    if judge.places.is_empty() {
        return Vec::new();
    }
    let mut found = FoundReads::default();
    let content = layout.map(|_| "content");
    let mut walk = Walk::new(reach, *first, content, &mut found, judge);
    walk.nodes(&set.unit(*first).nodes);
    walk.judge.findings
}

/// Whether a name of the context holds something that a visitor may write.
pub(crate) fn is_outside(root: &str) -> bool {
    OPEN.contains(&root) || ["params", "path", "error"].contains(&root)
}

/// A value, and whether it is the path that was asked for.
fn of_path((way, coding): (Vec<Step>, Coding)) -> (Vec<Step>, Coding) {
    let is_path = coding == Coding::Plain && matches!(&*way, [Step::Name(name)] if name == "path");
    (way, if is_path { Coding::Path } else { coding })
}

/// What is known of what is printed, for an address that goes on after it. What servers send may
/// lack anything.
fn given(made: &Made, of_servers: &BTreeSet<String>) -> Given {
    let is_open = |way: &[Step]| match way.first() {
        Some(Step::Name(root)) => OPEN.contains(&root.as_str()) || of_servers.contains(root),
        _ => true,
    };
    if made.iter().any(|(way, _)| is_open(way)) {
        Given::Open
    } else if !made.is_empty() && made.iter().all(|(_, coding)| *coding == Coding::Path) {
        Given::Path
    } else {
        Given::Any
    }
}

impl<'s> Walk<'s, '_> {
    /// A value is printed.
    pub(super) fn judge_print(&mut self, value: &Meaning, form: Form, expr: &'s Expr) {
        if self.judge.places.is_empty() {
            return;
        }
        if let Expr::Call(call) = expr
            && let Some(path) = call.literal_url()
        {
            // What stands before it is a path of the site's own.
            return self.judge.places.text(path);
        }
        let place = expr.place();
        let mut made: Made = value.printed().into_iter().map(of_path).collect();
        if value.is_page {
            if form == Form::Raw {
                return self.content(&made, place);
            }
            made.insert((vec![Step::All], Coding::Plain));
        }
        self.judge_made(&made, form, place);
        let given = match given(&made, &self.reach.set.of_servers) {
            Given::Any if self.judge.places.is_behind_slash() => self.named_value(expr),
            given => given,
        };
        self.judge.places.value(given);
    }

    /// Whether a value may come from outside, by its way from the root.
    fn may_be_outside(&self, way: &[Step]) -> bool {
        match way.first() {
            Some(Step::Name(root)) => is_outside(root) || self.reach.set.of_servers.contains(root),
            _ => true,
        }
    }

    /// What is known of a value by its name; nothing where a helper had a part in it.
    fn named_value(&mut self, expr: &'s Expr) -> Given {
        let path = match expr {
            Expr::Call(call) if call.name == "urlencode" => call.args.first(),
            expr => Some(expr),
        };
        let Some(Expr::Path(path)) = path else { return Given::Any };
        let Meaning { ways, items: None, fields, made, is_page: false } = self.resolve(path) else {
            return Given::Any;
        };
        let mut ways = ways.into_iter().map(|way| way.steps);
        let (Some(way), None) = (ways.next(), ways.next()) else { return Given::Any };
        let is_named = way.iter().all(|step| matches!(step, Step::Name(_)));
        if !is_named || !fields.is_empty() || !made.is_empty() {
            return Given::Any;
        }
        let between = &mut self.judge.between;
        let number = between.iter().position(|known| *known == way).unwrap_or(between.len());
        if number == between.len() {
            between.push(way);
        }
        u16::try_from(number).map_or(Given::Any, Given::Named)
    }

    pub(super) fn judge_made(&mut self, made: &Made, form: Form, place: Option<&Span>) {
        for (value, coding) in made {
            let Some(refusal) = self.judge.places.refuses(*coding, form) else { continue };
            if !self.may_be_outside(value) || self.judge.findings.len() > FINDINGS {
                continue;
            }
            let place = place.unwrap_or(&self.here);
            // Another turn of a loop, another call of the partial.
            let is_it = |found: &Finding| {
                found.value == *value && found.refusal == refusal && found.place == *place
            };
            if self.judge.findings.iter().any(is_it) {
                continue;
            }
            // The first that is one too many stands for all after it: it may be any value.
            let is_kept = self.judge.findings.len() < FINDINGS;
            let value = if is_kept { value.clone() } else { vec![Step::All] };
            let between = match refusal {
                Refusal::Between(Some(way)) => self.judge.between.get(usize::from(way)).cloned(),
                _ => None,
            };
            let (place, via) = (place.clone(), self.via.clone());
            self.judge.findings.push(Finding { value, refusal, between, place, via });
        }
    }

    /// The page in its layout; `made` is what else may be printed here.
    fn content(&mut self, made: &Made, place: Option<&Span>) {
        self.judge_made(made, Form::Raw, place);
        let Some(inner) = self.judge.page.take() else { return };
        let (page, reach) = inner;
        let mut outer_places = self.judge.places.clone();
        let root = std::mem::replace(&mut self.root, Meaning::root());
        let page_scopes = vec![Scope::new(Meaning::root(), Vec::new())];
        let scopes = std::mem::replace(&mut self.scopes, page_scopes);
        let blocks = std::mem::take(&mut self.judge.blocks);
        let via = std::mem::take(&mut self.via);
        let outer = std::mem::replace(&mut self.reach, reach);
        self.nodes(&reach.set.unit(*page).nodes);
        (self.reach, self.root, self.scopes) = (outer, root, scopes);
        (self.judge.blocks, self.via, self.judge.page) = (blocks, via, Some(inner));
        if !made.is_empty() {
            outer_places.value(Given::Any);
            self.judge.places.join(&outer_places);
        }
    }

    /// Where the walk ends before the page does: any value may be printed anywhere.
    pub(super) fn judge_unknown(&mut self, place: Option<&Span>) {
        if !self.judge.places.is_empty() {
            self.judge.places.give_up();
            let all = Made::from([(vec![Step::All], Coding::Plain)]);
            self.judge_made(&all, Form::Escaped, place);
        }
    }

    /// One of some parts of templates runs.
    pub(super) fn each_of(&mut self, parts: impl Iterator<Item = &'s [Node]>) {
        let before = self.judge.places.clone();
        let mut ends: Option<Places> = None;
        for part in parts {
            self.judge.places.clone_from(&before);
            self.enter(part);
            match &mut ends {
                Some(ends) => ends.join(&self.judge.places),
                None => ends = Some(self.judge.places.clone()),
            }
        }
        self.judge.places = ends.unwrap_or(before);
    }

    /// A partial that is chosen when the page is made: it may be any.
    pub(super) fn judge_candidates(&mut self, place: &Span) {
        if self.judge.places.is_empty() {
            return;
        }
        // Each may choose again, itself too: what is alike was judged then, as if it led nowhere.
        let seen = self.seen();
        let mut open = self.judge.chosen.iter_mut();
        if let Some(call) = open.find(|call| call.place == *place && call.seen == seen) {
            call.again = true;
            if !self.judge.places.is_within(&call.places) {
                self.judge_unknown(Some(place));
            }
            return;
        }
        let (place, places) = (place.clone(), self.judge.places.clone());
        self.judge.chosen.push(Chosen { place, seen, places, again: false });
        let set = self.reach.set;
        let inlines = self.reach.inlines.iter().map(|inline| inline.body.as_slice());
        let files = set.files.values().map(|id| set.unit(*id).nodes.as_slice());
        let parts: Vec<_> = inlines.chain(files).collect();
        self.each_of(parts.into_iter());
        let call = self.judge.chosen.pop();
        if call.is_some_and(|call| call.again && !self.judge.places.is_within(&call.places)) {
            self.judge.places.give_up();
        }
    }

    fn seen(&self) -> Seen {
        let base = self.scopes.last().map(|scope| ("this", &scope.base));
        let params = self.scopes.iter().flat_map(|scope| &scope.params);
        let named = params.map(|(name, value)| (name.as_str(), value)).chain(base);
        let ways = named
            .flat_map(|(name, value)| value.whole().into_iter().map(move |(way, _)| (name, way)));
        ways.map(|(name, way)| (name.to_owned(), way.into_iter().take(2).collect())).collect()
    }

    /// `{{> @partial-block}}`: what the caller put there, or `body` where nobody did.
    pub(super) fn partial_block(&mut self, body: &'s [Node]) {
        let block = self.judge.blocks.pop();
        if let Some((nodes, scopes)) = block.clone().filter(|_| !self.judge.places.is_empty()) {
            let own = std::mem::replace(&mut self.scopes, scopes);
            self.nodes(nodes);
            self.scopes = own;
        } else {
            // In the walk that judges nothing the caller's block was walked where it stands.
            self.nodes(body);
        }
        self.judge.blocks.extend(block);
    }

    /// The turns of a loop, none of them too, and what is after `else`.
    pub(super) fn each_turn(&mut self, scope: Scope, block: &'s Block) {
        let before = self.judge.places.clone();
        let mut starts = before.clone();
        self.scopes.push(scope);
        loop {
            self.nodes(&block.body);
            if self.judge.places.is_within(&starts) || self.left == 0 {
                break;
            }
            starts.join(&self.judge.places);
            self.judge.places = starts.clone();
        }
        self.scopes.pop();
        self.judge.places.join(&starts);
        self.otherwise(before, &block.other);
    }

    /// What a helper makes from its arguments.
    pub(super) fn computed(&mut self, call: &'s Call, values: &[Meaning]) -> Meaning {
        if self.judge.places.is_empty() {
            return Meaning::default();
        }
        let is_set = |(name, value): &(String, Expr)| {
            name == "untrusted" && matches!(value, Expr::Literal(serde_json::Value::Bool(true)))
        };
        let (arguments, coding) = made_by(&call.name, call.hash.iter().any(is_set));
        let values = match arguments {
            Arguments::None => &[],
            Arguments::Rest => values.get(1..).unwrap_or_default(),
            Arguments::All => values,
        };
        let mut made: Made = values.iter().flat_map(Meaning::whole).collect();
        if arguments != Arguments::None {
            let named = call.hash.iter().map(|(_, value)| self.value(value));
            made.extend(named.flat_map(|value| value.whole()));
        }
        let made = made.into_iter().map(|(way, _)| (way, coding)).collect();
        Meaning { made, ..Meaning::default() }
    }
}
