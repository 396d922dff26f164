//! What was promised, against what was rendered, written, taken away and answered.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;

use super::KEYS;
use super::run::{FOUND_OUT, ROUNDING, STALE, TIMEOUT, TTL, World, io, key, request, site};
use crate::cache::{Answer, Detail, Outcome};
use crate::clock::Moment;

/// What the oracle knows of a render; its body is its name.
#[derive(Clone, Debug)]
pub(super) struct Render {
    pub(super) key: usize,
    pub(super) instance: usize,
    pub(super) version: u64,
    /// The step of the ask that led to it, and the step at which it began.
    pub(super) asked: usize,
    pub(super) begun: usize,
    pub(super) running: bool,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) renders: BTreeMap<String, Render>,
    /// Renders that wait for their end, by name.
    pub(super) gates: Vec<(String, oneshot::Sender<bool>)>,
    pub(super) answers: Vec<(Asked, Answer)>,
    /// Renders that broke P4, in words.
    pub(super) twice: Option<String>,
    pub(super) purges: Vec<Purged>,
    /// The step of the last FLUSHALL, which takes leases along.
    pub(super) flushed: Option<usize>,
    pub(super) step: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) instance: usize,
    pub(super) key: usize,
    pub(super) version: u64,
    pub(super) at: Moment,
    pub(super) step: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Purged {
    pub(super) instance: usize,
    pub(super) key: Option<usize>,
    pub(super) begun: usize,
    /// The step at which it ended, and whether the store was purged too.
    pub(super) ended: Option<(usize, bool)>,
}

impl World {
    /// Holds the answers that came, and what memory would give, against the promises.
    pub(super) fn check(&mut self) -> Result<(), String> {
        let seen = self.seen();
        if let Some(twice) = &seen.twice {
            return Err(twice.clone());
        }
        for (asked, answer) in &seen.answers[self.checked..] {
            self.check_answer(&seen, asked, answer)?;
        }
        let checked = seen.answers.len();
        for (number, render) in &seen.renders {
            self.check_purged(&seen, number, render)?;
        }
        drop(seen);
        self.checked = checked;
        self.check_memory()
    }

    fn check_answer(&self, seen: &Seen, asked: &Asked, answer: &Answer) -> Result<(), String> {
        let now = self.clock.now();
        let entry = match &answer.result {
            Ok(entry) => entry,
            Err(failure) if failure.status == 502 => return Ok(()),
            Err(failure) => return Err(format!("P5: {asked:?} got {failure:?}")),
        };
        let name = String::from_utf8_lossy(&entry.body).into_owned();
        let Some(render) = seen.renders.get(&name) else {
            return Err(format!("P1: {asked:?} got {name:?}, which was never rendered"));
        };
        if render.key != asked.key {
            return Err(format!("P1: {asked:?} got another key's {render:?}"));
        }
        if render.version != asked.version || entry.fingerprint != site(asked.version) {
            return Err(format!("P2: {asked:?} got another version's {render:?}"));
        }
        if let Outcome::Hit { left_ms, detail, .. } = answer.outcome {
            let state = self.sim.lock();
            let longest = TTL + ROUNDING + if left_ms < 0 { STALE } else { Duration::ZERO };
            // The rest is what the store could not be told of, kept apart for a moment.
            let stored = matches!(detail, Detail::Near | Detail::Redis);
            let written = state.written.get(&name);
            if stored && written.is_none_or(|at| now.since(*at) > longest) {
                return Err(format!("age: {asked:?} got {name:?}, written {written:?}: {now:?}"));
            }
            let gone = state.gone.get(&name);
            if detail == Detail::Redis && gone.is_some_and(|at| asked.at.since(*at) > TIMEOUT * 2) {
                return Err(format!("P3: {asked:?} got {name:?}, which had gone at {gone:?}"));
            }
        }
        let purged = seen.purges.iter().any(|purge| {
            purge.covers(render)
                && purge.instance == asked.instance
                && render.begun < purge.begun
                && purge.instance == render.instance
                && purge.ended.is_some_and(|(step, store_too)| store_too && step < asked.step)
        });
        if purged {
            return Err(format!("purge: {asked:?} got {render:?} from before"));
        }
        Ok(())
    }

    /// What was rendered before a purge is not in the store after it.
    fn check_purged(&self, seen: &Seen, name: &str, render: &Render) -> Result<(), String> {
        let stored = || self.sim.stored(&key(render.key)).is_some_and(|body| body == name);
        let purged = seen.purges.iter().any(|purge| {
            purge.covers(render)
                && render.begun < purge.begun
                && (io(render.key) || purge.instance == render.instance)
                && purge.ended.is_some_and(|(_, store_too)| store_too)
        });
        if purged && stored() {
            return Err(format!("purge: {name:?} is in the store after it"));
        }
        Ok(())
    }

    /// Nothing is in memory that its instance was told is gone, or should have found out.
    fn check_memory(&self) -> Result<(), String> {
        let now = self.clock.now();
        for (place, instance) in self.instances.iter().enumerate() {
            for number in 0..KEYS {
                let (key, fingerprint) = (key(number), site(instance.version));
                let lifetime = request(number, 0).lifetime;
                let Some(answer) = instance.cache.peek(&key, &fingerprint, &lifetime) else {
                    continue;
                };
                // What the store could not be told of is kept apart, for 5 s.
                if matches!(answer.outcome, Outcome::Hit { detail: Detail::StoreDown, .. }) {
                    continue;
                }
                let Ok(entry) = &answer.result else { continue };
                let name = String::from_utf8_lossy(&entry.body).into_owned();
                if instance.told_gone.contains(&name) {
                    return Err(format!("P3: instance {place} has {name:?}, told to be gone"));
                }
                let gone = self.sim.lock().gone.get(&name).copied();
                let deaf = instance.deaf_since.filter(|since| now.since(*since) > FOUND_OUT * 2);
                if gone.is_some() && deaf.is_some() {
                    return Err(format!("P3: instance {place} has {name:?}, deaf since {deaf:?}"));
                }
            }
        }
        Ok(())
    }
}

impl Seen {
    /// Notes a render, and whether it is one too many (P4).
    pub(super) fn begin_render(
        &mut self,
        asked: Asked,
        calm: bool,
    ) -> (String, oneshot::Receiver<bool>) {
        let Asked { instance, key, version, .. } = asked;
        let begun = self.step;
        let name = format!("key {key} v{version} render {}", self.renders.len());
        // Who lost its leave, or its lease, to a purge or a flush may be joined by another.
        let void = |asked: usize| {
            let since = |purge: &Purged| purge.ended.is_none_or(|(step, _)| step >= asked);
            self.purges.iter().any(|it| it.key.is_none_or(|it| it == key) && since(it))
        };
        let flushed = |render: &Render| {
            render.instance != instance && self.flushed.is_some_and(|step| step >= render.asked)
        };
        let other = self.renders.iter().find(|(_, render)| {
            let same = render.running && render.key == key && render.version == version;
            let here = render.instance == instance;
            same && !void(render.asked) && !flushed(render) && (here || (calm && io(key)))
        });
        if let Some((other, render)) = other.filter(|_| !void(asked.step)) {
            self.twice = Some(format!("P4: {name} by {asked:?} while {other} runs: {render:?}"));
        }
        let (asked, running) = (asked.step, true);
        self.renders.insert(name.clone(), Render { key, instance, version, asked, begun, running });
        let (open, gate) = oneshot::channel();
        self.gates.push((name.clone(), open));
        (name, gate)
    }
}

impl Purged {
    fn covers(&self, render: &Render) -> bool {
        self.key.is_none_or(|key| key == render.key)
    }
}
