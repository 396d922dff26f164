//! What follows from a content type.

use crate::site::media::essence;

/// Whether a body of this type gets smaller by compression: pictures, sound and archives do not.
#[must_use]
pub(crate) fn compressible(content_type: &str) -> bool {
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
    let name = essence(content_type);
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
