//! Content types: what a name's extension says, and how text is labelled.

/// The media type of a file name's extension, with the charset of text; nothing where it has none.
pub(crate) fn of_name(name: &str) -> Option<String> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let (_, extension) = last.rsplit_once('.')?;
    let known = match extension.to_ascii_lowercase().as_str() {
        // Not in the table, or older there than the registration.
        "map" => "application/json",
        // The table has films, and a name that RFC 9239 has taken back.
        "ts" | "mts" | "cts" | "tsx" | "mjs" => "text/javascript",
        "xml" => "application/xml", // RFC 7303 §9.1
        "webmanifest" => "application/manifest+json",
        "yaml" | "yml" => "application/yaml",
        other => mime_guess::from_ext(other).first_raw()?,
    };
    Some(with_charset(known))
}

/// The media type of a template's inner extension: `feed.xml.hbs` is XML.
pub(crate) fn of_template(name: &str) -> Option<String> {
    name.strip_suffix(".hbs").and_then(of_name)
}

/// `media_type` with `charset=utf-8` where it is text and says none.
///
/// JSON has no charset parameter (RFC 8259 §11) and gets none.
pub(crate) fn with_charset(media_type: &str) -> String {
    let essence = essence(media_type);
    let is_text = essence.starts_with("text/")
        || essence.ends_with("+xml")
        || matches!(essence.as_str(), "application/javascript" | "application/xml");
    if is_text && !media_type.to_ascii_lowercase().contains("charset=") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    }
}

/// Type and subtype in lower case, without parameters.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_labelled_and_the_rest_is_left_alone() {
        for (name, expected) in [
            ("a.html", Some("text/html; charset=utf-8")),
            ("feeds/feed.xml", Some("application/xml; charset=utf-8")),
            ("a.svg", Some("image/svg+xml; charset=utf-8")),
            ("a.js", Some("text/javascript; charset=utf-8")),
            ("a.ts", Some("text/javascript; charset=utf-8")),
            ("a.JSON", Some("application/json")),
            ("site.webmanifest", Some("application/manifest+json")),
            ("a.woff2", Some("font/woff2")),
            ("a.png", Some("image/png")),
            ("robots.txt", Some("text/plain; charset=utf-8")),
            ("v1.2/users", None),
        ] {
            assert_eq!(of_name(name).as_deref(), expected, "{name}");
        }
        assert_eq!(of_template("hello.html.hbs").as_deref(), Some("text/html; charset=utf-8"));
        assert_eq!(of_template("hello.hbs"), None);
        assert_eq!(with_charset("text/html; charset=latin1"), "text/html; charset=latin1");
    }
}
