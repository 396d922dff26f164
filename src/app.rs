//! The life of a server: it loads the site, opens store and listeners, reloads, and stops in order.

mod descriptors;
mod dev;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::build::{SiteBuild, root_and_name};
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::config::{CacheConfig, Secret, ServerConfig};
use crate::dev::{self as live_reload, DevHandler};
use crate::diagnostic::Report;
use crate::http::handler::SiteHandler;
use crate::http::listener::{Limits, Listener};
use crate::http::live::Live;
use crate::http::tls::Tls;
use crate::reload::{Build, Outcome, ReloadHandle, Reloader};
use crate::site::Site;
use crate::source::certificate::Pair;
use crate::watch::{Watch, WatchOptions};

pub use self::dev::{DevOptions, Opened};

/// How long what runs may go on after a signal to stop.
const STOP_BOUND: Duration = Duration::from_secs(10);

/// How often certificate and key are looked at.
const CERTIFICATE_POLL: Duration = Duration::from_secs(2);
/// How many connections the admin listener takes: people and a few programs.
const ADMIN_CONNECTIONS: usize = 256;

/// How long its answers may take to end, after the site's have ended.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
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
#[derive(Clone, Debug)]
pub enum Mode {
    /// Visitors.
    Serve,
    /// Who works on it: live reload, and what else [`crate::dev`] does.
    Dev(DevOptions),
}

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// The site's files are wrong.
    BadConfig(Report),
    /// Something else, in words.
    Failed(String),
}

/// Serves until a signal ends it.
///
/// # Errors
/// [`StartError`] where it could not be started; nothing is bound then.
pub fn run(options: &Options) -> Result<(), StartError> {
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
    let wrong = match (first_load(&mut reloader), &options.mode) {
        (Err(StartError::BadConfig(report)), Mode::Dev(_)) => Some(report),
        (loaded, _) => loaded.map(|()| None)?,
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
        cache.store.value = store.clone().into();
    }
    let typed = Typed { server: typed_server, cache: typed_cache, files: (root, main) };
    let (mode, admin_stop) = (options.mode.clone(), CancellationToken::new());
    let app = App { live, clock, tasks, stop, server, typed, admin_stop, mode, wrong };
    let runtime = threads(app.server.workers)?;
    let ended = runtime.block_on(app.run(reloader, &cache));
    // What still blocks (a template in an endless loop) must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

fn first_load(reloader: &mut Reloader) -> Result<(), StartError> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| StartError::Failed(format!("no runtime: {why}")))?;
    match runtime.block_on(reloader.first()) {
        Outcome::Refused(report) => Err(StartError::BadConfig(report)),
        Outcome::Applied { .. } | Outcome::Unchanged | Outcome::Stopping => {
            let status = reloader.handle().status();
            status.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            Ok(())
        }
    }
}

fn threads(workers: Option<usize>) -> Result<runtime::Runtime, StartError> {
    let mut builder = runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    builder
        .enable_all()
        .build()
        .map_err(|why| StartError::Failed(format!("no threads to serve with: {why}")))
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
#[derive(Debug)]
struct App {
    live: Arc<Live>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    server: ServerConfig,
    typed: Typed,
    /// Ends the admin listener, once the site's has ended.
    admin_stop: CancellationToken,
    mode: Mode,
    /// Why no site was loaded; only for who works on one.
    wrong: Option<Report>,
}

/// What the files said at the start, without what the command line says instead.
#[derive(Debug)]
struct Typed {
    server: ServerConfig,
    cache: CacheConfig,
    /// The site's directory and the main file's name in it.
    files: (PathBuf, String),
}

impl App {
    async fn run(self, reloader: Reloader, cache: &CacheConfig) -> Result<(), StartError> {
        let store = cache.store.value.clone();
        let cache = self.open(cache)?;
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
        let signals = signals(self.stop.clone(), reloader.handle())?;
        let site = self.site(listener, &cache, reloader.handle());
        self.watch(reloader);
        // Whoever reads this line may send a signal or edit a file: both have to be seen from here.
        tracing::info!(%address, "listening on {}://{address}", self.scheme());
        if let Mode::Dev(options) = &self.mode {
            (options.opened)(&opened);
        }
        let admin_stop = self.admin_stop.clone();
        let serving = async {
            // The admin listener says that the process is stopping for as long as it is.
            let site = async {
                site.await;
                admin_stop.cancel();
            };
            futures_util::future::join(site, admin).await;
        };
        let to_the_end = async {
            serving.await;
            self.end(cache).await;
        };
        tokio::select! {
            () = to_the_end => {}
            () = signals => tracing::warn!("stopped at once: a second signal came"),
        }
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
        let limits = Limits { max_connections, ..Limits::default() };
        let (live, cache, server) = (Arc::clone(&self.live), cache.clone(), &self.server);
        let (stop, tasks) = (self.stop.clone(), self.tasks.clone());
        match &self.mode {
            Mode::Serve => {
                let handler = SiteHandler::new(live, cache, server);
                Either::Left(listener.run(handler, limits, stop, tasks))
            }
            Mode::Dev(DevOptions { lines, .. }) => {
                let handler = DevHandler::new(live_reload::Parts {
                    live,
                    cache,
                    reload,
                    stop: stop.clone(),
                    tasks: tasks.clone(),
                    server: server.clone(),
                    lines: *lines,
                });
                Either::Right(listener.run(handler, limits, stop, tasks))
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
            store: dev::without_password(store),
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
            files: self.typed.files.clone(),
            server: self.typed.server.clone(),
            typed_cache: self.typed.cache.clone(),
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
            listener.run(Admin::new(parts, address), limits, stop, tasks).await;
        }
    }

    async fn bind_admin(
        &self,
        address: &str,
        taken: &mut Vec<String>,
    ) -> Result<Listener, StartError> {
        let failed = |why: String| StartError::Failed(format!("the admin listener: {why}"));
        let bound = self.bind(address, None, taken).await.map_err(|why| failed(why.to_string()))?;
        let token = self.typed.server.admin_token.as_ref();
        // The file was checked; the command line may say otherwise.
        if !bound.addr().ip().is_loopback() && token.is_none_or(|token| token.is_empty()) {
            let why = "an address that is not on loopback needs server.admin_token";
            return Err(failed(why.to_owned()));
        }
        Ok(bound)
    }

    fn open(&self, typed: &CacheConfig) -> Result<Cache, StartError> {
        let settings = CacheSettings {
            prefix: typed.prefix.clone(),
            memory_bytes: typed.memory,
            timeout: typed.timeout,
            max_entry_bytes: typed.max_entry,
            max_new_keys: typed.max_new_keys,
            near: true,
        };
        let (clock, tasks) = (self.clock.clone(), self.tasks.clone());
        if *typed.store.value == *"memory" {
            tracing::info!("responses are kept in this process only");
            return Ok(Cache::memory(settings, clock, tasks));
        }
        Cache::redis(&typed.store.value, settings, clock, tasks)
            .map_err(|why| StartError::Failed(why.to_string()))
    }

    /// Serves by TLS where the file says so, and takes a new certificate when there is one.
    fn secure(&self, listener: Listener) -> Result<Listener, StartError> {
        let Some((certificate, key)) = self.server.tls.clone() else { return Ok(listener) };
        let failed = |why: String| StartError::Failed(format!("server.tls: {why}"));
        let root = self.typed.files.0.clone();
        let first = Pair::read(&root, &certificate, &key).map_err(|why| failed(why.to_string()))?;
        let tls =
            Tls::new(&first.certificate, &first.key).map_err(|why| failed(why.to_string()))?;
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

    fn watch(&self, reloader: Reloader) {
        let watch = Watch::start(WatchOptions::default());
        self.tasks.spawn(reloader.run(watch));
    }

    async fn end(self, cache: Cache) {
        cache.close().await;
        self.tasks.close();
        if tokio::time::timeout(STOP_BOUND, self.tasks.wait()).await.is_err() {
            tracing::warn!("stopped with work left: it took longer than {STOP_BOUND:?}");
        }
        tracing::info!("stopped");
    }
}

/// Stops on SIGTERM and SIGINT and ends on the second; reloads on SIGHUP.
fn signals(
    stop: CancellationToken,
    reload: ReloadHandle,
) -> Result<impl Future<Output = ()>, StartError> {
    let listen =
        |kind| signal(kind).map_err(|why| StartError::Failed(format!("no signal handler: {why}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => { reload.reload_now().await; }
            }
        }
        stop.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
