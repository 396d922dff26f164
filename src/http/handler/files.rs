//! Files: one that a route names, or those of a directory as they are on the disk now.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, CONTENT_RANGE, HeaderValue};

use super::super::answer::{self, Answer, Responding};
use super::super::files::{self, Dir, Found, NotSent, Resource};
use super::super::live::PreparedSource;
use super::super::problem::Problem;
use super::{Core, Later, MatchedRequest};
use crate::site::dir::SiteDir;
use crate::site::route::location;

/// What is sent with a file that was asked for by the digest that it has: a year, which is for
/// ever, and no questions meanwhile (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

impl Core {
    pub(super) fn file(self: &Arc<Self>, asked: &MatchedRequest<'_>) -> Responding {
        let later = asked.later(self);
        Responding::begin(async move {
            let PreparedSource::File(file) = &later.prepared.source else {
                return later.problem(Problem::not_found()).await;
            };
            let resource = Resource::of_kept(file, &later.request.headers).await;
            later.send(&resource).await
        })
    }

    pub(super) fn dir(self: &Arc<Self>, asked: &MatchedRequest<'_>, site: &SiteDir) -> Responding {
        let Some(name) = site.name(asked.path) else {
            return self.not_found(asked.served, asked.request);
        };
        let version = asked.version_asked_for(&name);
        let later = asked.later(self);
        Responding::begin(async move { later.file_in_dir(&name, version).await })
    }
}

impl MatchedRequest<'_> {
    /// The version that the site gives out for a file of its directory, where the request names
    /// that one, and the route says nothing else about how long it may be kept.
    fn version_asked_for(&self, name: &str) -> Option<String> {
        let sent = self.query.get("v")?;
        let is_own = self.route.headers.iter().any(|(name, _)| name == CACHE_CONTROL.as_str());
        let given = self.served.site.asset_version(self.target, name)?;
        (given == sent && !is_own).then(|| sent.to_owned())
    }
}

impl Later {
    async fn file_in_dir(self, name: &str, version: Option<String>) -> Answer {
        let PreparedSource::Dir(served) = &self.prepared.source else {
            return self.problem(Problem::not_found()).await;
        };
        let dir = &served.1;
        let file = match dir.find(name, &self.request.headers).await {
            Ok(Some(Found::File(file))) => file,
            Ok(Some(Found::NeedsSlash)) => {
                let path = format!("{}/", self.request.path);
                return self.core.moved(&location(&path), &self.request.view());
            }
            Ok(None) => return self.problem(Problem::not_found()).await,
            Err(why) => {
                tracing::error!(path = self.request.path, %why, "no answer");
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR);
                let mut answer = self.problem(problem.detail("the file could not be read")).await;
                answer.facts.route = Some(Arc::clone(&self.prepared));
                answer.facts.failed = Some(why.to_string().into());
                return answer;
            }
        };
        let mut answer = self.send(&file).await;
        let status = answer.status();
        if (status.is_success() || status == StatusCode::NOT_MODIFIED)
            && is_still(dir, name, version).await
        {
            answer.insert(CACHE_CONTROL, IMMUTABLE);
        }
        answer
    }

    /// A file as its route sends it, or why it is not sent.
    async fn send(&self, file: &Resource) -> Answer {
        match files::answer(&self.request.view(), file) {
            Ok(response) => {
                let response = answer::with_own_lines(response, &self.prepared);
                self.core.bypass(response, Some(&self.prepared))
            }
            Err(NotSent::Unmet) => self.problem(Problem::unmet()).await,
            Err(NotSent::OutOfRange(range)) => {
                let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE)
                    .detail("the file ends before the range begins");
                let mut answer = self.problem(problem).await;
                if let Ok(range) = HeaderValue::try_from(range) {
                    answer.insert(CONTENT_RANGE, range);
                }
                answer
            }
        }
    }
}

/// Whether a file has the version that it was asked for by. Only the version that the site gives
/// out is looked into: no client can have files read for others.
async fn is_still(dir: &Dir, name: &str, version: Option<String>) -> bool {
    match version {
        Some(version) => dir.version(name).await == Some(version),
        None => false,
    }
}
