//! An explanation of an address, with what the store holds under its key.

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, KeyInfo, Listing};
use crate::site::key::Headers;
use crate::site::{Explanation, Site};

/// How many keys of the route are looked at to find the nearest one.
const NEAR_KEYS: usize = 1000;

/// What is known of an address, and what the store holds for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// What the site says.
    #[serde(flatten)]
    pub site: Explanation,
    /// What the store holds under the key; nothing where it holds nothing.
    pub stored: Option<Held>,
    /// Why a request would not be answered from the store; nothing where it would.
    pub miss: Option<String>,
}

/// What the store holds under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
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

/// Explains `method` and `url`, and asks the store for the key.
pub async fn explained(
    site: &Site,
    cache: &Cache,
    method: &str,
    url: &str,
    headers: &(dyn Headers + Sync),
) -> Explained {
    let told = site.explain(method, url, headers);
    let Some(key) = told.key.clone() else {
        return Explained { site: told, stored: None, miss: None };
    };
    let (stored, miss) = match cache.inspect(&key).await {
        Err(why) => (None, Some(format!("the store cannot be asked: {why}"))),
        Ok(None) => (None, Some(absent(cache, &told, &key).await)),
        Ok(Some(found)) => {
            let miss = foreign(&found.info, &told);
            (Some(held(found.info)), miss)
        }
    };
    Explained { site: told, stored, miss }
}

fn held(info: KeyInfo) -> Held {
    Held {
        ttl_ms: info.ttl_ms,
        age_ms: info.age_ms,
        size_bytes: info.size_bytes,
        status: info.status,
        content_type: info.content_type,
    }
}

/// Why what is stored under the key is not served.
fn foreign(info: &KeyInfo, told: &Explanation) -> Option<String> {
    let wanted = told.fingerprint.as_deref().unwrap_or_default();
    match &info.fingerprint {
        None => Some("the value under the key is no record of larder".to_owned()),
        Some(fingerprint) if fingerprint.to_string() != wanted => Some(format!(
            "what is stored was made from another version of the site: fp={fingerprint}, \
             now {wanted}"
        )),
        Some(_) => None,
    }
}

/// What differs from the nearest key of the same route.
async fn absent(cache: &Cache, told: &Explanation, key: &str) -> String {
    let listing = Listing {
        route: told.route.as_ref().map(|route| route.name.clone()),
        limit: NEAR_KEYS,
        examine_limit: NEAR_KEYS * 10,
        ..Listing::default()
    };
    let keys = cache.list(listing).await.map(|page| page.keys).unwrap_or_default();
    let nearest = keys
        .iter()
        .map(|info| info.key.as_str())
        .min_by_key(|other| strsim::levenshtein(other, key));
    match nearest {
        None => "nothing is stored for this route".to_owned(),
        Some(near) => format!("not stored; the nearest key is {near}, {}", difference(near, key)),
    }
}

/// Where two keys part: `which has "en" where this has "no"`.
fn difference(near: &str, key: &str) -> String {
    let start = near.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
    let end = near
        .bytes()
        .rev()
        .zip(key.bytes().rev())
        .take_while(|(a, b)| a == b)
        .count()
        .min(near.len().min(key.len()) - start);
    let middle = |text: &str| {
        let bytes = text.as_bytes().get(start..text.len() - end).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    format!("which has {:?} where this has {:?}", middle(near), middle(key))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn two_keys_part_where_they_differ() {
        for (near, key, expected) in [
            (
                "a:/hello/ada?lang=en",
                "a:/hello/ada?lang=no",
                r#"which has "en" where this has "no""#,
            ),
            ("a:/x", "a:/xx", r#"which has "" where this has "x""#),
            ("a:/ab", "a:/b", r#"which has "a" where this has """#),
            ("a:/aa", "a:/a", r#"which has "a" where this has """#),
        ] {
            assert_eq!(difference(near, key), expected, "{near} {key}");
        }
    }
}
