//! A site's render as the cache asks for it: off the reactor's threads where it may take time.

use std::time::Duration;

use bytes::Bytes;

use crate::cache::{Render, RenderFailure, Rendered};
use crate::site::{RenderError, RenderJob};

/// The render of one page.
#[derive(Debug)]
pub(super) struct PageRender {
    /// How long it takes at least.
    pub(super) delay: Option<Duration>,
    pub(super) job: RenderJob,
}

impl PageRender {
    /// The body.
    ///
    /// # Errors
    /// 404 where a load found nothing, else 500.
    pub(super) async fn run(self) -> Result<Bytes, RenderFailure> {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        let job = self.job;
        let made = if job.is_ready() {
            job.run()
        } else {
            match tokio::task::spawn_blocking(move || job.run()).await {
                Ok(made) => made,
                Err(panicked) => Err(RenderError::Failed(panicked.to_string())),
            }
        };
        made.map_err(|why| match &why {
            RenderError::NotFound { address } => {
                let detail = format!("`{address}` is not there");
                RenderFailure { status: 404, detail: detail.into(), forget: true }
            }
            RenderError::Failed(words) => RenderFailure::new(500, words),
        })
    }
}

impl Render for PageRender {
    async fn render(self) -> Result<Rendered, RenderFailure> {
        let route = std::sync::Arc::clone(self.job.route());
        let body = self.run().await?;
        Ok(Rendered {
            status: route.status,
            content_type: route.content_type.clone(),
            body,
            at_most: None,
            store: true,
        })
    }
}
