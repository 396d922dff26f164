//! A site's renders as the cache and the error pages ask for them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;

use super::renders::{Attempt, Busy, Job, Renders, RouteRenders};
use super::sources::{Gathered, Sources};
use crate::cache::{Cache, Entry, Left, Render, RenderFailure, Rendered};
use crate::fingerprint::Fingerprint;
use crate::site::template::while_wanted;
use crate::site::{ErrorJob, Made, RenderError, RenderJob};

/// The render of one page.
#[derive(Debug)]
pub(super) struct PageRender {
    pub(super) renders: Arc<Renders>,
    pub(super) of: Arc<RouteRenders>,
    pub(super) job: RenderJob,
    pub(super) sources: Arc<Sources>,
    /// Where what servers send is kept.
    pub(super) cache: Cache,
}

impl Job for RenderJob {
    type Output = Result<Made, RenderError>;

    fn attempt(&self, bound: Duration, unwanted: &Arc<AtomicBool>) -> Attempt<Self::Output> {
        attempt(while_wanted(unwanted, || self.run(bound)))
    }
}

impl Job for ErrorJob {
    type Output = Result<Bytes, RenderError>;

    fn attempt(&self, bound: Duration, unwanted: &Arc<AtomicBool>) -> Attempt<Self::Output> {
        attempt(while_wanted(unwanted, || self.run(bound)))
    }
}

fn attempt<T>(made: Result<T, RenderError>) -> Attempt<Result<T, RenderError>> {
    match made {
        Err(RenderError::TooLong(_)) => Attempt::TooLong(made),
        made => Attempt::Done(made),
    }
}

impl Render for PageRender {
    async fn render(mut self, earlier: Option<Arc<Entry>>) -> Result<Rendered, RenderFailure> {
        let route = Arc::clone(&self.job.route);
        let gathered = self.wait().await?;
        let (inputs, left, sent) = match gathered {
            Some(Gathered { sent, inputs, left: fresh }) => {
                let kept = route.lifetime.ttl.unwrap_or_default();
                (inputs, Some(Left { fresh, kept }), sent)
            }
            None => (Fingerprint::default(), None, Vec::new()),
        };
        let content_type = route.content_type.clone();
        let rendered =
            |Made { status, body }| Rendered { status, content_type, body, inputs, left };
        let same = earlier.filter(|it| left.is_some() && it.inputs == inputs);
        if let Some(earlier) = same.filter(|_| !self.job.is_of_its_moment()) {
            self.cache.counters().renewals.inc();
            let body = earlier.body.clone();
            return Ok(rendered(Made { status: route.status, body }));
        }
        self.job.give(sent);
        // What stands ready is no render.
        if let Some(made) = self.job.ready() {
            return Ok(rendered(made));
        }
        let Self { renders, of, job, .. } = self;
        let made = renders.run(&of, job).await.map_err(busy)?.map_err(|why| failed(&why))?;
        Ok(rendered(made))
    }
}

impl PageRender {
    /// What takes time before the render: its `delay`, and what servers are asked for.
    async fn wait(&self) -> Result<Option<Gathered>, RenderFailure> {
        let (delay, asks) = (self.job.route.delay, !self.job.remote().is_empty());
        if delay.is_none() && !asks {
            return Ok(None);
        }
        let _place = self.of.begin_io().map_err(busy)?;
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        if !asks {
            return Ok(None);
        }
        self.sources.gather(&self.cache, &self.job).await.map(Some)
    }
}

fn busy(_too_many: Busy) -> RenderFailure {
    RenderFailure::new(503, "too many renders wait already")
}

fn failed(why: &RenderError) -> RenderFailure {
    RenderFailure::new(500, &why.to_string())
}
