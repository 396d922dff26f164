//! What larder says of an edit, beside what came of it: its log, `plan`, `explain`, the key list.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Request;
use super::life::{Failure, Life, Settled};
use super::process::HOST;
use super::said::{Plan, Said};
use super::site::Site;
use super::touch::{SENT, untouched};
use super::truth::Truth;

/// What a key shows and a request's target must not hold.
const NO_TARGET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^');

/// How keys have a language.
const LANGUAGE: &[&str] = &["language=", ":en:", ":no:"];

impl Life<'_> {
    /// What changed is said in the log: the route whose page is another one is named.
    pub(super) fn is_told(
        &self,
        before: &Truth,
        settled: &[Settled],
        said: &Said,
    ) -> Result<(), Failure> {
        if said.is_cut {
            return Ok(());
        }
        for (at, how) in self.changed(before, &self.truth) {
            let only_headers = self.truth.has_same_body(before, at);
            let is_error = self.truth.is_error(at) && before.is_error(at);
            let routes = [&settled[at].route, &self.settled[at].route];
            let mut routes = routes.into_iter().flatten().peekable();
            let is_told = if is_error || routes.peek().is_none() || only_headers {
                !said.changes.is_empty()
            } else if self.truth.is_error(at) != before.is_error(at) {
                // What is asked of a request is otherwise: what is kept is as good as before.
                routes.any(|route| said.says(route))
            } else {
                said.says("languages") || routes.any(|route| said.remakes(route))
            };
            if !is_told {
                let words = format!("{how}\nand the log says {:?}", said.changes);
                return self.fail("told", Some(at), words);
            }
        }
        Ok(())
    }

    /// What the log does not name, and what nothing that was changed could touch, is kept.
    pub(super) fn stays(
        &mut self,
        settled: &[Settled],
        said: &Said,
        site: &Site,
        firsts: &[bool],
    ) -> Result<(), Failure> {
        let remade_for_none = untouched(&self.good, site, SENT);
        let untouched = untouched(&self.good, site, &[]);
        for (at, was_hit) in firsts.iter().enumerate() {
            let (before, after) = (&settled[at], &self.settled[at]);
            let (Some(key), Some(route)) = (&before.key, &before.route) else { continue };
            if self.is_another_each_time(at, key)
                || after.route.as_ref() != Some(route)
                || !self.truth.is_kept(at)
            {
                continue;
            }
            let is_untouched = untouched.contains(route);
            if is_untouched && said.remakes(route) && !said.is_cut {
                let words = format!("{route} is not touched, and is named: {:?}", said.changes);
                return self.fail("touched", Some(at), words);
            }
            let of_language = LANGUAGE.iter().any(|it| may_read(key, it));
            let is_language = said.says("languages") && of_language;
            let is_kept = remade_for_none.contains(route) || !said.remakes(route);
            let stays = is_kept && !is_language;
            self.done.stayed += usize::from(stays);
            self.done.untouched += usize::from(is_untouched);
            if stays && !was_hit {
                let words = format!("made again, untouched: {is_untouched}; {:?}", said.changes);
                return self.fail("stays", Some(at), words);
            }
        }
        Ok(())
    }

    /// `explain` says the key that serves, and whether it is stored.
    pub(super) fn explained(
        &mut self,
        request: &Request,
        at: usize,
        key: Option<String>,
    ) -> Result<Settled, Failure> {
        if request.method != "GET" && request.method != "HEAD" {
            return Ok(Settled::default());
        }
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut target = format!("/api/explain?url={}", encoded(&request.target));
        let host = ("host".to_owned(), HOST.to_owned());
        for (name, value) in request.headers.iter().chain([&host]) {
            target += "&header=";
            target += &encoded(&format!("{name}: {value}"));
        }
        let answer = self.admin(&Request::get(&target))?;
        let said = answer.json();
        let route =
            said["route"]["path"].as_str().map(|path| path.trim_start_matches("GET ").to_owned());
        if let Some(key) = &key {
            let is_right =
                said["key"] == **key && !said["stored"].is_null() && said["miss"].is_null();
            if !is_right {
                let words = format!("{target}: {said}\nthe key that serves is {key}");
                return self.fail("explain", Some(at), words);
            }
        } else if !said["stored"].is_null() && said["miss"].is_null() {
            return self.fail("explain", Some(at), format!("{target}: {said}\nit is no hit"));
        }
        Ok(Settled { key, route })
    }

    /// The key list has what serves, as current, and nothing else as current.
    pub(super) fn is_listed(&mut self) -> Result<(), Failure> {
        let said = self.admin(&Request::get("/api/keys?limit=1000"))?.json();
        let listed = said["keys"].as_array().cloned().unwrap_or_default();
        let serving: BTreeSet<&str> =
            self.settled.iter().filter_map(|it| it.key.as_deref()).collect();
        let mut missing = serving.clone();
        for row in &listed {
            let key = row["key"].as_str().unwrap_or_default();
            missing.remove(key);
            let is_serving = serving.contains(key);
            // After an edit of the languages another visitor may get what none of these does; so
            // may who sends an older ETag to a page that reads all headers.
            let mut of_others = LANGUAGE.iter().chain(&["#if-none-match="]);
            let is_of_others = of_others.any(|it| may_read(key, it));
            // And who asks for what the key says, without the query that these have.
            let mut serves_as_it_says = || {
                let (_, target) = key.split_once(":/").unwrap_or_default();
                let target = utf8_percent_encode(target, NO_TARGET);
                let answer = self.larder.ask(&Request::get(&format!("/{target}")));
                answer.is_ok_and(|it| it.is_hit() && it.key().as_deref() == Some(key))
            };
            let is_right = row["current"] == is_serving
                || !is_serving && (is_of_others || serves_as_it_says());
            if !is_right {
                return self.fail("list", None, format!("{row}\nserves: {is_serving}"));
            }
        }
        if let Some(key) = missing.first() {
            return self.fail("list", None, format!("{key} serves and is not in the list"));
        }
        let Some(redis) = self.redis else { return Ok(()) };
        let keys: BTreeSet<String> = redis.keys().into_iter().collect();
        match serving.iter().find(|key| !keys.contains(**key)) {
            Some(key) => {
                self.fail("store", None, format!("{key} serves and is not in Redis: {keys:?}"))
            }
            None => Ok(()),
        }
    }

    /// What `plan` said before an edit is what the log says after it, and what was made again.
    pub(super) fn is_foretold(
        &self,
        plan: Option<(u16, Plan)>,
        said: &Said,
        before: &[Settled],
        kept: &BTreeMap<String, bool>,
    ) -> Result<(), Failure> {
        let Some((status, plan)) = plan else { return Ok(()) };
        if status != 200 {
            return self.fail("plan", None, format!("{status} for what is served"));
        }
        if said.reloads <= 1 && !said.is_cut && plan.changes != said.changes {
            return self.fail(
                "plan",
                None,
                format!("foretold {:?}, said {:?}", plan.changes, said.changes),
            );
        }
        let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut uncertain = BTreeSet::new();
        for (at, Settled { key, route }) in before.iter().enumerate() {
            if let (Some(key), Some(route)) = (key, route) {
                keys.entry(route).or_default().insert(key);
                let of_language = LANGUAGE.iter().any(|it| may_read(key, it));
                if self.is_another_each_time(at, key) || of_language && self.had_other_languages() {
                    uncertain.insert(route.as_str());
                }
            }
        }
        for (route, keys) in keys {
            if uncertain.contains(route) {
                continue; // entries of requests that nobody sends any more are counted too
            }
            let is_gone = said.signs(route).contains(&'-');
            if !is_gone && keys.iter().any(|key| !kept.contains_key(*key)) {
                continue; // a request that asked for it means another page now
            }
            let made = keys.iter().filter(|key| kept.get(**key) != Some(&true)).count() as u64;
            let foretold = plan.entries.get(route).copied().unwrap_or_default();
            if made != foretold {
                let words =
                    format!("{route}: {foretold} entries foretold, {made} of {keys:?} made");
                return self.fail("plan", None, words);
            }
        }
        Ok(())
    }

    /// Whether an earlier version had other languages: what its visitors got may still be kept.
    fn had_other_languages(&self) -> bool {
        let languages = |site: &Site| {
            site.settings
                .iter()
                .find(|(name, _)| name == "languages")
                .map(|(_, value)| value.clone())
        };
        let mut versions = self.scenario.versions.iter().take(self.step + 1);
        let first = versions.next().map(|(site, _)| languages(site));
        versions.any(|(site, _)| Some(languages(site)) != first)
    }

    /// Whether the ETag of its last answer is in its key: then it is another request each time.
    pub(super) fn is_another_each_time(&self, at: usize, key: &str) -> bool {
        !self.scenario.requests[at].is_plain() && may_read(key, "#if-none-match=")
    }
}

/// Whether a key has an input: a hash does not show for whom it is.
fn may_read(key: &str, input: &str) -> bool {
    let (_, last) = key.rsplit_once(':').unwrap_or_default();
    let is_hash = last.len() == 32 && last.bytes().all(|it| it.is_ascii_hexdigit());
    is_hash || key.contains(input)
}
