//! A larder that lives through all edits of a site, and what it must not get wrong on the way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Answer, Request};
use super::disk::{Disk, Layout, Save};
use super::process::{Larder, Redis};
use super::rng::Rng;
use super::said::{Plan, Said};
use super::site::{MAIN, Site, Tree};
use super::truth::{Truth, with_tags};

/// An edit is live within 1 s by events and 4 s by the poll; the machine may be busy.
const LIVE: Duration = Duration::from_secs(6);

/// What was made twice within a second is written when it is made once more, a second later.
const KEPT: Duration = Duration::from_secs(5);

/// A site, its edits and what is asked of it.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) layout: Layout,
    pub(crate) is_redis: bool,
    pub(crate) versions: Vec<(Site, Save)>,
    pub(crate) requests: Vec<Request>,
}

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which promise; a smaller scenario fails alike where this is the same.
    pub(crate) promise: &'static str,
    /// At which version.
    pub(crate) step: usize,
    /// At which request.
    pub(crate) request: Option<usize>,
    /// What was seen, and what is right.
    pub(crate) words: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) edits: usize,
    pub(crate) refused: usize,
    pub(crate) pairs: usize,
    pub(crate) stayed: usize,
    pub(crate) untouched: usize,
}

/// What is known of a request once its answer has settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    /// The key of its entry; nothing where it has none.
    pub(super) key: Option<String>,
    /// The route that answers it.
    pub(super) route: Option<String>,
}

/// A larder and its site, between two edits.
pub(super) struct Life<'s> {
    pub(super) scenario: &'s Scenario,
    disk: Disk,
    pub(super) larder: Larder,
    pub(super) redis: Option<&'s Redis>,
    rng: Rng,
    pub(super) step: usize,
    /// Of the version that is live.
    pub(super) truth: Truth,
    /// What that was asked.
    requests: Vec<Request>,
    /// What it was made from.
    pub(super) good: Site,
    pub(super) settled: Vec<Settled>,
    /// Whether what is on the disk was refused.
    is_stale: bool,
    tree: Tree,
    pub(super) done: Done,
}

/// Lives through a scenario.
pub(crate) fn live(scenario: &Scenario, redis: &Redis) -> Result<Done, Failure> {
    redis.flush();
    let mut disk = Disk::new(scenario.layout);
    let (first, how) = &scenario.versions[0];
    disk.save(&first.tree(), *how);
    let mut rng = Rng::new(scenario.seed, 3);
    let requests = with_tags(&scenario.requests, None);
    let truth = Truth::of(&disk.root(), &requests, &rng.order(requests.len()));
    let store = if scenario.is_redis { redis.url() } else { "memory".to_owned() };
    let larder = Larder::serve(&disk.root(), &store, "127.0.0.1:0");
    let (truth, larder) = match (truth, larder) {
        (Ok(truth), Ok(larder)) => (truth, larder),
        (Err(why), Err(_)) => {
            refusal(scenario.seed, &why);
            return Ok(Done { refused: 1, edits: 1, ..Done::default() });
        }
        (Ok(_), Err(why)) | (Err(why), Ok(_)) => {
            let words = format!("one of two larders starts: {why}");
            return Err(Failure { promise: "start", step: 0, request: None, words });
        }
    };
    let settled = vec![Settled::default(); requests.len()];
    let redis = scenario.is_redis.then_some(redis);
    let (tree, done) = (first.tree(), Done::default());
    let mut life = Life {
        scenario,
        disk,
        larder,
        redis,
        rng,
        step: 0,
        truth,
        requests: requests.clone(),
        good: first.clone(),
        settled,
        is_stale: false,
        tree,
        done,
    };
    life.is_as_said(&requests)?;
    for (step, (site, how)) in scenario.versions.iter().enumerate().skip(1) {
        life.step = step;
        life.edit(site, *how)?;
    }
    life.restart()?;
    Ok(life.done)
}

/// Says why a version is refused, for who looks at what is made up.
fn refusal(seed: u64, why: &str) {
    if std::env::var_os("LARDER_RANDOM_REFUSALS").is_some() {
        let errors = why.lines().filter(|line| line.contains("error["));
        eprintln!("refused {seed}: {}", errors.collect::<Vec<_>>().join("\n    "));
    }
}

impl Life<'_> {
    pub(super) fn fail<T>(
        &self,
        promise: &'static str,
        request: Option<usize>,
        words: String,
    ) -> Result<T, Failure> {
        Err(Failure { promise, step: self.step, request, words })
    }

    pub(super) fn admin(&mut self, request: &Request) -> Result<Answer, Failure> {
        let answer = self.larder.admin(request);
        answer.or_else(|why| self.fail("admin", None, why))
    }

    fn edit(&mut self, site: &Site, how: Save) -> Result<(), Failure> {
        let tree = site.tree();
        let plan = self.plan(&tree)?;
        let from = self.larder.logged();
        self.disk.save(&tree, how);
        let requests = with_tags(&self.scenario.requests, Some(&self.truth));
        let order = self.rng.order(requests.len());
        let truth = Truth::of(&self.disk.root(), &requests, &order);
        self.tree = tree;
        self.done.edits += 1;
        let is_seen = match &truth {
            Err(_) => !self.is_stale,
            Ok(truth) => self.is_stale || self.changed(&self.truth, truth).next().is_some(),
        };
        if is_seen && !self.larder.deals_with_edit(from, LIVE) {
            return self.fail("live", None, "no word of the edit in the log".to_owned());
        }
        let reloaded = self.reloaded(from)?;
        match (truth, reloaded) {
            (Err(why), Err(_)) => {
                refusal(self.scenario.seed, &why);
                self.is_refused(plan)
            }
            (Ok(truth), Ok(said)) => {
                let before = std::mem::replace(&mut self.truth, truth);
                self.is_stale = false;
                self.requests.clone_from(&requests);
                let settled = self.settled.clone();
                let (firsts, kept) = self.is_as_said(&requests)?;
                self.is_told(&before, &settled, &said)?;
                self.stays(&settled, &said, site, &firsts)?;
                self.good = site.clone();
                self.is_foretold(plan, &said, &settled, &kept)
            }
            (Err(why), Ok(_)) => {
                self.fail("refuses", None, format!("taken, and a fresh one says: {why}"))
            }
            (Ok(_), Err(why)) => {
                self.fail("takes", None, format!("a fresh one serves it, and: {why}"))
            }
        }
    }

    /// Makes sure that what is on the disk is what is served, and gives what the log says of it.
    fn reloaded(&mut self, from: usize) -> Result<Result<Said, String>, Failure> {
        let answer = self.admin(&Request::post_json("/api/reload", "{}".to_owned()))?;
        let status = answer.json();
        if answer.status == 422 {
            return Ok(Err(status["diagnostics"].to_string()));
        }
        if answer.status != 200 {
            return self.fail("admin", None, format!("POST /api/reload: {}", answer.status));
        }
        let generation = format!("generation={}", status["generation"]);
        let begin = Instant::now();
        loop {
            // The line comes a moment after the answer.
            let lines = self.larder.log_since(0);
            let is_there =
                status["generation"] == 1 || lines.iter().any(|line| line.ends_with(&generation));
            if is_there {
                return Ok(Ok(Said::of(&self.larder.log_since(from))));
            }
            if begin.elapsed() > LIVE {
                return self.fail("log", None, format!("no line with {generation}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What `plan` says of an edit of the main file alone.
    fn plan(&mut self, tree: &Tree) -> Result<Option<(u16, Plan)>, Failure> {
        let others = |tree: &Tree| {
            let mut tree = tree.clone();
            tree.remove(MAIN);
            tree
        };
        if self.is_stale || *tree == self.tree || others(tree) != others(&self.tree) {
            return Ok(None);
        }
        let text = json!({ "file": MAIN, "text": tree[MAIN] });
        let answer = self.admin(&Request::post_json("/api/plan", text.to_string()))?;
        Ok(Some((answer.status, Plan::of(&answer.json()))))
    }

    /// The requests whose answers are others than they were, and in which way; but for those that
    /// are answered by what they say of an earlier answer, and for the files of directories, which
    /// are no part of the site.
    pub(super) fn changed<'t>(
        &'t self,
        before: &'t Truth,
        now: &'t Truth,
    ) -> impl Iterator<Item = (usize, String)> + 't {
        let requests = self.scenario.requests.iter().enumerate();
        let plain =
            requests.filter(|(_, request)| request.is_plain() && !request.is_of_a_directory());
        plain.filter_map(|(at, _)| Some((at, now.differs(before, at)?)))
    }

    /// Every request is answered as by a fresh larder. Gives for each whether it was a hit when it
    /// was asked first, and for each key whether it was there.
    fn is_as_said(
        &mut self,
        requests: &[Request],
    ) -> Result<(Vec<bool>, BTreeMap<String, bool>), Failure> {
        let (mut firsts, mut kept) = (vec![false; requests.len()], BTreeMap::new());
        for at in self.rng.order(requests.len()) {
            let answer = self.ask(requests, at)?;
            firsts[at] = answer.is_hit();
            if let Some(key) = answer.key() {
                kept.entry(key).or_insert(answer.is_hit());
            }
        }
        self.settle(requests)?;
        self.is_listed()?;
        Ok((firsts, kept))
    }

    /// Asks, and compares with the truth.
    fn ask(&mut self, requests: &[Request], at: usize) -> Result<Answer, Failure> {
        let answer = self.larder.ask(&requests[at]);
        let answer = answer.or_else(|why| self.fail("answers", Some(at), why))?;
        self.done.pairs += 1;
        let truth = self.truth.beside(at, &answer);
        // A tag of a coding means nothing to an answer that is coded otherwise.
        let is_other = truth.is_hit() != answer.is_hit() && !requests[at].is_plain();
        match answer.differs_from(truth) {
            Some(how) if !is_other => {
                let from = answer.header("cache-status");
                self.fail("same", Some(at), format!("{how}\n({from})"))
            }
            _ => Ok(answer),
        }
    }

    /// Asks until all that is kept is kept, and explains each.
    fn settle(&mut self, requests: &[Request]) -> Result<(), Failure> {
        for at in 0..requests.len() {
            let begin = Instant::now();
            let answer = loop {
                let answer = self.ask(requests, at)?;
                if answer.is_hit() || !self.truth.is_kept(at) {
                    break answer;
                }
                if self.redis.is_none() || begin.elapsed() > KEPT {
                    let words = answer.header("cache-status").to_owned();
                    return self.fail("kept", Some(at), words);
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            let key = answer.key().filter(|_| answer.is_hit());
            self.settled[at] = self.explained(&requests[at], at, key)?;
        }
        Ok(())
    }

    /// A refused edit changes nothing, and is shown.
    fn is_refused(&mut self, plan: Option<(u16, Plan)>) -> Result<(), Failure> {
        self.is_stale = true;
        self.done.refused += 1;
        if plan.is_some_and(|(status, _)| status != 422) {
            return self.fail("plan", None, "no 422 for what is refused".to_owned());
        }
        let status = self.admin(&Request::get("/api/status"))?.json();
        if status["config"] != "stale" {
            return self.fail("refused", None, format!("the status says {status}"));
        }
        let requests = self.requests.clone();
        // The files of a directory are no part of the site: what is asked for is what is there.
        let public = |tree: &Tree| -> Vec<String> {
            let files = tree.iter().filter(|(path, _)| path.starts_with("public/"));
            files.map(|(path, text)| format!("{path} {text}")).collect()
        };
        let has_other_files = public(&self.tree) != public(&self.good.tree());
        for at in self.rng.order(requests.len()) {
            if has_other_files && requests[at].is_of_a_directory() {
                continue;
            }
            let answer = self.ask(&requests, at)?;
            if self.settled[at].key.is_some() && !answer.is_hit() {
                let words = answer.header("cache-status").to_owned();
                return self.fail("refused", Some(at), words);
            }
        }
        Ok(())
    }

    /// What was kept in Redis is kept for the next process too.
    fn restart(&mut self) -> Result<(), Failure> {
        let Some(redis) = self.redis.filter(|_| !self.is_stale) else { return Ok(()) };
        self.larder = match Larder::serve(&self.disk.root(), &redis.url(), "127.0.0.1:0") {
            Ok(larder) => larder,
            Err(why) => return self.fail("restart", None, why),
        };
        let requests = with_tags(&self.scenario.requests, Some(&self.truth));
        let order = self.rng.order(requests.len());
        self.truth = match Truth::of(&self.disk.root(), &requests, &order) {
            Ok(truth) => truth,
            Err(why) => return self.fail("restart", None, why),
        };
        for at in self.rng.order(requests.len()) {
            let answer = self.ask(&requests, at)?;
            let is_kept = |key: &String| !self.is_another_each_time(at, key);
            if self.settled[at].key.as_ref().is_some_and(is_kept) && !answer.is_hit() {
                let words = answer.header("cache-status").to_owned();
                return self.fail("restart", Some(at), words);
            }
        }
        Ok(())
    }
}
