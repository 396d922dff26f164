//! Answers of `dir` routes: the file that a path means, as it is on the disk now.

use ::http::header::{CACHE_CONTROL, CONTENT_RANGE, HeaderValue};
use ::http::{Response, StatusCode};

use super::super::answer;
use super::super::body::Body;
use super::super::carry::WholeRequest;
use super::super::files::{self, Dir, Found, Resource};
use super::super::live::RouteLines;
use super::{Asked, Core};
use crate::cache::{Outcome, Why};
use crate::site::dir::SiteDir;
use crate::site::route::location;

/// What is sent with a file that was asked for by the digest that it has: a year, which is for
/// ever, and no questions meanwhile (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

impl Core {
    pub(super) async fn dir(
        &self,
        asked: &Asked<'_>,
        site: &SiteDir,
        request: &WholeRequest,
    ) -> Response<Body> {
        let dir = asked.lines().and_then(|lines| lines.dir.as_ref());
        let Some((dir, name)) = dir.zip(site.name(asked.path)) else {
            return self.no_file(asked, request);
        };
        match dir.find(&name, request.headers()).await {
            Ok(Some(Found::File(file))) => self.file_in(asked, dir, &name, &file, request).await,
            Ok(Some(Found::NeedsSlash)) => {
                let path = format!("{}/", request.uri().path());
                self.moved(&location(&path), request)
            }
            Ok(None) => self.no_file(asked, request),
            Err(why) => {
                asked.count_error();
                tracing::error!(path = request.uri().path(), %why, "no answer");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                self.problem(asked.served, request, status, "the file could not be read")
            }
        }
    }

    async fn file_in(
        &self,
        asked: &Asked<'_>,
        dir: &Dir,
        name: &str,
        file: &Resource,
        request: &WholeRequest,
    ) -> Response<Body> {
        let Some(lines) = asked.lines() else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut answer = self.of_file(asked, lines, file, request);
        let status = answer.status();
        let is_file = status.is_success() || status == StatusCode::NOT_MODIFIED;
        if is_file && self.is_for_ever(asked, dir, name).await {
            answer.headers_mut().insert(CACHE_CONTROL, IMMUTABLE);
        }
        self.finish(asked, answer, Outcome::forwarded(Why::Bypass), None)
    }

    /// A file as its route sends it, or why it is not sent: 412, 416.
    pub(super) fn of_file(
        &self,
        asked: &Asked<'_>,
        lines: &RouteLines,
        file: &Resource,
        request: &WholeRequest,
    ) -> Response<Body> {
        let answer = files::answer(request.method(), request.headers(), file);
        match answer.status() {
            StatusCode::PRECONDITION_FAILED => self.unmet(asked, request),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let detail = "the file ends before the range begins";
                let range = answer.headers().get(CONTENT_RANGE).cloned();
                let mut problem = self.problem(asked.served, request, answer.status(), detail);
                problem.headers_mut().extend(range.map(|range| (CONTENT_RANGE, range)));
                problem
            }
            _ => answer::with_own_lines(answer, lines),
        }
    }

    /// Whether a file was asked for by the version that it has now. Only the version that the site
    /// gives out is looked into: no client can have files read for others.
    async fn is_for_ever(&self, asked: &Asked<'_>, dir: &Dir, name: &str) -> bool {
        let Some(sent) = asked.query.get("v") else { return false };
        let given = asked.served.site.asset_version(asked.target, name);
        // A `headers` entry wins.
        let is_own = asked.route.headers.iter().any(|(name, _)| name == "cache-control");
        given == Some(sent) && !is_own && dir.version(name).await.as_deref() == Some(sent)
    }

    fn no_file(&self, asked: &Asked<'_>, request: &WholeRequest) -> Response<Body> {
        self.problem(asked.served, request, StatusCode::NOT_FOUND, "there is no such page")
    }
}
