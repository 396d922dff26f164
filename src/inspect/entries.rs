//! Stored entries without their bodies, as the key list shows them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing, StoreError};
use crate::site::Site;

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

/// A stored entry, with the key that it is under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRow {
    /// The key; bytes that are no text are replaced.
    pub key: String,
    /// The route that rendered it; nothing for what is no record of larder.
    pub route: Option<String>,
    /// The path that was asked for.
    pub path: Option<String>,
    /// The entry itself.
    #[serde(flatten)]
    pub stored: StoredEntry,
    /// Whether it is what the site would answer with now.
    pub current: bool,
    /// The key as an address has it, where it is no text: `key` alone would name another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_encoded: Option<String>,
}

/// What the store holds under a key, without the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEntry {
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
        Self {
            current: is_current(&info, site),
            key_encoded: info.bytes.as_deref().map(percent_encoded),
            key: info.key.clone(),
            route: info.route.clone(),
            path: info.path.clone(),
            stored: info.into(),
        }
    }

    /// The key as an address or a form has it, whatever its bytes are.
    pub(crate) fn encoded_key(&self) -> String {
        self.key_encoded.clone().unwrap_or_else(|| percent_encoded(self.key.as_bytes()))
    }
}

impl From<KeyInfo> for StoredEntry {
    fn from(info: KeyInfo) -> Self {
        let KeyInfo { ttl_ms, age_ms, size_bytes, status, content_type, .. } = info;
        Self { ttl_ms, age_ms, size_bytes, status, content_type }
    }
}

fn is_current(info: &KeyInfo, site: &Site) -> bool {
    let (Some(name), Some(path)) = (&info.route, &info.path) else { return false };
    let wanted = site.route_named(name).and_then(|route| site.expected_fingerprint(route, path));
    wanted.is_some() && wanted == info.fingerprint
}

/// Bytes as they may stand in an address.
pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, PLAIN).to_string()
}
