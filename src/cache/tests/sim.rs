//! A simulated store: nothing happens until the schedule says so.
//!
//! A command is applied when its turn comes in its instance's connection, whether or not who sent
//! it still waits; its reply arrives when the schedule says so; what it changes is queued for each
//! instance that tracks, and told when the schedule says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::cache::lease::{lease_key, leased_key};
use crate::cache::store::{Call, Claim, Remote, Scanned, Stored};
use crate::cache::{StoreError, Trouble};
use crate::clock::{Clock, Moment};

/// The store, and all that is on its way to it and from it.
#[derive(Debug)]
pub(crate) struct Sim {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    values: BTreeMap<Vec<u8>, Value>,
    pub(crate) links: Vec<Link>,
    /// Replies on their way, of all instances.
    replies: Vec<oneshot::Sender<()>>,
    pub(crate) full: bool,
    /// Bodies that were in the store and are no more, with the moment when they went.
    pub(crate) gone: BTreeMap<String, Moment>,
    /// Bodies that were written, with the moment.
    pub(crate) written: BTreeMap<String, Moment>,
}

#[derive(Clone, Debug)]
struct Value {
    bytes: Bytes,
    until: Moment,
}

/// One instance's connections.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Whether commands get through.
    pub(crate) cut: bool,
    /// Commands on their way, in order.
    commands: VecDeque<oneshot::Sender<()>>,
    /// Whether changes are queued for it.
    pub(crate) tracks: bool,
    /// Changes on their way, in order.
    pub(crate) changes: VecDeque<Change>,
}

/// A change that is told: a key, or all; and the bodies that went by it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) bodies: Vec<String>,
}

impl Sim {
    pub(crate) fn new(clock: Clock, instances: usize) -> Arc<Self> {
        let links = (0..instances).map(|_| Link { tracks: true, ..Link::default() }).collect();
        Arc::new(Self { clock, state: Mutex::new(State { links, ..State::default() }) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an instance's next command through; false where there is none.
    pub(crate) fn apply_next(&self, instance: usize) -> bool {
        let command = self.lock().links[instance].commands.pop_front();
        command.is_some_and(|gate| gate.send(()).is_ok())
    }

    /// Lets one of the replies arrive; false where there is none.
    pub(crate) fn reply(&self, pick: usize) -> bool {
        let mut state = self.lock();
        let count = state.replies.len();
        count > 0 && state.replies.swap_remove(pick % count).send(()).is_ok()
    }

    /// Deletes what has expired, as Redis does from time to time.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let over = state.values.iter().filter(|(_, value)| now >= value.until);
        let over: Vec<_> = over.map(|(key, _)| key.clone()).collect();
        for key in over {
            state.remove(&key, now);
        }
    }

    pub(crate) fn end_leases(&self) {
        self.lock().values.retain(|key, _| leased_key(PREFIX, key).is_none());
    }

    pub(crate) fn foreign_delete(&self, key: &str) {
        self.lock().remove(key.as_bytes(), self.clock.now());
    }

    pub(crate) fn foreign_write(&self, key: &str) {
        let value = Bytes::from_static(b"not yours");
        let now = self.clock.now();
        self.lock().put(key.as_bytes(), &value, Duration::from_secs(60), now);
    }

    pub(crate) fn flush(&self) {
        let (now, mut state) = (self.clock.now(), self.lock());
        let values = std::mem::take(&mut state.values);
        let bodies: Vec<_> = values.values().filter_map(|value| body(&value.bytes)).collect();
        state.gone.extend(bodies.iter().map(|body| (body.clone(), now)));
        state.tell(&Change { key: None, bodies });
    }

    /// The body that is stored under a key now.
    pub(crate) fn stored(&self, key: &str) -> Option<String> {
        let now = self.clock.now();
        let state = self.lock();
        let value = state.values.get(key.as_bytes()).filter(|value| now < value.until)?;
        body(&value.bytes)
    }

    /// Sends a command: it is applied though its sender may have given up by then.
    async fn send<T: Send + 'static>(
        self: &Arc<Self>,
        instance: usize,
        command: impl FnOnce(&mut State, Moment) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let away = || StoreError::new(Trouble::Away, "cut");
        let (open, gate) = oneshot::channel();
        {
            let link = &mut self.lock().links[instance];
            if link.cut {
                return Err(away());
            }
            link.commands.push_back(open);
        }
        let (respond, response) = oneshot::channel();
        let sim = Arc::clone(self);
        tokio::spawn(async move {
            let applied = gate.await.is_ok();
            let (open, arrival) = oneshot::channel();
            let result = {
                let now = sim.clock.now();
                let mut state = sim.lock();
                state.replies.push(open);
                if applied { command(&mut state, now) } else { Err(away()) }
            };
            let _ = arrival.await;
            let _ = respond.send(result);
        });
        response.await.unwrap_or_else(|_| Err(away()))
    }
}

impl State {
    fn tell(&mut self, change: &Change) {
        for link in self.links.iter_mut().filter(|link| link.tracks) {
            link.changes.push_back(change.clone());
        }
    }

    fn live(&self, key: &[u8], now: Moment) -> Option<&Value> {
        self.values.get(key).filter(|value| now < value.until)
    }

    fn remove(&mut self, key: &[u8], now: Moment) -> bool {
        let old = self.values.remove(key);
        let bodies: Vec<_> = old.iter().filter_map(|value| body(&value.bytes)).collect();
        self.gone.extend(bodies.iter().map(|body| (body.clone(), now)));
        if old.is_some() {
            self.tell(&Change { key: Some(key.to_vec()), bodies });
        }
        old.is_some_and(|value| now < value.until)
    }

    fn put(&mut self, key: &[u8], bytes: &Bytes, keep_for: Duration, now: Moment) {
        let old = self
            .values
            .insert(key.to_vec(), Value { bytes: bytes.clone(), until: now.after(keep_for) });
        let bodies: Vec<_> = old.iter().filter_map(|value| body(&value.bytes)).collect();
        self.gone.extend(bodies.iter().map(|body| (body.clone(), now)));
        if let Some(body) = body(bytes) {
            self.written.insert(body, now);
        }
        self.tell(&Change { key: Some(key.to_vec()), bodies });
    }

    /// Lets go of all that is on its way from and to an instance, as a broken connection does.
    pub(crate) fn cut(&mut self, instance: usize) {
        let link = &mut self.links[instance];
        link.cut = true;
        link.commands.clear();
    }
}

fn body(value: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    text.split_once("\n\n").map(|(_, body)| body.to_owned())
}

pub(super) const PREFIX: &str = "api:cache";

fn lease(key: &str) -> Vec<u8> {
    lease_key(PREFIX, key.as_bytes())
}

/// One instance's way to the store.
#[derive(Debug)]
pub(crate) struct SimRemote {
    pub(crate) sim: Arc<Sim>,
    pub(crate) instance: usize,
}

impl Remote for SimRemote {
    fn get<'a>(&'a self, key: &'a [u8]) -> Call<'a, Option<Stored>> {
        let key = key.to_vec();
        Box::pin(self.sim.send(self.instance, move |state, now| {
            Ok(state.live(&key, now).map(|value| Stored {
                value: value.bytes.clone(),
                left: Some(value.until.since(now)),
                len: value.bytes.len() as u64,
            }))
        }))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        keep_for: Duration,
        token: Option<&'a str>,
    ) -> Call<'a, bool> {
        let (key, lease, token) = (key.to_owned(), lease(key), token.map(str::to_owned));
        Box::pin(self.sim.send(self.instance, move |state, now| {
            if state.full {
                return Err(StoreError::new(Trouble::Full, "full"));
            }
            if let Some(token) = token {
                let held = state.live(&lease, now).is_some_and(|it| it.bytes == token.as_bytes());
                if !held {
                    return Ok(false);
                }
                state.remove(&lease, now);
            }
            state.put(key.as_bytes(), &value, keep_for, now);
            Ok(true)
        }))
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, Claim> {
        let (lease, token) = (lease(key), token.to_owned());
        Box::pin(self.sim.send(self.instance, move |state, now| {
            if let Some(held) = state.live(&lease, now) {
                return Ok(Claim::Held { left: held.until.since(now) });
            }
            if state.full {
                return Err(StoreError::new(Trouble::Full, "full"));
            }
            state.put(&lease, &token.into(), keep_for, now);
            Ok(Claim::Granted)
        }))
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Call<'a, ()> {
        let (lease, token) = (lease(key), token.to_owned());
        Box::pin(self.sim.send(self.instance, move |state, now| {
            if state.live(&lease, now).is_some_and(|it| it.bytes == token.as_bytes()) {
                state.remove(&lease, now);
            }
            Ok(())
        }))
    }

    fn renew<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, ()> {
        let (lease, token) = (lease(key), token.to_owned());
        Box::pin(self.sim.send(self.instance, move |state, now| {
            if state.live(&lease, now).is_some_and(|it| it.bytes == token.as_bytes()) {
                state.put(&lease, &token.into(), keep_for, now);
            }
            Ok(())
        }))
    }

    fn unlink<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, Vec<bool>> {
        let keys = keys.to_vec();
        Box::pin(self.sim.send(self.instance, move |state, now| {
            let unlink = |key: &Vec<u8>| {
                state.remove(&lease(&String::from_utf8_lossy(key)), now);
                state.remove(key, now)
            };
            Ok(keys.iter().map(unlink).collect())
        }))
    }

    fn scan<'a>(&'a self, _cursor: u64, pattern: &'a str, _count: u32) -> Call<'a, Scanned> {
        let start = pattern.trim_end_matches('*').as_bytes().to_vec();
        Box::pin(self.sim.send(self.instance, move |state, now| {
            let live = state.values.iter().filter(|(_, value)| now < value.until);
            let keys = live.map(|(key, _)| key.clone()).filter(|key| key.starts_with(&start));
            Ok((0, keys.collect()))
        }))
    }

    fn starts<'a>(&'a self, keys: &'a [Vec<u8>], _bytes: usize) -> Call<'a, Vec<Stored>> {
        let keys = keys.to_vec();
        Box::pin(self.sim.send(self.instance, move |state, now| {
            let start = |key: &Vec<u8>| {
                let value = state.live(key, now);
                value.map_or_else(Stored::default, |value| Stored {
                    value: value.bytes.clone(),
                    left: Some(value.until.since(now)),
                    len: value.bytes.len() as u64,
                })
            };
            Ok(keys.iter().map(start).collect())
        }))
    }

    fn probe(&self) -> Call<'_, ()> {
        Box::pin(self.sim.send(self.instance, |_, _| Ok(())))
    }

    fn close(&self) {}
}
