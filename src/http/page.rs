//! A site's renders as the cache and the error pages ask for them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;

use super::renders::{Attempt, Busy, Job, Renders, RouteRenders};
use crate::cache::{RenderFailure, Rendered};
use crate::fingerprint::Fingerprint;
use crate::site::template::while_wanted;
use crate::site::{ErrorJob, Made, RenderError, RenderJob};

/// The render of one page.
#[derive(Debug)]
pub(super) struct PageRender {
    pub(super) renders: Arc<Renders>,
    pub(super) of: Arc<RouteRenders>,
    pub(super) job: RenderJob,
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

impl PageRender {
    pub(super) async fn render(self) -> Result<Rendered, RenderFailure> {
        let Self { renders, of, job } = self;
        let route = Arc::clone(&job.route);
        if let Some(delay) = route.delay {
            let _place = of.begin_io().map_err(busy)?;
            tokio::time::sleep(delay).await;
        }
        // What stands ready is no render.
        let Made { status, body } = match job.ready() {
            Some(made) => made,
            None => renders.run(&of, job).await.map_err(busy)?.map_err(|why| failed(&why))?,
        };
        let content_type = route.content_type.clone();
        Ok(Rendered { status, content_type, body, inputs: Fingerprint::default() })
    }
}

fn busy(_too_many: Busy) -> RenderFailure {
    RenderFailure::new(503, "too many renders wait already")
}

fn failed(why: &RenderError) -> RenderFailure {
    RenderFailure::new(500, &why.to_string())
}
