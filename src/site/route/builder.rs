//! Routes of the file → [`Router`], and what is wrong between them.

use std::collections::HashMap;

use super::kind::ParamKind;
use super::pattern::{Pattern, Segment};
use super::router::{RouteMatch, Router};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

/// Collects routes, tells conflicts between them, and makes the router.
#[derive(Debug, Default)]
pub struct RouterBuilder {
    routes: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    method: String,
    pattern: Pattern,
    target: u32,
    span: Span,
}

impl RouterBuilder {
    /// Adds a route: its method in capitals, its path, the number that [`Router::find`] gives back,
    /// and where it stands in the file.
    pub fn add(&mut self, method: &str, pattern: &Pattern, target: u32, span: &Span) {
        let (method, pattern, span) = (method.to_owned(), pattern.clone(), span.clone());
        self.routes.push(Entry { method, pattern, target, span });
    }

    /// What is wrong between the routes: `duplicate_route`, `ambiguous_route`, `unreachable_route`.
    #[must_use]
    pub fn check(&self) -> Report {
        let mut report = Report::default();
        let mut first_of: HashMap<(&str, &[Segment]), &Entry> = HashMap::new();
        for entry in &self.routes {
            // Two patterns of the same segments match the same paths.
            let first = *first_of.entry((&entry.method, &entry.pattern.segments)).or_insert(entry);
            if !std::ptr::eq(first, entry) {
                report.push(conflict(first, entry));
            }
        }
        if report.is_empty() {
            let router = self.build();
            let dead = self.routes.iter().filter_map(|entry| self.unreachable(&router, entry));
            dead.for_each(|diagnostic| report.push(diagnostic));
        }
        report
    }

    /// The router. Of two routes for the same paths the later one is in it; [`Self::check`] tells.
    #[must_use]
    pub fn build(&self) -> Router {
        let mut router = Router::default();
        for entry in &self.routes {
            router.insert(&entry.method, &entry.pattern, entry.target);
        }
        router
    }

    /// A route is told to be unreachable when none of many paths that it matches comes to it: two
    /// for each pair of a first and a last character that its parameters can have, where they are
    /// few (uuid, date, int), since only literal text beside other parameters can take them all.
    fn unreachable(&self, router: &Router, entry: &Entry) -> Option<Diagnostic> {
        let kinds = entry.pattern.params();
        if kinds.iter().any(|param| param.kind >= ParamKind::Slug) || kinds.is_empty() {
            return None;
        }
        let mut taker = None;
        for witness in 0..WITNESSES {
            match router.find(&entry.method, &path_of(&entry.pattern, witness)) {
                RouteMatch::Route(found) if found.target == entry.target => return None,
                RouteMatch::Route(found) => taker = taker.or(Some(found.target)),
                _ => {}
            }
        }
        let taker = self.routes.iter().find(|other| Some(other.target) == taker)?;
        let message = format!(
            "nothing can reach `{}`: `{}` and others like it take all of its paths",
            entry.pattern, taker.pattern
        );
        Some(
            Diagnostic::new(Code::UnreachableRoute, message, &entry.span)
                .label(&taker.span, "more specific: it has more literal text")
                .help("remove the route, or the ones that take its paths"),
        )
    }
}

fn conflict(first: &Entry, second: &Entry) -> Diagnostic {
    let (one, two) = (first.pattern.as_str(), second.pattern.as_str());
    if one == two {
        return Diagnostic::new(
            Code::DuplicateRoute,
            format!("`{}` is defined twice", second.title()),
            &second.span,
        )
        .label(&first.span, "first defined here");
    }
    let message = format!("`{}` and `{}` match the same paths", first.title(), second.title());
    let untyped = second.pattern.params().iter().find(|param| param.kind == ParamKind::Text);
    let help = match untyped {
        Some(param) => format!("give one a type (`{{{}:int}}`), or merge them", param.name),
        None => "merge them".to_owned(),
    };
    Diagnostic::new(Code::AmbiguousRoute, message, &second.span)
        .label(&first.span, "the same paths")
        .help(help)
}

impl Entry {
    /// The route as it stands in the file.
    fn title(&self) -> String {
        match self.method.as_str() {
            "GET" => self.pattern.to_string(),
            method => format!("{method} {}", self.pattern),
        }
    }
}

/// First and last characters of a uuid are 16 × 16; two tries for each pair.
const WITNESSES: u32 = 512;

/// A path that the pattern matches, as it is sent: the `nth` of [`WITNESSES`].
fn path_of(pattern: &Pattern, nth: u32) -> String {
    pattern.written(|text| text.replace('%', "%25"), |param| value_of(param.kind, nth))
}

fn value_of(kind: ParamKind, nth: u32) -> String {
    // Some multiplicative noise for the middle, which no literal text of a file is likely to equal.
    let noise = nth.wrapping_mul(0x9e37_79b1) ^ 0x5bd1_e995;
    let (first, last) = (nth % 16, nth / 16 % 16);
    match kind {
        ParamKind::Uuid => {
            format!("{first:x}{:07x}-{:04x}-4c1b-8f2d-7{noise:010x}{last:x}", noise >> 4, nth)
        }
        ParamKind::Date => {
            let (year, month) = (first % 10 * 1000 + noise % 1000, noise % 12 + 1);
            let day = [10, 1, 2, 3, 4, 5, 6, 7, 8, 9][last as usize % 10] + 10 * (noise >> 9 & 1);
            format!("{year:04}-{month:02}-{day:02}")
        }
        _ => {
            let sign = if first > 9 { "-" } else { "" };
            format!("{sign}{}{noise}{}", first % 10, last % 10)
        }
    }
}
