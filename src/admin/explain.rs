//! `/api/explain` and `/api/plan`: what the commands of those names say, of the running site.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::State;
use super::reply::{self, Refusal};
use super::request::{Answer, Fields};
use crate::build::{Made, site_of};
use crate::diagnostic::render;
use crate::inspect;
use crate::source::file::Disk;

/// `GET /api/explain?url=&header=`; a header is `name: value`, and may be there more than once.
pub(super) async fn explain(state: Arc<State>, query: Fields) -> Answer {
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edited {
    /// The name of the file, for people; the text stands in for the main file.
    #[serde(default, rename = "file")]
    _file: String,
    /// The main file's text as it would be saved.
    text: String,
}

/// `POST /api/plan`.
pub(super) async fn plan(state: Arc<State>, edited: Edited) -> Answer {
    let ((root, main), clock) = (state.parts.files.clone(), state.parts.clock.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut disk = Disk::new(&root, clock.wall()).with_text(&main, edited.text);
        site_of(&main, &mut disk, &clock)
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
