//! Files: one that a route names, or those of a directory as they are on the disk now.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, CONTENT_RANGE, HeaderValue};

use super::super::answer::{self, Answer, Responding};
use super::super::files::{self, Dir, Found, Kept, NotSent, Resource};
use super::super::live::{PreparedRoute, PreparedSource, Served};
use super::super::problem::Problem;
use super::super::request::RequestView;
use super::{Asking, Core, Later, MatchedRequest};
use crate::cache::Cache;
use crate::site::dir::SiteDir;
use crate::site::route::location;

/// What is sent with a file that was asked for by the digest that it has: a year, which is for
/// ever, and no questions meanwhile (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

impl Core {
    pub(super) fn file(
        self: &Arc<Self>,
        asked: &MatchedRequest<'_>,
        file: &Arc<Kept>,
    ) -> Responding {
        if let Some(ready) = file.ready(asked.request.headers) {
            return self.send(asked.asking(), asked.prepared, &ready);
        }
        let (later, file) = (asked.later(self), Arc::clone(file));
        Responding::begin(async move {
            let made = file.made(&later.request.headers).await;
            later.send(&made).await
        })
    }

    pub(super) fn dir(
        self: &Arc<Self>,
        asked: &MatchedRequest<'_>,
        (site, dir): &(SiteDir, Dir),
    ) -> Responding {
        let name = site.name(asked.path);
        let version = name.as_deref().and_then(|name| asked.version_asked_for(name));
        let known = name.as_deref().and_then(|name| {
            dir.at_once(name, version.as_deref(), asked.request.headers, &self.cache)
        });
        if let Some(file) = known {
            let sent = self.send(asked.asking(), asked.prepared, &file);
            return if version.is_some() { sent.map(set_immutable) } else { sent };
        }
        let later = asked.later(self);
        Responding::begin(async move { later.file_in_dir(name, version).await })
    }

    /// A file as its route sends it, or why it is not sent.
    fn send(
        self: &Arc<Self>,
        asking: Asking<'_>,
        route: &Arc<PreparedRoute>,
        file: &Resource,
    ) -> Responding {
        let now = self.cache.clock().wall();
        let lines = (route.serial, |answer| answer::with_own_lines(answer, route));
        match files::answer(asking.request, file, now, lines) {
            Ok(answer) => self.bypass(answer, Some(route)).into(),
            Err(NotSent::Unmet) => self.problem(asking, Problem::unmet()),
            Err(NotSent::OutOfRange(range)) => {
                let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE)
                    .detail("the file ends before the range begins");
                self.problem(asking, problem).map(|answer| {
                    if let Ok(range) = HeaderValue::try_from(range) {
                        answer.insert(CONTENT_RANGE, range);
                    }
                })
            }
        }
    }
}

/// Says that a file which was asked for by the version that it has stays as it is.
fn set_immutable(answer: &mut Answer) {
    let status = answer.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        answer.response_mut().headers_mut().insert(CACHE_CONTROL, IMMUTABLE);
    }
}

impl Core {
    /// To the form of the path that a route has, where something is there.
    pub(super) fn other_form(self: &Arc<Self>, asking: Asking<'_>, to: &str) -> Responding {
        let Asking { served, request, .. } = asking;
        if served.site.find_other_form(request.method.as_str(), request.path).is_none() {
            return self.moved(asking, to).into();
        }
        let (core, served) = (Arc::clone(self), Arc::clone(served));
        let request = request.into_owned();
        Responding::begin(async move {
            let request = &request.view();
            let asking = Asking::of_site(&served, request);
            if let Some(to) = other_form(&core.cache, &served, request, None).await {
                return core.moved(asking, &to);
            }
            core.live.count_unmatched();
            core.problem(asking, Problem::not_found()).answer().await
        })
    }
}

impl MatchedRequest<'_> {
    /// The version that the site gives out for a file of its directory, where the request names
    /// that one, and the route says nothing else about how long it may be kept.
    fn version_asked_for(&self, name: &str) -> Option<String> {
        let sent = self.query.get("v")?;
        let is_own = self.route.headers.iter().any(|line| line.name == CACHE_CONTROL.as_str());
        let given = self.served.site.asset_version(self.target, name)?;
        (given == sent && !is_own).then(|| sent.to_owned())
    }
}

impl Later {
    async fn file_in_dir(self, name: Option<String>, version: Option<String>) -> Answer {
        let PreparedSource::Dir(served) = &self.prepared.source else {
            return self.problem(Problem::not_found()).await;
        };
        let dir = &served.1;
        let Some(name) = &name else { return self.not_in_dir().await };
        let file = match dir.find(name, &self.request.headers, &self.core.cache).await {
            Ok(Some(Found::File(file))) => file,
            Ok(Some(Found::NeedsSlash)) => {
                let path = format!("{}/", self.request.path);
                return self.core.moved(self.asking(&self.request.view()), &location(&path));
            }
            Ok(None) => return self.not_in_dir().await,
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
        // Only the version that the site gives out is looked into: no client can have files read
        // for others.
        if let Some(version) = version
            && dir.is_still(name, version, &self.core.cache).await
        {
            set_immutable(&mut answer);
        }
        answer
    }

    /// A directory has no such file: another route may be where the path has a slash more or less
    /// at its end.
    async fn not_in_dir(&self) -> Answer {
        let request = self.request.view();
        match other_form(&self.core.cache, &self.served, &request, Some(&self.prepared)).await {
            Some(to) => self.core.moved(self.asking(&request), &to),
            None => self.problem(Problem::not_found()).await,
        }
    }

    async fn send(&self, file: &Resource) -> Answer {
        let request = &self.request.view();
        self.core.send(self.asking(request), &self.prepared, file).answer().await
    }
}

/// The path of a request with a slash more or less at its end, where another route than `but` has
/// something there. Of directories it is asked, lest a client be sent where nothing is, or by two
/// of them to and fro.
async fn other_form(
    cache: &Cache,
    served: &Arc<Served>,
    request: &RequestView<'_>,
    but: Option<&Arc<PreparedRoute>>,
) -> Option<String> {
    let (mut matched, to) = served.site.find_other_form(request.method.as_str(), request.path)?;
    let (route, prepared) = served.route(matched.target)?;
    if but.is_some_and(|but| Arc::ptr_eq(but, prepared)) {
        return None;
    }
    route.rules.path(&mut matched.params).ok()?;
    if let PreparedSource::Dir(dir) = &prepared.source {
        let name = dir.0.name(&matched.path)?;
        let found = dir.1.find(&name, request.headers, cache).await;
        return matches!(found, Ok(Some(Found::File(_)))).then_some(to);
    }
    Some(to)
}
