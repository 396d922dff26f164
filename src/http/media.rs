//! Content types: from names of files, and what follows from them.

use std::path::Path;

/// The content type by a name's extension, with `charset=utf-8` where it is text; nothing where the
/// extension says nothing.
///
/// `feed.xml` → `text/xml; charset=utf-8`. A template's own extension must be taken off before.
#[must_use]
pub fn of_name(name: &str) -> Option<String> {
    let extension = Path::new(name).extension()?.to_str()?;
    let known = match extension.to_ascii_lowercase().as_str() {
        // Not in the table, or older there than the registrations.
        "webmanifest" => "application/manifest+json",
        "mjs" | "js" => "text/javascript",
        "map" => "application/json",
        "md" => "text/markdown",
        "yaml" | "yml" => "application/yaml",
        "ico" => "image/x-icon",
        other => mime_guess::from_ext(other).first_raw()?,
    };
    Some(with_charset(known))
}

/// A content type with `charset=utf-8` where it is text and names no charset.
#[must_use]
pub fn with_charset(media: &str) -> String {
    let text = media.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/"));
    let named = media.to_ascii_lowercase().contains("charset=");
    if text && !named { format!("{media}; charset=utf-8") } else { media.to_owned() }
}

/// Whether a body of this type gets smaller by compression: pictures, sound and archives do not.
#[must_use]
pub fn compressible(media: &str) -> bool {
    const ALSO: [&str; 12] = [
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/rtf",
        "application/sql",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
    ];
    let name = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // An event stream must not wait in a compressor.
    (name.starts_with("text/") && name != "text/event-stream")
        || name.ends_with("+json")
        || name.ends_with("+xml")
        || ALSO.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_types_and_text_has_a_charset() {
        for (name, expected) in [
            ("a.html", Some("text/html; charset=utf-8")),
            ("feed.xml", Some("text/xml; charset=utf-8")),
            ("a/b.CSS", Some("text/css; charset=utf-8")),
            ("a.js", Some("text/javascript; charset=utf-8")),
            ("robots.txt", Some("text/plain; charset=utf-8")),
            ("a.json", Some("application/json")),
            ("a.svg", Some("image/svg+xml")),
            ("a.woff2", Some("font/woff2")),
            ("a.png", Some("image/png")),
            ("site.webmanifest", Some("application/manifest+json")),
            ("README", None),
            ("a.nonsense", None),
            (".html", None),
        ] {
            assert_eq!(of_name(name).as_deref(), expected, "{name}");
        }
        assert_eq!(with_charset("text/plain;charset=ascii"), "text/plain;charset=ascii");
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        for (media, expected) in [
            ("text/html; charset=utf-8", true),
            ("application/problem+json", true),
            ("image/svg+xml", true),
            ("text/event-stream", false),
            ("image/png", false),
            ("font/woff2", false),
            ("application/zip", false),
            ("video/mp4", false),
        ] {
            assert_eq!(compressible(media), expected, "{media}");
        }
    }
}
