//! The life of a server: it loads the site, opens store and listeners, reloads, and stops in order.

mod descriptors;
mod dev;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture as _, FutureExt as _};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::build::{SiteBuild, root_and_name};
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig};
use crate::dev::DevHandler;
use crate::diagnostic::Report;
use crate::http::filter::WarpHandler;
use crate::http::handler::SiteHandler;
use crate::http::listener::{Limits, Listener};
use crate::http::live::Live;
use crate::http::tls::Tls;
use crate::reload::{Build, Outcome, ReloadHandle, Reloader};
use crate::site::Site;
use crate::source::certificate::Pair;
use crate::watch::{Watch, WatchOptions};

pub(crate) use self::dev::{DevOptions, Opened};

/// How long what runs may go on after a signal to stop. The process is gone a second later at the
/// latest, which is for [`LEFT_BEHIND`] and for what is left of the logs.
const STOP_BOUND: Duration = Duration::from_secs(9);

/// How long the site's answers may take to end; what they started has the rest of [`STOP_BOUND`].
const DRAIN: Duration = Duration::from_secs(8);

/// How long threads that block (a template in an endless loop) are waited for at the very end.
const LEFT_BEHIND: Duration = Duration::from_millis(100);

/// How often what is being rendered is looked at, before the store is closed.
const RENDERS_POLL: Duration = Duration::from_millis(10);

/// How often certificate and key are looked at.
const CERTIFICATE_POLL: Duration = Duration::from_secs(2);

/// How many connections the admin listener takes: people and a few programs.
const ADMIN_CONNECTIONS: usize = 256;

/// How long its answers may take to end, after the site's have ended or were cut.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// What the command line says.
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
#[derive(Clone)]
pub(crate) enum Mode {
    /// Visitors.
    Serve,
    /// Who works on it: live reload, and what else [`crate::dev`] does.
    Dev(DevOptions),
}

/// Why nothing was started.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The site's files are wrong.
    BadConfig(Report),
    /// Something else, in words.
    Failed(String),
}

/// Serves until a signal ends it.
///
/// # Errors
/// [`StartError`] where it could not be started; nothing is bound then.
pub(crate) fn run(options: &Options) -> Result<(), StartError> {
    let clock = Clock::system();
    let live = Arc::new(Live::new(Arc::new(Site::empty())));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (root, main) = root_and_name(&options.config);
    let build = Arc::new(SiteBuild::new(main.clone(), Arc::clone(&live), clock.clone()));
    let mut reloader = Reloader::new(
        root.clone(),
        main.clone(),
        Arc::clone(&build) as Arc<dyn Build>,
        clock.clone(),
        tasks.clone(),
        stop.clone(),
    );
    // The signals are heard on a thread of their own, however busy those are that serve.
    let control = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("no runtime"))?;
    let wrong = match (control.block_on(reloader.first()), &options.mode) {
        (Outcome::Refused(report), Mode::Dev(_)) => Some(report),
        (Outcome::Refused(report), Mode::Serve) => return Err(StartError::BadConfig(report)),
        (Outcome::Applied { .. } | Outcome::Unchanged | Outcome::Stopping, _) => {
            let status = reloader.handle().status();
            status.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            None
        }
    };
    let site = live.site();
    let (typed_server, typed_cache) = wrong
        .as_ref()
        .and_then(|_| dev::sections(&root, &main, &clock))
        .unwrap_or_else(|| (site.server.clone(), site.cache.clone()));
    build.started_with(&typed_server, &typed_cache);
    let server = server(&typed_server, options);
    let mut cache = typed_cache.clone();
    if let Some(store) = &options.store {
        cache.store = Secret::new(store.clone());
    }
    let (mode, admin_stop) = (options.mode.clone(), CancellationToken::new());
    let (typed, files) = ((typed_server, typed_cache), (root, main));
    let app = App { live, clock, tasks, stop, server, typed, files, admin_stop, mode, wrong };
    let mut threads = runtime::Builder::new_multi_thread();
    if let Some(workers) = app.server.workers {
        threads.worker_threads(workers);
    }
    let runtime = threads.enable_all().build().map_err(failed("no threads to serve with"))?;
    let (stop, reload) = (app.stop.clone(), reloader.handle());
    let ended = control.block_on(async {
        // Whoever reads that it listens may send a signal: it has to be heard from here.
        let signals = Signals::listen()?;
        let serving = runtime.spawn(app.run(reloader, cache));
        tokio::select! {
            ended = serving => ended.unwrap_or_else(|why| Err(StartError::Failed(why.to_string()))),
            () = signals.stopped(&stop, &reload) => Ok(()),
        }
    });
    runtime.shutdown_timeout(LEFT_BEHIND);
    ended
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

/// The cache that a file describes.
///
/// # Errors
/// Where the store's address is none, in words.
pub(crate) fn open_cache(
    typed: &CacheConfig,
    clock: Clock,
    tasks: TaskTracker,
) -> Result<Cache, String> {
    let settings = CacheSettings {
        prefix: typed.prefix.clone(),
        memory_bytes: typed.memory,
        timeout: typed.timeout,
        max_entry_bytes: typed.max_entry,
        max_new_keys: typed.max_new_keys,
        near: true,
    };
    if *typed.store == *"memory" {
        tracing::info!("responses are kept in this process only");
        return Ok(Cache::memory(settings, clock, tasks));
    }
    Cache::redis(&typed.store, settings, clock, tasks).map_err(|why| why.to_string())
}

/// A server that runs.
struct App {
    live: Arc<Live>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    server: ServerConfig,
    /// What the files said at the start, without what the command line says instead.
    typed: (ServerConfig, CacheConfig),
    /// The site's directory and the main file's name in it.
    files: (PathBuf, String),
    /// Ends the admin listener, once the site's has ended.
    admin_stop: CancellationToken,
    mode: Mode,
    /// Why no site was loaded; only for who works on one.
    wrong: Option<Report>,
}

impl App {
    async fn run(self, reloader: Reloader, cache: CacheConfig) -> Result<(), StartError> {
        let store = cache.store.clone();
        let cache = open_cache(&cache, self.clock.clone(), self.tasks.clone())
            .map_err(StartError::Failed)?;
        let mut taken = Vec::new();
        let listener = self
            .bind(&self.server.listen, self.server.admin.as_deref(), &mut taken)
            .await
            .map_err(|why| StartError::Failed(why.to_string()))?;
        let loops = tokio::runtime::Handle::current().metrics().num_workers();
        let listener = self.secure(listener)?.with_loops(loops);
        let address = listener.addr();
        let admin = match &self.server.admin {
            Some(address) => Some(self.bind_admin(address, &mut taken).await?),
            None => None,
        };
        let opened = self.opened(address, admin.as_ref().map(Listener::addr), &store, taken);
        let admin = self.admin(admin, address, &cache, reloader.handle(), store);
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
        let limits = Limits { max_connections, drain: DRAIN, ..Limits::default() };
        let (live, cache, server) = (Arc::clone(&self.live), cache.clone(), &self.server);
        let (stop, tasks) = (self.stop.clone(), self.tasks.clone());
        match &self.mode {
            Mode::Serve => {
                let handler = SiteHandler::new(live, cache, server);
                listener.run(Arc::new(handler), limits, stop, tasks)
            }
            Mode::Dev(DevOptions { lines, .. }) => {
                let ending = (stop.clone(), tasks.clone());
                let handler = DevHandler::new(live, cache, reload, ending, server.clone(), *lines);
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

    fn opened(
        &self,
        site: SocketAddr,
        admin: Option<SocketAddr>,
        store: &Secret,
        taken: Vec<String>,
    ) -> Opened {
        let (is_far, site) = (!site.ip().is_loopback(), dev::browsable(self.scheme(), site));
        Opened {
            docs: self.server.docs.as_ref().map(|path| format!("{site}{path}")),
            site,
            admin: admin.map(|address| dev::browsable("http", address)),
            store: store.public_address(),
            taken,
            is_far,
            wrong: self.wrong.clone(),
        }
    }

    /// Serves the admin listener, where there is one.
    fn admin(
        &self,
        bound: Option<Listener>,
        site: SocketAddr,
        cache: &Cache,
        reload: ReloadHandle,
        store: Secret,
    ) -> impl Future<Output = ()> + use<> {
        let parts = admin::Parts {
            live: Arc::clone(&self.live),
            cache: cache.clone(),
            reload,
            clock: self.clock.clone(),
            site,
            stop: self.stop.clone(),
            files: self.files.clone(),
            server: self.typed.0.clone(),
            typed_cache: self.typed.1.clone(),
            store,
        };
        let (stop, tasks) = (self.admin_stop.clone(), self.tasks.clone());
        async move {
            let Some(listener) = bound else { return };
            let address = listener.addr();
            tracing::info!(%address, "admin on http://{address}");
            let limits = Limits {
                max_connections: ADMIN_CONNECTIONS,
                drain: ADMIN_DRAIN,
                ..Limits::default()
            };
            listener
                .run(Arc::new(WarpHandler::new(admin::filter(parts, address))), limits, stop, tasks)
                .await;
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

    /// Serves by TLS where the file says so, and takes a new certificate when there is one.
    fn secure(&self, listener: Listener) -> Result<Listener, StartError> {
        let Some((certificate, key)) = self.server.tls.clone() else { return Ok(listener) };
        let root = self.files.0.clone();
        let first = Pair::read(&root, &certificate, &key).map_err(failed("server.tls"))?;
        let tls = Tls::new(&first.certificate, &first.key).map_err(failed("server.tls"))?;
        let tls = Arc::new(tls);
        let (shared, stop) = (Arc::clone(&tls), self.stop.clone());
        self.tasks.spawn(async move {
            let mut seen = first;
            while tokio::time::timeout(CERTIFICATE_POLL, stop.cancelled()).await.is_err() {
                let (root, certificate, key) = (root.clone(), certificate.clone(), key.clone());
                let read = move || Pair::read(&root, &certificate, &key);
                // Half a pair, as it is there while somebody renews it, fails and is read again.
                let Ok(Ok(now)) = tokio::task::spawn_blocking(read).await else { continue };
                if now != seen {
                    match shared.replace(&now.certificate, &now.key) {
                        Ok(()) => tracing::info!("serving with the new certificate"),
                        Err(why) => tracing::error!(%why, "the new certificate is not used"),
                    }
                    seen = now;
                }
            }
        });
        Ok(listener.with_tls(tls))
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

/// What the process is told from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens from now on. Must be called within a runtime.
    fn listen() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(failed("no signal handler"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Reloads on SIGHUP, and cancels `stop` on SIGTERM and SIGINT. Returns when the process has to
    /// end, whatever still runs: at a second signal, or when [`STOP_BOUND`] is over.
    async fn stopped(mut self, stop: &CancellationToken, reload: &ReloadHandle) {
        let mut reloading = std::pin::pin!(Fuse::terminated());
        loop {
            tokio::select! {
                () = end(&mut self.terminate, &mut self.interrupt) => break,
                _ = self.hangup.recv(), if reloading.is_terminated() => {
                    reloading.set(reload.reload_now().fuse());
                }
                _ = &mut reloading, if !reloading.is_terminated() => {}
            }
        }
        stop.cancel();
        tokio::select! {
            () = end(&mut self.terminate, &mut self.interrupt) => {
                tracing::warn!("stopped at once: a second signal came");
            }
            () = tokio::time::sleep(STOP_BOUND) => {
                tracing::warn!("stopped with work left: it took longer than {STOP_BOUND:?}");
            }
        }
    }
}

/// Waits for a signal to end.
async fn end(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
