//! What is known of the site, of purges and of faults, and what it says of an answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::harness::Answer;
use crate::site::{Ask, Version};

/// An edit is live within 1 s by events and 4 s by the poll; the machine may be busy.
const LIVE: Duration = Duration::from_secs(6);
/// What is done to a key in Redis is seen within 100 ms; the machine may be busy.
pub(crate) const SEEN: Duration = Duration::from_secs(1);
/// The same in a fault: 2 s where the line was lost silently.
pub(crate) const SEEN_LATE: Duration = Duration::from_secs(3);
/// What was made while Redis was away is kept for 5 s, and nobody can tell it of anything.
const KEPT_ASIDE: Duration = Duration::from_secs(5);
/// How long a fault is felt after its end.
const FELT: Duration = Duration::from_secs(5);
/// A render that only computes has no lease: what was made before a purge may be written after it,
/// by as much as a write may be under way, which is longer behind a line that is silent.
const UNDER_WAY: Duration = Duration::from_millis(1500);
const UNDER_WAY_LATE: Duration = Duration::from_secs(8);
/// How long an answer may take that needs no lease: a tenth of a second, on a busy machine.
const ANSWER: Duration = Duration::from_secs(5);
/// The same for one that waits for another's render.
const LEASED_ANSWER: Duration = Duration::from_secs(32);

/// What was purged or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    All,
    /// All that tells the site's version.
    Marked,
    Route(&'static str),
    Key(String),
}

impl What {
    pub(crate) fn covers(&self, ask: &Ask) -> bool {
        match self {
            Self::All => true,
            Self::Marked => ask.route != "steady",
            Self::Route(route) => ask.route == *route,
            Self::Key(key) => ask.key == *key,
        }
    }
}

#[derive(Debug)]
struct Gone {
    what: What,
    /// When that began, by the clock that pages have.
    begin: Timestamp,
    begun: Instant,
    done: Instant,
    /// Whether larder did it, so that no leased render comes after.
    is_purge: bool,
}

/// A version that an instance was given.
#[derive(Debug)]
struct Span {
    text: String,
    written: Instant,
    live: Instant,
}

#[derive(Debug, Default)]
struct Known {
    /// For each instance the versions that it was given, and when its faults began and ended.
    spans: Vec<Vec<Span>>,
    faults: Vec<Vec<(Instant, Option<Instant>)>>,
    gone: Vec<Gone>,
    events: Vec<String>,
    failure: Option<String>,
    /// What was seen during each kind of event, and which one it is now.
    seen: BTreeMap<&'static str, Seen>,
    now: &'static str,
    /// How long after a purge or a deletion what was there before was still served at most, where
    /// all was well and where it was not; and how long an edit took to be live.
    latest: [Duration; 2],
    edited: Duration,
}

/// What was seen of answers that need no lease.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    answers: u64,
    hits: u64,
    /// How many took longer than the bound on waits for the store, and half as much again.
    slow: u64,
    slowest: Duration,
    /// How long until all was well again, at most.
    well: Duration,
}

/// What is known; the clients and the events share it.
#[derive(Debug)]
pub(crate) struct Truth {
    known: Mutex<Known>,
    start: Instant,
}

impl Truth {
    pub(crate) fn new(instances: usize, version: Version) -> Self {
        let now = Instant::now();
        let first = || vec![Span { text: version.text(), written: now, live: now }];
        let known = Known {
            spans: (0..instances).map(|_| first()).collect(),
            faults: (0..instances).map(|_| Vec::new()).collect(),
            ..Known::default()
        };
        Self { known: Mutex::new(known), start: now }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("what is known")
    }

    pub(crate) fn begins(&self, event: &'static str) {
        self.tell(event);
        self.known().now = event;
    }

    pub(crate) fn is_well_after(&self, took: Duration) {
        let (mut known, took) = (self.known(), took);
        let now = known.now;
        let well = &mut known.seen.entry(now).or_default().well;
        *well = took.max(*well);
    }

    pub(crate) fn tell(&self, event: &str) {
        let at = self.start.elapsed().as_secs_f64();
        self.known().events.push(format!("{at:8.3} {event}"));
    }

    /// An instance is about to be given a version.
    pub(crate) fn writes(&self, instance: usize, version: Version) {
        let written = Instant::now();
        let span = Span { text: version.text(), written, live: written + LIVE };
        self.known().spans[instance].push(span);
    }

    /// What it was given last is live.
    pub(crate) fn is_live(&self, instance: usize) {
        let mut known = self.known();
        let span = known.spans[instance].last_mut().expect("a version");
        span.live = span.live.min(Instant::now());
    }

    pub(crate) fn fault_begins(&self, instances: &[usize]) {
        let mut known = self.known();
        for at in instances {
            known.faults[*at].push((Instant::now(), None));
        }
    }

    /// Whether an instance neither has a fault nor feels one.
    pub(crate) fn is_calm(&self, at: usize) -> bool {
        let now = Instant::now();
        !is_felt(&self.known().faults[at], now, now)
    }

    pub(crate) fn faults_end(&self) {
        let now = Instant::now();
        for (_, end) in self.known().faults.iter_mut().flatten() {
            end.get_or_insert(now);
        }
    }

    /// Does what purges or deletes, where it says that it did.
    pub(crate) fn gone(&self, what: What, is_purge: bool, does: impl FnOnce() -> bool) {
        let (begin, begun) = (Timestamp::now(), Instant::now());
        if does() {
            let done = Instant::now();
            let mut known = self.known();
            // One that covers as much and came later says all.
            known.gone.retain(|gone| gone.what != what || (gone.is_purge && !is_purge));
            known.gone.push(Gone { what, begin, begun, done, is_purge });
        }
    }

    /// What was there is no longer served, that long after it went.
    pub(crate) fn is_gone_after(&self, took: Duration, bound: Duration) {
        let latest = &mut self.known().latest[usize::from(bound > SEEN)];
        *latest = took.max(*latest);
    }

    pub(crate) fn fail(&self, words: impl Into<String>) {
        let at = self.start.elapsed().as_secs_f64();
        self.known().failure.get_or_insert(format!("{at:8.3} {}", words.into()));
    }

    /// What went wrong, with all that was done before.
    pub(crate) fn failure(&self) -> Option<String> {
        let known = self.known();
        let failure = known.failure.as_ref()?;
        Some(format!("{}\n--\n{failure}", known.events.join("\n")))
    }

    pub(crate) fn figures(&self) -> String {
        let Known { seen, latest, edited, .. } = &*self.known();
        let mut text = format!(
            "purged ones seen for {latest:?} at most, edits live within {edited:?}\n{:20} {:>8} \
             {:>8} {:>8} {:>9} {:>9}\n",
            "during", "answers", "hits", "> 150 ms", "slowest", "well in"
        );
        for (event, Seen { answers, hits, slow, slowest, well }) in seen {
            let (slowest, well) = (slowest.as_millis(), well.as_millis());
            let _infallible = writeln!(
                text,
                "{event:20} {answers:8} {hits:8} {slow:8} {slowest:6} ms {well:6} ms"
            );
        }
        text
    }

    /// Compares an answer with what is right.
    pub(crate) fn check(&self, at: usize, ask: &Ask, asked: Instant, answer: &Answer) {
        let (now, mut known) = (Instant::now(), self.known());
        let took = now.duration_since(asked);
        let event = known.now;
        let seen = known.seen.entry(event).or_default();
        if !ask.is_leased() {
            seen.answers += 1;
            seen.hits += u64::from(answer.is_hit());
            seen.slow += u64::from(took > Duration::from_millis(150));
            seen.slowest = seen.slowest.max(took);
        }
        let Err(why) = known.weigh(at, ask, (asked, now), answer) else { return };
        drop(known);
        let status = answer.header("cache-status");
        let body: String = String::from_utf8_lossy(&answer.body).chars().rev().take(300).collect();
        let body: String = body.chars().rev().collect();
        self.fail(format!(
            "instance {at}, {} {:?}, asked {took:?} ago: {why}\n{} {status}\n{body}",
            ask.target, ask.header, answer.status
        ));
    }
}

impl Known {
    fn weigh(
        &mut self,
        at: usize,
        ask: &Ask,
        (asked, now): (Instant, Instant),
        answer: &Answer,
    ) -> Result<(), String> {
        if answer.status != ask.status {
            return Err(format!("status {}", answer.status));
        }
        let bound = if ask.is_leased() { LEASED_ANSWER } else { ANSWER };
        if now.duration_since(asked) > bound {
            return Err("it took too long".into());
        }
        if ask.status != 200 {
            return Ok(());
        }
        let mut parts = answer.text().rsplitn(3, '|');
        let (made, version, identity) = (parts.next(), parts.next(), parts.next());
        if identity != Some(&*ask.identity) {
            return Err("it is another page".into());
        }
        let key = answer.header("cache-status").split_once("key=\"");
        if key.is_none_or(|(_, key)| !key.starts_with(&ask.key)) {
            return Err(format!("its key is not {}", ask.key));
        }
        let version = version.unwrap_or_default();
        if ask.route != "steady" {
            self.is_of_its_time(at, version, asked, now)?;
        }
        let made: Timestamp = made.unwrap_or_default().parse().map_err(|_| "no time")?;
        self.is_young(at, ask, made, (asked, now))
    }

    /// It is no older a version than the one that is live, and no newer than the one on disk.
    fn is_of_its_time(
        &mut self,
        at: usize,
        version: &str,
        asked: Instant,
        now: Instant,
    ) -> Result<(), String> {
        let spans = &mut self.spans[at];
        let live = spans.iter().rposition(|span| span.live <= asked).expect("the first version");
        let fits = |span: &Span| span.written <= now && span.text == version;
        let Some(found) = spans[live..].iter().position(fits) else {
            return Err(format!("its version is not among {:?}", &spans[live..]));
        };
        // From now on nothing older is right.
        let span = &mut spans[live + found];
        if span.live > now {
            self.edited = self.edited.max(now.duration_since(span.written));
        }
        span.live = span.live.min(now);
        Ok(())
    }

    /// It was made after what purged it, and no longer ago than it may live.
    fn is_young(
        &mut self,
        at: usize,
        ask: &Ask,
        made: Timestamp,
        (asked, now): (Instant, Instant),
    ) -> Result<(), String> {
        let waited = now.duration_since(asked);
        let age = Timestamp::now().duration_since(made).unsigned_abs();
        // Its age is counted from when it was written, which a fault of whoever made it may have
        // held back.
        let begun = now.checked_sub(age).unwrap_or(asked);
        let late = if self.is_felt_by_any(begun, now) { UNDER_WAY_LATE } else { SEEN };
        if age > ask.oldest() + waited + late {
            return Err(format!("it is {age:?} old"));
        }
        let began = made - ask.takes();
        for gone in self.gone.iter().filter(|gone| gone.what.covers(ask)) {
            let under_way = match gone.is_purge && ask.is_leased() {
                _ if self.is_felt_by_any(gone.begun, now) => UNDER_WAY_LATE,
                true => Duration::ZERO,
                false => UNDER_WAY,
            };
            let is_calm = !is_felt(&self.faults[at], gone.begun, now);
            let seen = match is_calm {
                true => SEEN,
                false if age > KEPT_ASIDE => SEEN_LATE,
                false => SEEN_LATE + KEPT_ASIDE,
            };
            let before = gone.begin.duration_since(began);
            let is_older = before.is_positive() && before.unsigned_abs() > under_way;
            if !is_older || asked < gone.done {
                continue;
            }
            let late = asked.duration_since(gone.done);
            if late > seen {
                return Err(format!("it was begun {before:?} before {gone:?}, calm: {is_calm}"));
            }
            self.latest[usize::from(!is_calm)] = self.latest[usize::from(!is_calm)].max(late);
        }
        Ok(())
    }
}

impl Known {
    fn is_felt_by_any(&self, from: Instant, to: Instant) -> bool {
        self.faults.iter().any(|faults| is_felt(faults, from, to))
    }
}

/// Whether an instance had one of its faults in that time, or felt it.
fn is_felt(faults: &[(Instant, Option<Instant>)], from: Instant, to: Instant) -> bool {
    let mut faults = faults.iter();
    faults.any(|(begin, end)| *begin <= to && end.is_none_or(|end| end + FELT >= from))
}
