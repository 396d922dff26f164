//! The values that a page reads from servers → what its render is given.
//!
//! A value is kept as a page is, by the cache: in memory and in Redis, one fetch at a time in the
//! whole fleet, for its own life, whichever routes read it. Its last tenth is for asking anew: who
//! reads it then has the old one, and nobody waits. After a failure an address is left alone for a
//! second; meanwhile an older value stands in where the load allows that, then its `fallback`.

mod state;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Map;
use serde_json::{Map as Fields, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::state::Last;
use self::state::States;
use crate::cache::{
    self, Cache, CacheRequest, Entry, Left, Lifetime, Outcome, Render, RenderFailure, Rendered,
    loaded_route,
};
use crate::clock::{Clock, Moment, rfc3339};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::site::{PageLoad, RemoteLoad, RenderJob, value_size};
use crate::source::http::{FetchError, FetchTrouble, Fetched, HttpClient, Sent, fetch};

/// Requests to one server at once, and those of them that one load may make.
const AT_ONCE: usize = 32;
const OF_LOAD: usize = AT_ONCE / 2;
/// How long a failing address is left alone, and a page lives that was made without its value.
const RETRY: Duration = Duration::from_secs(1);
/// Failing addresses that are remembered; one that had to leave is simply tried sooner.
const FAILING: usize = 4096;
/// Values that are kept as they were read, in bytes, about.
const READ_BYTES: u64 = 64 << 20;
/// Values above so many bytes are read and pruned on a thread that does not serve.
const LARGE: usize = 64 * 1024;
/// The part of a value's life that is left when it is asked for anew.
const EARLY: u32 = 10;
/// How long a value is kept at most where its server says how long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What all versions of a site share for asking servers.
#[derive(Debug)]
pub(crate) struct Sources {
    client: HttpClient,
    states: States,
    failing: Map<Fingerprint, (Moment, RenderFailure)>,
    known: Map<Fingerprint, Known>,
    /// By server, and by server and load. They come from the files, not from requests.
    slots: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// By key; of an entry that is another by now, they are of no use.
    read: Map<Box<str>, Read, WeighRead>,
}

/// What a server said of a value.
#[derive(Clone, Debug)]
struct Known {
    /// How long it may be kept.
    life: Option<Duration>,
    /// The entity tag of the entry that was made of it, and that of the server.
    tags: Option<(Box<str>, String)>,
}

/// A value as it was read of an entry.
#[derive(Clone, Debug)]
struct Read {
    /// The entry's.
    id: u64,
    value: Arc<Value>,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct WeighRead;

impl Weighter<Box<str>, Read> for WeighRead {
    fn weight(&self, key: &Box<str>, read: &Read) -> u64 {
        128 + key.len() as u64 + read.bytes
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            client: HttpClient::default(),
            states: States::default(),
            failing: Map::new(FAILING),
            known: Map::new(FAILING),
            slots: Mutex::default(),
            read: Map::with_weighter(FAILING, READ_BYTES, WeighRead),
        }
    }
}

/// What a page is given.
#[derive(Debug)]
pub(super) struct Gathered {
    /// By name, pruned to what the page reads.
    pub(super) sent: Vec<(String, Value)>,
    /// A digest of these.
    pub(super) inputs: Fingerprint,
    /// What is left of the life of the one that ends first.
    pub(super) left: Duration,
}

/// A value, and what is known of it.
#[derive(Clone, Debug)]
struct Loaded {
    value: Arc<Value>,
    /// When it was got, as RFC 3339 has it.
    at: String,
    /// Whether its life is over, so that it only stands in.
    stale: bool,
    left: Duration,
    is_large: bool,
}

impl Sources {
    /// How each source is, by the name of its load.
    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    /// The values that a page reads: those that need no other at the same time.
    ///
    /// # Errors
    /// Where the page cannot be made without one: 404 where a server has none, 502, 504.
    pub(super) async fn gather(
        self: &Arc<Self>,
        cache: &Cache,
        job: &RenderJob,
    ) -> Result<Gathered, RenderFailure> {
        let loads = job.remote();
        let mut got: Vec<Option<Loaded>> = vec![None; loads.len()];
        let mut waiting: BTreeSet<usize> = (0..loads.len()).collect();
        let mut running = FuturesUnordered::new();
        loop {
            let is_ready = |at: &usize| loads[*at].needs.iter().all(|need| got[*need].is_some());
            let ready: Vec<usize> = waiting.iter().copied().filter(is_ready).collect();
            for at in ready {
                waiting.remove(&at);
                let load = Arc::clone(&loads[at].load);
                let address = job.address(at, |name| {
                    let at = loads.iter().position(|it| *it.load.name == *name)?;
                    got.get(at)?.as_ref().map(|loaded| &*loaded.value)
                });
                let none = || RenderFailure::new(404, &format!("`{}` is not there", load.from));
                let address = address.ok_or_else(none)?;
                let namespace = job.site().cache.namespace.as_str();
                running.push(async move { (at, self.load(cache, load, namespace, address).await) });
            }
            let Some((at, loaded)) = running.next().await else { break };
            got[at] = Some(loaded?);
        }
        drop(running);
        let got: Vec<Loaded> = got.into_iter().flatten().collect();
        let left = got.iter().map(|it| it.left).min().unwrap_or_default();
        let (page, is_large) = (job.page(), got.iter().any(|it| it.is_large));
        let prune = move || pruned(&page.remote, &got);
        let (sent, inputs) = off_the_way(is_large, prune).await?;
        Ok(Gathered { sent, inputs, left })
    }

    /// The value of a load at an address: from memory, from Redis, or from its server.
    async fn load(
        self: &Arc<Self>,
        cache: &Cache,
        load: Arc<RemoteLoad>,
        namespace: &str,
        address: String,
    ) -> Result<Loaded, RenderFailure> {
        if let Some(stub) = &load.stub {
            let (value, at) = (Arc::clone(stub), rfc3339(cache.clock().wall()));
            return Ok(Loaded { value, at, stale: false, left: load.ttl, is_large: false });
        }
        let of = load.decided(&address);
        let key = cache.loaded_key(namespace, &load.name, &of);
        let request = CacheRequest {
            key: key.clone(),
            fingerprint: of,
            lifetime: self.lifetime(&load, &of),
            route: loaded_route(&load.name).into(),
            path: load.from.clone(),
            status: 200,
            io: true,
        };
        let (sources, clock) = (Arc::clone(self), cache.clock().clone());
        let fetching = Fetching { sources, clock, load: Arc::clone(&load), address, of };
        let answer = cache.answer(request, fetching).await;
        let entry = match (answer.result, &load.fallback) {
            (Ok(entry), _) => entry,
            (Err(_), Some(fallback)) => {
                let (value, at) = (Arc::clone(fallback), rfc3339(cache.clock().wall()));
                return Ok(Loaded { value, at, stale: true, left: RETRY, is_large: false });
            }
            (Err(why), None) => return Err(why),
        };
        let (left, stale) = life(&entry, &answer.outcome);
        let is_large = entry.body.len() > LARGE;
        let value = match entry.body.is_empty() {
            false => self.read(&key, &entry, is_large).await?,
            true if load.optional => Arc::default(),
            true => {
                let words = format!("the server of `{}` has none", load.name);
                return Err(RenderFailure::new(404, &words));
            }
        };
        Ok(Loaded { value, at: rfc3339(entry.made), stale, left, is_large })
    }

    /// How long a value is kept: in the last part of its life it is served while it is asked for
    /// anew, and of a failing address for as long as an older one may stand in.
    fn lifetime(&self, load: &RemoteLoad, of: &Fingerprint) -> Lifetime {
        // What its server says is known where this process asked before.
        let told = self.known.get(of).and_then(|known| known.life).unwrap_or_default();
        let early = if load.by_server { told } else { load.ttl } / EARLY;
        let stands_in = early.saturating_add(load.stale_if_error);
        let is_failing = self.failing.get(of).is_some();
        let longest = if load.by_server { LONGEST } else { load.ttl.saturating_sub(early) };
        Lifetime {
            ttl: Some(longest),
            stale_while_revalidate: if is_failing { stands_in } else { early },
            stale_if_error: stands_in,
        }
    }

    /// The value of an entry, as it was read before or from its text.
    async fn read(
        &self,
        key: &str,
        entry: &Arc<Entry>,
        is_large: bool,
    ) -> Result<Arc<Value>, RenderFailure> {
        if let Some(read) = self.read.get(key).filter(|read| read.id == entry.id) {
            return Ok(read.value);
        }
        let body = entry.body.clone();
        let parse = move || {
            let value: Value = serde_json::from_slice(&body).ok()?;
            let bytes = value_size(&value) as u64;
            Some((Arc::new(value), bytes))
        };
        let unread = || RenderFailure::new(502, "what is stored of a value is no JSON");
        let (value, bytes) = off_the_way(is_large, parse).await?.ok_or_else(unread)?;
        let read = Read { id: entry.id, value: Arc::clone(&value), bytes };
        self.read.insert(key.into(), read);
        Ok(value)
    }

    /// Asks a server, once it is this load's turn.
    async fn fetch(
        &self,
        load: &RemoteLoad,
        address: &str,
        etag: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let turn = tokio::time::timeout(load.ask.timeout, self.turn(load)).await;
        let _turn = turn.map_err(|_| {
            let words = "too many requests to its server are under way";
            FetchError::new(FetchTrouble::Slow, words)
        })?;
        fetch(&self.client, address, &load.ask, etag).await
    }

    /// A turn among the requests to a load's server.
    async fn turn(
        &self,
        load: &RemoteLoad,
    ) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let of_load = self.slots(&format!("{} {}", load.server, load.name), OF_LOAD);
        let of_server = self.slots(&load.server, AT_ONCE);
        // The load's own turn first: who waits for it takes none from others.
        let of_load = of_load.acquire_owned().await.ok()?;
        Some((of_load, of_server.acquire_owned().await.ok()?))
    }

    fn slots(&self, of: &str, count: usize) -> Arc<Semaphore> {
        let mut slots = self.slots.lock();
        match slots.get(of) {
            Some(known) => Arc::clone(known),
            None => {
                Arc::clone(slots.entry(of.to_owned()).or_insert(Arc::new(Semaphore::new(count))))
            }
        }
    }
}

/// What is left of a value's life, at least as long as a failing address is left alone, and whether
/// it only stands in.
fn life(entry: &Entry, outcome: &Outcome) -> (Duration, bool) {
    // What is kept ends where asking anew begins.
    let early = entry.ttl / (EARLY - 1);
    match *outcome {
        Outcome::Hit { left_ms, .. } if left_ms >= 0 => {
            (Duration::from_millis(left_ms.unsigned_abs()), false)
        }
        Outcome::Hit { left_ms, .. } => {
            let left = early.saturating_sub(Duration::from_millis(left_ms.unsigned_abs()));
            if left.is_zero() { (RETRY, true) } else { (left, false) }
        }
        Outcome::Forwarded { age_seconds: Some(_), .. } => (RETRY, true),
        Outcome::Forwarded { .. } => (entry.ttl, false),
    }
}

/// Does some work here, or where it may take long on a thread that does not serve.
async fn off_the_way<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RenderFailure> {
    if !is_large {
        return Ok(work());
    }
    let failed = |_| RenderFailure::new(500, "reading a value failed");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

/// What a page is given of values, and a digest of that.
fn pruned(loads: &[PageLoad], got: &[Loaded]) -> (Vec<(String, Value)>, Fingerprint) {
    let mut hasher = Hasher::default();
    let mut sent = Vec::with_capacity(loads.len() + 1);
    let mut told = Fields::new();
    for (load, loaded) in loads.iter().zip(got) {
        let name = load.load.name.to_string();
        let (value, about) = load.pruned(&loaded.value, &loaded.at, loaded.stale);
        hasher.add(&name);
        hasher.add(value.to_string());
        hasher.add(about.to_string());
        sent.push((name.clone(), value));
        told.insert(name, about);
    }
    sent.push(("loaded".to_owned(), Value::Object(told)));
    (sent, hasher.finish())
}

/// The fetch of a value that is not kept.
struct Fetching {
    sources: Arc<Sources>,
    clock: Clock,
    load: Arc<RemoteLoad>,
    address: String,
    of: Fingerprint,
}

impl Render for Fetching {
    async fn render(self, earlier: Option<Arc<Entry>>) -> Result<Rendered, RenderFailure> {
        let Self { sources, clock, load, address, of } = self;
        if let Some((until, failure)) = sources.failing.get(&of)
            && clock.now() < until
        {
            return Err(failure);
        }
        // The tag of what is there, if it is what this process made of an answer.
        let tags = sources.known.get(&of).and_then(|known| known.tags);
        let etag = tags.zip(earlier.as_ref()).filter(|((own, _), it)| *own == it.etag);
        let before = etag.map(|((_, theirs), _)| theirs).filter(|_| !load.ask.is_post);
        let fetched = sources.fetch(&load, &address, before.as_deref()).await;
        sources.states.of(&load).note(&fetched, clock.wall());
        let Fetched { sent, life, etag } = fetched.map_err(|why| {
            let words = format!("`{}` of {}: {why}", load.name, load.from);
            let failure = RenderFailure::new(why.status(), &words);
            sources.failing.insert(of, (clock.now().after(RETRY), failure.clone()));
            failure
        })?;
        sources.failing.remove(&of);
        let is_same = matches!(sent, Sent::Same);
        let body: Bytes = match (sent, earlier) {
            (Sent::Value(value), _) => value.to_string().into(),
            (Sent::Same, Some(earlier)) => earlier.body.clone(),
            // Nothing at all says that there is none.
            (Sent::Nothing | Sent::Same, _) => Bytes::new(),
        };
        let etag = etag.or(before.filter(|_| is_same));
        let is_tagged = etag.is_some();
        let tags = etag.map(|theirs| (cache::etag(&body), theirs));
        let life = if load.by_server { Some(life.unwrap_or(load.ttl)) } else { None };
        if tags.is_some() || life.is_some() {
            sources.known.insert(of, Known { life, tags });
        }
        let whole = life.unwrap_or(load.ttl);
        let fresh = whole.saturating_sub(whole / EARLY);
        // With a tag it may be the same again, and is kept for that.
        let kept = if is_tagged { whole } else { Duration::ZERO };
        Ok(Rendered {
            status: 200,
            content_type: "application/json".to_owned(),
            body,
            inputs: Fingerprint::default(),
            left: Some(Left { fresh, kept }),
        })
    }
}
