//! A site inside one's own warp program: [`Site`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::app::open_cache;
use crate::build::{SiteBuild, root_and_name};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::diagnostic::Report;
use crate::diagnostic::render::human;
use crate::http::filter;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::reload::{Build, Outcome, Reloader};
use crate::site;
use crate::watch::{Watch, WatchOptions};

/// A site that is served inside one's own warp program.
///
/// It is loaded, cached and reloaded as `larder serve` does it; of the file's `server` section only
/// `cache_status`, `docs` and `health` mean something here. Dropped, it stops watching its files
/// and lets go of its store; filters that were made of it go on answering from what was last
/// loaded.
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
pub struct Site {
    handler: SiteHandler,
    cache: Cache,
    stop: CancellationToken,
}

/// Why a site could not be opened; shown as `larder check` shows it.
#[derive(Debug)]
pub struct OpenError(Cause);

#[derive(Debug)]
enum Cause {
    /// The files are wrong.
    Files(Report),
    /// The store's address is none, in words.
    Store(String),
}

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
        let (clock, tasks) = (Clock::system(), TaskTracker::new());
        let stop = CancellationToken::new();
        let live = Arc::new(Live::new(Arc::new(site::Site::empty())));
        let (root, main) = root_and_name(path.as_ref());
        let build = Arc::new(SiteBuild::new(main.clone(), Arc::clone(&live), clock.clone()));
        let shared = Arc::clone(&build) as Arc<dyn Build>;
        let mut reloader =
            Reloader::new(root, main, shared, clock.clone(), tasks.clone(), stop.clone());
        if let Outcome::Refused(report) = reloader.first().await {
            return Err(OpenError(Cause::Files(report)));
        }
        let site = live.site();
        build.started_with(&site.server, &site.cache);
        let cache = open_cache(&site.cache, clock, tasks.clone())
            .map_err(|why| OpenError(Cause::Store(why)))?;
        let handler = SiteHandler::new(live, cache.clone(), &site.server);
        tasks.spawn(reloader.run(Watch::start(WatchOptions::default())));
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

impl fmt::Debug for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Site")
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Files(report) => out.write_str(human(report, false, None).trim_end()),
            Cause::Store(why) => out.write_str(why),
        }
    }
}

impl std::error::Error for OpenError {}
