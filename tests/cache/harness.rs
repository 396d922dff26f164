//! A Redis server of its own for each test, a cache, and renders that are counted.

use std::fmt::Debug;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder::parts::cache::{
    Answer, Cache, CacheRequest, CacheSettings, Lifetime, RenderFailure, Rendered, StoreState,
};
use larder::parts::clock::Clock;
use larder::parts::fingerprint::Fingerprint;
use tokio_util::task::TaskTracker;

/// How long anything that should happen may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const PREFIX: &str = "api:cache";

/// A redis-server that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at(free_port(), arguments)
    }

    pub(crate) fn start_at(port: u16, arguments: &[&str]) -> Self {
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--daemonize", "no"])
            .args(["--bind", "127.0.0.1", "--appendonly", "no", "--dir"])
            .arg(std::env::temp_dir())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server can be started");
        let server = Self { child, port };
        let started = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_run(words).expect("the command succeeds")
    }

    pub(crate) fn try_run<T: redis::FromRedisValue>(
        &self,
        words: &[&str],
    ) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url()).expect("an address");
        let mut connection = client.get_connection_with_timeout(PATIENCE)?;
        let (name, arguments) = words.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut connection)
    }

    /// How often a command was called since the start.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let stats: String = self.run(&["INFO", "commandstats"]);
        let start = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&start));
        let count = line.and_then(|line| line.split(',').next()).map_or(Ok(0), str::parse);
        count.expect("a count")
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn settings() -> CacheSettings {
    CacheSettings {
        prefix: PREFIX.into(),
        memory_bytes: 16 << 20,
        timeout: Duration::from_millis(100),
        max_entry_bytes: 1 << 20,
        max_new_keys: 1000,
        near: true,
    }
}

/// A cache under test, with what its renders have done.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    pub(crate) renders: Arc<AtomicU32>,
}

impl Bench {
    pub(crate) fn memory() -> Self {
        let clock = Clock::manual();
        let cache = Cache::memory(settings(), clock.clone(), TaskTracker::new());
        Self { cache, clock, renders: Arc::default() }
    }

    pub(crate) fn on(url: &str) -> Self {
        Self::with(url, settings())
    }

    pub(crate) fn with(url: &str, settings: CacheSettings) -> Self {
        Self::of(url, settings, Clock::system())
    }

    /// One whose lifetimes run by this clock.
    pub(crate) fn timed(url: &str, clock: Clock) -> Self {
        Self::of(url, settings(), clock)
    }

    fn of(url: &str, settings: CacheSettings, clock: Clock) -> Self {
        let cache = Cache::redis(url, settings, clock.clone(), TaskTracker::new());
        Self { cache: cache.expect("an address"), clock, renders: Arc::default() }
    }

    /// Connected, and with tracking on.
    pub(crate) async fn ready(url: &str) -> Self {
        Self::on(url).armed().await
    }

    pub(crate) async fn armed(self) -> Self {
        self.state_becomes("armed", |state| state.up && state.near_in_use).await;
        self
    }

    pub(crate) async fn state_becomes(&self, what: &str, right: impl Fn(&StoreState) -> bool) {
        let seen = || async { right(&self.cache.state()) };
        assert!(eventually(seen).await, "never {what}: {:?}", self.cache.state());
    }

    /// Asks, and renders `body` at once where need be.
    pub(crate) async fn get(&self, request: CacheRequest, body: &str) -> Answer {
        let (renders, body) = (Arc::clone(&self.renders), body.to_owned());
        self.cache
            .answer(request, async move {
                renders.fetch_add(1, Ordering::SeqCst);
                Ok(page(&body))
            })
            .await
    }

    /// Asks, with a render that fails.
    pub(crate) async fn get_failing(
        &self,
        request: CacheRequest,
        failure: RenderFailure,
    ) -> Answer {
        let renders = Arc::clone(&self.renders);
        self.cache
            .answer(request, async move {
                renders.fetch_add(1, Ordering::SeqCst);
                Err(failure)
            })
            .await
    }

    pub(crate) fn rendered(&self) -> u32 {
        self.renders.load(Ordering::SeqCst)
    }

    /// Asks until the answer comes from memory.
    pub(crate) async fn warm(&self, request: &CacheRequest, body: &str) {
        let near =
            || async { status(&self.get(request.clone(), body).await).ends_with("detail=near") };
        assert!(eventually(near).await, "never near");
    }
}

pub(crate) fn page(body: &str) -> Rendered {
    Rendered {
        status: 200,
        content_type: "text/plain; charset=utf-8".into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        inputs: Fingerprint::default(),
        left: None,
    }
}

pub(crate) fn key(name: &str) -> String {
    format!("{PREFIX}::{name}:/{name}")
}

/// A request for the page of this name, fresh for a minute.
pub(crate) fn request(name: &str) -> CacheRequest {
    CacheRequest {
        key: key(name),
        fingerprint: site("one"),
        lifetime: Lifetime::of(Duration::from_secs(60)),
        route: name.into(),
        path: format!("/{name}"),
        status: 200,
        io: false,
    }
}

pub(crate) fn site(version: &str) -> Fingerprint {
    Fingerprint::of(version.as_bytes())
}

pub(crate) fn status(answer: &Answer) -> String {
    let mut line = Vec::new();
    answer.outcome.push_cache_status(None, &mut line);
    let text = String::from_utf8(line).expect("text");
    text.strip_prefix("larder; ").expect("a member of Cache-Status").to_owned()
}

pub(crate) fn body(answer: &Answer) -> String {
    let entry = answer.result.as_ref().expect("an answer");
    String::from_utf8(entry.body.to_vec()).expect("text")
}

/// Whether something comes to be within [`PATIENCE`].
pub(crate) async fn eventually<F: Future<Output = bool>>(what: impl Fn() -> F) -> bool {
    within(PATIENCE, what).await
}

pub(crate) async fn within<F: Future<Output = bool>>(
    bound: Duration,
    what: impl Fn() -> F,
) -> bool {
    let tries = async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(bound, tries).await.is_ok()
}

pub(crate) fn starts_with(text: &str, start: &str) {
    assert!(text.starts_with(start), "{text:?} does not begin with {start:?}");
}

pub(crate) fn is_in<T: PartialEq + Debug>(value: &T, all: &[T]) {
    assert!(all.contains(value), "{value:?} is none of {all:?}");
}
