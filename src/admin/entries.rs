//! Stored entries without their bodies, as the key list shows them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing, StoreError};
use crate::site::{Site, StoredUnder};

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
        let (current, bytes) = (is_current(&info, site), info.bytes.as_deref());
        Self { current, key_encoded: bytes.map(percent_encoded), info }
    }

    /// The key as an address or a form has it, whatever its bytes are.
    pub(crate) fn encoded_key(&self) -> String {
        self.key_encoded.clone().unwrap_or_else(|| percent_encoded(self.info.key.as_bytes()))
    }
}

/// Whether the site answers with an entry.
pub(super) fn is_current(info: &KeyInfo, site: &Site) -> bool {
    let (Some(route), Some(path)) = (&info.route, &info.path) else { return false };
    let Some(fingerprint) = info.fingerprint else { return false };
    site.answers_with(&StoredUnder { key: &info.key, route, path, fingerprint })
}

/// Bytes as they may stand in an address.
pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, PLAIN).to_string()
}
