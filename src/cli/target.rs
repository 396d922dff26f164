//! Where a command about a running site finds it: its admin listener, or else Redis itself.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::RequestBuilder;

use super::complain;
use crate::build::{Made, environment, root_and_name, site_of};
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::config::{Secret, load};
use crate::site::Site;
use crate::source::file::Disk;

/// How long a running site may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to accept a connection: it is near.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long Redis may take, one step of a command: nobody's page waits for it.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// The store that is of one process only.
const MEMORY: &str = "memory";

/// Why a command could not do its work: as why a site could not be started.
pub(super) use crate::app::StartError as CommandError;

impl From<String> for CommandError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// What the command line says of the running site.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Reach {
    /// The admin listener of the running site, instead of `server.admin`.
    #[arg(long, value_name = "URL")]
    pub(super) admin: Option<String>,
    /// The store, where no site is running, instead of `cache.store`.
    #[arg(long, value_name = "URL")]
    pub(super) store: Option<String>,
}

/// The admin listener of a running site.
pub(super) struct Running {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// A site that runs, or its files and its store.
pub(super) enum Target {
    /// One runs.
    Running(Running),
    /// None runs.
    Files(Box<Offline>),
}

/// A site's files and its store.
pub(super) struct Offline {
    /// The site, compiled.
    pub(super) site: Site,
    /// What it would be served from.
    pub(super) cache: Cache,
    /// Where that is.
    pub(super) store: Secret,
    /// Why no running site is asked.
    why: String,
    /// Threads to work with.
    pub(super) runtime: tokio::runtime::Runtime,
}

/// Reads and compiles the site whose main file is `config`.
pub(super) fn made(config: &Path) -> Made {
    let ((root, main), clock) = (root_and_name(config), Clock::system());
    site_of(&main, &mut Disk::new(&root, clock.wall()), &clock)
}

/// The same, for who needs a good one.
pub(super) fn compiled(config: &Path) -> Result<Site, CommandError> {
    let made = made(config);
    made.site.ok_or(CommandError::BadConfig(made.report))
}

impl Target {
    /// The running site, where there is one; else its files and its Redis, and says so.
    ///
    /// # Errors
    /// Where none runs and the store is `memory`, which only a running site has.
    pub(super) fn find(config: &Path, reach: &Reach) -> Result<Self, CommandError> {
        match Self::find_or_empty(config, reach)? {
            Self::Files(offline) if offline.store.reveal() == MEMORY => {
                let why = offline.why;
                Err(format!("{why}, and the memory store is of a running one only").into())
            }
            target => Ok(target),
        }
    }

    /// The same for who can do with files alone: with `memory` nothing is stored.
    pub(super) fn find_or_empty(config: &Path, reach: &Reach) -> Result<Self, CommandError> {
        let why = match Running::find(config, reach) {
            Ok(running) => return Ok(Self::Running(running)),
            Err(why) => why,
        };
        if reach.admin.is_some() {
            return Err(why.into());
        }
        let site = compiled(config)?;
        let store = reach.store.clone().map_or_else(|| site.cache.store.clone(), Secret::new);
        if store.reveal() != MEMORY {
            complain(&format!("{why}: asking Redis itself\n"));
        }
        Ok(Self::Files(Box::new(Offline::new(site, store, why)?)))
    }
}

impl Running {
    /// The running site, or words that none answers, and where.
    pub(super) fn find(config: &Path, reach: &Reach) -> Result<Self, String> {
        // As far as the file can be read.
        let admin_of_file = || {
            let (root, main) = root_and_name(config);
            let mut disk = Disk::new(&root, Clock::system().wall());
            load(&main, &mut disk, &environment).config?.server.admin
        };
        let admin = reach.admin.clone().or_else(admin_of_file);
        let admin = admin.ok_or("the file has no admin listener to ask (`--admin` names one)")?;
        let base = if admin.contains("://") { admin.clone() } else { format!("http://{admin}") };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECT_PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .build()
            .into();
        let token = std::env::var("LARDER_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
        let running = Self { agent, base: base.trim_end_matches('/').to_owned(), token };
        match running.agent.get(running.url("/healthz")).call() {
            Ok(_) => Ok(running),
            Err(_) => Err(format!("no larder answers at {admin} (`--admin` names another)")),
        }
    }

    /// Whether it takes requests.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check_ready(&self) -> Result<(), CommandError> {
        text_of(self.agent.get(self.url("/readyz")).call()).map(drop)
    }

    /// Asks for a document.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CommandError> {
        let request = self.authorized(self.agent.get(self.url(path)));
        document(request.query_pairs(query.iter().copied()).call())
    }

    /// Asks for something to be done.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CommandError> {
        let body = serde_json::to_string(body).map_err(|why| why.to_string())?;
        let request = self.authorized(self.agent.post(self.url(path)));
        document(request.header("content-type", "application/json").send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Asks the site for a page.
    pub(super) fn visit(&self, url: &str) -> Result<http::StatusCode, String> {
        let answer = self.agent.get(url).call().map_err(|why| why.to_string())?;
        Ok(answer.status())
    }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn document<T: DeserializeOwned>(answer: Answer) -> Result<T, CommandError> {
    serde_json::from_str(&text_of(answer)?)
        .map_err(|why| format!("the running larder answers oddly: {why}").into())
}

/// The text of an answer that says that all went well.
fn text_of(answer: Answer) -> Result<String, CommandError> {
    let silent = |why: ureq::Error| format!("the running larder does not answer: {why}");
    let mut answer = answer.map_err(silent)?;
    let (status, text) = (answer.status(), answer.body_mut().read_to_string().map_err(silent)?);
    if status.is_success() {
        return Ok(text);
    }
    let problem: Option<Value> = serde_json::from_str(&text).ok();
    let member = |name: &str| problem.as_ref()?.get(name)?.as_str();
    let words = member("detail").or_else(|| member("title")).unwrap_or("no reason was given");
    let hint = if status == 401 { "; set LARDER_ADMIN_TOKEN to its admin token" } else { "" };
    Err(format!("the running larder says {}: {words}{hint}", status.as_u16()).into())
}

impl Offline {
    /// The site's files with a store.
    fn new(site: Site, store: Secret, why: String) -> Result<Self, CommandError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|why| format!("no runtime: {why}"))?;
        let settings = CacheSettings {
            prefix: site.cache.prefix.clone(),
            memory_bytes: site.cache.memory,
            timeout: STORE_PATIENCE,
            max_entry_bytes: site.cache.max_entry,
            max_new_keys: u32::MAX,
            near: false,
        };
        let tasks = tokio_util::task::TaskTracker::new();
        let inside = runtime.enter();
        let cache = match store.reveal() {
            MEMORY => Cache::memory(settings, Clock::system(), tasks),
            url => Cache::redis(url, settings, Clock::system(), tasks)
                .map_err(|why| why.to_string())?,
        };
        drop(inside);
        Ok(Self { site, cache, store, why, runtime })
    }
}
