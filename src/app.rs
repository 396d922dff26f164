//! The life of a server: it loads the site, opens store and listeners, reloads, and stops in order.

mod cache;
mod descriptors;
mod dev;
mod signals;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::build::{SiteBuild, open_tls, root_and_name, stops_dev};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig, meets};
use crate::dev::DevHandler;
use crate::diagnostic::Report;
use crate::diagnostic::render::human;
use crate::http::filter::WarpHandler;
use crate::http::handler::SiteHandler;
use crate::http::listener::{Limits, Listener, Overflow};
use crate::http::live::Live;
use crate::http::tls::Tls;
use crate::reload::{Build, Outcome, ReloadHandle, Reloader};
use crate::site::Site;
use crate::site::template::{DEEP_STACK, on_deep_stack};
use crate::source::certificate::{Pair, is_open_to_all};
use crate::watch::{Watch, WatchOptions};

use self::cache::open_cache;
pub(crate) use self::dev::{DevOptions, Opened};
use self::signals::Signals;

/// How long the site's answers may take to end; what they started has the rest of the time that
/// [`Signals::stopped`] gives.
const DRAIN: Duration = Duration::from_secs(8);

/// How long threads that block (a template in an endless loop) are waited for at the very end.
const LEFT_BEHIND: Duration = Duration::from_millis(100);

/// How often what is being rendered is looked at, before the store is closed.
const RENDERS_POLL: Duration = Duration::from_millis(10);

/// How often certificate and key are looked at.
const CERTIFICATE_POLL: Duration = Duration::from_secs(2);

/// How many connections the admin listener takes: people and a few programs.
const ADMIN_CONNECTIONS: usize = 256;

/// How long Redis may take, one step of a command: nobody's page waits for it.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// How long its answers may take to end, after the site's have ended or were cut.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// What the command line says.
#[derive(Default)]
pub(crate) struct Options {
    /// The main file.
    pub config: PathBuf,
    /// Instead of `server.listen`.
    pub listen: Option<String>,
    /// Instead of `server.admin`; `off` for none.
    pub admin: Option<String>,
    /// Instead of `cache.store`.
    pub store: Option<String>,
    /// For visitors, or for who works on the site.
    pub mode: Mode,
}

/// Whom the site is served to.
#[derive(Clone, Default)]
pub(crate) enum Mode {
    /// Visitors.
    #[default]
    Serve,
    /// Who works on it: live reload, and what else [`crate::dev`] does.
    Dev(DevOptions),
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The site's files are wrong.
    #[error("{}", human(_0, false, None).trim_end())]
    BadConfig(Report),
    /// Something else, in words.
    #[error("{_0}")]
    Failed(String),
}

/// Serves until a signal ends it.
///
/// # Errors
/// [`StartError`] where it could not be started; nothing is bound then.
pub(crate) fn run(options: &Options) -> Result<(), StartError> {
    // The signals are heard on a thread of their own, however busy those are that serve.
    let control = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("no runtime"))?;
    let (app, reloader) = control.block_on(App::load(options))?;
    let loaded = reloader.handle().status();
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let mut threads = runtime::Builder::new_multi_thread();
    if let Some(workers) = app.server.workers {
        threads.worker_threads(workers);
    }
    threads.thread_stack_size(DEEP_STACK).on_thread_start(on_deep_stack);
    let runtime = threads.enable_all().build().map_err(failed("no threads to serve with"))?;
    let (stop, reload) = (app.stop.clone(), reloader.handle());
    let ended = control.block_on(async {
        // Whoever reads that it listens may send a signal: it has to be heard from here.
        let signals = Signals::listen()?;
        let serving = runtime.spawn(app.run(reloader));
        tokio::select! {
            ended = serving => ended.unwrap_or_else(|why| Err(StartError::Failed(why.to_string()))),
            () = signals.stopped(&stop, &reload) => Ok(()),
        }
    });
    runtime.shutdown_timeout(LEFT_BEHIND);
    ended
}

/// A site for another program: what answers, and what ends with it. It follows its files' edits.
///
/// # Errors
/// Where the files are wrong, or the store's address is none.
pub(crate) async fn embedded(
    config: PathBuf,
) -> Result<(SiteHandler, Cache, CancellationToken), StartError> {
    let (app, reloader) = App::load(&Options { config, ..Options::default() }).await?;
    let cache = open_cache(&app.cache, true, app.clock, app.tasks.clone())?;
    app.tasks.spawn(reloader.run(Watch::start(WatchOptions::default())));
    Ok((SiteHandler::new(app.live, cache.clone(), &app.server), cache, app.stop))
}

/// What commands ask about a site that is not served: its files, and what its store holds.
///
/// # Errors
/// Where the files are wrong, or the store's address is none.
pub(crate) fn unserved(options: &Options) -> Result<(admin::Parts, runtime::Runtime), StartError> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(failed("no runtime"))?;
    let (app, reloader) = runtime.block_on(App::load(options))?;
    let used = app.cache.clone();
    let used = CacheConfig { timeout: STORE_PATIENCE, max_new_keys: u32::MAX, ..used };
    let inside = runtime.enter();
    let cache = open_cache(&used, false, app.clock.clone(), app.tasks.clone());
    drop(inside);
    let nowhere = ([127, 0, 0, 1], 0).into();
    let parts = app.parts(nowhere, cache?, reloader.handle());
    Ok((parts, runtime))
}

/// That something could not be done, and why.
fn failed<E: Display>(what: &str) -> impl Fn(E) -> StartError {
    move |why| StartError::Failed(format!("{what}: {why}"))
}

/// The `server` section with what the command line says instead.
fn server(typed: &ServerConfig, options: &Options) -> ServerConfig {
    let mut server = typed.clone();
    if let Some(listen) = &options.listen {
        server.listen.clone_from(listen);
    }
    if let Some(admin) = &options.admin {
        server.admin = (admin != "off").then(|| admin.clone());
    }
    server
}

/// A server that runs.
struct App {
    live: Arc<Live>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    server: ServerConfig,
    cache: CacheConfig,
    /// What the files said at the start, without what the command line says instead.
    typed: (ServerConfig, CacheConfig),
    /// The site's directory and the main file's name in it.
    files: (PathBuf, String),
    /// The directory of files that stand in for servers.
    stub: Option<String>,
    /// Ends the admin listener, once the site's has ended.
    admin_stop: CancellationToken,
    mode: Mode,
    /// Why no site was loaded; only for who works on one.
    wrong: Option<Report>,
}

impl App {
    /// Loads the site, with what loads it anew.
    async fn load(options: &Options) -> Result<(Self, Reloader), StartError> {
        let clock = Clock::system();
        let live = Arc::new(Live::new(Arc::new(Site::empty())));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (root, main) = root_and_name(&options.config);
        let stub = options.mode.stub(&root)?;
        let build = SiteBuild::new(main.clone(), Arc::clone(&live), clock.clone(), stub.clone());
        let build = Arc::new(build);
        let mut reloader = Reloader::new(
            root.clone(),
            main.clone(),
            Arc::clone(&build) as Arc<dyn Build>,
            clock.clone(),
            tasks.clone(),
            stop.clone(),
        );
        let wrong = match (reloader.first().await, &options.mode) {
            (Outcome::Refused(report), Mode::Dev(_)) if !stops_dev(&report) => Some(report),
            (Outcome::Refused(report), _) => return Err(StartError::BadConfig(report)),
            (Outcome::Applied { .. } | Outcome::Unchanged | Outcome::Stopping, _) => None,
        };
        let site = live.site();
        let (typed_server, typed_cache) = wrong
            .as_ref()
            .and_then(|_| dev::sections(&root, &main, &clock))
            .unwrap_or_else(|| (site.server.clone(), site.cache.clone()));
        build.started_with(&typed_server, &typed_cache);
        let server = server(&typed_server, options);
        if let (Mode::Serve, Some(admin)) = (&options.mode, &server.admin)
            && meets(&server.listen, admin)
        {
            let why = format!("the site and the admin listener are both to be at {admin}");
            return Err(StartError::Failed(format!("{why}: give one another port")));
        }
        let mut cache = typed_cache.clone();
        if let Some(store) = &options.store {
            cache.store = Secret::new(store.clone());
        }
        let (mode, admin_stop) = (options.mode.clone(), CancellationToken::new());
        let (typed, files) = ((typed_server, typed_cache), (root, main));
        let app = Self {
            live,
            clock,
            tasks,
            stop,
            server,
            cache,
            typed,
            files,
            stub,
            admin_stop,
            mode,
            wrong,
        };
        Ok((app, reloader))
    }

    async fn run(self, reloader: Reloader) -> Result<(), StartError> {
        let cache = open_cache(&self.cache, true, self.clock.clone(), self.tasks.clone())?;
        let mut taken = Vec::new();
        let listener = self
            .bind(&self.server.listen, self.server.admin.as_deref(), &mut taken)
            .await
            .map_err(|why| StartError::Failed(why.to_string()))?;
        let loops = tokio::runtime::Handle::current().metrics().num_workers();
        let tls = self.open_tls()?;
        let listener = secured(listener, tls.as_ref()).with_loops(loops);
        let address = listener.addr();
        let admin = match &self.server.admin {
            Some(address) => {
                let bound = self.bind_admin(address, &mut taken).await?;
                // What goes over loopback nobody else reads.
                let tls = tls.as_ref().filter(|_| !bound.addr().ip().is_loopback());
                Some(secured(bound, tls))
            }
            None => None,
        };
        let opened = self.opened(address, admin.as_ref(), taken);
        let admin = self.admin(admin, self.parts(address, cache.clone(), reloader.handle()));
        let site = self.site(listener, &cache, reloader.handle());
        self.tasks.spawn(reloader.run(Watch::start(WatchOptions::default())));
        // Whoever reads this line may edit a file: it has to be seen from here.
        tracing::info!(%address, "listening on {}://{address}", self.scheme());
        if let Mode::Dev(options) = &self.mode {
            (options.opened)(&opened);
        }
        // The admin listener says that the process is stopping for as long as it is.
        let site = async {
            site.await;
            self.admin_stop.cancel();
        };
        futures_util::future::join(site, admin).await;
        self.end(cache).await;
        Ok(())
    }

    /// Serves the site at `listener`, to visitors or to who works on it.
    fn site(
        &self,
        listener: Listener,
        cache: &Cache,
        reload: ReloadHandle,
    ) -> impl Future<Output = ()> + use<> {
        let max_connections = descriptors::room_for(self.server.max_connections);
        let idle = self.server.idle;
        let limits = Limits { max_connections, drain: DRAIN, idle, ..Limits::default() };
        let (live, cache, server) = (Arc::clone(&self.live), cache.clone(), &self.server);
        let (stop, tasks) = (self.stop.clone(), self.tasks.clone());
        match &self.mode {
            Mode::Serve => {
                let handler = SiteHandler::new(live, cache, server);
                listener.run(Arc::new(handler), limits, stop, tasks)
            }
            Mode::Dev(DevOptions { lines, hosts, .. }) => {
                let (ending, told) = ((stop.clone(), tasks.clone()), (*lines, hosts.clone()));
                let handler = DevHandler::new(live, cache, reload, ending, server.clone(), told);
                listener.run(Arc::new(handler), limits, stop, tasks)
            }
        }
    }

    /// Binds an address; for who works on a site the next free port, where it is taken.
    async fn bind(
        &self,
        address: &str,
        kept: Option<&str>,
        taken: &mut Vec<String>,
    ) -> std::io::Result<Listener> {
        match self.mode {
            Mode::Serve => Listener::bind(address).await,
            Mode::Dev(_) => dev::bind_near(address, kept, taken).await,
        }
    }

    fn scheme(&self) -> &'static str {
        if self.server.tls.is_some() { "https" } else { "http" }
    }

    fn opened(&self, site: SocketAddr, admin: Option<&Listener>, taken: Vec<String>) -> Opened {
        let (is_far, site) = (!site.ip().is_loopback(), dev::browsable(self.scheme(), site));
        Opened {
            docs: self.server.docs.as_ref().map(|docs| format!("{site}{}", docs.path)),
            site,
            admin: admin.map(|admin| dev::browsable(admin.scheme(), admin.addr())),
            store: self.cache.store.public_address(),
            taken,
            is_far,
            wrong: self.wrong.clone(),
        }
    }

    /// Serves the admin listener, where there is one.
    fn admin(
        &self,
        bound: Option<Listener>,
        parts: admin::Parts,
    ) -> impl Future<Output = ()> + use<> {
        let (stop, tasks) = (self.admin_stop.clone(), self.tasks.clone());
        async move {
            let Some(listener) = bound else { return };
            let address = listener.addr();
            tracing::info!(%address, "admin on {}://{address}", listener.scheme());
            let limits = Limits {
                max_connections: ADMIN_CONNECTIONS,
                drain: ADMIN_DRAIN,
                // A plan costs, and whoever asks for one stays.
                half_closed: false,
                overflow: Overflow::OldestEnds,
                ..Limits::default()
            };
            let (filter, beside) = admin::filter(parts, address);
            let handler = Arc::new(WarpHandler::new(filter));
            tokio::select! {
                () = listener.run(handler, limits, stop, tasks) => {}
                () = beside => {}
            }
        }
    }

    /// What the admin API is about; `site` is where the site is served.
    fn parts(&self, site: SocketAddr, cache: Cache, reload: ReloadHandle) -> admin::Parts {
        admin::Parts {
            live: Arc::clone(&self.live),
            cache,
            reload,
            clock: self.clock.clone(),
            site,
            stop: self.stop.clone(),
            files: self.files.clone(),
            stub: self.stub.clone(),
            server: self.typed.0.clone(),
            typed_cache: self.typed.1.clone(),
            store: self.cache.store.clone(),
        }
    }

    async fn bind_admin(
        &self,
        address: &str,
        taken: &mut Vec<String>,
    ) -> Result<Listener, StartError> {
        let what = "the admin listener";
        let bound = self.bind(address, None, taken).await.map_err(failed(what))?;
        let token = self.typed.0.admin_token.as_ref();
        // The file was checked; the command line may say otherwise.
        if !bound.addr().ip().is_loopback() && token.is_none_or(|token| token.is_empty()) {
            let why = "an address that is not on loopback needs server.admin_token";
            return Err(failed(what)(why));
        }
        Ok(bound)
    }

    /// What is served by TLS with, where the file says so; a new certificate is taken when it is
    /// there.
    fn open_tls(&self) -> Result<Option<Arc<Tls>>, StartError> {
        let Some((certificate, key)) = self.server.tls.clone() else { return Ok(None) };
        let root = self.files.0.clone();
        let names = (certificate.clone(), key.clone());
        let (first, tls) = open_tls(&root, &names).map_err(failed("server.tls"))?;
        let tls = Arc::new(tls);
        if is_open_to_all(&root, &key) {
            tracing::warn!(%key, "everybody on this machine may read the private key: chmod 600");
        }
        let (shared, stop) = (Arc::clone(&tls), self.stop.clone());
        self.tasks.spawn(async move {
            let (mut seen, mut failures) = (first, 0_u32);
            while tokio::time::timeout(CERTIFICATE_POLL, stop.cancelled()).await.is_err() {
                let (root, certificate, key) = (root.clone(), certificate.clone(), key.clone());
                let read = move || Pair::read(&root, &certificate, &key);
                let Ok(read) = tokio::task::spawn_blocking(read).await else { continue };
                let now = match read {
                    Ok(now) => now,
                    // For a moment it may be so while somebody renews it.
                    Err(why) => {
                        failures += 1;
                        if failures == 2 {
                            tracing::warn!(%why, "the certificate that was loaded stays");
                        }
                        continue;
                    }
                };
                failures = 0;
                if now != seen {
                    match shared.replace(&now.certificate, &now.key) {
                        Ok(()) => tracing::info!("serving with the new certificate"),
                        Err(why) => tracing::error!(%why, "the new certificate is not used"),
                    }
                    seen = now;
                }
            }
        });
        Ok(Some(tls))
    }

    /// Waits for what was started, for as long as [`Signals::stopped`] lets it.
    async fn end(self, cache: Cache) {
        // What is being rendered is stored as well: with the store closed, it would be called down.
        while cache.state().in_flight > 0 {
            tokio::time::sleep(RENDERS_POLL).await;
        }
        cache.close();
        self.tasks.close();
        self.tasks.wait().await;
        tracing::info!("stopped");
    }
}

fn secured(listener: Listener, tls: Option<&Arc<Tls>>) -> Listener {
    match tls {
        Some(tls) => listener.with_tls(Arc::clone(tls)),
        None => listener,
    }
}
