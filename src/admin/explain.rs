//! `GET /api/explain`: what the site says of an address, and what the store holds under its key.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::State;
use super::entries::{is_over, life_left, stale_left};
use super::keys::own_namespaces;
use super::reply::{self, Refusal};
use super::request::{Answer, Fields};
use super::sources::Source;
use crate::cache::{Cache, Detail, KeyInfo, Listing, Namespaces, StoredEntry};
use crate::fingerprint::Fingerprint;
use crate::http::language;
use crate::http::own::OwnPaths;
use crate::site::Explanation;
use crate::units::{Lifetime, show_duration};

/// How many keys of the route are looked at to find the nearest one.
const NEAR_KEYS: usize = 1000;

/// What is known of an address, and what the store holds for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Explained {
    /// What the site says.
    #[serde(flatten)]
    pub(crate) site: Explanation,
    /// What the store holds under the key; nothing where it holds nothing, or could not be asked.
    pub(crate) stored: Option<StoredEntry>,
    /// Whether the store could not be asked.
    #[serde(default)]
    pub(crate) is_unknown: bool,
    /// How long what is stored is still served stale, while a new one is made, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stale_ms: Option<i64>,
    /// From which memory of this process requests are answered, as `Cache-Status` has it; nothing
    /// where from none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<String>,
    /// The servers that the page reads from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<Source>,
    /// Why a request would not be answered from what the store holds; nothing where it would.
    pub(crate) miss: Option<String>,
}

/// Explains a GET of `url`; a `header` is `name: value`, and may be there more than once.
pub(super) async fn explain(state: Arc<State>, query: Fields) -> Answer {
    let refused = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let url = query.first("url").filter(|url| url.starts_with('/'));
    let url = url.ok_or_else(|| refused("`url` is a path of the site, with its query".into()))?;
    let headers = query.all("header").map(|line| {
        let wrong = || refused(format!("`{line}` is no header: write `name: value`"));
        header(line).ok_or_else(wrong)
    });
    let headers: HeaderMap = headers.collect::<Result<_, _>>()?;
    let (live, cache) = (state.parts.live.site(), &state.parts.cache);
    let path = url.split_once('?').map_or(&*url, |(path, _)| path);
    let site = match OwnPaths::new(&state.parts.server).what(path) {
        Some(what) => {
            let answer = format!("larder itself answers here ({what}), and stores nothing");
            Explanation { url, answer, ..Explanation::default() }
        }
        None => live.explain("GET", &url, &headers, language::of_visitor(&live, &headers)),
    };
    let route = site.route.as_ref().and_then(|route| live.route_named(&route.name));
    let lifetime = route.map(|route| route.lifetime).unwrap_or_default();
    let sources = route.map(|route| state.sources_of(route)).unwrap_or_default();
    let (mut stored, mut is_unknown, mut miss, mut memory) = (None, false, None, None);
    if let Some(key) = &site.key {
        let detail = kept(cache, key, &site, &lifetime);
        memory = detail.filter(|detail| *detail != Detail::Memory).map(|it| it.to_string());
        match cache.inspect(key.as_bytes(), own_namespaces(&live)).await {
            Err(why) => {
                (is_unknown, miss) = (true, Some(format!("the store cannot be asked: {why}")));
            }
            Ok(None) => {
                miss = Some(why_absent(cache, own_namespaces(&live), &site, key).await);
            }
            Ok(Some(found)) => {
                let beside = if detail == Some(Detail::Contended) { KEPT_BESIDE } else { "" };
                miss = why_not_served(&found.info, &site, &lifetime).map(|miss| miss + beside);
                let ttl_ms = life_left(&found.info.stored, &lifetime);
                stored = Some(StoredEntry { ttl_ms, ..found.info.stored });
            }
        }
    }
    let served = stored.as_ref().filter(|_| miss.is_none());
    let stale_ms = served.and_then(|stored| stale_left(stored, &lifetime));
    Ok(reply::json(&Explained { site, stored, is_unknown, stale_ms, memory, sources, miss }))
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}

/// What is said where two versions of a site write the same key.
const KEPT_BESIDE: &str = "; this process answers from its own page beside it (detail=contended)";

/// Where in memory the page is that requests are answered with, if it is there.
fn kept(cache: &Cache, key: &str, site: &Explanation, lifetime: &Lifetime) -> Option<Detail> {
    let fingerprint = site.fingerprint.as_deref().and_then(Fingerprint::parse)?;
    cache.peek(key, &fingerprint, lifetime)?.outcome.hit()
}

/// Why what is stored under the key is not served; nothing where it is.
fn why_not_served(
    info: &KeyInfo,
    explanation: &Explanation,
    lifetime: &Lifetime,
) -> Option<String> {
    if lifetime.ttl.is_none() {
        return Some("what is stored is not served: the ttl is off now".to_owned());
    }
    let Some(stored) = info.fingerprint.map(|fingerprint| fingerprint.to_string()) else {
        return Some("the value under the key is no record of larder".to_owned());
    };
    if let Some(wanted) = explanation.fingerprint.as_ref().filter(|wanted| **wanted != stored) {
        return Some(format!(
            "what is stored was made from another version of the site: fp={stored}, now {wanted}"
        ));
    }
    let age = info.stored.age_ms?;
    let life = life_left(&info.stored, lifetime)?.saturating_add_unsigned(age).unsigned_abs();
    is_over(&info.stored, lifetime).then(|| {
        let life = show_duration(Duration::from_millis(life));
        format!("what is stored is {} s old, and kept for {life}", age / 1000)
    })
}

/// What differs from the nearest key of the same route.
async fn why_absent(
    cache: &Cache,
    namespaces: Namespaces,
    explanation: &Explanation,
    key: &str,
) -> String {
    let listing = Listing {
        route: explanation.route.as_ref().map(|route| route.name.clone()),
        namespaces,
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
