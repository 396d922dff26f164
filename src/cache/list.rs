//! The key list: pages of what is under the prefix, and one entry in full.

use std::sync::Arc;

use super::entry::Entry;
use super::freshness::Kept;
use super::purge::STEP;
use super::store::shared::Shared;
use super::store::{Scanned, Start, StoreError};
use super::{Cache, Inner, look, record};
use crate::fingerprint::Fingerprint;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// A Redis glob: for the whole key, or after the prefix, or after the namespace.
    pub match_glob: Option<String>,
    /// Only entries that this route rendered.
    pub route: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// How many keys at most; from 1 to 1,000.
    pub limit: usize,
    /// How many keys are looked at, at most: a page may be short and have a cursor.
    pub examine_limit: usize,
}

/// A page of the key list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The keys, without order.
    pub keys: Vec<KeyInfo>,
    /// Where to go on; `None` at the end.
    pub cursor: Option<String>,
}

/// What there is to know of a key without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key; bytes that are no text are replaced.
    pub key: String,
    /// The key's own bytes, where they are no text.
    pub bytes: Option<Vec<u8>>,
    /// The route that rendered it; `None` for what is no record of larder.
    pub route: Option<String>,
    /// The path that was asked for.
    pub path: Option<String>,
    /// What is left until the store lets go of it, in milliseconds.
    pub ttl_ms: Option<u64>,
    /// How old it is, in milliseconds.
    pub age_ms: Option<u64>,
    /// How long the stored value is, in bytes.
    pub size_bytes: u64,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The content type.
    pub content_type: Option<String>,
    /// What decided it, to compare with the site's.
    pub fingerprint: Option<Fingerprint>,
}

/// One entry in full.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What the list says of it.
    pub info: KeyInfo,
    /// The entry; `None` where the value is no record, of which `text` tells.
    pub entry: Option<Arc<Entry>>,
    /// The value as it is stored.
    pub text: Vec<u8>,
}

/// The most keys in a page.
const PAGE_AT_MOST: usize = 1000;
/// How many keys one step of the walk looks at: well under 10 ms for Redis.
const SCAN_COUNT: u32 = 1000;

impl Cache {
    /// A page of the keys under the prefix; values that were loaded only where the glob asks so.
    ///
    /// # Errors
    /// Where the store could not be asked.
    pub async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        let limit = listing.limit.clamp(1, PAGE_AT_MOST);
        match &self.inner.shared {
            Some(shared) => self.inner.list_store(shared, &listing, limit).await,
            None => Ok(self.inner.list_memory(&listing, limit)),
        }
    }

    /// One entry with its body; `None` where there is none under the key, or it is not ours.
    ///
    /// # Errors
    /// Where the store could not be asked.
    pub async fn inspect(&self, key: &str) -> Result<Option<Inspection>, StoreError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let Some(shared) = &inner.shared else {
            return Ok(inner.near.get(key, now).map(|kept| {
                let text = record::write(&kept.entry).unwrap_or_default();
                let info = inner.info_of(key, &kept);
                Inspection { info, entry: Some(kept.entry), text }
            }));
        };
        if !inner.is_ours(key.as_bytes()) {
            return Ok(None);
        }
        let Some(stored) = shared.told(STEP, shared.remote().get(key)).await? else {
            return Ok(None);
        };
        let (text, len) = (stored.value.to_vec(), stored.value.len() as u64);
        let info = info(key.as_bytes(), &Start { bytes: text.clone(), left: stored.left, len });
        let entry = look::read(&stored, now).ok().map(|kept| kept.entry);
        Ok(Some(Inspection { info, entry, text }))
    }
}

impl Cache {
    /// What there is under a key that is no text, or holds no text: the value's beginning only.
    ///
    /// # Errors
    /// Where the store could not be asked.
    pub async fn inspect_bytes(&self, key: &[u8]) -> Result<Option<Inspection>, StoreError> {
        let Some(shared) = self.inner.shared.as_ref().filter(|_| self.inner.is_ours(key)) else {
            return Ok(None);
        };
        // A value of another type has a life and no length; what is not there has neither.
        let starts = shared.told(STEP, shared.remote().starts(&[key.to_vec()])).await?;
        let there = |start: &Start| start.len > 0 || start.left.is_some();
        Ok(starts.into_iter().next().filter(there).map(|start| {
            let info = info(key, &start);
            Inspection { info, entry: None, text: start.bytes }
        }))
    }
}

impl Inner {
    fn list_memory(&self, listing: &Listing, limit: usize) -> Page {
        let now = self.clock.now();
        let after = listing.cursor.as_deref();
        let mut found: Vec<(Box<str>, Kept)> = self
            .near
            .entries()
            .filter(|(key, kept)| {
                after.is_none_or(|after| &**key > after)
                    && now < kept.until()
                    && listing.match_glob.as_ref().is_none_or(|glob| self.matches(glob, key))
                    && listing.route.as_ref().is_none_or(|route| **route == *kept.entry.route)
            })
            .collect();
        found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found.last().filter(|_| more).map(|(key, _)| key.to_string());
        Page { keys: found.iter().map(|(key, kept)| self.info_of(key, kept)).collect(), cursor }
    }

    fn info_of(&self, key: &str, kept: &Kept) -> KeyInfo {
        let (now, entry) = (self.clock.now(), &kept.entry);
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).ok();
        KeyInfo {
            key: key.to_owned(),
            bytes: None,
            route: Some(entry.route.to_string()),
            path: Some(entry.path.to_string()),
            ttl_ms: ms(kept.until().since(now)),
            age_ms: ms(kept.age(now)),
            size_bytes: entry.body.len() as u64,
            status: Some(entry.status),
            content_type: Some(entry.content_type.to_string()),
            fingerprint: Some(entry.fingerprint),
        }
    }

    async fn list_store(
        &self,
        shared: &Shared,
        listing: &Listing,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (mut cursor, mut skip) = listing.cursor.as_deref().map_or((0, 0), parse_cursor);
        let (pattern, mut page) = (self.pattern(listing), Page::default());
        let mut examined = 0;
        loop {
            let step = shared.told(STEP, shared.remote().scan(cursor, &pattern, SCAN_COUNT));
            let Scanned { cursor: next, keys } = step.await?;
            examined += SCAN_COUNT as usize;
            let room = limit - page.keys.len();
            let taken = self.take(shared, listing, keys, skip, room, &mut page.keys).await?;
            if let Some(taken) = taken {
                page.cursor = Some(format!("{cursor}+{taken}"));
                return Ok(page);
            }
            (cursor, skip) = (next, 0);
            if cursor == 0 {
                return Ok(page);
            }
            if page.keys.len() >= limit || examined >= listing.examine_limit {
                page.cursor = Some(format!("{cursor}+0"));
                return Ok(page);
            }
        }
    }

    /// Takes what is wanted of a step's keys, from `skip` on and at most `room`; where some were
    /// left over, says how many of the step's keys are dealt with.
    async fn take(
        &self,
        shared: &Shared,
        listing: &Listing,
        keys: Vec<Vec<u8>>,
        skip: usize,
        room: usize,
        into: &mut Vec<KeyInfo>,
    ) -> Result<Option<usize>, StoreError> {
        let wanted = keys.into_iter().enumerate().skip(skip);
        let wanted = wanted.filter(|(_, key)| self.is_listed(listing, key));
        let (places, keys): (Vec<usize>, Vec<Vec<u8>>) = wanted.unzip();
        let (mut at, mut left) = (0, room);
        while let Some(some) = keys.get(at..).filter(|rest| !rest.is_empty()) {
            if left == 0 {
                return Ok(places.get(at).copied());
            }
            let some = some.get(..left.min(some.len())).unwrap_or_default();
            let starts = shared.told(STEP, shared.remote().starts(some)).await?;
            for (key, start) in some.iter().zip(&starts) {
                let known = info(key, start);
                if listing.route.is_none() || listing.route == known.route {
                    into.push(known);
                    left -= 1;
                }
            }
            at += some.len();
        }
        Ok(None)
    }

    /// What Redis itself filters by: the glob where it begins with the prefix, else the prefix.
    fn pattern(&self, listing: &Listing) -> String {
        let ours = format!("{}:", escape_glob(&self.settings.prefix));
        match &listing.match_glob {
            Some(glob) if glob.starts_with(&ours) => glob.clone(),
            _ => format!("{ours}*"),
        }
    }

    fn is_listed(&self, listing: &Listing, key: &[u8]) -> bool {
        let text = String::from_utf8_lossy(key);
        let glob = listing.match_glob.as_deref();
        let asked = glob.is_some_and(|glob| glob.contains("~load"));
        self.is_ours(key)
            && (asked || !self.is_loaded_value(&text))
            && glob.is_none_or(|glob| self.matches(glob, &text))
    }

    /// Whether a key is one of `PREFIX:NAMESPACE:~load:NAME:DIGEST`.
    fn is_loaded_value(&self, key: &str) -> bool {
        let rest = key.strip_prefix(&*self.settings.prefix).and_then(|key| key.strip_prefix(':'));
        rest.and_then(|rest| rest.split_once(':'))
            .is_some_and(|(_, last)| last.starts_with("~load:"))
    }
}

fn info(key: &[u8], start: &Start) -> KeyInfo {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).ok();
    let head = record::read_head(&start.bytes);
    let age = head.as_ref().zip(start.left).map(|(head, left)| head.px.saturating_sub(left));
    let text = String::from_utf8_lossy(key);
    KeyInfo {
        bytes: matches!(text, std::borrow::Cow::Owned(_)).then(|| key.to_vec()),
        key: text.into_owned(),
        ttl_ms: start.left.and_then(ms),
        age_ms: age.and_then(ms),
        size_bytes: start.len,
        route: head.as_ref().map(|head| head.route.to_owned()),
        status: head.as_ref().map(|head| head.status),
        content_type: head.as_ref().map(|head| head.content_type.to_owned()),
        fingerprint: head.as_ref().map(|head| head.fingerprint),
        path: head.map(|head| head.path),
    }
}

/// Redis' own cursor, and how many of that step's keys were listed already.
fn parse_cursor(text: &str) -> (u64, usize) {
    let (cursor, skip) = text.split_once('+').unwrap_or((text, "0"));
    (cursor.parse().unwrap_or(0), skip.parse().unwrap_or(0))
}

/// A text as a glob that matches only it.
pub(crate) fn escape_glob(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// Whether a Redis glob matches: `*`, `?`, `[a-z]`, `[^a]` and `\` before what is meant itself.
///
/// In time of the product of both lengths at worst: a star is gone back to only while it is the
/// last one that was met.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() || at < glob.len() {
        if glob.get(at) == Some(&'*') {
            star = Some((at + 1, place));
            at += 1;
            continue;
        }
        let step = text.get(place).and_then(|char| one_matches(glob.get(at..)?, *char));
        if let Some(step) = step {
            at += step;
            place += 1;
            continue;
        }
        match star {
            Some((after, from)) if from < text.len() => {
                star = Some((after, from + 1));
                (at, place) = (after, from + 1);
            }
            _ => return false,
        }
    }
    true
}

/// Whether the front of a glob matches one character, and how long that front is.
fn one_matches(glob: &[char], char: char) -> Option<usize> {
    match glob {
        ['?', ..] => Some(1),
        ['\\', meant, ..] => (*meant == char).then_some(2),
        ['[', set @ ..] => {
            let (inside, len) = set_matches(set, char);
            inside.then_some(len + 1)
        }
        [meant, ..] => (*meant == char).then_some(1),
        [] => None,
    }
}

/// Whether the set that begins here holds a character, and where it ends; an open one ends at the
/// glob's end, as in Redis.
fn set_matches(set: &[char], char: char) -> (bool, usize) {
    let negated = set.first() == Some(&'^');
    let (mut at, mut inside) = (usize::from(negated), false);
    while let Some(rest) = set.get(at..).filter(|rest| !rest.is_empty()) {
        match rest {
            [']', ..] => return (inside != negated, at + 1),
            ['\\', meant, ..] => {
                inside |= *meant == char;
                at += 2;
            }
            [low, '-', high, ..] => {
                let (low, high) = (low.min(high), low.max(high));
                inside |= (*low..=*high).contains(&char);
                at += 3;
            }
            [meant, ..] => {
                inside |= *meant == char;
                at += 1;
            }
            [] => break,
        }
    }
    (inside != negated, set.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_as_in_redis() {
        let cases = [
            ("*", "", true),
            ("*", "anything:/at all", true),
            ("", "", true),
            ("", "x", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*", "xxaxxb", true),
            ("*/a", "blog:/a/a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hbllo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("[\\]]", "]", true),
            ("[", "x", false),
            ("[abc", "c", true),
            ("ø?å", "øæå", true),
        ];
        for (glob, text, matches) in cases {
            assert_eq!(glob_matches(glob, text), matches, "{glob:?} on {text:?}");
        }
        for text in ["a*b", "[x]", "\\", "plain?", "\\*"] {
            assert!(glob_matches(&escape_glob(text), text), "{text:?}");
        }
    }

    #[test]
    fn a_hostile_glob_takes_no_more_than_a_moment() {
        let glob = "*a".repeat(100) + "b";
        assert!(!glob_matches(&glob, &"a".repeat(10_000)));
    }
}
