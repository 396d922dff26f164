//! Two versions of a site → every edit that changes an answer, for the log and for `plan`.
//!
//! Sites, routes and error pages are taken apart with every field named: the crate does not compile
//! until it is said here what a new field means for what is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::key::{InputKind, KeyPlan};
use super::openapi::operation;
use super::{Declared, ErrorPage, RemoteLoad, Route, Site};
use crate::config::{ErrorStatus, ParamConfig};
use crate::diagnostic::At;
use crate::units::grouped;

/// What happened to what is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is new.
    Added,
    /// It is made again: nothing that is kept is served any more.
    Remade,
    /// It is answered otherwise, with what is kept.
    Otherwise,
    /// It is gone.
    Removed,
}

impl Sign {
    /// `+`, `~`, `=` or `-`.
    pub(crate) fn symbol(self) -> char {
        match self {
            Self::Added => '+',
            Self::Remade => '~',
            Self::Otherwise => '=',
            Self::Removed => '-',
        }
    }
}

/// A route, or what is no route by its own name, and what happened to it. In the order in which
/// they are told: by their signs, what is no route first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What happened.
    pub sign: Sign,
    is_route: bool,
    /// The route's method and path, `errors.404`, `languages`.
    pub name: String,
    /// What of it is otherwise.
    pub fields: Vec<String>,
}

impl Change {
    fn site(sign: Sign, name: impl Into<String>) -> Self {
        Self { sign, is_route: false, name: name.into(), fields: Vec::new() }
    }
}

impl fmt::Display for Change {
    /// `= /faq (headers, cors)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.sign.symbol(), self.name.escape_debug())?;
        if self.fields.is_empty() { Ok(()) } else { write!(out, " ({})", self.fields.join(", ")) }
    }
}

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

/// How many the log line names before it only counts.
const NAMED: usize = 20;

impl fmt::Display for Changes {
    /// `+ /pricing  ~ /about  = /faq (headers, cors)  - /old`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("no answer changed");
        }
        for (index, change) in self.0.iter().take(NAMED).enumerate() {
            write!(out, "{}{change}", if index == 0 { "" } else { "  " })?;
        }
        match self.0.len().checked_sub(NAMED) {
            Some(more) if more > 0 => write!(out, "  and {} more", grouped(more as u64)),
            _ => Ok(()),
        }
    }
}

/// Where two lists differ: an edit in one place of many leaves most of both ends as they were.
#[derive(Debug, Default)]
pub(crate) struct Middle {
    /// Of the old list.
    pub(crate) old: Range<usize>,
    /// Of the new one.
    pub(crate) new: Range<usize>,
}

impl Middle {
    /// Where `old` and `new` are not the `same`.
    pub(crate) fn of<O, N>(old: &[O], new: &[N], same: impl Fn(&O, &N) -> bool) -> Self {
        let same = |(old, new): &(&O, &N)| same(old, new);
        let begin = old.iter().zip(new).take_while(same).count();
        let ends = old[begin..].iter().rev().zip(new[begin..].iter().rev());
        let end = ends.take_while(same).count();
        Self { old: begin..old.len() - end, new: begin..new.len() - end }
    }

    /// Where the new list's item `at` is in the old one; nothing for those between the ends.
    pub(crate) fn in_old(&self, at: usize) -> Option<usize> {
        match at.checked_sub(self.new.end) {
            Some(behind) => Some(self.old.end + behind),
            None => Some(at).filter(|at| *at < self.new.start),
        }
    }
}

/// Whether an answer of the site, or the key of one, depends on its languages.
fn reads_language(site: &Site) -> bool {
    let of_key =
        |route: &Route| route.key.as_ref().is_some_and(|key| key.covers.any(InputKind::Language));
    let of_route = |route: &Arc<Route>| route.inputs.any(InputKind::Language) || of_key(route);
    site.routes.iter().any(of_route) || site.errors.values().any(|page| page.reads_language)
}

/// What changes from `old` to `new`.
pub fn diff(old: &Site, new: &Site) -> Changes {
    let Site {
        routes,
        languages,
        errors,
        defaults,
        // They are told as those of every route.
        default_headers: _,
        // What needs a restart has no effect before it; the namespace is in the routes' keys.
        server,
        cache: _,
        pending_restart: _,
        // These follow from the routes, and templates are in the digests of what they make.
        router: _,
        templates: _,
        contexts: _,
        template_directory: _,
        assets: _,
        names: _,
    } = new;
    // What is the very same route is no change, and most are.
    let middle = Middle::of(&old.routes, routes, Arc::ptr_eq);
    let has_ends = middle.new.len() < routes.len();
    let (old_routes, new_routes) = (&old.routes[middle.old], &routes[middle.new]);
    let same: foldhash::HashSet<*const Route> = {
        let new: foldhash::HashSet<_> = new_routes.iter().map(Arc::as_ptr).collect();
        old_routes.iter().map(Arc::as_ptr).filter(|route| new.contains(route)).collect()
    };
    let (before, after) = (by_address(old_routes, &same), by_address(new_routes, &same));
    let mut routes: Vec<(String, Difference)> = Vec::new();
    let mut changes = Vec::new();
    for (address, route) in &after {
        match before.get(address) {
            None => changes.push((Sign::Added, address.clone(), BTreeSet::new())),
            Some(earlier) => routes.push((address.clone(), Difference::of(earlier, route))),
        }
    }
    let gone = before.keys().filter(|address| !after.contains_key(*address));
    changes.extend(gone.map(|address| (Sign::Removed, address.clone(), BTreeSet::new())));
    let mut of_site = of_errors(&old.errors, errors);
    if old.languages != *languages && (reads_language(old) || reads_language(new)) {
        of_site.push(Change::site(Sign::Otherwise, "languages"));
    }
    let differs = |(address, route): (&String, &&Route)| {
        before.get(address).is_none_or(|earlier| differs_in_docs(earlier, route))
    };
    if server.docs.is_some() && (before.len() > routes.len() || after.iter().any(differs)) {
        of_site.push(Change::site(Sign::Otherwise, "docs"));
    }
    let of_all = of_every_route(&old.defaults, defaults, &mut routes, same.is_empty() && !has_ends);
    of_site.extend((!of_all.is_empty()).then(|| Change {
        fields: of_all.iter().map(|field| format!("defaults.{field}")).collect(),
        ..Change::site(Sign::Otherwise, "every route")
    }));
    changes.extend(routes.into_iter().filter_map(|(address, it)| match it {
        Difference { is_remade: true, .. } => Some((Sign::Remade, address, BTreeSet::new())),
        Difference { fields, .. } if fields.is_empty() => None,
        Difference { fields, .. } => Some((Sign::Otherwise, address, fields)),
    }));
    let named = |(sign, name, fields): (Sign, String, BTreeSet<&'static str>)| {
        let fields = fields.into_iter().map(str::to_owned).collect();
        Change { sign, is_route: true, name, fields }
    };
    let mut changes: Vec<Change> =
        of_site.into_iter().chain(changes.into_iter().map(named)).collect();
    changes.sort();
    Changes(changes)
}

/// Routes by `METHOD /path`, the method left out where it is GET.
fn by_address<'r>(
    routes: &'r [Arc<Route>],
    without: &foldhash::HashSet<*const Route>,
) -> BTreeMap<String, &'r Route> {
    let routes = routes.iter().filter(|route| !without.contains(&Arc::as_ptr(route)));
    routes.map(|route| (route.address(), route.as_ref())).collect()
}

/// How two versions of a route differ.
#[derive(Default)]
struct Difference {
    /// What is kept of one is not served by the other.
    is_remade: bool,
    /// What else decides its answers and is otherwise.
    fields: BTreeSet<&'static str>,
}

impl Difference {
    fn of(old: &Route, new: &Route) -> Self {
        let Route {
            name,
            status,
            content_type,
            headers,
            cache_control,
            lifetime,
            declared,
            key,
            purges,
            cors,
            delay,
            digest,
            // It is in the documentation alone.
            summary: _,
            // By these it is known; a place decides nothing.
            method: _,
            pattern: _,
            place: _,
            // These follow from its content, which is in the digest, and from what is declared.
            vary: _,
            rules: _,
            inputs: _,
            reads: _,
            uses: _,
            source: _,
        } = new;
        let Declared { query, fields, params } = declared;
        let names = |list: &[At<String>]| -> Vec<String> {
            list.iter().map(|name| name.value.clone()).collect()
        };
        // It is sent where no header of the file is.
        let is_own = |it: &Route| it.headers.iter().any(|line| line.name == "cache-control");
        // Of what is never stored no life counts.
        let is_kept = key.is_some() || old.key.is_some();
        let (was, is) = (old.lifetime, *lifetime);
        let said = [
            ("status", old.status != *status),
            ("content_type", old.content_type != *content_type),
            ("headers", old.headers != *headers),
            ("max_age", old.cache_control != *cache_control && !(is_own(old) && is_own(new))),
            ("ttl", is_kept && was.ttl != is.ttl),
            (
                "stale_while_revalidate",
                is_kept && was.stale_while_revalidate != is.stale_while_revalidate,
            ),
            ("stale_if_error", is_kept && was.stale_if_error != is.stale_if_error),
            ("query", are_other_rules(&old.declared.query, query)),
            ("fields", are_other_rules(&old.declared.fields, fields)),
            ("params", are_other_rules(&old.declared.params, params)),
            ("purges", names(&old.purges) != names(purges)),
            ("cors", old.cors != *cors),
            ("delay", old.delay != *delay),
            ("load", lives(old) != lives(new)),
        ];
        Self {
            is_remade: old.digest != *digest
                || old.name != *name
                || !is_same_key(old.key.as_ref(), key.as_ref())
                || defaults(old) != defaults(new),
            fields: said.into_iter().filter_map(|(name, is)| is.then_some(name)).collect(),
        }
    }
}

/// How long values of servers live, and are waited for, by their names.
fn lives(route: &Route) -> Vec<(&str, (bool, [Duration; 3]))> {
    let life = |it: &RemoteLoad| (it.by_server, [it.ttl, it.stale_if_error, it.ask.timeout]);
    route.remote().iter().map(|it| (&*it.load.name, life(&it.load))).collect()
}

/// Whether a request has the same key under both plans.
fn is_same_key(old: Option<&KeyPlan>, new: Option<&KeyPlan>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => old.writes_as(new),
        (old, new) => old.is_none() && new.is_none(),
    }
}

/// What parameters of the query are that a page reads, or its key holds, where they are absent:
/// with another default such a request has another page, under another key.
fn defaults(route: &Route) -> BTreeMap<&str, &str> {
    let is_read = |name: &str| {
        let in_key = |key: &KeyPlan| key.covers.has(InputKind::Query, name);
        route.inputs.has(InputKind::Query, name) || route.key.as_ref().is_some_and(in_key)
    };
    let query = route.declared.query.iter().filter(|param| is_read(&param.name.value));
    let query = query.filter_map(|param| param.default.as_ref().map(|default| (param, default)));
    query.map(|(param, default)| (&*param.name.value, &*default.value)).collect()
}

/// Whether two declarations of parameters differ in more than what people are told of them.
fn are_other_rules(old: &[ParamConfig], new: &[ParamConfig]) -> bool {
    // As they are written out they have no places.
    let bare = |it: &ParamConfig| ParamConfig { description: None, ..it.clone() };
    let rules = |list: &[ParamConfig]| format!("{:?}", list.iter().map(bare).collect::<Vec<_>>());
    !(old.is_empty() && new.is_empty()) && rules(old) != rules(new)
}

/// Whether the documentation says other things of a route.
fn differs_in_docs(old: &Route, new: &Route) -> bool {
    let declared = |route: &Route| format!("{:?}", route.declared);
    // Of most edits this tells without writing it down.
    let is_same = old.digest == new.digest
        && (&old.name, &old.summary, old.status) == (&new.name, &new.summary, new.status)
        && old.content_type == new.content_type
        && declared(old) == declared(new);
    !is_same && operation(old) != operation(new)
}

/// The defaults that changed for every route, which are told once; headers of the defaults are on
/// all other answers too. `routes` are those that are not the very same as before, `is_all` says
/// whether those are all.
fn of_every_route(
    old: &[(&'static str, String)],
    new: &[(&'static str, String)],
    routes: &mut [(String, Difference)],
    is_all: bool,
) -> Vec<&'static str> {
    let edited = old.iter().zip(new).filter(|(old, new)| old != new).map(|(_, (name, _))| *name);
    let is_of_all = |name: &&'static str| {
        let has_all =
            || is_all && routes.iter().all(|(_, it)| it.is_remade || it.fields.contains(name));
        *name == "headers" || routes.iter().any(|(_, it)| it.fields.contains(name)) && has_all()
    };
    let names: Vec<&'static str> = edited.filter(is_of_all).collect();
    for (_, route) in routes {
        route.fields.retain(|field| !names.contains(field));
    }
    names
}

/// What changed of the error pages.
fn of_errors(
    old: &BTreeMap<ErrorStatus, Arc<ErrorPage>>,
    new: &BTreeMap<ErrorStatus, Arc<ErrorPage>>,
) -> Vec<Change> {
    let name = |status: &ErrorStatus| match status {
        ErrorStatus::Exactly(status) => format!("errors.{status}"),
        ErrorStatus::Class(class) => format!("errors.{class}xx"),
    };
    let changed = new.iter().filter_map(|(status, page)| {
        let ErrorPage {
            digest,
            headers,
            // The content type is in the digest, and what it reads follows from it.
            content: _,
            content_type: _,
            reads_language: _,
            reads_request: _,
        } = &**page;
        match old.get(status) {
            None => Some(Change::site(Sign::Added, name(status))),
            Some(earlier) if earlier.digest != *digest => {
                Some(Change::site(Sign::Remade, name(status)))
            }
            Some(earlier) if earlier.headers != *headers => Some(Change {
                fields: vec!["headers".to_owned()],
                ..Change::site(Sign::Otherwise, name(status))
            }),
            Some(_) => None,
        }
    });
    let gone = old.keys().filter(|status| !new.contains_key(*status));
    changed.chain(gone.map(|status| Change::site(Sign::Removed, name(status)))).collect()
}
