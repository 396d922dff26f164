//! Partials that include themselves, walked to a fixpoint.
//!
//! A part of a template that is entered again within itself is walked anew, since its values are
//! others now. It is so for as many times as its paths reach scopes that it did not make itself
//! (`../..`); from then on all that it could read lies below what its own calls were given, which
//! is taken as read whole.

use super::markup::{Form, Made, Places};
use super::meaning::Meaning;
use super::node::Node;
use super::walk::Walk;

/// A part of a template that is being walked.
pub(super) struct Entered<'s> {
    part: &'s [Node],
    /// How many scopes there were, its own included.
    scopes: usize,
    /// Where its text began.
    places: Places,
    /// Whether the walk ended at a call of it within itself.
    is_cut: bool,
}

impl<'s> Walk<'s, '_> {
    /// Walks what a partial runs.
    pub(super) fn enter(&mut self, part: &'s [Node]) {
        let same = |entered: &&Entered<'_>| std::ptr::eq(entered.part, part);
        let times = self.open.iter().filter(same).count();
        if times > 1 + self.reach.scopes_out {
            return self.widen(part);
        }
        let places = self.judge.places.clone();
        self.open.push(Entered { part, scopes: self.scopes.len(), places, is_cut: false });
        self.nodes(part);
        if let Some(entered) = self.open.pop()
            && entered.is_cut
            && !self.judge.places.is_within(&entered.places)
        {
            // Its end is not where it began, which was taken for granted of the call within it.
            self.judge_unknown(None);
        }
    }

    /// Reads whole whatever the calls of a part within itself were given that it did not have when
    /// it was entered first.
    fn widen(&mut self, part: &'s [Node]) {
        let is_same = |entered: &&mut Entered<'_>| std::ptr::eq(entered.part, part);
        let Some(last) = self.open.iter_mut().rfind(is_same) else { return };
        last.is_cut = true;
        let is_stable = self.judge.places.is_within(&last.places);
        let first = self.open.iter().find(|entered| std::ptr::eq(entered.part, part));
        let count = first.map_or(0, |first| first.scopes);
        let own = count.checked_sub(1).and_then(|own| self.scopes.get(own)).cloned();
        let Some(own) = own else { return };
        let mut news: Vec<Meaning> = Vec::new();
        // What goes on from here reaches no scope further out.
        let reached = self.scopes.len().saturating_sub(1 + self.reach.scopes_out);
        for scope in self.scopes.get(reached.max(count)..).unwrap_or_default() {
            news.push(scope.base.beyond(&own.base));
            for (name, value) in &scope.params {
                let before = own.params.iter().find(|(known, _)| known == name);
                news.push(before.map_or_else(|| value.clone(), |(_, had)| value.beyond(had)));
            }
        }
        let mut made = Made::new();
        for new in &news {
            self.read_all(new, None);
            if !self.judge.places.is_empty() {
                made.extend(new.whole());
            }
        }
        if !self.judge.places.is_empty() {
            if !is_stable {
                return self.judge_unknown(None);
            }
            let places = self.judge.places.clone();
            self.judge.places.give_up();
            self.judge_made(&made, Form::Escaped, None);
            self.judge.places = places;
        }
    }
}
