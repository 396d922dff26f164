//! What kind of text a template makes: decided by its inner extension.

/// How the values that a template prints are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Escape {
    /// For HTML.
    Html,
    /// For XML; characters that XML does not have become U+FFFD.
    Xml,
    /// Not at all: JSON and plain text.
    None,
}

/// What kind of text a template makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) escape: Escape,
    /// The inner extensions under which partials are looked for, the first one first.
    pub(super) extensions: Vec<String>,
}

impl Kind {
    /// By a file's name: `feed.xml.hbs`. Without an inner extension it is HTML.
    pub(super) fn of_file(name: &str) -> Self {
        let file = name.rsplit('/').next().unwrap_or(name);
        let plain = file.strip_suffix(".hbs").unwrap_or(file);
        let extension = plain.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let (escape, also) = match extension.as_deref() {
            None | Some("html" | "htm") => (Escape::Html, "html"),
            Some("xml" | "svg" | "xhtml" | "rss" | "atom") => (Escape::Xml, "xml"),
            Some(other) => (Escape::None, other),
        };
        let mut extensions = vec![extension.clone().unwrap_or_else(|| also.to_owned())];
        if !extensions.iter().any(|known| known == also) {
            extensions.push(also.to_owned());
        }
        Self { escape, extensions }
    }

    /// A template written in YAML.
    pub(super) fn inline(escape: Escape) -> Self {
        let extensions: &[&str] = match escape {
            Escape::Html => &["html"],
            Escape::Xml => &["xml"],
            Escape::None => &["json", "txt"],
        };
        Self { escape, extensions: extensions.iter().map(|&name| name.to_owned()).collect() }
    }
}

/// Escapes text and attributes of XML 1.0.
pub(super) fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..=' ' if c != ' ' => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}
