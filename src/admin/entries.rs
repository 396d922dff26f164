//! Stored entries without their bodies, as the key list shows them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing, StoreError, StoredEntry, loaded_route, signed_ms};
use crate::site::{Site, StoredUnder, Use};
use crate::units::Lifetime;

/// What an address may hold unencoded of a key.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

/// A page of the key list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryPage {
    /// The entries, without order.
    pub keys: Vec<EntryRow>,
    /// Where to go on; nothing at the end.
    pub cursor: Option<String>,
}

/// A stored entry, beside what the site says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRow {
    /// What the store holds.
    #[serde(flatten)]
    pub info: KeyInfo,
    /// Whether it is what the site would answer with now.
    pub current: bool,
    /// The key as an address has it, where it is no text: `key` alone would name another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_encoded: Option<String>,
}

/// A page of what is stored, compared with `site`.
///
/// # Errors
/// Where the store could not be asked.
pub(crate) async fn list_entries(
    site: &Site,
    cache: &Cache,
    listing: Listing,
) -> Result<EntryPage, StoreError> {
    let page = cache.list(listing).await?;
    let keys = page.keys.into_iter().map(|info| EntryRow::new(info, site)).collect();
    Ok(EntryPage { keys, cursor: page.cursor })
}

impl EntryRow {
    /// What is known of an entry, compared with `site`.
    pub(crate) fn new(info: KeyInfo, site: &Site) -> Self {
        let current = use_of(&info, site) == Use::Served;
        let lifetime = lifetime_of(&info, site);
        let ttl_ms = life_left(&info.stored, &lifetime);
        let key_encoded = info.bytes.as_deref().map(percent_encoded);
        let stored = StoredEntry { ttl_ms, ..info.stored };
        Self { current, key_encoded, info: KeyInfo { stored, ..info } }
    }

    /// The key as an address or a form has it, whatever its bytes are.
    pub(crate) fn encoded_key(&self) -> String {
        self.key_encoded.clone().unwrap_or_else(|| percent_encoded(self.info.key.as_bytes()))
    }
}

/// What the site does with an entry.
pub(super) fn use_of(info: &KeyInfo, site: &Site) -> Use {
    let (Some(route), Some(path)) = (&info.route, &info.path) else { return Use::None };
    let Some(fingerprint) = info.fingerprint else { return Use::None };
    if route.starts_with('~') {
        let mut remote = site.routes.iter().flat_map(|route| route.remote());
        if !remote.any(|it| loaded_route(&it.load.name) == *route) {
            return Use::None;
        }
        let is_over = info.stored.ttl_ms.is_some_and(|left| left <= 0);
        return if is_over { Use::Remade } else { Use::Served };
    }
    match site.use_of(&StoredUnder { key: &info.key, route, path, fingerprint }) {
        Use::Served if is_over(&info.stored, &lifetime_of(info, site)) => Use::Remade,
        used => used,
    }
}

fn lifetime_of(info: &KeyInfo, site: &Site) -> Lifetime {
    let route = info.route.as_ref().and_then(|route| site.route_named(route));
    route.map(|route| route.lifetime).unwrap_or_default()
}

/// What is left of an entry's life, in milliseconds: a lowered `ttl` applies to what is stored
/// already. Below zero where it is stale.
pub(super) fn life_left(stored: &StoredEntry, lifetime: &Lifetime) -> Option<i64> {
    let by_site = lifetime
        .ttl
        .zip(stored.age_ms)
        .map(|(ttl, age)| signed_ms(ttl).saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)));
    Some(stored.ttl_ms?.min(by_site.unwrap_or(i64::MAX)))
}

/// How long a stale entry is still served while a new one is made, in milliseconds.
pub(super) fn stale_left(stored: &StoredEntry, lifetime: &Lifetime) -> Option<i64> {
    let left = life_left(stored, lifetime).filter(|left| *left <= 0)?;
    Some(left.saturating_add(signed_ms(lifetime.stale_while_revalidate))).filter(|left| *left > 0)
}

/// Whether an entry is too old to be served, stale too.
pub(super) fn is_over(stored: &StoredEntry, lifetime: &Lifetime) -> bool {
    life_left(stored, lifetime).is_some_and(|left| left <= 0)
        && stale_left(stored, lifetime).is_none()
}

/// Bytes as they may stand in an address.
pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, PLAIN).to_string()
}
