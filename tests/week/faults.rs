//! What happens to lines and to Redis, each for a while in which something else happens too.

use std::time::Duration;

use crate::events::pages;
use crate::fleet::{Fleet, port};
use crate::harness::until;
use crate::proxy::Proxy;
use crate::truth::{SEEN_LATE, What};

/// How long Redis may take to do what it was told.
const REDIS: Duration = Duration::from_secs(20);

impl Fleet {
    fn during(
        &mut self,
        instances: &[usize],
        begin: impl FnOnce(&mut Self),
        end: impl FnOnce(&mut Self),
    ) {
        self.truth.fault_begins(instances);
        begin(self);
        let longest = if self.rng.one_in(4) { 4000 } else { 1200 };
        let half = Duration::from_millis(150 + self.rng.below(longest) as u64);
        std::thread::sleep(half);
        match self.rng.below(5) {
            0 => self.edit_all(),
            1 => self.purge_some(false),
            2 => self.restart_one(),
            _ => {}
        }
        std::thread::sleep(half);
        end(self);
        self.truth.faults_end();
    }

    fn all(&self) -> Vec<usize> {
        (0..self.instances.len()).collect()
    }

    /// Does something to one line or to all.
    fn on_lines(&mut self, begin: impl Fn(&Proxy)) {
        let on = if self.rng.one_in(3) { self.all() } else { vec![self.any()] };
        self.truth.tell(&format!("  on {on:?}"));
        let page = pages()[self.rng.below(3)].clone();
        let begins = |it: &mut Self| {
            it.goes(&page, What::Key(page.key.clone()), false, SEEN_LATE, |it| {
                for at in &on {
                    begin(&it.instances[*at].line);
                }
                it.redis().cli(&["DEL", &page.key]) == "1"
            });
        };
        self.during(&on, begins, |it| {
            for line in it.instances.iter().map(|instance| &instance.line) {
                line.delay(Duration::ZERO);
                line.narrow(u64::MAX);
                line.silence(false);
                line.close(false);
            }
        });
    }

    pub(crate) fn far(&mut self) {
        let delay = Duration::from_millis(20 + self.rng.below(200) as u64);
        self.on_lines(|line| line.delay(delay));
    }

    pub(crate) fn narrow(&mut self) {
        let rate = 50_000 + self.rng.below(2_000_000) as u64;
        self.on_lines(|line| line.narrow(rate));
    }

    pub(crate) fn silent(&mut self) {
        self.on_lines(|line| line.silence(true));
    }

    pub(crate) fn cut(&mut self) {
        let stays = self.rng.one_in(2);
        self.on_lines(|line| {
            line.close(stays);
            line.cut();
        });
    }

    pub(crate) fn hung(&mut self) {
        self.during(&self.all(), |it| it.redis().hang(), |it| it.redis().wake());
    }

    pub(crate) fn dead(&mut self) {
        let (truth, at) = (std::sync::Arc::clone(&self.truth), self.primary);
        let kill = |it: &mut Self| {
            it.redis[at].kill();
        };
        truth.gone(What::All, false, || {
            self.during(&self.all(), kill, |it| it.redis[at].restart());
            true
        });
    }

    pub(crate) fn full(&mut self) {
        let set = |it: &Self, name: &str, value: &str| {
            it.redis().cli(&["CONFIG", "SET", name, value]);
        };
        let evicts = self.rng.one_in(2);
        let policy = if evicts { "allkeys-lru" } else { "noeviction" };
        let begin = |it: &mut Self| {
            set(it, "maxmemory-policy", policy);
            set(it, "maxmemory", if evicts { "3mb" } else { "1" });
        };
        self.during(&self.all(), begin, |it| set(it, "maxmemory", "0"));
    }

    pub(crate) fn read_only(&mut self) {
        let set = |it: &Self, count: &str| {
            it.redis().cli(&["CONFIG", "SET", "min-replicas-to-write", count]);
        };
        self.during(&self.all(), |it| set(it, "1"), |it| set(it, "0"));
    }

    /// The other Redis becomes the primary, with all that this one holds, and this one its replica.
    pub(crate) fn failover(&mut self) {
        let (old, new) = (self.primary, 1 - self.primary);
        let ports = self.redis.each_ref().map(|redis| port(redis).to_string());
        self.redis[new].cli(&["REPLICAOF", "127.0.0.1", &ports[old]]);
        until(REDIS, "the replica is up to date", || {
            let is_linked = self.redis[new].cli(&["INFO", "replication"]);
            is_linked.contains("master_link_status:up").then_some(())
        });
        let begin = |it: &mut Self| {
            it.redis[old].cli(&["WAIT", "1", "2000"]);
            it.redis[new].cli(&["REPLICAOF", "NO", "ONE"]);
            it.primary = new;
            it.instances.iter().for_each(|instance| instance.line.lead_to(port(it.redis())));
            it.redis[old].cli(&["REPLICAOF", "127.0.0.1", &ports[new]]);
        };
        self.during(&self.all(), begin, |it| {
            // From now on it is another one, with nothing of this site's.
            let cut = |instance: &crate::fleet::Instance| instance.line.cut();
            it.instances.iter().for_each(cut);
            it.redis[old].cli(&["REPLICAOF", "NO", "ONE"]);
            it.redis[old].cli(&["FLUSHALL"]);
        });
    }

    pub(crate) fn killed_clients(&mut self) {
        let kill = |it: &mut Self| {
            for _ in 0..5 {
                it.redis().cli(&["CLIENT", "KILL", "TYPE", "normal"]);
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        self.during(&self.all(), kill, |_| {});
    }

    pub(crate) fn paused(&mut self) {
        let pause = |it: &mut Self| {
            it.redis().cli(&["CLIENT", "PAUSE", "400"]);
        };
        self.during(&self.all(), pause, |_| {});
    }
}
