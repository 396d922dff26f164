//! The key list: pages of what is under the prefix, and one entry in full.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::freshness::AgedEntry;
use super::names::{Names, Namespaces, is_loaded, key_forms};
use super::outcome::signed_ms;
use super::setup::{Cache, Inner};
use super::store::Stored;
use super::store::shared::{SCAN_COUNT, Shared};
use super::trouble::{StoreError, Trouble};
use super::{look, record};
use crate::fingerprint::Fingerprint;
use crate::glob::Glob;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// A Redis glob: for the whole key, or after the prefix, or after the namespace.
    pub match_glob: Option<String>,
    /// Only entries that this route rendered.
    pub route: Option<String>,
    /// In which namespaces.
    pub namespaces: Namespaces,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// The key; bytes that are no text are replaced.
    pub key: String,
    /// The key's own bytes, where they are no text.
    #[serde(skip)]
    pub bytes: Option<Vec<u8>>,
    /// The route that rendered it; `None` for what is no record of larder.
    pub route: Option<String>,
    /// The path that was asked for.
    pub path: Option<String>,
    /// The entry itself.
    #[serde(flatten)]
    pub stored: StoredEntry,
    /// What decided it, to compare with the site's.
    #[serde(skip)]
    pub fingerprint: Option<Fingerprint>,
}

/// What the store holds under a key, without the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// What is left of its life, in milliseconds; below zero where it is stale. Of what is no
    /// record what is left until the store lets go of it.
    pub ttl_ms: Option<i64>,
    /// How old it is, in milliseconds.
    pub age_ms: Option<u64>,
    /// How long the stored value is, in bytes.
    pub size_bytes: u64,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The content type.
    pub content_type: Option<String>,
}

/// One entry in full.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What the list says of it.
    pub info: KeyInfo,
    /// The entry; `None` where the value is no record, of which `text` tells.
    pub entry: Option<Arc<Entry>>,
    /// The value as it is stored.
    pub text: Bytes,
    /// What it is instead, as Redis calls it, where it is no string: `hash`.
    pub kind: Option<String>,
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
        if let Some(shared) = &self.inner.shared {
            return self.inner.list_store(shared, listing, limit).await;
        }
        let inner = Arc::clone(&self.inner);
        let page = tokio::task::spawn_blocking(move || inner.list_memory(&listing, limit));
        Ok(page.await.unwrap_or_default())
    }

    /// Whether a page of the list may have ended at `cursor`.
    pub(crate) fn is_cursor(&self, cursor: &str) -> bool {
        match &self.inner.shared {
            Some(_) => parse_cursor(cursor).is_some(),
            None => self.inner.names(Namespaces::All).without_prefix(cursor).is_some(),
        }
    }

    /// One entry with its body, under a key as it is or as it was shown; `None` where there is
    /// none, or it is not in the namespaces. A key that is no text holds no record.
    ///
    /// # Errors
    /// Where the store could not be asked.
    pub async fn inspect(
        &self,
        key: &[u8],
        namespaces: Namespaces,
    ) -> Result<Option<Inspection>, StoreError> {
        let names = self.inner.names(namespaces);
        for form in key_forms(key).iter().filter(|form| names.hold(form)) {
            if let Some(found) = self.inner.inspect_one(form).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Inner {
    async fn inspect_one(&self, key: &[u8]) -> Result<Option<Inspection>, StoreError> {
        let (now, text_key) = (self.clock.now(), std::str::from_utf8(key).ok());
        let Some(shared) = &self.shared else {
            let found = text_key.and_then(|key| Some((key, self.near.get(key, now)?)));
            return Ok(found.map(|(text_key, aged)| {
                // An entry that no record can hold is in memory all the same: it has no text.
                let text = record::write(text_key, &aged.entry).unwrap_or_default().into();
                let info = self.info_of(key, &aged);
                Inspection { info, entry: Some(aged.entry), text, kind: None }
            }));
        };
        let (stored, kind) = match shared.past_breaker(shared.remote.get(key)).await {
            Ok(stored) => (stored, None),
            Err(StoreError { kind: Trouble::WrongType, .. }) => {
                let kind = shared.past_breaker(shared.remote.kind(key)).await?;
                (Some(Stored::default()), Some(kind))
            }
            Err(why) => return Err(why),
        };
        let Some(stored) = stored else { return Ok(None) };
        // A value that no page is answered with is shown as what it is.
        let aged = look::read(key, &stored, now).ok();
        let age = aged.as_ref().map(|aged| aged.age(now));
        let entry = aged.map(|aged| aged.entry);
        let info = info(key, entry.as_deref(), stored.left, age, stored.len);
        Ok(Some(Inspection { info, entry, text: stored.value, kind }))
    }

    /// A page of what is in memory: of all that is after the cursor, the first ones by name.
    fn list_memory(&self, listing: &Listing, limit: usize) -> Page {
        let (now, filter) = (self.clock.now(), Filter::new(self, listing));
        let after = listing.cursor.as_deref();
        let mut found: BTreeMap<Box<str>, AgedEntry> = BTreeMap::new();
        for (key, aged) in self.near.entries() {
            let is_meant = after.is_none_or(|after| &*key > after)
                && now < aged.until()
                && listing.route.as_ref().is_none_or(|route| **route == *aged.entry.route);
            let is_late =
                found.len() > limit && found.last_key_value().is_some_and(|(last, _)| key >= *last);
            if is_meant && !is_late && filter.lets(key.as_bytes()) {
                found.insert(key, aged);
                if found.len() > limit + 1 {
                    found.pop_last();
                }
            }
        }
        let more = found.len() > limit;
        let keys = found.iter().take(limit).map(|(key, aged)| self.info_of(key.as_bytes(), aged));
        let keys: Vec<KeyInfo> = keys.collect();
        let cursor = keys.last().filter(|_| more).map(|info| info.key.clone());
        Page { keys, cursor }
    }

    fn info_of(&self, key: &[u8], aged: &AgedEntry) -> KeyInfo {
        let now = self.clock.now();
        let (left, age) = (aged.until().since(now), aged.age(now));
        let size_bytes = aged.entry.body.len() as u64;
        info(key, Some(&aged.entry), Some(left), Some(age), size_bytes)
    }

    async fn list_store(
        &self,
        shared: &Shared,
        listing: Listing,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (mut cursor, mut skip) =
            listing.cursor.as_deref().and_then(parse_cursor).unwrap_or_default();
        let filter = Arc::new(Filter::new(self, &listing));
        let pattern = filter.names.pattern(listing.match_glob.as_deref());
        let mut page = Page::default();
        let mut examined = 0;
        loop {
            let (next, keys) = shared.scan(cursor, &pattern).await?;
            let (places, keys) = filter.chosen(keys, skip).await;
            let mut done = 0;
            while let Some(place) = places.get(done) {
                let room = limit - page.keys.len();
                if room == 0 {
                    page.cursor = Some(format!("{cursor}+{place}"));
                    return Ok(page);
                }
                let some = &keys[done..keys.len().min(done + room)];
                let starts = shared.starts(some).await?;
                let infos = some.iter().zip(&starts).map(|(key, start)| info_of_value(key, start));
                let is_of_route =
                    |it: &KeyInfo| listing.route.is_none() || listing.route == it.route;
                page.keys.extend(infos.filter(is_of_route));
                done += some.len();
            }
            (cursor, skip, examined) = (next, 0, examined + SCAN_COUNT as usize);
            if cursor == 0 {
                return Ok(page);
            }
            if page.keys.len() >= limit || examined >= listing.examine_limit {
                page.cursor = Some(format!("{cursor}+0"));
                return Ok(page);
            }
        }
    }
}

/// Which keys are listed, as far as their names say.
struct Filter {
    names: Names,
    glob: Option<Option<Glob>>,
    /// Whether the glob asks for values that were loaded.
    asks_for_loaded: bool,
}

impl Filter {
    fn new(inner: &Inner, listing: &Listing) -> Self {
        let text = listing.match_glob.as_deref();
        Self {
            names: inner.names(listing.namespaces.clone()),
            // One that is too long matches nothing.
            glob: text.map(Glob::new),
            asks_for_loaded: text.is_some_and(|glob| glob.contains("~load")),
        }
    }

    fn lets(&self, key: &[u8]) -> bool {
        let text = String::from_utf8_lossy(key);
        let is_loaded = is_loaded(&self.names.prefix, key);
        let is_matched = |glob: &Option<Glob>| {
            glob.as_ref().is_some_and(|glob| self.names.match_glob(glob, &text))
        };
        self.names.hold(key)
            && (self.asks_for_loaded || !is_loaded)
            && self.glob.as_ref().is_none_or(is_matched)
    }

    /// Those of a step's keys that are listed, with their places in it; the first `skip` were
    /// listed already. Matching a glob is work for a thread that does not serve.
    async fn chosen(
        self: &Arc<Self>,
        keys: Vec<Vec<u8>>,
        skip: usize,
    ) -> (Vec<usize>, Vec<Vec<u8>>) {
        let filter = Arc::clone(self);
        let choose = move || {
            let keys = keys.into_iter().enumerate().skip(skip);
            keys.filter(|(_, key)| filter.lets(key)).unzip()
        };
        if self.glob.is_none() {
            return choose();
        }
        tokio::task::spawn_blocking(choose).await.unwrap_or_default()
    }
}

/// What there is to know of a key; `entry` is what the value's head tells, where it is a record.
fn info(
    key: &[u8],
    entry: Option<&Entry>,
    left: Option<Duration>,
    age: Option<Duration>,
    size_bytes: u64,
) -> KeyInfo {
    let ms = |span: Duration| span.as_secs() * 1000 + u64::from(span.subsec_millis());
    let text = String::from_utf8_lossy(key);
    KeyInfo {
        bytes: matches!(text, Cow::Owned(_)).then(|| key.to_vec()),
        key: text.into_owned(),
        route: entry.map(|entry| entry.route.to_string()),
        path: entry.map(|entry| entry.path.to_string()),
        stored: StoredEntry {
            ttl_ms: entry
                .zip(age)
                .map(|(entry, age)| signed_ms(entry.ttl).saturating_sub(signed_ms(age)))
                .or(left.map(signed_ms)),
            age_ms: age.map(ms),
            size_bytes,
            status: entry.map(|entry| entry.status),
            content_type: entry.map(|entry| entry.content_type.to_string()),
        },
        fingerprint: entry.map(|entry| entry.fingerprint),
    }
}

/// What there is to know of a key with this value, or one that begins so.
fn info_of_value(key: &[u8], stored: &Stored) -> KeyInfo {
    let head = record::read_head(&stored.value);
    let entry = head.as_ref().map(|head| &head.entry);
    let age = entry.zip(stored.left).map(|(entry, left)| entry.keep_for.saturating_sub(left));
    info(key, entry, stored.left, age, stored.len)
}

/// Redis' own cursor, and how many of that step's keys were listed already.
fn parse_cursor(text: &str) -> Option<(u64, usize)> {
    let (cursor, skip) = text.split_once('+')?;
    Some((cursor.parse().ok()?, skip.parse().ok()?))
}
