//! `/api/explain` and `/api/plan`: what the commands of those names say, of the running site.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::api::whole_body;
use super::fields::Fields;
use super::{Inner, reply};
use crate::build::{Made, site_of_text};
use crate::diagnostic::render;
use crate::http::body::Body;
use crate::http::carry::WholeRequest;
use crate::inspect::{explained, planned};
use crate::source::file::Disk;

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

impl Inner {
    /// `GET /api/explain?url=&header=`; a header is `name: value`, and may be there more than once.
    pub(super) async fn explain(&self, request: &WholeRequest) -> Response<Body> {
        let query = Fields::parse(request.uri().query().unwrap_or_default());
        let Some(url) = query.text("url").filter(|url| url.starts_with('/')) else {
            let detail = "`url` is a path of the site, with its query";
            return reply::problem(StatusCode::BAD_REQUEST, detail);
        };
        let mut headers = HeaderMap::new();
        for line in query.all("header") {
            let Some((name, value)) = header(line) else {
                return reply::problem(StatusCode::BAD_REQUEST, "`header` is `name: value`");
            };
            headers.append(name, value);
        }
        let site = self.parts.live.site();
        let told = explained(&site, &self.parts.cache, "GET", &url, &headers).await;
        match serde_json::to_value(&told) {
            Ok(told) => reply::json(&told),
            Err(why) => reply::problem(StatusCode::INTERNAL_SERVER_ERROR, why.to_string()),
        }
    }

    /// `POST /api/plan`.
    pub(super) async fn plan(&self, request: &WholeRequest) -> Response<Body> {
        let edited: Edited = match serde_json::from_slice(&whole_body(request).await) {
            Ok(edited) => edited,
            Err(why) => return reply::problem(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()),
        };
        let ((root, main), clock) = (self.parts.files.clone(), self.parts.clock.clone());
        let made = tokio::task::spawn_blocking(move || {
            let mut disk = Disk::new(&root, clock.wall());
            site_of_text(&main, &edited.text, &mut disk, &clock)
        });
        let Ok(Made { site, report, .. }) = made.await else {
            let detail = "the text could not be compiled";
            return reply::problem(StatusCode::INTERNAL_SERVER_ERROR, detail);
        };
        let Some(new) = site else {
            let problem = json!({
                "type": "about:blank",
                "title": "The text is bad",
                "status": 422,
                "detail": report.iter().find(|it| it.is_error()).map(ToString::to_string),
                "diagnostics": render::json(&report),
            });
            return reply::json_with(StatusCode::UNPROCESSABLE_ENTITY, &problem);
        };
        let old = self.parts.live.site();
        let plan = planned(&old, &new, &self.parts.cache, &self.parts.clock).await;
        match serde_json::to_value(&plan) {
            Ok(plan) => reply::json(&plan),
            Err(why) => reply::problem(StatusCode::INTERNAL_SERVER_ERROR, why.to_string()),
        }
    }
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    Some((name, HeaderValue::from_str(value.trim()).ok()?))
}
