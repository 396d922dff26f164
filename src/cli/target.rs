//! Where a command about a running site finds it: its admin listener, or else Redis itself.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::complain;
use crate::build::{root_and_name, site_of};
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::diagnostic::Report;
use crate::site::Site;
use crate::source::file::Disk;

/// How long a running site may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to accept a connection: it is near.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long Redis may take, one step of a command: nobody's page waits for it.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The site's files are wrong.
    BadConfig(Report),
    /// Something else, in words.
    Failed(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// What the command line says of the running site.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Reach {
    /// The admin listener of the running site, instead of `server.admin`.
    #[arg(long, value_name = "URL")]
    pub(super) admin: Option<String>,
    /// The store, where no site is running, instead of `cache.store`.
    #[arg(long, value_name = "URL")]
    pub(super) store: Option<String>,
}

/// The admin listener of a running site.
#[derive(Debug)]
pub(super) struct Running {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// A site that runs, or its files and its store.
#[derive(Debug)]
pub(super) enum Target {
    /// One runs.
    Running(Running),
    /// None runs.
    Files(Box<Offline>),
}

/// A site's files and its store.
#[derive(Debug)]
pub(super) struct Offline {
    /// The site, compiled.
    pub(super) site: Site,
    /// What it would be served from.
    pub(super) cache: Cache,
    runtime: tokio::runtime::Runtime,
}

/// Compiles the site whose main file is `config`.
pub(super) fn compiled(config: &Path) -> Result<Site, Trouble> {
    let (root, main) = root_and_name(config);
    let clock = Clock::system();
    let made = site_of(&main, &mut Disk::new(&root, clock.wall()), &clock);
    made.site.ok_or(Trouble::BadConfig(made.report))
}

impl Target {
    /// The running site, where there is one; else its files and its Redis, and says so.
    ///
    /// # Errors
    /// Where none runs and the store is `memory`, which only a running site has.
    pub(super) fn find(config: &Path, reach: &Reach) -> Result<Self, Trouble> {
        if let Some(running) = Self::running(config, reach) {
            return Ok(Self::Running(running));
        }
        if let Some(admin) = &reach.admin {
            return Err(Trouble::Failed(format!("no larder answers at {admin}")));
        }
        let none = Self::nobody(config, reach);
        let site = compiled(config)?;
        let store = reach.store.clone().unwrap_or_else(|| site.cache.store.value.to_string());
        if store == "memory" {
            let why = format!("{none}, and the memory store is of a running one only");
            return Err(Trouble::Failed(why));
        }
        complain(&format!("{none}: asking Redis itself\n"));
        Offline::new(site, &store).map(|offline| Self::Files(Box::new(offline)))
    }
}

impl Target {
    /// That nobody answers, and where.
    pub(super) fn nobody(config: &Path, reach: &Reach) -> String {
        match reach.admin.clone().or_else(|| admin_of(config)) {
            Some(admin) => format!("no larder answers at {admin} (`--admin` names another)"),
            None => "the file has no admin listener to ask (`--admin` names one)".to_owned(),
        }
    }

    /// The running site, where there is one.
    pub(super) fn running(config: &Path, reach: &Reach) -> Option<Running> {
        let admin = reach.admin.clone().or_else(|| admin_of(config))?;
        Some(Running::at(admin)).filter(Running::is_there)
    }
}

/// The admin address that the file says, as far as the file can be read.
fn admin_of(config: &Path) -> Option<String> {
    let (root, main) = root_and_name(config);
    let mut disk = Disk::new(&root, Clock::system().wall());
    let loaded = crate::config::load(&main, &mut disk, &crate::build::environment);
    loaded.config?.server.admin
}

impl Running {
    fn at(admin: String) -> Self {
        let base = if admin.contains("://") { admin } else { format!("http://{admin}") };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECT_PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .build()
            .into();
        let token = std::env::var("LARDER_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
        Self { agent, base: base.trim_end_matches('/').to_owned(), token }
    }

    fn is_there(&self) -> bool {
        self.agent.get(format!("{}/healthz", self.base)).call().is_ok()
    }

    /// Asks for a document.
    pub(super) fn get(&self, path: &str) -> Result<Value, Trouble> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        document(request.call())
    }

    /// Asks the site for a page.
    pub(super) fn visit(&self, url: &str) -> Result<http::StatusCode, String> {
        let answer = self.agent.get(url).call().map_err(|why| why.to_string())?;
        Ok(answer.status())
    }

    /// Asks for something to be done.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        document(request.send(body.to_string()))
    }
}

fn document(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value, Trouble> {
    let mut answer = answer.map_err(|why| format!("the running larder does not answer: {why}"))?;
    let status = answer.status();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let detail = value.get("detail").or(value.get("title")).and_then(Value::as_str);
    let hint = match status.as_u16() {
        401 => "; set LARDER_ADMIN_TOKEN to its admin token",
        _ => "",
    };
    let words = detail.unwrap_or("no reason was given");
    Err(Trouble::Failed(format!("the running larder says {}: {words}{hint}", status.as_u16())))
}

impl Offline {
    /// The site's files with the store at `url`.
    pub(super) fn new(site: Site, url: &str) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|why| format!("no runtime: {why}"))?;
        let typed = &site.cache;
        let settings = CacheSettings {
            prefix: typed.prefix.clone(),
            memory_bytes: typed.memory,
            timeout: STORE_PATIENCE,
            max_entry_bytes: typed.max_entry,
            max_new_keys: u32::MAX,
            near: false,
        };
        let tasks = tokio_util::task::TaskTracker::new();
        let cache = {
            let _inside = runtime.enter();
            match url {
                "memory" => Cache::memory(settings, Clock::system(), tasks),
                _ => Cache::redis(url, settings, Clock::system(), tasks)
                    .map_err(|why| why.to_string())?,
            }
        };
        Ok(Self { site, cache, runtime })
    }

    /// The site, what it is served from, and threads to do it with.
    pub(super) fn into_parts(self) -> (Site, Cache, tokio::runtime::Runtime) {
        (self.site, self.cache, self.runtime)
    }

    /// Runs a future to its end.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}
