//! `/api/explain` and `/api/plan`: what the commands of those names say, of the running site.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::State;
use super::fields::Fields;
use super::reply::{self, Refusal};
use super::request::{at, posted_json, query, read, resource, with};
use crate::build::{Made, site_of_text};
use crate::diagnostic::render;
use crate::inspect;
use crate::source::file::Disk;

/// `GET /api/explain?url=&header=`; a header is `name: value`, and may be there more than once.
pub(super) fn explain(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    resource(at("/api/explain"), read().and(with(state)).and(query()).then(explained))
}

async fn explained(state: Arc<State>, query: Fields) -> Result<Response, Refusal> {
    let Some(url) = query.first("url").filter(|url| url.starts_with('/')) else {
        let detail = "`url` is a path of the site, with its query";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, detail));
    };
    let headers: Vec<String> = query.all("header").map(str::to_owned).collect();
    let site = state.parts.live.site();
    let explained = inspect::explain(&site, &state.parts.cache, &url, &headers).await;
    let explained = explained.map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why))?;
    Ok(reply::json(&explained))
}

/// What `POST /api/plan` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    /// The name of the file, for people; the text stands in for the main file.
    #[serde(default, rename = "file")]
    _file: String,
    /// The main file's text as it would be saved.
    text: String,
}

/// `POST /api/plan`.
pub(super) fn plan(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    resource(
        at("/api/plan"),
        posted_json("`text` is the file as it would be saved").and(with(state)).then(planned),
    )
}

async fn planned(edited: Edited, state: Arc<State>) -> Result<Response, Refusal> {
    let ((root, main), clock) = (state.parts.files.clone(), state.parts.clock.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut disk = Disk::new(&root, clock.wall());
        site_of_text(&main, &edited.text, &mut disk, &clock)
    });
    let Ok(Made { site, report, .. }) = made.await else {
        let detail = "the text could not be compiled";
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
    };
    let Some(new) = site else {
        let problem = reply::json(&json!({
            "type": "about:blank",
            "title": "The text is bad",
            "status": 422,
            "detail": report.iter().find(|it| it.is_error()).map(ToString::to_string),
            "diagnostics": render::json(&report),
        }));
        return Ok(reply::with_status(StatusCode::UNPROCESSABLE_ENTITY, problem));
    };
    let (old, cache) = (state.parts.live.site(), &state.parts.cache);
    Ok(reply::json(&inspect::plan(&old, &new, cache, &state.parts.clock).await))
}
