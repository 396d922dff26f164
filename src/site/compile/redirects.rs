//! Redirects that lead back to where they began.

use std::sync::Arc;

use super::super::route::{RouteMatch, Router, address_text};
use super::super::{Route, Source};
use crate::diagnostic::{Code, Diagnostic, Report};

/// Refuses circles of redirects on this site that no request can leave. One with a parameter may
/// lead elsewhere, but where it leads to its own path, and one with a host may be another site:
/// those are not followed.
pub(super) fn check_redirects(routes: &[Arc<Route>], router: &Router, report: &mut Report) {
    // Of each route the one that it leads to: no more than one, so each circle is met once.
    let to = |(at, route): (usize, &Arc<Route>)| {
        if leads_to_itself(route) { Some(at) } else { leads_to(route, router) }
    };
    let next: Vec<Option<usize>> = routes.iter().enumerate().map(to).collect();
    let mut met_from: Vec<Option<usize>> = vec![None; routes.len()];
    for start in (0..routes.len()).filter(|start| next[*start].is_some()) {
        let (mut at, mut way) = (Some(start), Vec::new());
        while let Some(here) = at.filter(|here| met_from[*here].is_none()) {
            met_from[here] = Some(start);
            way.push(here);
            at = next[here];
        }
        let circle = at.and_then(|back| way.iter().position(|here| *here == back));
        let circle = circle.map(|begin| &way[begin..]).unwrap_or_default();
        let Some((first, rest)) = circle.split_first() else { continue };
        let message = format!("`{}` leads back to itself", routes[*first].pattern.as_str());
        let found = Diagnostic::new(Code::RedirectLoop, message, &routes[*first].place);
        let found =
            rest.iter().fold(found, |found, at| found.label(&routes[*at].place, "by way of this"));
        report.push(found.help("a browser gives up: lead one of them to a page"));
    }
}

/// Whether it sends each request to the path that was asked for.
fn leads_to_itself(route: &Route) -> bool {
    let Source::Redirect(to) = &route.source else { return false };
    // What follows a redirect is a GET.
    if &*route.method != "GET" {
        return false;
    }
    let mut pieces = route.pattern.as_str().split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    let own = pieces.fold(first, |own, piece| {
        let (param, text) = piece.split_once('}').unwrap_or((piece, ""));
        let name = param.trim_start_matches('*').split(':').next().unwrap_or_default();
        format!("{own}{{{{params.{name}}}}}{}", address_text(text))
    });
    let to = to.written();
    to.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/') == own
}

/// The route that answers where a route sends to, whatever is asked.
fn leads_to(route: &Route, router: &Router) -> Option<usize> {
    let Source::Redirect(to) = &route.source else { return None };
    let path = to.fixed()?.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    let found = match router.find("GET", path) {
        RouteMatch::Redirect { to } => router.find("GET", &to).into_target(),
        found => found.into_target(),
    };
    usize::try_from(found?).ok()
}
