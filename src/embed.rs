//! A site inside one's own warp program: [`Site`].

use std::path::Path;

use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::app::{StartError, embedded};
use crate::cache::Cache;
use crate::http::filter;
use crate::http::handler::SiteHandler;

/// A site that is served inside one's own warp program.
///
/// It is loaded, cached and reloaded as `larder serve` does it; of the file's `server` section only
/// `base`, `cache_status`, `docs` and `health` mean something here. Dropped, it stops watching its
/// files and lets go of its store; filters that were made of it go on answering from what was last
/// loaded. The body of a request is read only where one of its routes answers.
///
/// ```no_run
/// use warp::Filter as _;
///
/// # async fn run() -> Result<(), larder::OpenError> {
/// let site = larder::Site::open("routes.yaml").await?;
/// let api = warp::path("api").map(|| "an answer of the program's own");
/// let all = site.filter().or(api).or(site.recover());
/// # drop(all);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Site {
    handler: SiteHandler,
    cache: Cache,
    stop: CancellationToken,
}

/// Why a site could not be opened; shown as `larder check` shows it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpenError(StartError);

impl Site {
    /// Opens the site whose main file is at `path`, and follows its edits from now on. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// Where the files are wrong, or cannot be read. A store that does not answer is no error.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing goes on.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let opened = embedded(path.as_ref().to_owned()).await;
        let (handler, cache, stop) = opened.map_err(OpenError)?;
        Ok(Self { handler, cache, stop })
    }

    /// The site: answers where one of its routes is for the path, whatever comes of that (a wrong
    /// method is its 405, a wrong parameter its 422), and rejects all other paths, so that
    /// `site.filter().or(api)` works.
    #[must_use]
    pub fn filter(&self) -> BoxedFilter<(Response,)> {
        filter::of_site(self.handler.clone())
    }

    /// The site's own page for what is not there, to stand last: it answers whatever is asked.
    #[must_use]
    pub fn recover(&self) -> BoxedFilter<(Response,)> {
        filter::of_site_for_all(self.handler.clone())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
        self.cache.close();
    }
}
