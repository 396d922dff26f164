//! `/api/warm`: pages are rendered before anybody asks, by the site that runs, whatever its files
//! say by now.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::State;
use super::reply::{self, Refusal};
use super::request::{Answer, Fields};
use crate::http::edge::Handle as _;
use crate::http::handler::SiteHandler;
use crate::http::request::OwnedRequest;
use crate::site::Route;
use crate::site::route::encoded_path;

/// How often a page is asked for until it is kept: a new one may be stored only on its second
/// request, and a late write only be seen by the next.
const TRIES: usize = 3;

/// The addresses that need no parameters.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) urls: Vec<String>,
}

/// An address to render.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    pub(crate) url: String,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Warmed {
    /// The status of the answer.
    pub(crate) status: u16,
    /// Whether the store has it now.
    pub(crate) kept: bool,
}

/// The addresses of all pages that are kept and need no parameters.
pub(super) async fn addresses(state: Arc<State>, _query: Fields) -> Answer {
    let site = state.parts.live.site();
    let fixed = site.routes.iter();
    let is_kept = |route: &Arc<Route>| route.key.is_some() && route.lifetime.ttl.is_some();
    let wants = |route: &Arc<Route>| route.declared.query.iter().any(|param| param.required);
    let is_fixed = |route: &Arc<Route>| route.pattern.is_literal() && !wants(route);
    let fixed = fixed.filter(|route| is_kept(route) && is_fixed(route));
    let urls = fixed.map(|route| encoded_path(route.pattern.as_str())).collect();
    Ok(reply::json(&Addresses { urls }))
}

/// Renders a page, and says whether it is kept.
pub(super) async fn warm(state: Arc<State>, wanted: Wanted) -> Answer {
    let request = OwnedRequest::get(&wanted.url).filter(|_| wanted.url.starts_with('/'));
    let Some(request) = request else {
        let detail = format!("`{}` is no path of the site", wanted.url);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    let parts = &state.parts;
    let handler = SiteHandler::new(Arc::clone(&parts.live), parts.cache.clone(), &parts.server);
    // larder's own addresses are warp filters, and none can be asked within another: beside it, and
    // not longer than it is waited for.
    let mut beside = JoinSet::new();
    beside.spawn(warmed(handler, request));
    match beside.join_next().await {
        Some(Ok(warmed)) => Ok(reply::json(&warmed)),
        _ => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made")),
    }
}

async fn warmed(handler: SiteHandler, request: OwnedRequest) -> Warmed {
    let mut warmed = Warmed { status: 0, kept: false };
    for _ in 0..TRIES {
        let answer = handler.respond(&request.view().below(handler.base())).answer().await;
        let outcome = answer.facts.outcome;
        warmed.status = answer.status().as_u16();
        warmed.kept = outcome.as_ref().is_some_and(crate::cache::Outcome::is_kept_for_good);
        // What was not looked for will not be kept the next time.
        if warmed.kept || outcome.is_none() {
            break;
        }
    }
    warmed
}
