//! Where a command finds the admin API of its site: at the listener of a running one, or else in
//! this process, over the site's files and its Redis.

use std::path::{Path, PathBuf};
use std::{fs, io};

use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Client;
use super::{complain, tls};
use crate::admin;
use crate::app::{Options, unserved};
use crate::build::{Made, environment, root_and_name, site_edited, site_of};
use crate::clock::Clock;
use crate::config::{ServerConfig, is_loopback, load};
use crate::site::Site;
use crate::source::file::Disk;

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
    /// The authorities that vouch for the admin listener's certificate, PEM, instead of trusting
    /// the certificate that the file names.
    #[arg(long, value_name = "FILE")]
    pub(super) admin_ca: Option<PathBuf>,
    /// The store, where no site is running, instead of `cache.store`.
    #[arg(long, value_name = "URL", value_parser = super::store)]
    pub(super) store: Option<String>,
}

/// The admin API of a site.
pub(super) enum Target {
    /// At the admin listener of one that runs: `http://127.0.0.1:8001`.
    Running(Client),
    /// In this process, where none runs; and why what is stored cannot be seen from it.
    Here(Box<admin::Parts>, tokio::runtime::Runtime, Option<String>),
}

/// Reads and compiles the site whose main file is `config`.
pub(super) fn made(config: &Path) -> Made {
    let ((root, main), clock) = (root_and_name(config), Clock::system());
    site_of(&main, &mut Disk::new(&root, clock.wall()), &clock)
}

/// The same, for who needs a good one; with a file and its text as edited, where there is one.
pub(super) fn compiled(config: &Path, edited: Option<(&str, &str)>) -> Result<Site, CommandError> {
    let made = match edited {
        Some(edited) => site_edited(None, &root_and_name(config), None, edited, &Clock::system())?,
        None => made(config),
    };
    made.site.ok_or(CommandError::BadConfig(made.report))
}

impl Target {
    /// The running site, where there is one; else its files and its Redis, and says so.
    ///
    /// # Errors
    /// Where none runs and the store is `memory`, which only a running site has. It does for who
    /// can do with the files alone.
    pub(super) fn find(
        config: &Path,
        reach: &Reach,
        files_will_do: bool,
    ) -> Result<Self, CommandError> {
        let why = match Self::running(config, reach) {
            Err(why) if reach.admin.is_none() => why,
            found => return Ok(found?),
        };
        let options =
            Options { config: config.to_owned(), store: reach.store.clone(), ..Options::default() };
        let (parts, runtime) = unserved(&options)?;
        let unseen = if *parts.store == *MEMORY {
            let why = format!("{why}, and the memory store is of a running one only");
            if !files_will_do {
                return Err(why.into());
            }
            Some(why)
        } else {
            complain(&format!("{why}: asking Redis itself\n"));
            None
        };
        Ok(Self::Here(Box::new(parts), runtime, unseen))
    }

    /// Why nothing can be said of what is stored, where that is so.
    pub(super) fn unseen(&self) -> Option<&str> {
        match self {
            Self::Here(_, _, unseen) => unseen.as_deref(),
            Self::Running(..) => None,
        }
    }

    /// The running site, or words that none answers, and where.
    pub(super) fn running(config: &Path, reach: &Reach) -> Result<Self, String> {
        let (root, main) = root_and_name(config);
        // As far as the file can be read.
        let server_of_file = || {
            let mut disk = Disk::new(&root, Clock::system().wall());
            // The site may run all the same, by the file that it was before.
            let config = load(&main, &mut disk, &environment).config;
            config.map_or_else(ServerConfig::default, |config| config.server)
        };
        let ServerConfig { admin, tls, .. } = server_of_file();
        let admin = reach.admin.clone().or(admin);
        let admin = admin.ok_or("the file has no admin listener to ask (`--admin` names one)")?;
        let base = match &tls {
            _ if admin.contains("://") => admin.clone(),
            Some(_) if !is_loopback(&admin) => format!("https://{admin}"),
            Some(_) | None => format!("http://{admin}"),
        };
        let trusts = match (&reach.admin_ca, &tls) {
            _ if !base.starts_with("https:") => None,
            (Some(authorities), _) => Some(tls::to_authorities(authorities)?),
            (None, Some((certificate, _))) => fs::read(root.join(certificate))
                .map_err(|why| why.to_string())
                .and_then(|chain| tls::to_exactly(&chain).map(Some))
                .map_err(|why| format!("`{certificate}`: {why} (or say `--admin-ca`)"))?,
            (None, None) => {
                return Err("the file names no certificate to trust: say `--admin-ca`".to_owned());
            }
        };
        let nobody = format!("no larder answers at {admin} (`--admin` names another)");
        let Ok(base) = base.parse() else { return Err(nobody) };
        let client = Client::new(base, trusts).map_err(|why| why.to_string())?;
        match client.ask(Request::builder(), "/healthz", String::new()) {
            Ok(_) => Ok(Self::Running(client)),
            Err(why) if is_of_tls(&why) => {
                Err(format!("what answers at {admin} has another certificate ({why})"))
            }
            Err(_) => Err(nobody),
        }
    }

    /// Asks for a document.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CommandError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        document(&self.text(Method::GET, &format!("{path}?{query}"), String::new())?)
    }

    /// Asks for something to be done.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CommandError> {
        let body = serde_json::to_string(body).map_err(|why| why.to_string())?;
        document(&self.text(Method::POST, path, body)?)
    }

    /// Whether it takes requests.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check_ready(&self) -> Result<(), CommandError> {
        self.text(Method::GET, "/readyz", String::new()).map(drop)
    }

    /// The text of an answer that says that all went well.
    fn text(&self, method: Method, target: &str, body: String) -> Result<String, CommandError> {
        let request = Request::builder().method(method).header(CONTENT_TYPE, "application/json");
        let (status, text) = match self {
            Self::Running(client) => client
                .ask(request, target, body)
                .map_err(|why| format!("the running larder does not answer: {why}"))?,
            Self::Here(parts, runtime, _) => {
                let request = request.uri(target).body(body).map_err(|why| why.to_string())?;
                runtime.block_on(admin::ask(parts, request))
            }
        };
        if status.is_success() {
            return Ok(text);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let words = problem["detail"].as_str().or(problem["title"].as_str());
        let words = words.unwrap_or("no reason was given");
        let hint = if status == 401 { "; set LARDER_ADMIN_TOKEN to its admin token" } else { "" };
        Err(CommandError::Failed(match self {
            Self::Running(..) => {
                format!("the running larder says {}: {words}{hint}", status.as_u16())
            }
            Self::Here(..) => words.to_owned(),
        }))
    }
}

/// Whether a connection failed by what TLS found, rather than by the network.
fn is_of_tls(why: &io::Error) -> bool {
    let inner = why.get_ref();
    inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<tokio_rustls::rustls::Error>)
}

fn document<T: DeserializeOwned>(text: &str) -> Result<T, CommandError> {
    serde_json::from_str(text)
        .map_err(|why| format!("the running larder answers oddly: {why}").into())
}
