//! Three larders, the lines to their Redis, and the clients that ask all the time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::RwLock;

use crate::admin::{Admin, Said};
use crate::harness::{Client, Larder, Redis, Site, signal};
use crate::proxy::Proxy;
use crate::rng::Rng;
use crate::site::{Ask, Version};
use crate::truth::Truth;

const INSTANCES: usize = 3;
/// Clients of each instance.
const CLIENTS: usize = 2;
/// How long until all is well again after a fault: the longest pause before connecting anew is one
/// second, and the machine may be busy.
pub(crate) const WELL: Duration = Duration::from_secs(15);
/// What a process may hold: 16 MiB of pages, as much again aside from them, and itself.
const MEMORY: u64 = 160 << 20;
const DESCRIPTORS: usize = 100;

/// A process, and who asks it.
pub(crate) struct Up {
    pub(crate) admin: Admin,
    client: Client,
}

impl Up {
    fn start(site: &Site, store: &str) -> Self {
        let arguments = ["--store", store, "--admin", "127.0.0.1:0"];
        let admin = Admin::of(Larder::spawn(site, &arguments));
        let client = admin.larder.client();
        Self { admin, client }
    }
}

/// An instance: its files and its line stay when its process is another one.
pub(crate) struct Instance {
    pub(crate) site: Site,
    pub(crate) line: Proxy,
    /// Held by clients while they ask, so that a process is not ended under them.
    up: RwLock<Up>,
}

pub(crate) struct Fleet {
    pub(crate) rng: Rng,
    seed: u64,
    /// The primary, and another one that can become it.
    pub(crate) redis: [Redis; 2],
    pub(crate) primary: usize,
    pub(crate) instances: Arc<Vec<Instance>>,
    pub(crate) truth: Arc<Truth>,
    pub(crate) version: Version,
    pub(crate) versions: Vec<Version>,
    pub(crate) runtime: Runtime,
    is_over: Arc<AtomicBool>,
    /// The most of memory and descriptors that one held.
    most: (u64, usize),
}

pub(crate) fn port(redis: &Redis) -> u16 {
    redis.url().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}

impl Fleet {
    pub(crate) fn start(seed: u64) -> Self {
        let (redis, version) = ([Redis::start(), Redis::start()], Version::default());
        let instance = || {
            let (site, line) = (version.site(), Proxy::to(port(&redis[0])));
            let up = RwLock::new(Up::start(&site, &line.url()));
            Instance { site, line, up }
        };
        let instances = Arc::new((0..INSTANCES).map(|_| instance()).collect::<Vec<_>>());
        let truth = Arc::new(Truth::new(INSTANCES, version));
        let runtime = Runtime::new().expect("a runtime");
        let is_over = Arc::new(AtomicBool::new(false));
        for client in 0..INSTANCES * CLIENTS {
            let (at, rng) = (client % INSTANCES, Rng::new(seed, 10 + client as u64));
            let (instances, truth) = (Arc::clone(&instances), Arc::clone(&truth));
            let is_over = Arc::clone(&is_over);
            runtime.spawn(asks(at, rng, instances, truth, is_over));
        }
        let (rng, versions) = (Rng::new(seed, 1), vec![version]);
        let (primary, most) = (0, (0, 0));
        Self {
            rng,
            seed,
            redis,
            primary,
            instances,
            truth,
            version,
            versions,
            runtime,
            is_over,
            most,
        }
    }

    /// The Redis that the lines lead to.
    pub(crate) fn redis(&self) -> &Redis {
        &self.redis[self.primary]
    }

    /// One of the instances.
    pub(crate) fn any(&mut self) -> usize {
        self.rng.below(INSTANCES)
    }

    /// Asks an instance, and checks what it says.
    pub(crate) fn ask(&self, at: usize, ask: &Ask) -> Option<crate::harness::Answer> {
        self.runtime.block_on(checked(at, ask, &self.instances, &self.truth))
    }

    /// Sends an instance's admin listener a document.
    pub(crate) fn post(&self, at: usize, path: &str, body: &str) -> Said {
        self.runtime.block_on(self.instances[at].up.read()).admin.post(path, body)
    }

    /// What one of the process itself is done to.
    pub(crate) fn with_larder<T>(&self, at: usize, does: impl FnOnce(&Larder) -> T) -> T {
        does(&self.runtime.block_on(self.instances[at].up.read()).admin.larder)
    }

    /// Ends a process and starts another one; `crashes` says how.
    pub(crate) fn replace(&self, at: usize, crashes: bool, between: impl FnOnce()) {
        let instance = &self.instances[at];
        let mut up = self.runtime.block_on(instance.up.write());
        if crashes {
            signal(up.admin.larder.pid(), "KILL");
        }
        between();
        self.has_no_panic(&up);
        *up = Up::start(&instance.site, &instance.line.url());
        self.truth.is_live(at);
    }

    /// Goes on once every instance answers from memory again; fails where that takes too long, or
    /// where anything was seen that may not be.
    pub(crate) fn is_well(&mut self) {
        let start = Instant::now();
        for at in 0..INSTANCES {
            loop {
                let answer = self.ask(at, &Ask::steady());
                if answer.is_some_and(|answer| answer.cache().contains("hit; detail=near")) {
                    break;
                }
                if start.elapsed() > WELL {
                    let status = self.runtime.block_on(self.instances[at].up.read());
                    let status = status.admin.get("/api/status").body;
                    self.truth.fail(format!("instance {at} is not well again: {status}"));
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let pid = self.with_larder(at, Larder::pid);
            let memory = self.with_larder(at, Larder::resident);
            let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
            if memory > MEMORY || files > DESCRIPTORS {
                self.truth.fail(format!("instance {at} holds {memory} bytes, {files} files"));
            }
            self.most = (self.most.0.max(memory), self.most.1.max(files));
        }
        self.truth.is_well_after(start.elapsed());
        self.holds();
    }

    /// Fails with all that was done where something was seen that may not be.
    pub(crate) fn holds(&self) {
        let Some(failure) = self.truth.failure() else { return };
        let mut logs = String::new();
        for (at, instance) in self.instances.iter().enumerate() {
            let log = self.runtime.block_on(instance.up.read()).admin.larder.log();
            let last: Vec<_> = log.lines().rev().take(30).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            let _infallible = write!(logs, "-- the log of {at}:\n{last}\n");
        }
        self.is_over.store(true, Ordering::SeqCst);
        panic!(
            "{failure}\n{logs}run it again: LARDER_WEEK_SEED={} cargo test --test week",
            self.seed
        );
    }

    fn has_no_panic(&self, up: &Up) {
        let log = up.admin.larder.log();
        if let Some(line) = log.lines().find(|line| line.contains("panic")) {
            self.truth.fail(line.to_owned());
        }
    }

    /// The clients leave; then all agree, every key ends, and a purge leaves nothing.
    pub(crate) fn ends(mut self) {
        self.is_well();
        self.is_over.store(true, Ordering::SeqCst);
        for at in 0..INSTANCES {
            self.has_no_panic(&self.runtime.block_on(self.instances[at].up.read()));
        }
        // A lease that nobody lengthens ends.
        let is_leased = || self.redis().keys().iter().any(|key| key.contains("~lease"));
        crate::harness::until(WELL, "no lease is left", || (!is_leased()).then_some(()));
        for key in self.redis().keys().iter().filter(|key| key.starts_with("week:")) {
            let left: i64 = self.redis().cli(&["PTTL", key]).parse().expect("a life");
            if left == -1 || left > 600_000 {
                self.truth.fail(format!("{key} has {left} ms left"));
            }
        }
        let purged = self.post(0, "/api/purge", r#"{"all":true}"#);
        let left: Vec<_> = self.redis().keys().into_iter().filter(|key| is_page(key)).collect();
        if purged.status != 200 || !left.is_empty() {
            self.truth.fail(format!("purged: {purged:?}, and left are {left:?}"));
        }
        self.holds();
        let (memory, files) = (self.most.0 >> 20, self.most.1);
        eprintln!("seed {}: {memory} MiB and {files} files at most", self.seed);
        eprintln!("{}", self.truth.figures());
    }
}

fn is_page(key: &str) -> bool {
    key.starts_with("week::")
}

/// Asks, and checks the answer; one that does not come is a failure.
pub(crate) async fn checked(
    at: usize,
    ask: &Ask,
    instances: &[Instance],
    truth: &Truth,
) -> Option<crate::harness::Answer> {
    let up = instances[at].up.read().await;
    let header = ask.header.as_ref().map(|(name, value)| (*name, value.as_str()));
    let asked = Instant::now();
    match up.client.request("GET", &ask.target, header.as_slice()).await {
        Ok(answer) => {
            truth.check(at, ask, asked, &answer);
            Some(answer)
        }
        Err(why) => {
            truth.fail(format!("instance {at}, {}: no answer: {why:?}", ask.target));
            None
        }
    }
}

async fn asks(
    at: usize,
    mut rng: Rng,
    instances: Arc<Vec<Instance>>,
    truth: Arc<Truth>,
    is_over: Arc<AtomicBool>,
) {
    while !is_over.load(Ordering::SeqCst) {
        let ask = Ask::any(&mut rng);
        checked(at, &ask, &instances, &truth).await;
        tokio::time::sleep(Duration::from_millis(5 + rng.below(20) as u64)).await;
    }
}
