//! An explanation of an address, with what the store holds under its key.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::entries::StoredEntry;
use crate::cache::{Cache, KeyInfo, Listing};
use crate::site::{Explanation, Site};

/// How many keys of the route are looked at to find the nearest one.
const NEAR_KEYS: usize = 1000;

/// What is known of an address, and what the store holds for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explained {
    /// What the site says.
    #[serde(flatten)]
    pub site: Explanation,
    /// What the store holds under the key; nothing where it holds nothing.
    pub stored: Option<StoredEntry>,
    /// Why a request would not be answered from the store; nothing where it would.
    pub miss: Option<String>,
}

/// Explains a GET of `url`, with `headers` such as `accept-language: no`, and asks the store for
/// the key.
///
/// # Errors
/// Where one of `headers` is none, in words.
pub(crate) async fn explain(
    site: &Site,
    cache: &Cache,
    url: &str,
    headers: &[String],
) -> Result<Explained, String> {
    let headers = headers.iter().map(|line| {
        header(line).ok_or_else(|| format!("`{line}` is no header: write `name: value`"))
    });
    let headers: HeaderMap = headers.collect::<Result<_, _>>()?;
    let explanation = site.explain("GET", url, &headers);
    let Some(key) = &explanation.key else {
        return Ok(Explained { site: explanation, stored: None, miss: None });
    };
    let (stored, miss) = match cache.inspect(key.as_bytes()).await {
        Err(why) => (None, Some(format!("the store cannot be asked: {why}"))),
        Ok(None) => (None, Some(why_absent(cache, &explanation, key).await)),
        Ok(Some(found)) => {
            let miss = why_not_served(&found.info, &explanation);
            (Some(found.info.into()), miss)
        }
    };
    Ok(Explained { site: explanation, stored, miss })
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}

/// Why what is stored under the key is not served; nothing where it is.
fn why_not_served(info: &KeyInfo, explanation: &Explanation) -> Option<String> {
    let Some(stored) = info.fingerprint.map(|fingerprint| fingerprint.to_string()) else {
        return Some("the value under the key is no record of larder".to_owned());
    };
    let wanted = explanation.fingerprint.as_ref().filter(|wanted| **wanted != stored)?;
    Some(format!(
        "what is stored was made from another version of the site: fp={stored}, now {wanted}"
    ))
}

/// What differs from the nearest key of the same route.
async fn why_absent(cache: &Cache, explanation: &Explanation, key: &str) -> String {
    let listing = Listing {
        route: explanation.route.as_ref().map(|route| route.name.clone()),
        limit: NEAR_KEYS,
        examine_limit: NEAR_KEYS * 10,
        ..Listing::default()
    };
    let keys = match cache.list(listing).await {
        Ok(page) => page.keys,
        Err(why) => return format!("not stored; the route's other keys cannot be listed: {why}"),
    };
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
