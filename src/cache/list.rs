//! The key list: pages of what is under the prefix, and one entry in full.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use super::freshness::AgedEntry;
use super::setup::{Cache, Inner};
use super::store::shared::{SCAN_COUNT, Shared};
use super::store::{Scanned, Start};
use super::trouble::StoreError;
use super::{look, record};
use crate::fingerprint::Fingerprint;
use crate::glob::escape_glob;

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

    /// One entry with its body; `None` where there is none under the key, or it is not ours. Under
    /// a key that is no text, and so holds no record, the value's beginning only.
    ///
    /// # Errors
    /// Where the store could not be asked.
    pub async fn inspect(&self, key: &[u8]) -> Result<Option<Inspection>, StoreError> {
        let inner = &self.inner;
        let (now, text_key) = (inner.clock.now(), std::str::from_utf8(key).ok());
        let Some(shared) = &inner.shared else {
            let found = text_key.and_then(|key| inner.near.get(key, now));
            return Ok(found.map(|aged| {
                // An entry that no record can hold is in memory all the same: it has no text.
                let text = record::write(&aged.entry).unwrap_or_default();
                let info = inner.info_of(key, &aged);
                Inspection { info, entry: Some(aged.entry), text }
            }));
        };
        if !inner.is_ours(key) {
            return Ok(None);
        }
        let Some(text_key) = text_key else {
            // A value of another type has a life and no length; what is not there has neither.
            let starts = shared.starts(&[key.to_vec()]).await?;
            let there = |start: &Start| start.len > 0 || start.left.is_some();
            return Ok(starts.into_iter().next().filter(there).map(|start| Inspection {
                info: info(key, &start),
                entry: None,
                text: start.bytes,
            }));
        };
        let call = shared.past_breaker(shared.remote.get(text_key));
        let Some(stored) = call.await? else { return Ok(None) };
        let (text, len) = (stored.value.to_vec(), stored.value.len() as u64);
        let info = info(key, &Start { bytes: text.clone(), left: stored.left, len });
        let entry = look::read(&stored, now).ok().map(|aged| aged.entry);
        Ok(Some(Inspection { info, entry, text }))
    }
}

impl Inner {
    fn list_memory(&self, listing: &Listing, limit: usize) -> Page {
        let now = self.clock.now();
        let after = listing.cursor.as_deref();
        let mut found: Vec<(Box<str>, AgedEntry)> = self
            .near
            .entries()
            .filter(|(key, aged)| {
                after.is_none_or(|after| &**key > after)
                    && now < aged.until()
                    && listing.match_glob.as_ref().is_none_or(|glob| self.matches(glob, key))
                    && listing.route.as_ref().is_none_or(|route| **route == *aged.entry.route)
            })
            .collect();
        found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found.last().filter(|_| more).map(|(key, _)| key.to_string());
        let keys = found.iter().map(|(key, aged)| self.info_of(key.as_bytes(), aged));
        Page { keys: keys.collect(), cursor }
    }

    fn info_of(&self, key: &[u8], aged: &AgedEntry) -> KeyInfo {
        let now = self.clock.now();
        let (left, age) = (aged.until().since(now), aged.age(now));
        let size_bytes = aged.entry.body.len() as u64;
        KeyInfo::new(key, Some(&aged.entry), Some(left), Some(age), size_bytes)
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
            let Scanned { cursor: next, keys } = shared.scan(cursor, &pattern).await?;
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
        let (mut rest, mut room) = (&*keys, room);
        while !rest.is_empty() {
            if room == 0 {
                return Ok(places.get(keys.len() - rest.len()).copied());
            }
            let (some, later) = rest.split_at(room.min(rest.len()));
            let starts = shared.starts(some).await?;
            for (key, start) in some.iter().zip(&starts) {
                let known = info(key, start);
                if listing.route.is_none() || listing.route == known.route {
                    into.push(known);
                    room -= 1;
                }
            }
            rest = later;
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
        // A loaded value's key is `PREFIX:NAMESPACE:~load:NAME:DIGEST`.
        let rest = self.without_prefix(&text).and_then(|rest| rest.split_once(':'));
        let is_loaded = rest.is_some_and(|(_, last)| last.starts_with("~load:"));
        self.is_ours(key)
            && (asked || !is_loaded)
            && glob.is_none_or(|glob| self.matches(glob, &text))
    }
}

impl KeyInfo {
    /// `entry` is what the value's head tells, where the value is a record.
    fn new(
        key: &[u8],
        entry: Option<&Entry>,
        left: Option<Duration>,
        age: Option<Duration>,
        size_bytes: u64,
    ) -> Self {
        let ms = |span: Duration| span.as_secs() * 1000 + u64::from(span.subsec_millis());
        let text = String::from_utf8_lossy(key);
        Self {
            bytes: matches!(text, Cow::Owned(_)).then(|| key.to_vec()),
            key: text.into_owned(),
            route: entry.map(|entry| entry.route.to_string()),
            path: entry.map(|entry| entry.path.to_string()),
            ttl_ms: left.map(ms),
            age_ms: age.map(ms),
            size_bytes,
            status: entry.map(|entry| entry.status),
            content_type: entry.map(|entry| entry.content_type.to_string()),
            fingerprint: entry.map(|entry| entry.fingerprint),
        }
    }
}

/// What there is to know of a key whose value begins so.
fn info(key: &[u8], start: &Start) -> KeyInfo {
    let head = record::read_head(&start.bytes);
    let entry = head.as_ref().map(|head| &head.entry);
    let age = entry.zip(start.left).map(|(entry, left)| entry.keep_for.saturating_sub(left));
    KeyInfo::new(key, entry, start.left, age, start.len)
}

/// Redis' own cursor, and how many of that step's keys were listed already. A client that sends
/// something else begins at the beginning.
fn parse_cursor(text: &str) -> (u64, usize) {
    let (cursor, skip) = text.split_once('+').unwrap_or((text, "0"));
    (cursor.parse().unwrap_or(0), skip.parse().unwrap_or(0))
}
