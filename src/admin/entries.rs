//! The cache's entries as the admin listener shows them: a listed key, and whether it is current.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use serde_json::{Value, json};

use super::fields::encoded;
use crate::cache::{Inspection, KeyInfo};
use crate::http::body::Body;
use crate::site::Site;

use super::reply;

/// A key as the list has it.
pub(super) fn row(info: &KeyInfo, site: &Site) -> Value {
    let mut row = json!({
        "key": info.key,
        "route": info.route,
        "path": info.path,
        "ttl_ms": info.ttl_ms,
        "age_ms": info.age_ms,
        "size_bytes": info.size_bytes,
        "status": info.status,
        "content_type": info.content_type,
        "current": is_current(info, site),
    });
    // Only of keys that are no text: `key` alone would name another one.
    if let Some(bytes) = &info.bytes
        && let Some(row) = row.as_object_mut()
    {
        row.insert("key_encoded".to_owned(), encoded(bytes).into());
    }
    row
}

/// Whether an entry is what the site would answer with now.
pub(super) fn is_current(info: &KeyInfo, site: &Site) -> bool {
    let route = info.route.as_deref().and_then(|name| site.route_named(name));
    let path = info.path.as_deref().unwrap_or_default();
    let wanted = route.and_then(|route| site.expected_fingerprint(route, path));
    wanted.is_some() && wanted == info.fingerprint
}

/// One entry with its body.
pub(super) fn whole(found: &Inspection, site: &Site) -> Response<Body> {
    let mut row = row(&found.info, site);
    let Some(members) = row.as_object_mut() else { return reply::json(&row) };
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("fingerprint", found.info.fingerprint.map(|it| it.to_string()).into());
    let body = match &found.entry {
        Some(entry) => {
            let headers = json!({ "content-type": &*entry.content_type, "etag": &*entry.etag });
            put("headers", headers);
            &entry.body[..]
        }
        None => &found.text[..],
    };
    match std::str::from_utf8(body) {
        Ok(text) => put("body", text.into()),
        Err(_) => put("body_base64", STANDARD.encode(body).into()),
    };
    reply::json(&row)
}
