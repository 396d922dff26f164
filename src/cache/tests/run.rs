//! Runs one schedule, and holds what is seen against what was promised.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::oracle::{Asked, Purged, Seen};
use super::sim::{PREFIX, Sim, SimRemote};
use super::{INSTANCES, KEYS, Step, Weather};
use crate::cache::{
    Cache, CacheRequest, CacheSettings, Lifetime, Namespaces, Purge, RenderFailure, Rendered,
};
use crate::clock::{Clock, Moment};
use crate::fingerprint::Fingerprint;

pub(super) const TTL: Duration = Duration::from_secs(10);
pub(super) const STALE: Duration = Duration::from_secs(3);
pub(super) const TIMEOUT: Duration = Duration::from_millis(100);
pub(super) const FOUND_OUT: Duration = Duration::from_secs(1);
/// PTTL is in whole milliseconds.
pub(super) const ROUNDING: Duration = Duration::from_millis(2);

/// Runs the steps; tells which promise was broken.
pub(crate) fn run(steps: &[Step], weather: Weather) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut world = World::new(weather);
        for step in steps {
            world.take(*step).await;
            world.check()?;
        }
        world.calm_down().await?;
        world.check_the_end().await
    })
}

pub(super) struct Instance {
    pub(super) cache: Cache,
    pub(super) version: u64,
    pub(super) armed: bool,
    /// Since when its tracking is lost without its knowing.
    pub(super) deaf_since: Option<Moment>,
    /// Bodies that it was told are gone.
    pub(super) told_gone: BTreeSet<String>,
}

pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) sim: Arc<Sim>,
    pub(super) instances: Vec<Instance>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) asked: usize,
    pub(super) weather: Weather,
    pub(super) checked: usize,
}

pub(super) fn key(number: usize) -> String {
    format!("api:cache::page:/{number}")
}

/// Every other key is rendered with I/O.
pub(super) fn io(number: usize) -> bool {
    number.is_multiple_of(2)
}

impl World {
    fn new(weather: Weather) -> Self {
        let (clock, tasks) = (Clock::manual(), TaskTracker::new());
        let sim = Sim::new(clock.clone(), INSTANCES);
        let instance = |instance| {
            let remote = Arc::new(SimRemote { sim: Arc::clone(&sim), instance });
            let settings = CacheSettings {
                prefix: PREFIX.into(),
                memory_bytes: 1 << 20,
                timeout: TIMEOUT,
                max_entry_bytes: 1 << 16,
                max_new_keys: 1000,
                near: true,
            };
            let ended = CancellationToken::new();
            let cache = Cache::build(settings, clock.clone(), tasks.clone(), Some(remote), ended);
            cache.inner.near.arm();
            let (armed, deaf_since, told_gone) = (true, None, BTreeSet::new());
            Instance { cache, version: 0, armed, deaf_since, told_gone }
        };
        let instances = (0..INSTANCES).map(instance).collect();
        Self { clock, sim, instances, seen: Arc::default(), asked: 0, weather, checked: 0 }
    }

    pub(super) fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&mut self, step: Step) {
        self.seen().step += 1;
        match step {
            Step::Ask { instance, key } => self.ask(instance, key),
            Step::Apply { instance } => drop(self.sim.apply_next(instance)),
            Step::Reply { pick } => drop(self.sim.reply(pick)),
            Step::Hear { instance } => self.hear(instance),
            Step::FinishRender { pick, fails } => self.finish_render(pick, fails),
            Step::Edit { instance } => self.instances[instance].version += 1,
            Step::ForeignDelete { key: number } => self.sim.foreign_delete(&key(number)),
            Step::ForeignWrite { key: number } => self.sim.foreign_write(&key(number)),
            Step::Flush => {
                self.sim.flush();
                let mut seen = self.seen();
                seen.flushed = Some(seen.step);
            }
            Step::Sweep => self.sim.sweep(),
            Step::Purge { instance, key, all } => self.purge(instance, (!all).then_some(key)),
            Step::Wait { ms } => self.pass(ms).await,
            Step::LoseTracking { instance, silently } => self.lose_tracking(instance, silently),
            Step::FindOut { instance } => self.find_out(instance),
            Step::Track { instance } => self.track(instance),
            Step::Arm { instance } => self.arm(instance),
            Step::Cut { instance } => self.sim.lock().cut(instance),
            Step::Mend { instance } => self.sim.lock().links[instance].cut = false,
            Step::Fill { full } => self.sim.lock().full = full,
        }
        settle().await;
    }

    fn ask(&mut self, instance: usize, number: usize) {
        self.asked += 1;
        let Instance { cache, version, .. } = &self.instances[instance];
        let (cache, version, seen) = (cache.clone(), *version, Arc::clone(&self.seen));
        let step = self.seen().step;
        let asked = Asked { instance, key: number, version, at: self.clock.now(), step };
        let request = request(number, version);
        let render = self.render(asked);
        tokio::spawn(async move {
            let answer = cache.answer(request, render).await;
            seen.lock().unwrap_or_else(PoisonError::into_inner).answers.push((asked, answer));
        });
    }

    /// A render that is noted when it begins, and ends when the schedule says so.
    fn render(
        &self,
        asked: Asked,
    ) -> impl Future<Output = Result<Rendered, RenderFailure>> + Send + 'static {
        let (seen, weather) = (Arc::clone(&self.seen), self.weather);
        let troubled = {
            let caches: Vec<_> = self.instances.iter().map(|it| it.cache.clone()).collect();
            move || caches.iter().any(|it| it.counters().store_errors().any(|(_, count)| count > 0))
        };
        async move {
            let (name, gate) = {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let calm = weather == Weather::Calm && !troubled();
                seen.begin_render(asked, calm)
            };
            let well = gate.await.unwrap_or(true);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(render) = seen.renders.get_mut(&name) {
                render.running = false;
            }
            if !well {
                return Err(RenderFailure::new(502, "the schedule says so"));
            }
            let (content_type, body) = ("text/plain".into(), Bytes::from(name));
            Ok(Rendered {
                status: 200,
                content_type,
                body,
                inputs: Fingerprint::default(),
                left: None,
            })
        }
    }

    fn finish_render(&self, pick: usize, fails: bool) {
        let mut seen = self.seen();
        let count = seen.gates.len();
        if count > 0 {
            let (_, gate) = seen.gates.swap_remove(pick % count);
            let _ = gate.send(!fails);
        }
    }

    fn hear(&mut self, instance: usize) {
        let change = self.sim.lock().links[instance].changes.pop_front();
        let Some(change) = change else { return };
        let instance = &mut self.instances[instance];
        match change.key {
            Some(key) => instance.cache.inner.invalidate(&key),
            None => instance.cache.inner.invalidate_all(),
        }
        instance.told_gone.extend(change.bodies);
    }

    fn purge(&self, instance: usize, number: Option<usize>) {
        let (cache, seen) = (self.instances[instance].cache.clone(), Arc::clone(&self.seen));
        let what = number.map_or(Purge::All, |number| Purge::Keys(vec![key(number).into_bytes()]));
        let at = {
            let mut seen = self.seen();
            let begun = seen.step;
            seen.purges.push(Purged { instance, key: number, begun, ended: None });
            seen.purges.len() - 1
        };
        tokio::spawn(async move {
            let store_too = cache.purge(what, Namespaces::All).await.is_ok();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let step = seen.step;
            if let Some(purge) = seen.purges.get_mut(at) {
                purge.ended = Some((step, store_too));
            }
        });
    }

    /// Time goes on, in steps after which all that it wakes has run.
    async fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(25) {
            let some = Duration::from_millis(25.min(ms));
            self.clock.advance(some);
            tokio::time::advance(some).await;
            settle().await;
            let now = self.clock.now();
            for instance in 0..INSTANCES {
                let deaf = self.instances[instance].deaf_since;
                if deaf.is_some_and(|since| now.since(since) >= FOUND_OUT) {
                    self.find_out(instance);
                }
            }
        }
    }

    fn lose_tracking(&mut self, instance: usize, silently: bool) {
        let now = self.clock.now();
        {
            let mut state = self.sim.lock();
            state.links[instance].tracks = false;
            state.links[instance].changes.clear();
        }
        let deaf = &mut self.instances[instance].deaf_since;
        *deaf = deaf.or(Some(now));
        if !silently {
            self.find_out(instance);
        }
    }

    fn find_out(&mut self, number: usize) {
        let gone: Vec<_> = self.sim.lock().gone.keys().cloned().collect();
        let instance = &mut self.instances[number];
        if instance.deaf_since.take().is_some() {
            instance.cache.inner.disarm();
            instance.armed = false;
            instance.told_gone.extend(gone);
        }
    }

    fn track(&mut self, instance: usize) {
        if !self.instances[instance].armed && self.instances[instance].deaf_since.is_none() {
            self.sim.lock().links[instance].tracks = true;
        }
    }

    fn arm(&mut self, number: usize) {
        let tracks = self.sim.lock().links[number].tracks;
        let gone: Vec<_> = self.sim.lock().gone.keys().cloned().collect();
        let instance = &mut self.instances[number];
        if tracks && !instance.armed {
            instance.cache.inner.near.arm();
            instance.armed = true;
            instance.told_gone.extend(gone);
        }
    }

    /// All is mended, and everything that is under way comes to its end.
    async fn calm_down(&mut self) -> Result<(), String> {
        for instance in 0..INSTANCES {
            self.sim.lock().links[instance].cut = false;
            if self.instances[instance].deaf_since.is_some() {
                self.find_out(instance);
            }
            self.track(instance);
            self.arm(instance);
        }
        self.sim.lock().full = false;
        for _ in 0..600 {
            self.let_all_through().await;
            self.check()?;
            if self.is_at_rest() {
                return Ok(());
            }
            self.pass(25).await;
        }
        Err(format!("bounds: {} of {} asks ended", self.seen().answers.len(), self.asked))
    }

    fn is_at_rest(&self) -> bool {
        let seen = self.seen();
        let purging = seen.purges.iter().any(|purge| purge.ended.is_none());
        let waiting = seen.answers.len() < self.asked;
        let down = self.instances.iter().any(|it| !it.cache.state().up);
        !purging && !waiting && !down && seen.gates.is_empty()
    }

    /// Opens every gate until nothing is on its way any more.
    async fn let_all_through(&mut self) {
        let mut moved = true;
        while moved {
            moved = !self.seen().gates.is_empty();
            self.finish_render(0, false);
            for instance in 0..INSTANCES {
                while self.sim.apply_next(instance) {
                    moved = true;
                }
                while !self.sim.lock().links[instance].changes.is_empty() {
                    self.hear(instance);
                    moved = true;
                }
            }
            settle().await;
            while self.sim.reply(0) {
                moved = true;
            }
            settle().await;
        }
    }

    /// When all is well, every instance serves what the store holds, or what it then stores.
    async fn check_the_end(&mut self) -> Result<(), String> {
        // The leases of those who were cut off would end by themselves, half a minute later.
        self.sim.end_leases();
        self.pass(1500).await;
        let version = self.instances.iter().map(|it| it.version).max().unwrap_or(0);
        for number in 0..KEYS {
            for instance in 0..INSTANCES {
                self.instances[instance].version = version;
                let before = self.seen().answers.len();
                self.ask(instance, number);
                for _ in 0..100 {
                    self.let_all_through().await;
                    if self.seen().answers.len() > before {
                        break;
                    }
                    self.pass(25).await;
                }
                self.check()?;
                let (answer, stored) =
                    (self.seen().answers.last().cloned(), self.sim.stored(&key(number)));
                let body = answer.and_then(|(_, it)| it.result.ok()).map(|it| it.body.to_vec());
                let stale =
                    stored.as_ref().is_some_and(|it| !it.contains(&format!(" v{version} ")));
                if body != stored.clone().map(String::into_bytes) && !stale {
                    return Err(format!("end: {instance} serves {body:?}, stored is {stored:?}"));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn request(number: usize, version: u64) -> CacheRequest {
    CacheRequest {
        key: key(number),
        fingerprint: site(version),
        lifetime: Lifetime {
            ttl: Some(TTL),
            stale_while_revalidate: if number == 1 { STALE } else { Duration::ZERO },
            stale_if_error: STALE,
        },
        route: "page".into(),
        path: format!("/{number}"),
        status: 200,
        io: io(number),
    }
}

pub(super) fn site(version: u64) -> Fingerprint {
    Fingerprint::of(&version.to_le_bytes())
}

/// Lets every task run that can.
async fn settle() {
    for _ in 0..12 {
        tokio::task::yield_now().await;
    }
}
