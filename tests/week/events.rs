//! What people do: edits, deploys, purges, commands in Redis; and what visitors do who mean harm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fleet::{Fleet, WELL, checked};
use crate::harness::{Answer, signal};
use crate::site::{Ask, ROUTES, Version};
use crate::truth::{SEEN, What};

/// Something that happens to a fleet.
type Event = fn(&mut Fleet);

/// All that happens, each under its name.
pub(crate) const EVENTS: &[(&str, Event)] = &[
    ("an edit", Fleet::edit_all),
    ("an edit back", Fleet::edit_back),
    ("a bad edit", Fleet::edit_badly),
    ("a rolling deploy", Fleet::deploy),
    ("a crash", Fleet::crash),
    ("reloads", Fleet::reloads),
    ("a purge", |it| it.purge_some(true)),
    ("another purge", |it| it.purge_some(true)),
    ("purges under way", Fleet::purge_while_made),
    ("keys deleted by hand", Fleet::delete_by_hand),
    ("foreign values", Fleet::foreign_values),
    ("foreign leases", Fleet::foreign_leases),
    ("foreign lives", Fleet::foreign_lives),
    ("scripts forgotten", |it| drop(it.redis().cli(&["SCRIPT", "FLUSH"]))),
    ("a flood", Fleet::flood),
    ("a hundred at once", Fleet::at_once),
    ("a far line", Fleet::far),
    ("a narrow line", Fleet::narrow),
    ("a silent line", Fleet::silent),
    ("a cut line", Fleet::cut),
    ("redis hangs", Fleet::hung),
    ("redis dies", Fleet::dead),
    ("redis is full", Fleet::full),
    ("redis is read-only", Fleet::read_only),
    ("a failover", Fleet::failover),
    ("clients killed", Fleet::killed_clients),
    ("clients paused", Fleet::paused),
];

/// Keys that a route may store at its first request, in one second: `max_new_keys` of the site.
const NEW_KEYS: usize = 50;

/// A page of each kind that commands in Redis are about.
pub(crate) fn pages() -> [Ask; 3] {
    [Ask::page("ada", "en"), Ask::page("x%3Ay", "no"), Ask::slow("s")]
}

impl Fleet {
    /// Gives every instance the same version, one after the other.
    fn give(&mut self, next: Version) {
        let order = self.rng.order(self.instances.len());
        let (before, in_place) = (self.version, self.rng.one_in(2));
        self.truth.tell(&format!("  {} to {order:?}, in place: {in_place}", next.text()));
        for at in order {
            let from = self.ask(at, &Ask::steady()).map(|answer| answer.body);
            self.truth.writes(at, next);
            next.save(before, &self.instances[at].site, in_place);
            let (start, page) = (Instant::now(), Ask::page("ada", "en"));
            // Until it is late there may be the version of before.
            while self.ask(at, &page).is_some_and(|it| !it.text().contains(&next.text())) {
                if start.elapsed() > Duration::from_secs(10) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let to = self.ask(at, &Ask::steady());
            let is_same = to.as_ref().map(|answer| &answer.body) == from.as_ref();
            if !is_same && self.truth.is_calm(at) {
                self.truth.fail(format!("instance {at} made again what no edit changed: {to:?}"));
            }
        }
        self.version = next;
        self.versions.push(next);
    }

    pub(crate) fn edit_all(&mut self) {
        let mut next = self.version;
        let number = u32::try_from(self.versions.len()).expect("few edits");
        match self.rng.below(3) {
            0 => next.template = number,
            1 => next.data = number,
            _ => next.routes = number,
        }
        self.give(next);
    }

    fn edit_back(&mut self) {
        let before = self.versions.len().checked_sub(2).map(|at| self.versions[at]);
        if let Some(before) = before.filter(|before| *before != self.version) {
            self.give(before);
        }
    }

    /// What was served before still is, until it is mended.
    fn edit_badly(&mut self) {
        let at = self.any();
        let site = &self.instances[at].site;
        let good = site.read(ROUTES);
        let bad = good.replace("{{params.name}}", "{{params.nobody}}");
        self.with_larder(at, |it| it.logs_after("still serving", || site.edit(ROUTES, &bad)));
        for page in pages() {
            self.ask(at, &page);
        }
        let refused = self.post(at, "/api/reload", "{}");
        site.edit(ROUTES, &good);
        let taken = self.post(at, "/api/reload", "{}");
        if (refused.status, taken.status) != (422, 200) {
            self.truth.fail(format!("reloads: {refused:?}, then {taken:?}"));
        }
    }

    pub(crate) fn restart_one(&mut self) {
        let at = self.any();
        self.truth.tell(&format!("  {at} is started again"));
        self.replace(at, false, || {});
    }

    fn deploy(&mut self) {
        let before = self.version;
        let next = Version { data: before.data + 1000, routes: before.routes + 1000, ..before };
        for at in self.rng.order(self.instances.len()) {
            let site = self.instances[at].site.clone();
            self.replace(at, false, || {
                self.truth.writes(at, next);
                next.save(before, &site, false);
            });
            self.ask(at, &Ask::page("ada", "en"));
        }
        self.version = next;
        self.versions.push(next);
    }

    fn crash(&mut self) {
        let at = self.any();
        self.replace(at, true, || {});
    }

    /// Nothing has changed, whatever asks for a look.
    fn reloads(&mut self) {
        let at = self.any();
        self.instances[at].site.touch(ROUTES);
        self.with_larder(at, |it| signal(it.pid(), "HUP"));
        let said = self.post(at, "/api/reload", "{}");
        if said.status != 200 {
            self.truth.fail(format!("a reload: {said:?}"));
        }
    }

    /// Purges by one of all ways; one that must be confirmed fails where it is not.
    pub(crate) fn purge_some(&mut self, must_be_told: bool) {
        let at = self.any();
        let page = pages()[self.rng.below(3)].clone();
        let (what, body) = match self.rng.below(5) {
            0 => (What::All, r#"{"all":true}"#.to_owned()),
            1 => (What::Marked, r#"{"uses":"site"}"#.to_owned()),
            2 => (What::Route("slow-name"), r#"{"route":"slow-name"}"#.to_owned()),
            3 => (What::Route("page-name"), r#"{"match":"page-name:*"}"#.to_owned()),
            _ => (What::Key(page.key.clone()), format!(r#"{{"keys":["{}"]}}"#, page.key)),
        };
        self.truth.tell(&format!("  {body} at {at}"));
        let does = |it: &mut Self| {
            let said = it.post(at, "/api/purge", &body);
            if said.status != 200 && (must_be_told || said.status != 503) {
                it.truth.fail(format!("a purge: {said:?}"));
            }
            said.status == 200
        };
        if must_be_told {
            self.goes(&page, what, true, SEEN, does);
        } else {
            Arc::clone(&self.truth).gone(what, true, || does(self));
        }
    }

    /// Deletes a page that every instance has in memory, where `does` says that it did: then none
    /// serves it any more, within `bound`.
    pub(crate) fn goes(
        &mut self,
        page: &Ask,
        what: What,
        is_purge: bool,
        bound: Duration,
        does: impl FnOnce(&mut Self) -> bool,
    ) {
        let all = 0..self.instances.len();
        let body = |it: &Self, at| it.ask(at, page).map(|answer| answer.body);
        let (start, mut before) = (Instant::now(), Vec::new());
        for at in all.clone() {
            // As a copy of what Redis holds, or beside what another version keeps there.
            let is_in_memory = |answer: &Answer| {
                let cache = answer.cache();
                cache.contains("hit; detail=near") || cache.contains("hit; detail=contended")
            };
            while !self.ask(at, page).is_some_and(|answer| {
                let is_there = is_in_memory(&answer);
                before.push(answer.body);
                is_there
            }) {
                if start.elapsed() > WELL {
                    self.truth.fail(format!("{at} never has {} in memory", page.key));
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let (mut has_gone, covers) = (false, what.covers(page));
        Arc::clone(&self.truth).gone(what, is_purge, || {
            has_gone = does(self);
            has_gone
        });
        let start = Instant::now();
        for at in all.filter(|_| has_gone && covers) {
            while body(self, at).is_some_and(|body| before.contains(&body)) {
                if start.elapsed() > bound {
                    self.truth.fail(format!("{at} serves {} {bound:?} after it went", page.key));
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            self.truth.is_gone_after(start.elapsed(), bound);
        }
    }

    /// Purges of a page that everybody asks for, and that some instance is making.
    fn purge_while_made(&mut self) {
        let page = Ask::slow("s");
        let asking: Vec<_> = (0..self.instances.len())
            .map(|at| {
                let (instances, truth, page) =
                    (self.instances.clone(), self.truth.clone(), page.clone());
                self.runtime.spawn(async move {
                    for _ in 0..100 {
                        checked(at, &page, &instances, &truth).await;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                })
            })
            .collect();
        while !asking.iter().all(tokio::task::JoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(50 + self.rng.below(200) as u64));
            let (at, body) = (self.any(), format!(r#"{{"keys":["{}"]}}"#, page.key));
            let what = What::Key(page.key.clone());
            self.truth.gone(what, true, || self.post(at, "/api/purge", &body).status == 200);
        }
    }

    fn delete_by_hand(&mut self) {
        for page in pages() {
            let delete = |it: &mut Self| it.redis().cli(&["DEL", &page.key]) == "1";
            self.goes(&page, What::Key(page.key.clone()), false, SEEN, delete);
        }
        let flush = |it: &mut Self| it.redis().cli(&["FLUSHALL"]) == "OK";
        self.goes(&pages()[0], What::All, false, SEEN, flush);
    }

    /// Other types, junk, another page's record, and more than anything may be.
    fn foreign_values(&mut self) {
        let [ada, other, slow] = pages().map(|page| page.key);
        let redis = self.redis();
        redis.cli(&["COPY", &ada, &other, "REPLACE"]);
        redis.cli(&["SET", &slow, "HTTP/1.1 200 OK\r\n\r\njunk", "PX", "60000"]);
        redis.cli(&["SET", "week::me:/me#cookies.visitor=junk", "junk", "PX", "60000"]);
        redis.cli(&["DEL", &ada]);
        match self.rng.below(3) {
            0 => self.redis().cli(&["RPUSH", &ada, "a", "b"]),
            1 => self.redis().cli(&["HSET", &ada, "a", "b"]),
            _ => {
                self.redis().cli(&["SETRANGE", &ada, "200000000", "x"]);
                self.redis().cli(&["PEXPIRE", &ada, "60000"])
            }
        };
        for page in pages() {
            (0..self.instances.len()).for_each(|at| drop(self.ask(at, &page)));
        }
    }

    /// Leases that never end, of another type, and of who is gone.
    fn foreign_leases(&mut self) {
        let slow = Ask::slow("s");
        let lease = format!("week:~lease:{{{}}}", slow.key);
        self.redis().cli(&["DEL", &slow.key, &lease]);
        match self.rng.below(3) {
            0 => self.redis().cli(&["SET", &lease, "stranger"]),
            1 => self.redis().cli(&["RPUSH", &lease, "stranger"]),
            _ => self.redis().cli(&["SET", &lease, "stranger", "PX", "2500"]),
        };
        (0..self.instances.len()).for_each(|at| drop(self.ask(at, &slow)));
    }

    /// Records that were given a longer life than they may have, or one without an end.
    fn foreign_lives(&mut self) {
        for name in ["s", "t"] {
            let key = format!("week::short-name:/short/{name}");
            self.redis().cli(&["PEXPIRE", &key, "9000000"]);
            self.redis().cli(&["PERSIST", &key]);
        }
    }

    /// Ever new addresses, and ever new parameters that nothing reads.
    fn flood(&mut self) {
        let (first, start) = (self.rng.below(1 << 40), Instant::now());
        let pages =
            |it: &Self| it.redis().keys().iter().filter(|key| key.contains(":n-n:")).count();
        let before = pages(self);
        let mut asking = Vec::new();
        for client in 0..12 {
            let (instances, truth) = (self.instances.clone(), self.truth.clone());
            asking.push(self.runtime.spawn(async move {
                for number in 0..60 {
                    let at = client % instances.len();
                    let mut ask = Ask::flood(first + client * 1000 + number);
                    checked(at, &ask, &instances, &truth).await;
                    ask = Ask::page("ada", "en");
                    ask.target = format!("{}&flood={}", ask.target, first + number);
                    checked(at, &ask, &instances, &truth).await;
                }
            }));
        }
        for task in asking {
            self.runtime.block_on(task).expect("a client");
        }
        let seconds = usize::try_from(start.elapsed().as_secs()).expect("few") + 2;
        let (now, bound) = (pages(self), NEW_KEYS * self.instances.len() * seconds);
        if now > before + bound {
            self.truth.fail(format!("{now} pages of a flood are stored, {before} before it"));
        }
    }

    /// A hundred first requests of a page that does I/O make one render, in the whole fleet.
    fn at_once(&mut self) {
        let page = Ask::slow(&format!("new{}", self.rng.below(1 << 40)));
        let mut asking = Vec::new();
        for client in 0..100 {
            let (instances, truth, page) =
                (self.instances.clone(), self.truth.clone(), page.clone());
            let at = client % instances.len();
            asking.push(self.runtime.spawn(async move {
                let answer = checked(at, &page, &instances, &truth).await;
                answer.map(|answer| answer.text().to_owned())
            }));
        }
        let answers = asking.into_iter().map(|task| self.runtime.block_on(task).expect("a client"));
        let mut answers: Vec<_> = answers.flatten().collect();
        answers.sort();
        answers.dedup();
        let is_calm = (0..self.instances.len()).all(|at| self.truth.is_calm(at));
        if answers.len() != 1 && is_calm {
            self.truth.fail(format!("a hundred at once made more than one: {answers:?}"));
        }
    }
}
